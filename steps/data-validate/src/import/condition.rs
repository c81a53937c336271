//! Conditions of other programs in our words: pandas' `query`, the conditions of Great Expectations, SQL.
//!
//! pandas knows two answers where SQL knows three: `x != 1` is true of a null there, and unknown here. What is written
//! out keeps pandas' answer.

use super::value::Value;
use crate::expression::Expression;
pub use crate::expression::column;

/// A text in a condition of ours.
#[must_use]
pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A single value in a condition of ours.
#[must_use]
pub fn literal(value: &Value) -> String {
    match value {
        Value::Text(found) => text(found),
        other => other.to_string(),
    }
}

/// A pattern of Python's `re` as one of ours: what means something else here, or nothing, is refused.
///
/// ```
/// use data_validate::import::condition::pattern;
/// assert_eq!(pattern(r"^\d+\Z").unwrap(), r"^\d+\z");
/// assert!(pattern(r"a(?=b)").is_err());
/// ```
///
/// # Errors
/// A sentence.
pub fn pattern(python: &str) -> Result<String, String> {
    let (mut out, mut in_class, mut chars) = (String::new(), false, python.chars().peekable());
    let refused = |what: &str| {
        Err(format!(
            "the pattern has {what}, which means something else here: {python}"
        ))
    };
    while let Some(next) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some('Z') if !in_class => out.push_str("\\z"),
                Some(other @ ('<' | '>')) => out.push(other),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if in_class => return refused("a `[` within `[…]`"),
            '[' => {
                in_class = true;
                out.push('[');
                // A bracket that comes first closes nothing.
                for first in ['^', ']'] {
                    if chars.next_if_eq(&first).is_some() {
                        out.push_str(if first == ']' { "\\]" } else { "^" });
                    }
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '-' | '~' if in_class && chars.peek() == Some(&next) => {
                return refused("a doubled sign within `[…]`");
            }
            other => out.push(other),
        }
    }
    match crate::pattern::compiled(&out) {
        Ok(_) => Ok(out),
        Err(why) => Err(format!("the pattern {python} is none here ({why})")),
    }
}

/// A condition in SQL: taken as it stands where our words read it.
///
/// # Errors
/// A sentence that says what is not read.
pub fn sql(condition: &str) -> Result<String, String> {
    let refused = |what: &str| Err(format!("the condition `{condition}` has {what}"));
    if condition.contains("{{") || condition.contains("{%") {
        return refused("a template in it");
    }
    if condition.contains('\\') {
        return refused("a backslash, which not every dialect takes for itself");
    }
    let outside: String = condition.split('\'').step_by(2).collect();
    if outside.contains('"') {
        return refused("double quotes, which hold a text in one dialect and a column in another");
    }
    if outside.contains('/') || outside.contains("||") {
        return refused("an operator that means something else here");
    }
    let condition = condition.trim().trim_end_matches(';').trim();
    Expression::read(condition).map_err(|why| format!("the condition is not understood: {why}"))?;
    Ok(condition.to_owned())
}

/// A `row_condition` of Great Expectations, by the parser that it names.
///
/// # Errors
/// A sentence that says what is not understood.
pub fn row(condition: &Value, parser: Option<&str>) -> Result<String, String> {
    // What was given as a text is handed on as one.
    let passed = match condition.text_of("type") {
        Some("pass_through") => condition.text_of("pass_through_filter"),
        _ => condition.text(),
    };
    match (passed, condition) {
        (Some(text), _) => match parser {
            Some("spark") => sql(text),
            Some("pandas" | "great_expectations" | "great_expectations__experimental__") | None => {
                query(text)
            }
            Some(other) => Err(format!("`condition_parser` {other} is not known")),
        },
        (None, Value::Map(_)) => Ok(tree(condition)?.write(false)),
        (None, other) => Err(format!("`row_condition` is {other}, not a condition")),
    }
}

