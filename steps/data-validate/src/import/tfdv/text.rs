//! The text form of protocol buffers, as far as its syntax goes: which fields there are is for the reader to know.
//!
//! Messages stand in `{}` or `<>`, lists in `[]`, a `:` before a message may be left out, fields may end with `,` or `;`,
//! texts that follow each other are one, and `#` begins a comment.

use std::iter::Peekable;
use std::str::Chars;

use super::super::value::Value;

/// How deep messages may lie in each other.
const DEPTH: usize = 60;

/// A field of a message; one of a list stands once for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// What it holds.
    pub item: Item,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Further fields.
    Message(Vec<Field>),
    /// A single value; the word of an enumeration is a text.
    Value(Value),
}

/// Reads a document.
///
/// ```
/// use data_validate::import::tfdv::text::read;
/// let fields = read("feature < name: 'a' 'b'; value: [1, -2.5] >  # c").unwrap();
/// assert_eq!(fields.len(), 1);
/// assert_eq!(read("a: {").unwrap_err(), (1, "the text ends within a message".to_owned()));
/// ```
///
/// # Errors
/// The line, and a sentence.
pub fn read(text: &str) -> Result<Vec<Field>, (usize, String)> {
    let mut parser = Parser {
        chars: text.chars().peekable(),
        line: 1,
    };
    parser.fields(None, 0).map_err(|why| (parser.line, why))
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    /// The next character that means something.
    fn peek(&mut self) -> Option<char> {
        while let Some(&next) = self.chars.peek() {
            if next == '#' {
                while self.chars.peek().is_some_and(|next| *next != '\n') {
                    self.next();
                }
            } else if next.is_whitespace() || next == '\u{feff}' {
                self.next();
            } else {
                return Some(next);
            }
        }
        None
    }

    fn takes(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.next();
        }
        there
    }

    fn fields(&mut self, end: Option<char>, depth: usize) -> Result<Vec<Field>, String> {
        if depth > DEPTH {
            return Err(format!("messages lie more than {DEPTH} deep in each other"));
        }
        let mut fields = Vec::new();
        loop {
            match (self.peek(), end) {
                (None, None) => return Ok(fields),
                (None, Some(_)) => return Err("the text ends within a message".to_owned()),
                (Some(next), Some(end)) if next == end => {
                    self.next();
                    return Ok(fields);
                }
                (Some(_), _) => self.field(depth, &mut fields)?,
            }
            if !self.takes(',') {
                self.takes(';');
            }
        }
    }

    fn field(&mut self, depth: usize, fields: &mut Vec<Field>) -> Result<(), String> {
        let line = self.line;
        let name = if self.takes('[') {
            self.extension()?
        } else {
            self.word()
        };
        if name.is_empty() {
            let found = self
                .peek()
                .map_or_else(String::new, |next| format!(", and `{next}` was found"));
            return Err(format!("the name of a field is expected{found}"));
        }
        let colon = self.takes(':');
        let mut push = |item: Item| {
            fields.push(Field {
                name: name.clone(),
                line,
                item,
            });
        };
        if !self.takes('[') {
            push(self.item(colon, depth)?);
            return Ok(());
        }
        while !self.takes(']') {
            push(self.item(colon, depth)?);
            if !self.takes(',') && self.peek() != Some(']') {
                return Err("a list goes on with `,` or ends with `]`".to_owned());
            }
        }
        Ok(())
    }

    /// `[type.name/with.dots]`, the name of an extension.
    fn extension(&mut self) -> Result<String, String> {
        let mut name = String::from("[");
        loop {
            match self.next() {
                Some(']') => return Ok(name + "]"),
                Some('\n') | None => return Err("the name of an extension never ends".to_owned()),
                Some(next) => name.push(next),
            }
        }
    }

    fn word(&mut self) -> String {
        self.peek();
        let mut word = String::new();
        while let Some(next) = self
            .chars
            .next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
        {
            word.push(next);
        }
        word
    }

    fn item(&mut self, colon: bool, depth: usize) -> Result<Item, String> {
        if self.takes('{') {
            return self.fields(Some('}'), depth + 1).map(Item::Message);
        }
        if self.takes('<') {
            return self.fields(Some('>'), depth + 1).map(Item::Message);
        }
        if !colon {
            return Err("`:` or a message is expected after the name of a field".to_owned());
        }
        self.value().map(Item::Value)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some('"' | '\'') => self.text().map(Value::Text),
            Some(_) => self.number_or_word(),
            None => Err("the text ends before a value".to_owned()),
        }
    }

    fn number_or_word(&mut self) -> Result<Value, String> {
        let minus = self.takes('-');
        self.peek();
        let mut word = String::new();
        while let Some(&next) = self.chars.peek() {
            let exponent = matches!(next, '+' | '-') && word.ends_with(['e', 'E']) && !word.starts_with("0x");
            if !(next.is_ascii_alphanumeric() || matches!(next, '_' | '.') || exponent) {
                break;
            }
            word.push(next);
            self.next();
        }
        let signed = |number: i128| Value::Whole(if minus { -number } else { number });
        let begins = word.chars().next();
        if begins.is_some_and(|first| first.is_ascii_digit() || first == '.') {
            let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
            if let Some(hex) = hex {
                return i128::from_str_radix(hex, 16)
                    .map(signed)
                    .map_err(|_| format!("`{word}` is no number"));
            }
            if word.len() > 1 && word.starts_with('0') && word.chars().all(|next| next.is_ascii_digit()) {
                return i128::from_str_radix(&word, 8)
                    .map(signed)
                    .map_err(|_| format!("`{word}` is no number"));
            }
            if let Ok(whole) = word.parse::<i128>() {
                return Ok(signed(whole));
            }
            let number = word.trim_end_matches(['f', 'F']).parse::<f64>();
            return number
                .map(|number| Value::Number(if minus { -number } else { number }))
                .map_err(|_| format!("`{word}` is no number"));
        }
        match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Ok(Value::Number(if minus {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            })),
            "nan" => Ok(Value::Number(f64::NAN)),
            "" => {
                let found = self
                    .peek()
                    .map_or_else(String::new, |next| format!(", and `{next}` was found"));
                Err(format!("a value is expected{found}"))
            }
            _ if minus => Err(format!("`-{word}` is no number")),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Ok(Value::Text(word)),
        }
    }

    /// One text or several, which are one.
    fn text(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        while let Some(quote @ ('"' | '\'')) = self.peek() {
            self.next();
            loop {
                match self.next() {
                    None | Some('\n') => return Err("a text does not end on its line".to_owned()),
                    Some(next) if next == quote => break,
                    Some('\\') => self.escape(&mut bytes)?,
                    Some(next) => bytes.extend(next.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        }
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let Some(next) = self.next() else {
            return Err("a text ends within an escape".to_owned());
        };
        let byte = match next {
            'n' => b'\n',
            't' => b'\t',
            'r' => b'\r',
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            '\\' | '\'' | '"' | '?' => next as u8,
            '0'..='7' => {
                let more = self.digits(8, 2);
                u8::from_str_radix(&format!("{next}{more}"), 8)
                    .map_err(|_| format!("`\\{next}{more}` is no byte"))?
            }
            'x' | 'X' => {
                let digits = self.digits(16, 2);
                u8::from_str_radix(&digits, 16).map_err(|_| format!("`\\x{digits}` is no byte"))?
            }
            'u' | 'U' => {
                let digits = self.digits(16, if next == 'u' { 4 } else { 8 });
                let found = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                let found = found.ok_or_else(|| format!("`\\{next}{digits}` is no character"))?;
                bytes.extend(found.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            other => return Err(format!("`\\{other}` is no escape")),
        };
        bytes.push(byte);
        Ok(())
    }

    fn digits(&mut self, radix: u32, most: usize) -> String {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(next) = self.chars.next_if(|next| next.is_digit(radix))
        {
            digits.push(next);
        }
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        match read(text).unwrap().pop().unwrap().item {
            Item::Value(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            one(r#"a: "x\n\t\"\\\101\x42\u00e9\U0001F600" 'y' # z"#),
            text("x\n\t\"\\ABé😀y")
        );
        assert_eq!(one("a: '\\303\\251'"), text("é"));
        assert_eq!(one("a: -12"), Value::Whole(-12));
        assert_eq!(one("a: 0x1F"), Value::Whole(31));
        assert_eq!(one("a: 017"), Value::Whole(15));
        assert_eq!(one("a: 1.5e-3f"), Value::Number(0.0015));
        assert_eq!(one("a: - inf"), Value::Number(f64::NEG_INFINITY));
        assert_eq!(one("a: true"), Value::Bool(true));
        assert_eq!(one("a: BYTES"), text("BYTES"));
        assert_eq!(one("# c\n[a.b/c.d]: 1;"), Value::Whole(1));
    }

    #[test]
    fn messages_and_lists() {
        let all = read("a { b: 1, c < d: 2; > }\na: { b: [1, 2] };e: []\n f: [{g: 1}, <g: 2>]").unwrap();
        let names: Vec<_> = all
            .iter()
            .map(|field| (field.name.as_str(), field.line))
            .collect();
        assert_eq!(names, [("a", 1), ("a", 2), ("f", 3), ("f", 3)]);
        let Item::Message(inner) = &all[1].item else {
            panic!("{all:?}")
        };
        assert_eq!(inner.len(), 2);
    }

    #[test]
    fn what_is_no_text_of_a_message() {
        for (text, line, why) in [
            ("a: {\n", 2, "the text ends within a message"),
            ("a: 1\n}", 2, "the name of a field is expected, and `}` was found"),
            ("a 1", 1, "`:` or a message"),
            ("a: 'x\n'", 2, "does not end on its line"),
            ("a: '\\q'", 1, "`\\q` is no escape"),
            ("a: '\\xff'", 1, "not UTF-8"),
            ("a: 1x", 1, "`1x` is no number"),
            ("a: [1 2]", 1, "a list goes on"),
            ("a:", 1, "ends before a value"),
            (
                "a: {b: 1>",
                1,
                "the name of a field is expected, and `>` was found",
            ),
            ("{}", 1, "the name of a field is expected"),
        ] {
            let (at, said) = read(text).unwrap_err();
            assert!(at == line && said.contains(why), "{text}: {at} {said}");
        }
        assert!(read(&"a{".repeat(100_000)).unwrap_err().1.contains("60 deep"));
    }
}
