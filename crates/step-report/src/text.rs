//! Text from outside, made fit to be shown: names of columns and files are chosen by strangers.

use std::borrow::Cow;

/// True for what can hide or reorder text: controls, bidirectional overrides, and the like.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// One line: runs of white space become one space, what cannot be seen becomes U+FFFD.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().map(|c| if is_unseen(c) { '\u{fffd}' } else { c }));
    }
    line
}

/// Several lines: as [`one_line`], but line ends and spaces are kept.
pub(crate) fn lines(text: &str) -> String {
    let keep = |c: char| {
        if c != '\n' && c != '\t' && is_unseen(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.replace("\r\n", "\n").chars().map(keep).collect()
}

/// At most `max` characters, with an ellipsis in place of what was cut.
pub(crate) fn cut(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let end = text
                .char_indices()
                .nth(max.saturating_sub(1))
                .map_or(0, |(end, _)| end);
            Cow::Owned(format!("{}…", &text[..end]))
        }
    }
}

/// One line of at most `max` characters.
pub(crate) fn short(text: &str, max: usize) -> String {
    cut(&one_line(text), max).into_owned()
}

/// Digests by their first twelve digits: `sha256:4e046aa28bbc…`. For narrow columns; the whole stands elsewhere.
pub(crate) fn brief_digests(text: &str) -> Cow<'_, str> {
    const NAME: &str = "sha256:";
    const DIGITS: usize = 64;
    const SHOWN: usize = 12;
    let mut brief = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, digits) = rest.split_at(at + NAME.len());
        let count = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        let shown = if count == DIGITS { SHOWN } else { count };
        brief.push_str(before);
        brief.push_str(&digits[..shown]);
        if count == DIGITS {
            brief.push('…');
        }
        rest = &digits[count..];
    }
    if brief.is_empty() {
        return Cow::Borrowed(text);
    }
    brief.push_str(rest);
    Cow::Owned(brief)
}

/// `1 check`, `12,000 checks`.
#[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        crate::Format::Count.show(count as f64),
        if count == 1 { one } else { many }
    )
}

/// A JSON value as a reader gets it: strings without quotes, numbers readable, the rest as JSON.
pub(crate) fn value(value: &serde_json::Value, max: usize) -> String {
    match value {
        serde_json::Value::String(text) => short(text, max),
        serde_json::Value::Null => crate::number::NO_VALUE.to_owned(),
        serde_json::Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| crate::Format::Auto.show(number)),
        other => short(&other.to_string(), max),
    }
}

#[cfg(test)]
mod tests {
    use super::brief_digests;

    #[test]
    fn digests_are_brief_and_the_rest_is_as_it_was() {
        let digest = format!("sha256:{}", "4e046aa28bbc1234".repeat(4));
        assert_eq!(brief_digests(&digest), "sha256:4e046aa28bbc…");
        assert_eq!(
            brief_digests(&format!("= {digest} or {digest}.")),
            "= sha256:4e046aa28bbc… or sha256:4e046aa28bbc…."
        );
        for kept in ["", "0.5", "sha256:", "sha256:4e046aa28bbc", "no digest: ü"] {
            assert_eq!(brief_digests(kept), kept);
        }
    }
}