/// A condition of pandas' `query`.
///
/// ```
/// use data_validate::import::condition::query;
/// assert_eq!(query("a > 1 & b != 'x'").unwrap(), "a > 1 and coalesce(b <> 'x', true)");
/// assert_eq!(query("not 0 < a <= 5").unwrap(), "not (coalesce(a > 0, false) and coalesce(a <= 5, false))");
/// assert!(query("a > @limit").is_err());
/// ```
///
/// # Errors
/// A sentence that says what is not understood.
pub fn query(text: &str) -> Result<String, String> {
    let mut parser = Parser {
        words: words(text)?,
        next: 0,
        depth: 0,
    };
    let read = parser.any()?;
    match parser.peek() {
        None => Ok(read.write(false)),
        Some(word) => Err(format!(
            "`{}` is not understood in the condition `{text}`",
            word.shown()
        )),
    }
}

/// A condition as a tree.
#[derive(Debug, Clone)]
enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    /// A comparison, and whether it is true of a null.
    Atom(String, bool),
    /// Whether a column is null: never unknown.
    Sure(String),
}

impl Tree {
    /// Our words. What is unknown counts as false among the rows to take; below a `not` that must be said.
    fn write(&self, negated: bool) -> String {
        match self {
            Self::Atom(text, true) => format!("coalesce({text}, true)"),
            Self::Atom(text, false) if negated => format!("coalesce({text}, false)"),
            Self::Atom(text, false) | Self::Sure(text) => text.clone(),
            Self::And(parts) => Self::join(parts, " and ", negated),
            Self::Or(parts) => format!("({})", Self::join(parts, " or ", negated)),
            Self::Not(inner) => match inner.as_ref() {
                Self::And(_) => format!("not ({})", inner.write(true)),
                _ => format!("not {}", inner.write(true)),
            },
        }
    }

    fn join(parts: &[Self], word: &str, negated: bool) -> String {
        parts
            .iter()
            .map(|part| part.write(negated))
            .collect::<Vec<_>>()
            .join(word)
    }
}

fn compare(left: &Operand, sign: &str, right: &Operand) -> Result<Tree, String> {
    let flipped = match sign {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    };
    let (name, sign, value) = match (left, right) {
        (Operand::Column(name), _) => (name, sign, right),
        (_, Operand::Column(name)) => (name, flipped, left),
        _ => return Err("a comparison without a column is not understood".to_owned()),
    };
    let (sign, of_null) = match sign {
        "==" | "in" => ("=", false),
        "!=" | "not in" => ("<>", true),
        other => (other, false),
    };
    let name = column(name);
    match value {
        Operand::Column(other) => Ok(Tree::Atom(format!("{name} {sign} {}", column(other)), of_null)),
        Operand::List(values) if sign == "=" || sign == "<>" => {
            let list = values.iter().map(literal).collect::<Vec<_>>().join(", ");
            if values.is_empty() {
                return Err("an empty list is not understood".to_owned());
            }
            let word = if sign == "=" { "in" } else { "not in" };
            Ok(Tree::Atom(format!("{name} {word} ({list})"), of_null))
        }
        Operand::Value(value) if value.is_scalar() => {
            Ok(Tree::Atom(format!("{name} {sign} {}", literal(value)), of_null))
        }
        _ => Err("a comparison with nothing, or of the order of a list, is not understood".to_owned()),
    }
}

