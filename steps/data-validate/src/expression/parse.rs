//! From words to a tree.

use super::lex::{Token, Word, words};
use crate::pattern;

/// A part of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Column(String),
    Null,
    Bool(bool),
    Whole(i128),
    Number(f64),
    Text(String),
    Not(Box<Node>),
    Minus(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Compare, Box<Node>, Box<Node>),
    Compute(Compute, Box<Node>, Box<Node>),
    IsNull(Box<Node>),
    In(Box<Node>, Vec<Node>),
    Matches(Box<Node>, Pattern),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compute {
    Add,
    Subtract,
    Multiply,
    Divide,
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Round,
    Least,
    Greatest,
    Coalesce,
    Length,
    Lower,
    Upper,
    Year,
    Month,
    Day,
    Hour,
    Weekday,
}

/// The name of each function, and how many values it takes: the least and the most.
const FUNCTIONS: [(&str, Function, usize, usize); 13] = [
    ("abs", Function::Abs, 1, 1),
    ("round", Function::Round, 1, 1),
    ("least", Function::Least, 1, usize::MAX),
    ("greatest", Function::Greatest, 1, usize::MAX),
    ("coalesce", Function::Coalesce, 1, usize::MAX),
    ("length", Function::Length, 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("year", Function::Year, 1, 1),
    ("month", Function::Month, 1, 1),
    ("day", Function::Day, 1, 1),
    ("hour", Function::Hour, 1, 1),
    ("weekday", Function::Weekday, 1, 1),
];

/// How deep parts may lie in each other: the stack is not endless.
const DEPTH: usize = 100;
/// How many words: a long row of `or` lies as deep as it is long.
const WORDS: usize = 1000;

/// A pattern of a text, ready.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Node {
    /// Calls back with every part.
    pub(super) fn each<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Not(a) | Self::Minus(a) | Self::IsNull(a) | Self::Matches(a, _) => a.each(see),
            Self::And(a, b) | Self::Or(a, b) | Self::Compare(_, a, b) | Self::Compute(_, a, b) => {
                a.each(see);
                b.each(see);
            }
            Self::In(a, list) => {
                a.each(see);
                list.iter().for_each(|part| part.each(see));
            }
            Self::Call(_, list) => list.iter().for_each(|part| part.each(see)),
            Self::Column(_)
            | Self::Null
            | Self::Bool(_)
            | Self::Whole(_)
            | Self::Number(_)
            | Self::Text(_) => {}
        }
    }
}

