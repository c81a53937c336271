//! What training prints, without the secrets in it: for the log and for the report alike.

/// Shown in place of a secret.
const HIDDEN: &[u8] = b"***";
/// The longest part of an address before its path that is waited for.
const AUTHORITY: usize = 1024;

/// Hides values, and the passwords of addresses, in a stream that comes in pieces. What may be the beginning of a
/// secret is kept back until its end has come.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// The longest first: one may begin with another.
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

/// What a text begins with.
enum Begins {
    /// Bytes to show, then bytes to hide.
    Secret(usize, usize),
    /// Something of which more must come.
    Unknown,
    Plain,
}

impl Mask {
    /// A mask of these values.
    #[must_use]
    pub(crate) fn of(secrets: Vec<String>) -> Self {
        let mut secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self {
            secrets,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes of the stream; returns those that may be shown now.
    #[must_use]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        self.show(false)
    }

    /// What was kept back, when nothing more comes.
    #[must_use]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.show(true)
    }

    fn show(&mut self, last: bool) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        let mut shown = Vec::with_capacity(text.len());
        let mut left = text.as_slice();
        while let [first, tail @ ..] = left {
            left = match self.begins(left, last) {
                Begins::Plain => {
                    shown.push(*first);
                    tail
                }
                Begins::Secret(show, hide) => {
                    shown.extend_from_slice(left.get(..show).unwrap_or_default());
                    shown.extend_from_slice(HIDDEN);
                    left.get(show + hide..).unwrap_or_default()
                }
                Begins::Unknown => {
                    self.held = left.to_vec();
                    break;
                }
            };
        }
        shown
    }

    fn begins(&self, text: &[u8], last: bool) -> Begins {
        if !last
            && self
                .secrets
                .iter()
                .any(|secret| secret.len() > text.len() && secret.starts_with(text))
        {
            return Begins::Unknown;
        }
        if let Some(secret) = self.secrets.iter().find(|secret| text.starts_with(secret)) {
            return Begins::Secret(0, secret.len());
        }
        match text.strip_prefix(b"://") {
            Some(after) => match authority(after) {
                None if !last && after.len() < AUTHORITY => Begins::Unknown,
                found => match password(found.unwrap_or(after)) {
                    Some((before, length)) => Begins::Secret(3 + before, length),
                    None => Begins::Plain,
                },
            },
            None if !last && matches!(text, b":" | b":/") => Begins::Unknown,
            None => Begins::Plain,
        }
    }
}

/// What stands before the path of an address, when its end is there.
fn authority(text: &[u8]) -> Option<&[u8]> {
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/?#\"'`<>".contains(byte);
    text.get(..text.iter().position(ends)?)
}

/// Where the password in `user:password@host` begins, and its length.
fn password(authority: &[u8]) -> Option<(usize, usize)> {
    let end = authority.iter().rposition(|byte| *byte == b'@')?;
    let begin = authority.get(..end)?.iter().position(|byte| *byte == b':')? + 1;
    Some((begin, end - begin)).filter(|(_, length)| *length > 0)
}

/// Values of the environment that must not be shown: by the names of what holds such, and the passwords in addresses.
#[must_use]
pub(crate) fn secrets_of(environment: impl Iterator<Item = (String, String)>) -> Vec<String> {
    const HOLD: [&str; 5] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY"];
    const END: [&str; 4] = ["_KEY", "_PAT", "CREDENTIAL", "CREDENTIALS"];
    let mut secrets = Vec::new();
    for (name, value) in environment {
        let name = name.to_ascii_uppercase();
        let named = HOLD.iter().any(|part| name.contains(part)) || END.iter().any(|end| name.ends_with(end));
        if named && !name.ends_with("_FILE") {
            secrets.push(value.trim().to_owned());
        } else if let Some((_, address)) = value.split_once("://") {
            let authority = authority(address.as_bytes()).unwrap_or(address.as_bytes());
            let found = password(authority).and_then(|(begin, length)| address.get(begin..begin + length));
            secrets.extend(found.map(str::to_owned));
        }
    }
    // A very short value would blank out half of the log.
    secrets.retain(|secret| secret.len() >= 6);
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in one piece and byte by byte.
    fn masked(secrets: &[&str], text: &str) -> String {
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let whole = |pieces: &[&[u8]]| {
            let mut mask = Mask::of(secrets.clone());
            let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| mask.push(piece)).collect();
            shown.extend(mask.rest());
            String::from_utf8(shown).unwrap()
        };
        let at_once = whole(&[text.as_bytes()]);
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(whole(&pieces), at_once);
        at_once
    }

    #[test]
    fn a_value_is_hidden_however_it_is_cut() {
        let secrets = ["hunter22", "hunter22-long", "two\nlines"];
        for (text, shown) in [
            ("pass=hunter22\n", "pass=***\n"),
            ("hunter22hunter22-long.", "******."),
            ("a two\nlines b", "a *** b"),
            ("hunter2", "hunter2"),
            ("hunhunter22", "hun***"),
            ("gr\u{fc}n: 5", "gr\u{fc}n: 5"),
        ] {
            assert_eq!(masked(&secrets, text), shown);
        }
    }

    #[test]
    fn an_address_loses_its_password() {
        for (text, shown) in [
            (
                "to postgres://ann:s3cret@db:5432/x now",
                "to postgres://ann:***@db:5432/x now",
            ),
            ("\"http://ann:p@ss@h\"", "\"http://ann:***@h\""),
            ("http://:pw@h", "http://:***@h"),
            ("http://mlflow:5000/a@b", "http://mlflow:5000/a@b"),
            ("ssh://git@host:22", "ssh://git@host:22"),
            ("12:30 a:/b", "12:30 a:/b"),
        ] {
            assert_eq!(masked(&[], text), shown);
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_shown_at_once() {
        let mut mask = Mask::of(vec!["hunter22".to_owned()]);
        assert_eq!(mask.push(b"50 %\r"), b"50 %\r");
        assert_eq!(mask.push(b"so hunt"), b"so ");
        assert_eq!(mask.push(b"ing"), b"hunting");
    }

    #[test]
    fn knows_what_is_secret() {
        let vars = [
            ("MLFLOW_TRACKING_TOKEN", "abcdef1"),
            ("TOKEN", "x"),
            ("PATH", "/usr/bin"),
            ("A_TOKEN_FILE", "/run/token"),
            ("GH_PAT", "abcdef2"),
            ("SIGNING_KEY", "abcdef3\n"),
            ("APP_CREDENTIALS", "abcdef4"),
            ("DB_CREDENTIAL", "abcdef5"),
            ("db_password", "abcdef6"),
            ("DATABASE_URL", "postgres://ann:abcdef7@db/x"),
            ("MLFLOW_TRACKING_URI", "http://mlflow:5000/a@b"),
            ("KEYBOARD", "qwertz-de"),
            ("GOPATH", "/home/x/go"),
        ];
        let found = secrets_of(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let expected: Vec<String> = (1..=7).map(|n| format!("abcdef{n}")).collect();
        assert_eq!(found, expected);
    }
}
