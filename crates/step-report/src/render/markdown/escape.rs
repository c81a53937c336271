//! Names in Markdown: a column called `@team` must not ping anybody, `|` must not end a cell, `<img>` must not load.

/// Text for a paragraph or a cell.
///
/// GitHub looks for `@user`, `#1` and addresses after it has decoded entities, so those are parted by an invisible space;
/// everything else is an entity or a backslash escape, which Markdown never reads as structure.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' => escaped.push_str("&#124;"),
            '\\' => escaped.push_str("&#92;"),
            '`' => escaped.push_str("&#96;"),
            '@' => escaped.push_str("@&#8203;"),
            '#' => escaped.push_str("#&#8203;"),
            ':' if rest.peek() == Some(&'/') => escaped.push_str(":&#8203;"),
            '.' if before == 'w' => escaped.push_str(".&#8203;"),
            // snake_case needs no escape, and reads better without.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => {
                escaped.push('_');
            }
            '*' | '_' | '~' | '[' | ']' | '$' | '!' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
        before = c;
    }
    escaped
}

/// A name in monospace. A plain one gets backticks; any other a `<code>` element, for in a table neither a backtick nor a
/// backslash before a pipe can be trusted.
pub(super) fn code(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " _-.,:;/=+%()?'*#@^~!".contains(c);
    if text.is_empty() {
        String::new()
    } else if text.chars().all(plain) && !text.starts_with(' ') && !text.ends_with(' ') {
        format!("`{text}`")
    } else {
        format!("<code>{}</code>", escape(text))
    }
}

/// Lines as they stand, in a fence longer than any in them.
pub(super) fn fenced(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}
