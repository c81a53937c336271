//! Writing YAML by hand: block style, two spaces, every scalar quoted when in doubt.

/// A YAML document under construction.
#[derive(Default)]
pub(super) struct Yaml {
    text: String,
    indent: usize,
}

impl Yaml {
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
        self
    }

    pub(super) fn nest(&mut self, body: impl FnOnce(&mut Self)) -> &mut Self {
        self.indent += 2;
        body(self);
        self.indent -= 2;
        self
    }

    /// `key: value`, the value quoted as needed.
    pub(super) fn pair(&mut self, key: &str, value: &str) -> &mut Self {
        self.line(&format!("{key}: {}", scalar(value)))
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A scalar that every YAML reader takes for this very text.
pub(super) fn scalar(text: &str) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./ ,()".contains(c))
        && text
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn a_scalar_reads_back_as_the_same_text() {
        for text in [
            "",
            "plain",
            "yes",
            "1.5",
            "a: b",
            "- x",
            "say \"hi\"",
            "a\nb",
            "{{inputs.parameters.x}}",
            " x",
            "x ",
        ] {
            let read: String = crate::load_yaml("t", &format!("{}\n", scalar(text))).unwrap();
            assert_eq!(read, text);
        }
    }
}
