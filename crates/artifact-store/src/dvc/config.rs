//! `.dvc/config`: where the bytes are kept.

use std::collections::BTreeMap;

/// A configuration: sections with their keys, as DVC writes them (`['remote "store"']`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// A remote, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub name: String,
    pub url: String,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    /// Access key id and secret.
    pub keys: Option<(String, String)>,
}

impl Config {
    /// Reads one file over what is there: a later file wins, key by key.
    pub(super) fn read(&mut self, file: &str, text: &str) -> Result<(), String> {
        let mut section: Option<String> = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let at = format!("{file}:{}", number + 1);
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = Some(name.trim().trim_matches('\'').trim().to_owned());
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| format!("{at}: `{line}` is neither [section] nor key = value"))?;
            let section = section
                .as_ref()
                .ok_or_else(|| format!("{at}: `{line}` stands before any [section]"))?;
            let value = unquoted(value.trim());
            let keys = self.sections.entry(section.clone()).or_default();
            keys.insert(key.trim().to_lowercase(), value.to_owned());
        }
        Ok(())
    }

    fn get(&self, section: &str, key: &str) -> Option<&str> {
        let value = self.sections.get(section)?.get(key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn remotes(&self) -> Vec<&str> {
        let name = |section: &'_ String| -> Option<(usize, usize)> {
            let rest = section.strip_prefix("remote")?.trim();
            let inner = rest.strip_prefix('"')?.strip_suffix('"')?;
            let from = section.find(inner)?;
            Some((from, from + inner.len()))
        };
        let sections = self.sections.keys();
        sections
            .filter_map(|section| name(section).map(|(from, to)| &section[from..to]))
            .collect()
    }

    /// The remote of this name, or the default one.
    pub(super) fn remote(&self, name: Option<&str>) -> Result<Remote, String> {
        let known = self.remotes();
        let list = if known.is_empty() {
            "none is configured".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        let Some(name) = name.or_else(|| self.get("core", "remote")) else {
            return Err(format!(
                "the repository has no default remote (`remote` below [core] in .dvc/config; {list}); set it with `dvc \
                 remote default NAME`, and commit it"
            ));
        };
        let section = format!("remote \"{name}\"");
        let get = |key: &str| self.get(&section, key).map(str::to_owned);
        let Some(url) = get("url") else {
            let hint = step_contract::did_you_mean(name, known.iter().copied());
            return Err(format!(
                "no remote `{name}` with a url is in .dvc/config{hint}; {list}"
            ));
        };
        for (key, why) in [
            ("version_aware", "it keeps files by their own names and versions"),
            ("worktree", "it keeps files by their own names and versions"),
            ("auth", "a login to a web server is not done here"),
            (
                "credentialpath",
                "a file of credentials is given by AWS_SHARED_CREDENTIALS_FILE",
            ),
        ] {
            if get(key).is_some_and(|value| value.to_lowercase() != "false") {
                return Err(format!(
                    "the remote `{name}` has `{key}`, which is not read here ({why}); use a remote without it"
                ));
            }
        }
        Ok(Remote {
            endpoint: get("endpointurl"),
            region: get("region"),
            profile: get("profile"),
            keys: get("access_key_id").zip(get("secret_access_key")),
            name: name.to_owned(),
            url: self.followed(url, 0)?,
        })
    }

    /// `remote://NAME/below` is a place below another remote.
    fn followed(&self, url: String, depth: usize) -> Result<String, String> {
        let Some(rest) = url.strip_prefix("remote://") else {
            return Ok(url);
        };
        let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
        let base = self.get(&format!("remote \"{name}\""), "url");
        match base {
            Some(base) if depth < 8 => {
                let base = self.followed(base.to_owned(), depth + 1)?;
                Ok(format!("{}/{below}", base.trim_end_matches('/')))
            }
            Some(_) => Err(format!("{url}: remotes that name one another in a circle")),
            None => Err(format!("{url}: no remote `{name}` is in .dvc/config")),
        }
    }
}

/// A value may stand in quotes.
fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: &str = "[core]\n    remote = store\n    autostage = true\n['remote \"store\"']\n    url = s3://bucket/dvc\n    \
                          endpointurl = http://minio:9000\n# a note\n['remote \"old one\"']\n    url = remote://store/old\n";

    fn config(files: &[&str]) -> Config {
        let mut config = Config::default();
        for text in files {
            config.read("config", text).unwrap();
        }
        config
    }

    #[test]
    fn the_later_file_wins_key_by_key() {
        let local = "['remote \"store\"']\nendpointurl = \"http://localhost:1\"\naccess_key_id = a\nsecret_access_key = 'b = c'\n";
        let remote = config(&[SHARED, local]).remote(None).unwrap();
        assert_eq!(
            remote,
            Remote {
                name: "store".to_owned(),
                url: "s3://bucket/dvc".to_owned(),
                endpoint: Some("http://localhost:1".to_owned()),
                region: None,
                profile: None,
                keys: Some(("a".to_owned(), "b = c".to_owned())),
            }
        );
        let old = config(&[SHARED]).remote(Some("old one")).unwrap();
        assert_eq!((old.url.as_str(), old.endpoint), ("s3://bucket/dvc/old", None));
    }

    #[test]
    fn says_what_is_missing() {
        let said = |text: &str, name: Option<&str>| config(&[text]).remote(name).unwrap_err();
        assert!(
            said("", None).contains("no default remote") && said("", None).contains("none is configured")
        );
        let typo = said(SHARED, Some("stor"));
        assert!(
            typo.contains("did you mean `store`?") && typo.contains("there are old one, store"),
            "{typo}"
        );
        let aware = format!("{SHARED}['remote \"store\"']\nversion_aware = true\n");
        assert!(said(&aware, None).contains("`version_aware`, which is not read here"));
        let circle = "['remote \"a\"']\nurl = remote://a/x\n";
        assert!(said(circle, Some("a")).contains("in a circle"));
        let mut broken = Config::default();
        assert_eq!(
            broken.read("c", "[core]\nremote\n").unwrap_err(),
            "c:2: `remote` is neither [section] nor key = value"
        );
    }
}