/// The form that Great Expectations 1.x writes.
fn tree(condition: &Value) -> Result<Tree, String> {
    let what = |why: &str| format!("the condition {condition} {why}");
    let parts = || {
        let parts = condition
            .get("conditions")
            .and_then(Value::list)
            .filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| what("has no conditions"))?;
        parts.iter().map(tree).collect::<Result<Vec<_>, _>>()
    };
    let name = || {
        let name = condition
            .get("column")
            .and_then(|column| column.text_of("name").or_else(|| column.text()));
        name.map(str::to_owned).ok_or_else(|| what("names no column"))
    };
    match condition.text_of("type") {
        Some("and") => Ok(Tree::And(parts()?)),
        Some("or") => Ok(Tree::Or(parts()?)),
        Some("nullity") => {
            let null = condition.get("is_null") == Some(&Value::Bool(true));
            Ok(Tree::Sure(format!(
                "{} is {}null",
                column(&name()?),
                if null { "" } else { "not " }
            )))
        }
        Some("comparison") => {
            let sign = condition.text_of("operator").unwrap_or_default();
            let sign = match sign {
                "IN" => "in",
                "NOT_IN" => "not in",
                "==" | "!=" | "<" | "<=" | ">" | ">=" => sign,
                _ => return Err(what("has no operator that is known")),
            };
            let parameter = condition
                .get("parameter")
                .ok_or_else(|| what("has no parameter"))?;
            let right = match parameter {
                Value::List(values) if values.iter().all(Value::is_scalar) => Operand::List(values.clone()),
                Value::List(_) | Value::Map(_) => return Err(what("compares with no single value")),
                value => Operand::Value(value.clone()),
            };
            compare(&Operand::Column(name()?), sign, &right)
        }
        Some("pass_through") => Err(what("is passed to another engine as it stands")),
        _ => Err(what("is of no kind that is known")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Name(String),
    Column(String),
    Text(String),
    Whole(i128),
    Number(f64),
    Sign(&'static str),
}

impl Word {
    fn shown(&self) -> String {
        match self {
            Self::Name(text) | Self::Column(text) | Self::Text(text) => text.clone(),
            Self::Whole(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

const SIGNS: [&str; 17] = [
    "==", "!=", "<=", ">=", "<", ">", "&", "|", "~", "(", ")", "[", "]", ",", ".", "-", "+",
];

fn words(text: &str) -> Result<Vec<Word>, String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&first) = chars.get(at) {
        let run = |inside: fn(char) -> bool| chars[at..].iter().take_while(|next| inside(**next)).count();
        if first.is_whitespace() {
            at += 1;
        } else if matches!(first, '\'' | '"' | '`') {
            let length = chars[at + 1..].iter().position(|next| *next == first);
            let length = length.ok_or_else(|| format!("a text never ends in the condition `{text}`"))?;
            let inner: String = chars[at + 1..at + 1 + length].iter().collect();
            if inner.contains('\\') {
                return Err(format!("an escape in the condition `{text}` is not understood"));
            }
            found.push(if first == '`' {
                Word::Column(inner)
            } else {
                Word::Text(inner)
            });
            at += length + 2;
        } else if first.is_ascii_digit() {
            let length = run(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '_'));
            let number: String = chars[at..at + length]
                .iter()
                .filter(|next| **next != '_')
                .collect();
            let whole = number.parse().ok().map(Word::Whole);
            let read = whole.or_else(|| number.parse().ok().map(Word::Number));
            found.push(read.ok_or_else(|| format!("`{number}` is no number in the condition `{text}`"))?);
            at += length;
        } else if first.is_alphabetic() || first == '_' {
            let length = run(|next| next.is_alphanumeric() || next == '_');
            found.push(Word::Name(chars[at..at + length].iter().collect()));
            at += length;
        } else {
            let rest: String = chars[at..].iter().take(2).collect();
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign =
                sign.ok_or_else(|| format!("`{first}` is not understood in the condition `{text}`"))?;
            found.push(Word::Sign(sign));
            at += sign.len();
        }
    }
    Ok(found)
}

#[derive(Debug, Clone)]
enum Operand {
    Column(String),
    Value(Value),
    List(Vec<Value>),
    /// A condition in brackets, or a test by a method.
    Test(Tree),
}

struct Parser {
    words: Vec<Word>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next)
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Some(Word::Sign(sign)) if *sign == wanted);
        self.next += usize::from(there);
        there
    }

    fn word(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Some(Word::Name(name)) if name == wanted);
        self.next += usize::from(there);
        there
    }

    fn need(&mut self, wanted: &str) -> Result<(), String> {
        if self.sign(wanted) {
            Ok(())
        } else {
            Err(format!("`{wanted}` is missing in a condition"))
        }
    }

    fn any(&mut self) -> Result<Tree, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("a condition lies too deep in brackets".to_owned());
        }
        let mut parts = vec![self.all()?];
        while self.word("or") || self.sign("|") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Tree::Or))
    }

    fn all(&mut self) -> Result<Tree, String> {
        let mut parts = vec![self.not()?];
        while self.word("and") || self.sign("&") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Tree::And))
    }

    fn not(&mut self) -> Result<Tree, String> {
        let mut odd = false;
        while self.word("not") || self.sign("~") {
            odd = !odd;
        }
        let inner = self.comparison()?;
        Ok(if odd { Tree::Not(Box::new(inner)) } else { inner })
    }

    /// `a < b < c` is two comparisons.
    fn comparison(&mut self) -> Result<Tree, String> {
        let mut left = self.operand()?;
        let mut parts = Vec::new();
        while let Some(sign) = self.operator() {
            let right = self.operand()?;
            parts.push(compare(&left, sign, &right)?);
            left = right;
        }
        match (parts.is_empty(), left) {
            (false, _) => Ok(one_or(parts, Tree::And)),
            (true, Operand::Test(tree)) => Ok(tree),
            (true, Operand::Column(name)) => Ok(Tree::Atom(column(&name), false)),
            _ => Err("a condition without a comparison is not understood".to_owned()),
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        if let Some(sign) = ["==", "!=", "<=", ">=", "<", ">"]
            .into_iter()
            .find(|sign| self.sign(sign))
        {
            return Some(sign);
        }
        if self.word("in") {
            return Some("in");
        }
        let after = self.words.get(self.next + 1);
        if after == Some(&Word::Name("in".to_owned())) && self.word("not") {
            self.next += 1;
            return Some("not in");
        }
        None
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.sign("(") {
            let inner = self.any()?;
            self.need(")")?;
            return Ok(Operand::Test(inner));
        }
        if self.sign("[") {
            return self.list("]").map(Operand::List);
        }
        let operand = match self.peek().cloned() {
            Some(Word::Column(name)) => Operand::Column(name),
            Some(Word::Name(name))
                if name == "col" && self.words.get(self.next + 1) == Some(&Word::Sign("(")) =>
            {
                return self.named();
            }
            Some(Word::Name(name)) if !matches!(name.as_str(), "True" | "False" | "None" | "nan") => {
                Operand::Column(name)
            }
            _ => return self.value().map(Operand::Value),
        };
        self.next += 1;
        self.method(operand)
    }

    /// `col("x")`, as Great Expectations writes.
    fn named(&mut self) -> Result<Operand, String> {
        self.next += 2;
        let name = match self.peek() {
            Some(Word::Text(name)) => name.clone(),
            _ => return Err("`col` names no column in a condition".to_owned()),
        };
        self.next += 1;
        self.need(")")?;
        self.method(Operand::Column(name))
    }

    /// `.isnull()` and the like.
    fn method(&mut self, operand: Operand) -> Result<Operand, String> {
        if !self.sign(".") {
            return Ok(operand);
        }
        let (Operand::Column(name), Some(Word::Name(method))) = (&operand, self.peek().cloned()) else {
            return Err("a method in a condition is not understood".to_owned());
        };
        self.next += 1;
        self.need("(")?;
        let test = match method.as_str() {
            "isnull" | "isna" => Tree::Sure(format!("{} is null", column(name))),
            "notnull" | "notna" | "notNull" => Tree::Sure(format!("{} is not null", column(name))),
            "isin" => {
                self.need("[")?;
                let values = self.list("]")?;
                compare(&operand, "in", &Operand::List(values))?
            }
            other => return Err(format!("the method `{other}` in a condition is not understood")),
        };
        self.need(")")?;
        Ok(Operand::Test(test))
    }

    fn value(&mut self) -> Result<Value, String> {
        let minus = self.sign("-");
        let value = match self.peek() {
            Some(Word::Whole(value)) => Value::Whole(if minus { -value } else { *value }),
            Some(Word::Number(value)) => Value::Number(if minus { -value } else { *value }),
            Some(Word::Text(text)) if !minus => Value::Text(text.clone()),
            Some(Word::Name(name)) if !minus && name == "True" => Value::Bool(true),
            Some(Word::Name(name)) if !minus && name == "False" => Value::Bool(false),
            Some(other) => return Err(format!("`{}` is no value in a condition", other.shown())),
            None => return Err("a condition ends before its value".to_owned()),
        };
        self.next += 1;
        Ok(value)
    }

    fn list(&mut self, end: &str) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        while !self.sign(end) {
            values.push(self.value()?);
            if !self.sign(",") {
                self.need(end)?;
                break;
            }
        }
        Ok(values)
    }
}

fn one_or(mut parts: Vec<Tree>, many: fn(Vec<Tree>) -> Tree) -> Tree {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}
