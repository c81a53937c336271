//! Argo's `depends` logic, to ask what can run after what.
//!
//! A task's `depends` is a Boolean expression over `task.Result`; a bare `task` (and each entry of
//! `dependencies`) means `(task.Succeeded || task.Skipped || task.Daemoned)`. A task whose expression comes
//! out false is Omitted; one whose `when` comes out false is Skipped.

use std::collections::BTreeMap;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Ran, exit 0.
    Succeeded,
    /// Ran, another exit.
    Failed,
    /// Could not be run to its end.
    Errored,
    /// Its `when` was false.
    Skipped,
    /// Its `depends` was false.
    Omitted,
}

/// A parsed expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// Always true: no dependencies.
    True,
    /// A task, with the result that is asked for.
    Task(String, Option<String>),
    /// Negation.
    Not(Box<Expr>),
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// Either.
    Or(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let spaced = ["&&", "||", "!", "(", ")"]
            .iter()
            .fold(text.to_owned(), |text, op| text.replace(op, &format!(" {op} ")));
        let tokens: Vec<&str> = spaced.split_whitespace().collect();
        let mut at = 0;
        let expr = or(&tokens, &mut at)?;
        if at == tokens.len() {
            Ok(expr)
        } else {
            Err(format!("`{}` is left over in `{text}`", tokens[at]))
        }
    }

    /// The tasks it names.
    pub fn tasks(&self) -> Vec<&str> {
        match self {
            Self::True => Vec::new(),
            Self::Task(name, _) => vec![name],
            Self::Not(inner) => inner.tasks(),
            Self::And(a, b) | Self::Or(a, b) => a.tasks().into_iter().chain(b.tasks()).collect(),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, ended: &BTreeMap<String, Ended>) -> bool {
        match self {
            Self::True => true,
            Self::Not(inner) => !inner.holds(ended),
            Self::And(a, b) => a.holds(ended) && b.holds(ended),
            Self::Or(a, b) => a.holds(ended) || b.holds(ended),
            Self::Task(name, result) => {
                let how = ended[name];
                match result.as_deref() {
                    None => matches!(how, Ended::Succeeded | Ended::Skipped),
                    Some("Succeeded") => how == Ended::Succeeded,
                    Some("Failed") => how == Ended::Failed,
                    Some("Errored") => how == Ended::Errored,
                    Some("Skipped") => how == Ended::Skipped,
                    Some("Omitted") => how == Ended::Omitted,
                    Some(_) => false,
                }
            }
        }
    }
}

fn or(tokens: &[&str], at: &mut usize) -> Result<Expr, String> {
    let mut left = and(tokens, at)?;
    while tokens.get(*at) == Some(&"||") {
        *at += 1;
        left = Expr::Or(Box::new(left), Box::new(and(tokens, at)?));
    }
    Ok(left)
}

fn and(tokens: &[&str], at: &mut usize) -> Result<Expr, String> {
    let mut left = unary(tokens, at)?;
    while tokens.get(*at) == Some(&"&&") {
        *at += 1;
        left = Expr::And(Box::new(left), Box::new(unary(tokens, at)?));
    }
    Ok(left)
}

fn unary(tokens: &[&str], at: &mut usize) -> Result<Expr, String> {
    let token = *tokens.get(*at).ok_or("the expression ends too soon")?;
    *at += 1;
    match token {
        "!" => Ok(Expr::Not(Box::new(unary(tokens, at)?))),
        "(" => {
            let inner = or(tokens, at)?;
            if tokens.get(*at) != Some(&")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            *at += 1;
            Ok(inner)
        }
        ")" | "&&" | "||" => Err(format!("`{token}` stands where a task is expected")),
        task => Ok(match task.split_once('.') {
            Some((name, result)) => Expr::Task(name.to_owned(), Some(result.to_owned())),
            None => Expr::Task(task.to_owned(), None),
        }),
    }
}

/// A task of a DAG, as far as its order goes.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// What must hold before.
    pub depends: Expr,
    /// Whether it has a `when`.
    pub conditional: bool,
}

/// Walks every way in which the tasks (in topological order) can end, and hands each to `see`.
pub fn every_outcome(tasks: &[Task], see: &mut impl FnMut(&BTreeMap<String, Ended>)) {
    fn walk(
        tasks: &[Task],
        ended: &mut BTreeMap<String, Ended>,
        see: &mut impl FnMut(&BTreeMap<String, Ended>),
    ) {
        let Some((task, rest)) = tasks.split_first() else {
            return see(ended);
        };
        let ways: &[Ended] = if !task.depends.holds(ended) {
            &[Ended::Omitted]
        } else if task.conditional {
            &[Ended::Succeeded, Ended::Failed, Ended::Errored, Ended::Skipped]
        } else {
            &[Ended::Succeeded, Ended::Failed, Ended::Errored]
        };
        for way in ways {
            ended.insert(task.name.clone(), *way);
            walk(rest, ended, see);
        }
        ended.remove(&task.name);
    }
    walk(tasks, &mut BTreeMap::new(), see);
}