/// Reads a whole condition.
pub(super) fn condition(text: &str) -> Result<Node, String> {
    let tokens = words(text)?;
    if tokens.len() > WORDS {
        return Err(format!(
            "it has {} words, and at most {WORDS} may be",
            tokens.len()
        ));
    }
    let mut parser = Parser {
        text,
        tokens,
        next: 0,
        depth: 0,
    };
    let root = parser.any()?;
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.expected("an operator or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Word> {
        self.tokens.get(self.next).map(|token| &token.word)
    }

    fn expected(&self, what: &str) -> String {
        let place = match self.tokens.get(self.next) {
            Some(token) => {
                let found: String = self.text.chars().skip(token.at).take(12).collect();
                format!("at character {} (`{found}`)", token.at + 1)
            }
            None => "at its end".to_owned(),
        };
        format!("{place}, {what} is expected (`{}`)", self.text)
    }

    /// Takes a sign if it comes next.
    fn sign(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Some(Word::Sign(sign)) if *sign == wanted);
        self.next += usize::from(there);
        there
    }

    fn one_of<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        signs
            .iter()
            .find(|(sign, _)| self.sign(sign))
            .map(|(_, meaning)| *meaning)
    }

    /// Takes a word of the language if it comes next.
    fn keyword(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(wanted));
        self.next += usize::from(there);
        there
    }

    fn need(&mut self, wanted: &str) -> Result<(), String> {
        if self.sign(wanted) || self.keyword(wanted) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{wanted}`")))
        }
    }

    fn any(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("parts lie more than {DEPTH} deep in each other"));
        }
        let mut left = self.all()?;
        while self.keyword("or") {
            left = Node::Or(Box::new(left), Box::new(self.all()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all(&mut self) -> Result<Node, String> {
        let mut left = self.not()?;
        while self.keyword("and") {
            left = Node::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Node, String> {
        let mut odd = false;
        while self.keyword("not") {
            odd = !odd;
        }
        let inner = self.comparison()?;
        Ok(if odd { Node::Not(Box::new(inner)) } else { inner })
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let left = self.sum()?;
        let compare = self.one_of(&[
            ("<=", Compare::AtMost),
            (">=", Compare::AtLeast),
            ("<>", Compare::Unequal),
            ("!=", Compare::Unequal),
            ("==", Compare::Equal),
            ("=", Compare::Equal),
            ("<", Compare::Less),
            (">", Compare::More),
        ]);
        if let Some(compare) = compare {
            return Ok(Node::Compare(compare, Box::new(left), Box::new(self.sum()?)));
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            self.need("null")?;
            return Ok(negate(negated, Node::IsNull(Box::new(left))));
        }
        let negated = self.keyword("not");
        let found = if self.keyword("in") {
            self.need("(")?;
            Node::In(Box::new(left), self.list()?)
        } else if self.keyword("between") {
            let least = self.sum()?;
            self.need("and")?;
            let most = self.sum()?;
            Node::And(
                Box::new(Node::Compare(
                    Compare::AtLeast,
                    Box::new(left.clone()),
                    Box::new(least),
                )),
                Box::new(Node::Compare(Compare::AtMost, Box::new(left), Box::new(most))),
            )
        } else if self.keyword("like") {
            Node::Matches(Box::new(left), self.pattern(like)?)
        } else if self.keyword("matches") {
            Node::Matches(Box::new(left), self.pattern(str::to_owned)?)
        } else if negated {
            return Err(self.expected("`in`, `between`, `like` or `matches`"));
        } else {
            return Ok(left);
        };
        Ok(negate(negated, found))
    }

    fn pattern(&mut self, to_regex: impl Fn(&str) -> String) -> Result<Pattern, String> {
        let Some(Word::Text(text)) = self.peek().cloned() else {
            return Err(self.expected("a pattern in single quotes"));
        };
        let regex = pattern::compiled(&to_regex(&text));
        let regex = regex.map_err(|why| format!("the pattern '{text}' does not compile ({why})"))?;
        self.next += 1;
        Ok(Pattern(regex))
    }

    fn sum(&mut self) -> Result<Node, String> {
        let mut left = self.product()?;
        while let Some(how) = self.one_of(&[("+", Compute::Add), ("-", Compute::Subtract)]) {
            left = Node::Compute(how, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut left = self.signed()?;
        let signs = [
            ("*", Compute::Multiply),
            ("/", Compute::Divide),
            ("%", Compute::Rest),
        ];
        while let Some(how) = self.one_of(&signs) {
            left = Node::Compute(how, Box::new(left), Box::new(self.signed()?));
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Node, String> {
        let mut odd = false;
        while let Some(minus) = self.one_of(&[("-", true), ("+", false)]) {
            odd ^= minus;
        }
        let inner = self.value()?;
        Ok(if odd { Node::Minus(Box::new(inner)) } else { inner })
    }

    fn value(&mut self) -> Result<Node, String> {
        if self.sign("(") {
            let inner = self.any()?;
            self.need(")")?;
            return Ok(inner);
        }
        let node = match self.peek().cloned() {
            Some(Word::Whole(value)) => Node::Whole(value),
            Some(Word::Number(value)) => Node::Number(value),
            Some(Word::Text(text)) => Node::Text(text),
            Some(Word::Quoted(name)) => Node::Column(name),
            Some(Word::Name(name)) => return self.named(name),
            _ => return Err(self.expected("a value")),
        };
        self.next += 1;
        Ok(node)
    }

    fn named(&mut self, name: String) -> Result<Node, String> {
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) {
            return Err(self.expected("a value"));
        }
        self.next += 1;
        if self.sign("(") {
            let Some((_, function, least, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == lower)
            else {
                let known: Vec<&str> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
                return Err(format!("`{name}` is no function; known are {}", known.join(", ")));
            };
            let list = self.list()?;
            if list.len() < *least || list.len() > *most {
                return Err(format!(
                    "`{name}` takes {least} value{}, not {}",
                    if *most > 1 { " or more" } else { "" },
                    list.len()
                ));
            }
            return Ok(Node::Call(*function, list));
        }
        Ok(match lower.as_str() {
            "null" => Node::Null,
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            _ => Node::Column(name),
        })
    }

    /// Values up to the closing bracket; at least one.
    fn list(&mut self) -> Result<Vec<Node>, String> {
        let mut list = vec![self.any()?];
        while self.sign(",") {
            list.push(self.any()?);
        }
        self.need(")")?;
        Ok(list)
    }
}

/// Words that no column is called by without quotes.
pub(super) const RESERVED: [&str; 8] = ["and", "or", "not", "is", "in", "between", "like", "matches"];

fn negate(negated: bool, node: Node) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

/// SQL's pattern, in which `%` is any text and `_` any character, as a regular expression.
fn like(pattern: &str) -> String {
    let mut regex = "(?s)^".to_owned();
    for part in pattern.chars() {
        match part {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex + "$"
}
