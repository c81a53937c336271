//! `behaviour.yaml`: what the model has to do whatever its scores on average are.
//!
//! The vocabulary is CheckList's (Ribeiro et al. 2020, ACL): minimum functionality tests (`mft`: known answers),
//! invariance tests (`inv`: a change that must not matter) and directional tests (`dir`: a change that must push
//! the score one way).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use step_contract::{ConfigError, load_yaml};
use step_report::Severity;

use super::value::SeverityWord;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BehaviourFile {
    /// The tests, at least one.
    pub behaviour: Vec<TestFile>,
}

/// One test as it may be written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Its name, which is the check's: short, unique.
    pub name: String,
    /// The kind of test.
    #[serde(rename = "type")]
    pub kind: KindWord,
    /// For `mft`: rows with all features and the label that each must get.
    pub cases: Option<Vec<CaseFile>>,
    /// For `mft` on rows of `--data`: the label that each must get after `change`.
    pub label: Option<u8>,
    /// What is changed in the rows of `--data`, all changes together.
    pub change: Option<Vec<ChangeFile>>,
    /// For `dir`: which way the score has to go.
    pub direction: Option<DirectionWord>,
    /// For `inv`: how far the score may move (default 0.1). For `dir`: how far it may move the wrong way (default 0).
    pub tolerance: Option<f64>,
    /// How many rows of `--data` are tried, drawn by `seed`. Default 500.
    pub sample: Option<u64>,
    /// Default 1.
    pub seed: Option<u64>,
    /// The least share of the rows that has to pass. Default 0.95; for `cases` 1.
    pub min_pass_rate: Option<f64>,
    /// `ci_lower`: the lower end of the Wilson interval of the share (default for rows of `--data`, which are a
    /// sample); `point`: the share itself (default for `cases`, which are all there is).
    pub rule: Option<RateRuleWord>,
    /// What a miss means. Default `error`.
    pub severity: Option<SeverityWord>,
}

/// A kind of test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindWord {
    /// Minimum functionality: known answers.
    Mft,
    /// Invariance: a change that must not matter.
    Inv,
    /// Direction: a change that must push the score one way.
    Dir,
}

/// A row with a known answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Every feature with its value.
    pub row: Map<String, Value>,
    /// The label that the model must give.
    pub label: u8,
}

/// A change of one column: exactly one of `set`, `add`, `multiply`, `one_of`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFile {
    /// The feature.
    pub column: String,
    /// This value; `null` is one.
    #[serde(default, deserialize_with = "given")]
    pub set: Option<Value>,
    /// So much more.
    pub add: Option<f64>,
    /// So many times as much.
    pub multiply: Option<f64>,
    /// Each of these values in turn: the row passes when all of them do.
    pub one_of: Option<Vec<Value>>,
}

/// `set: null` is a value that was given, not an absent key.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Which way a score goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DirectionWord {
    /// Not down.
    Increase,
    /// Not up.
    Decrease,
}

/// How a pass rate is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateRuleWord {
    /// The share itself.
    Point,
    /// The lower end of its Wilson interval.
    CiLower,
}

/// A test after checking.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// What the answers have to be.
    pub expect: Expect,
    /// The rows that are asked about.
    pub rows: TestRows,
    /// The least share that has to pass.
    pub min_pass_rate: f64,
    /// How the share is held.
    pub rule: RateRuleWord,
    /// What a miss means.
    pub severity: Severity,
}

/// What the answers have to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expect {
    /// The label of the row's case, or this one.
    Label(Option<bool>),
    /// A score that moves by no more than this.
    Unmoved(f64),
    /// A score that goes that way, or the other by no more than this.
    Moved(DirectionWord, f64),
}

impl Expect {
    /// The short name of the kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Label(_) => "MFT",
            Self::Unmoved(_) => "INV",
            Self::Moved(..) => "DIR",
        }
    }
}

/// The rows that are asked about.
#[derive(Debug, Clone, PartialEq)]
pub enum TestRows {
    /// Rows that are spelled out, with the label of each.
    Cases(Vec<(Map<String, Value>, bool)>),
    /// Rows of `--data`, changed.
    Sampled {
        /// How many.
        sample: usize,
        /// Drawn how.
        seed: u64,
        /// Columns that are set, shifted or scaled.
        changes: Vec<Change>,
    },
}

/// A change of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The feature.
    pub column: String,
    /// What becomes of its value.
    pub to: To,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// Each of these in turn.
    Values(Vec<Value>),
    /// So much more.
    Plus(f64),
    /// So many times as much.
    Times(f64),
}

/// Reads and checks a behaviour file. `name` is the file as the user knows it.
pub fn load(name: &str, text: &str) -> Result<Vec<Test>, ConfigError> {
    let file: BehaviourFile = load_yaml(name, text)?;
    let refuse = |field: &str, why: &str| ConfigError::at(name, text, field, why);
    if file.behaviour.is_empty() {
        return Err(refuse(
            "behaviour",
            "holds no test: add one, or leave --behaviour out",
        ));
    }
    let mut tests: Vec<Test> = Vec::new();
    for (at, test) in file.behaviour.iter().enumerate() {
        let field = format!("behaviour[{at}]");
        let made = check(test).map_err(|(key, why)| refuse(&format!("{field}{key}"), &why))?;
        if tests.iter().any(|other| other.name == made.name) {
            return Err(refuse(
                &format!("{field}.name"),
                &format!("`{}` is there twice", made.name),
            ));
        }
        tests.push(made);
    }
    Ok(tests)
}

type Refusal = (String, String);

fn no<T>(key: impl Into<String>, why: impl Into<String>) -> Result<T, Refusal> {
    Err((key.into(), why.into()))
}

