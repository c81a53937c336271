//! Words of a condition.

/// A word, and where it begins: characters before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A name that was not quoted: a column, a function or an operator.
    Name(String),
    /// A column in double quotes or backticks.
    Quoted(String),
    Text(String),
    Whole(i128),
    Number(f64),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 17] = [
    "<=", ">=", "<>", "!=", "==", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", "||",
];

/// Splits a condition into its words.
pub(super) fn words(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let (word, end) = match first {
            '\'' => quoted(&chars, at).map(|(text, end)| (Word::Text(text), end))?,
            '"' | '`' => quoted(&chars, at).map(|(text, end)| (Word::Quoted(text), end))?,
            _ if first.is_ascii_digit()
                || first == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit) =>
            {
                number(&chars, at)?
            }
            _ if first.is_alphabetic() || first == '_' => name(&chars, at),
            _ => sign(&chars, at)?,
        };
        tokens.push(Token { word, at });
        at = end;
    }
    Ok(tokens)
}

/// A quote in a quoted text is written twice.
fn quoted(chars: &[char], start: usize) -> Result<(String, usize), String> {
    let quote = chars[start];
    let (mut text, mut at) = (String::new(), start + 1);
    while let Some(&next) = chars.get(at) {
        if next != quote {
            text.push(next);
            at += 1;
        } else if chars.get(at + 1) == Some(&quote) {
            text.push(quote);
            at += 2;
        } else {
            return Ok((text, at + 1));
        }
    }
    Err(format!(
        "at character {}, a text begins with {quote} and never ends",
        start + 1
    ))
}

fn number(chars: &[char], start: usize) -> Result<(Word, usize), String> {
    let mut end = start;
    while let Some(&next) = chars.get(end) {
        let exponent = matches!(next, '+' | '-') && matches!(chars[end - 1], 'e' | 'E');
        if next.is_ascii_alphanumeric() || matches!(next, '.' | '_') || (end > start && exponent) {
            end += 1;
        } else {
            break;
        }
    }
    let text: String = chars[start..end].iter().filter(|next| **next != '_').collect();
    let whole = text.parse().ok().map(Word::Whole);
    match whole.or_else(|| text.parse().ok().map(Word::Number)) {
        Some(word) => Ok((word, end)),
        None => Err(format!("at character {}, `{text}` is no number", start + 1)),
    }
}

/// A dot belongs to the name: columns of records are named by their path.
fn name(chars: &[char], start: usize) -> (Word, usize) {
    let inside = |next: &char| next.is_alphanumeric() || matches!(next, '_' | '.');
    let length = chars[start..].iter().take_while(|next| inside(next)).count();
    let text = chars[start..start + length].iter().collect();
    (Word::Name(text), start + length)
}

fn sign(chars: &[char], start: usize) -> Result<(Word, usize), String> {
    let begins = |sign: &&&str| {
        sign.chars()
            .enumerate()
            .all(|(index, part)| chars.get(start + index) == Some(&part))
    };
    match SIGNS.iter().find(begins) {
        Some(sign) => Ok((Word::Sign(sign), start + sign.len())),
        None => Err(format!(
            "at character {}, `{}` is no operator; known are {}",
            start + 1,
            chars[start],
            SIGNS.join(" ")
        )),
    }
}