fn check(test: &TestFile) -> Result<Test, Refusal> {
    if test.name.trim().is_empty() {
        return no(".name", "is empty");
    }
    let changes = test.change.iter().flatten().enumerate();
    let changes: Vec<Change> = changes.map(|(at, c)| change(at, c)).collect::<Result<_, _>>()?;
    let tolerance = test
        .tolerance
        .unwrap_or(if test.kind == KindWord::Inv { 0.1 } else { 0.0 });
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        return no(
            ".tolerance",
            format!("is {tolerance}; a number from 0 on is needed"),
        );
    }
    let expect = match (test.kind, test.direction) {
        (KindWord::Mft, None) => Expect::Label(test.label.map(|label| binary(".label", label)).transpose()?),
        (KindWord::Inv, None) => Expect::Unmoved(tolerance),
        (KindWord::Dir, Some(direction)) => Expect::Moved(direction, tolerance),
        (KindWord::Dir, None) => return no("", "has no `direction`: increase or decrease"),
        (_, Some(_)) => return no(".direction", "is only for type dir"),
    };
    if test.kind != KindWord::Mft && test.label.is_some() {
        return no(".label", "is only for type mft");
    }
    if test.kind == KindWord::Mft && test.tolerance.is_some() {
        return no(
            ".tolerance",
            "means nothing for type mft: labels are equal or not",
        );
    }
    let rows = match &test.cases {
        Some(_) if test.kind != KindWord::Mft => return no(".cases", "is only for type mft"),
        Some(_) if test.label.is_some() || !changes.is_empty() || test.sample.is_some() => {
            return no(".cases", "stands alone: every case has its own row and label");
        }
        Some(cases) if cases.is_empty() => return no(".cases", "is empty"),
        Some(cases) => TestRows::Cases(
            cases
                .iter()
                .enumerate()
                .map(|(at, case)| {
                    Ok((
                        scalars(&format!(".cases[{at}].row"), &case.row)?,
                        binary(&format!(".cases[{at}].label"), case.label)?,
                    ))
                })
                .collect::<Result<_, Refusal>>()?,
        ),
        None if changes.is_empty() => {
            let or = if test.kind == KindWord::Mft {
                ", or `cases`"
            } else {
                ""
            };
            return no("", format!("has no `change`{or}: there is nothing to try"));
        }
        None if test.kind == KindWord::Mft && test.label.is_none() => {
            return no("", "has no `label`: what must the changed rows get?");
        }
        None => TestRows::Sampled {
            sample: sample(test)?,
            seed: test.seed.unwrap_or(1),
            changes,
        },
    };
    let fixed = matches!(rows, TestRows::Cases(_));
    let rule = test.rule.unwrap_or(if fixed {
        RateRuleWord::Point
    } else {
        RateRuleWord::CiLower
    });
    let min_pass_rate = test.min_pass_rate.unwrap_or(if fixed { 1.0 } else { 0.95 });
    if !(min_pass_rate > 0.0 && min_pass_rate <= 1.0) {
        return no(
            ".min_pass_rate",
            format!("is {min_pass_rate}; a share above 0 up to 1 is needed"),
        );
    }
    if min_pass_rate == 1.0 && rule == RateRuleWord::CiLower {
        return no(
            ".min_pass_rate",
            "is 1, which the lower end of an interval never reaches: use `rule: point`",
        );
    }
    let severity = test.severity.map_or(Severity::Error, Severity::from);
    Ok(Test {
        name: test.name.trim().to_owned(),
        expect,
        rows,
        min_pass_rate,
        rule,
        severity,
    })
}

fn sample(test: &TestFile) -> Result<usize, Refusal> {
    match test.sample.unwrap_or(500) {
        rows @ 1..=1_000_000 => Ok(rows as usize),
        rows => no(".sample", format!("is {rows}; 1 to 1000000 rows are needed")),
    }
}

fn binary(key: &str, label: u8) -> Result<bool, Refusal> {
    match label {
        0 => Ok(false),
        1 => Ok(true),
        other => no(key, format!("is {other}; 0 or 1 is needed")),
    }
}

fn change(at: usize, file: &ChangeFile) -> Result<Change, Refusal> {
    let key = format!(".change[{at}]");
    let to = match (&file.set, file.add, file.multiply, &file.one_of) {
        (Some(value), None, None, None) => To::Values(vec![scalar(&format!("{key}.set"), value)?]),
        (None, Some(by), None, None) => To::Plus(finite(&format!("{key}.add"), by)?),
        (None, None, Some(by), None) => To::Times(finite(&format!("{key}.multiply"), by)?),
        (None, None, None, Some(values)) if values.is_empty() => {
            return no(format!("{key}.one_of"), "is empty");
        }
        (None, None, None, Some(values)) => To::Values(
            values
                .iter()
                .map(|value| scalar(&format!("{key}.one_of"), value))
                .collect::<Result<_, _>>()?,
        ),
        _ => return no(key, "needs exactly one of set, add, multiply and one_of"),
    };
    Ok(Change {
        column: file.column.clone(),
        to,
    })
}

fn finite(key: &str, value: f64) -> Result<f64, Refusal> {
    if value.is_finite() {
        Ok(value)
    } else {
        no(key, format!("is {value}; a number is needed"))
    }
}

fn scalar(key: &str, value: &Value) -> Result<Value, Refusal> {
    match value {
        Value::Array(_) | Value::Object(_) => no(key, "is a list or mapping; a single value is needed"),
        single => Ok(single.clone()),
    }
}

fn scalars(key: &str, row: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    for (column, value) in row {
        scalar(&format!("{key}.{column}"), value)?;
    }
    Ok(row.clone())
}
