//! The rules of the standard's library, with their `mustBe…`.

use step_report::Severity;

use super::super::suite::{Each, How, Piece, as_condition, rest_of};
use super::super::value::{Args, Value};
use super::super::{Found, Meaning, condition};

pub(super) fn quality(place: &str, list: &Value, column: Option<&str>, found: &mut Vec<Found>) {
    for (index, item) in list.list().unwrap_or_default().iter().enumerate() {
        let metric = item
            .text_of("metric")
            .or_else(|| item.text_of("rule"))
            .unwrap_or_default();
        let rule = column.map_or_else(|| metric.to_owned(), |column| format!("{column}.{metric}"));
        found.push(Found::new(
            format!("{place}[{index}]"),
            rule,
            rule_of(item, metric, column),
        ));
    }
}

fn rule_of(item: &Value, metric: &str, column: Option<&str>) -> Result<Meaning, String> {
    let args = Args::new(item.map().ok_or("is no rule")?);
    match args.text("type")? {
        None | Some("library") => {}
        Some("text") => return Err("a rule in words for people cannot be asked".to_owned()),
        Some(other) => return Err(format!("a rule in {other} is for another program")),
    }
    args.ignore(&[
        "metric",
        "rule",
        "name",
        "description",
        "id",
        "tags",
        "dimension",
        "businessImpact",
        "authoritativeDefinitions",
        "customProperties",
        "method",
        "scheduler",
        "schedule",
        "implementation",
    ]);
    let (severity, note) = match args.text("severity")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("error" | "critical" | "high" | "fail" | "failure") => (Severity::Error, None),
        Some(word @ ("warning" | "warn" | "info" | "low" | "medium")) => (
            Severity::Warn,
            Some(format!("of severity {word}, which is a warning here")),
        ),
        Some(other) => return Err(format!("the severity {other} is not known")),
    };
    let percent = match args.text("unit")? {
        None | Some("rows") => false,
        Some("percent" | "%") => true,
        Some(other) => return Err(format!("the unit {other} is not known")),
    };
    let bounds = must_be(&args, percent)?;
    let valid = args.get("validValues").cloned();
    let mut given = args
        .get("arguments")
        .and_then(Value::map)
        .unwrap_or_default()
        .to_vec();
    given.extend(valid.map(|values| ("validValues".to_owned(), values)));
    args.finish()?;
    let arguments = Args::new(&given);
    let asked = Asked {
        column,
        bounds,
        percent,
        severity,
    };
    let meaning = asked.meaning(metric, &arguments)?;
    arguments.finish()?;
    Ok(meaning.noted(note))
}

type Ends = (Option<f64>, Option<f64>);

/// The bounds of a count, or of a share.
fn must_be(args: &Args<'_>, percent: bool) -> Result<Ends, String> {
    let scale = |value: f64| if percent { share_of(value) } else { value };
    let above = |value: f64| {
        if percent {
            share_of(value).next_up()
        } else {
            value.floor() + 1.0
        }
    };
    let below = |value: f64| {
        if percent {
            share_of(value).next_down()
        } else {
            value.ceil() - 1.0
        }
    };
    for never in ["mustNotBe", "mustNotBeBetween"] {
        if args.get(never).is_some() {
            return Err(format!("`{never}` has no word here"));
        }
    }
    if let Some(exact) = args.number("mustBe")? {
        return Ok((Some(scale(exact)), Some(scale(exact))));
    }
    if let Some(pair) = args.get("mustBeBetween") {
        return match pair.list() {
            Some([min, max]) => Ok((min.number().map(scale), max.number().map(scale))),
            _ => Err("`mustBeBetween` is no pair of numbers".to_owned()),
        };
    }
    let or = |a: &str, b: &str| Ok::<_, String>(args.number(a)?.or(args.number(b)?));
    let min = match args.number("mustBeGreaterThan")? {
        Some(min) => Some(above(min)),
        None => or("mustBeGreaterOrEqualTo", "mustBeGreaterThanOrEqualTo")?.map(scale),
    };
    let max = match args.number("mustBeLessThan")? {
        Some(max) => Some(below(max)),
        None => or("mustBeLessOrEqualTo", "mustBeLessThanOrEqualTo")?.map(scale),
    };
    if min.is_none() && max.is_none() {
        return Err("bounds nothing: it has no `mustBe…`".to_owned());
    }
    Ok((min, max))
}

/// A percentage as a share, in as many digits as it was written with: 5.1 is 0.051.
fn share_of(percent: f64) -> f64 {
    let digits = percent
        .to_string()
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len())
        + 2;
    format!("{:.*}", digits, percent / 100.0)
        .parse()
        .unwrap_or(percent / 100.0)
}

/// A rule of the library.
struct Asked<'a> {
    column: Option<&'a str>,
    bounds: Ends,
    percent: bool,
    severity: Severity,
}

impl Asked<'_> {
    fn meaning(&self, metric: &str, arguments: &Args<'_>) -> Result<Meaning, String> {
        match (metric, self.column) {
            ("rowCount", None) if !self.percent => Ok(self.figure("row_count")),
            ("nullValues" | "nullCheck", Some(_)) => Ok(self.nulls()),
            ("missingValues", Some(column)) => self.missing(column, arguments),
            ("invalidValues" | "validValues", Some(column)) => self.invalid(column, arguments),
            ("duplicateValues" | "duplicateCount", _) => self.duplicates(arguments),
            _ => Err("there is no such rule here".to_owned()),
        }
    }

    fn figure(&self, key: &'static str) -> Meaning {
        Meaning::rules([Piece::Figure {
            column: self.column.map(str::to_owned),
            key,
            min: self.bounds.0,
            max: self.bounds.1,
            severity: self.severity,
        }])
    }

    fn nulls(&self) -> Meaning {
        self.figure(if self.percent { "null_rate" } else { "null_count" })
    }

    /// Whether none may be; else the share that may, which no count is.
    fn allowed(&self) -> Result<f64, String> {
        match self.bounds {
            (None | Some(0.0), Some(0.0)) => Ok(0.0),
            (None, Some(most)) if self.percent && (0.0..=1.0).contains(&most) => Ok(most),
            (None, Some(most)) if self.percent => Err(format!("{most} is no share")),
            (None, Some(_)) => {
                Err("a number of such rows has no word here, but none, or a percentage".to_owned())
            }
            _ => Err("that there must be some has no word here".to_owned()),
        }
    }

    fn missing(&self, column: &str, arguments: &Args<'_>) -> Result<Meaning, String> {
        let words = match arguments.get("missingValues") {
            None => return Ok(self.nulls()),
            Some(words) => words.list().ok_or("`missingValues` is no list")?,
        };
        let (nulls, words): (Vec<Value>, Vec<Value>) =
            words.iter().cloned().partition(|word| *word == Value::Null);
        if words.is_empty() {
            return Ok(self.nulls());
        }
        let each = Each::NotInSet(words);
        let text = as_condition(column, &each);
        let allowed = self.allowed()?;
        let how = How {
            mostly: rest_of(allowed),
            ..How::severe(self.severity)
        };
        Ok(match (allowed > 0.0, nulls.is_empty()) {
            (false, true) => Meaning::rules([Piece::each(column, each, how)]),
            (false, false) => Meaning::rules([
                Piece::each(column, Each::NotNull, how.clone()),
                Piece::each(column, each, how),
            ]),
            (true, true) => Meaning::rules([Piece::Condition {
                text: format!("coalesce({text}, true)"),
                how,
            }]),
            (true, false) => {
                let text = format!("{} and {text}", as_condition(column, &Each::NotNull));
                Meaning::rules([Piece::Condition { text, how }])
            }
        })
    }

    fn invalid(&self, column: &str, arguments: &Args<'_>) -> Result<Meaning, String> {
        let each = match (arguments.get("validValues"), arguments.text("pattern")?) {
            (Some(_), None) => Each::InSet(arguments.need_set("validValues")?),
            (None, Some(pattern)) => Each::Regex(condition::pattern(pattern)?),
            _ => return Err("needs either `validValues` or `pattern`".to_owned()),
        };
        let allowed = self.allowed()?;
        let how = How {
            mostly: rest_of(allowed),
            ..How::severe(self.severity)
        };
        if allowed > 0.0 {
            // Of all rows, those without a value among them.
            let text = format!("coalesce({}, true)", as_condition(column, &each));
            return Ok(Meaning::rules([Piece::Condition { text, how }]));
        }
        Ok(Meaning::rules([Piece::each(column, each, how)]))
    }

    fn duplicates(&self, arguments: &Args<'_>) -> Result<Meaning, String> {
        let columns = match self.column {
            Some(column) => vec![column.to_owned()],
            None => arguments.need_texts("properties")?,
        };
        if self.bounds.0.is_some_and(|min| min > 0.0) {
            return Err("that there must be some has no word here".to_owned());
        }
        let Some(most) = self.bounds.1 else {
            return Err("that there may be any number asks nothing".to_owned());
        };
        match columns.as_slice() {
            [one] if most == 0.0 => Ok(Meaning::rules([Piece::flag(one, "unique", self.severity)])),
            _ if most == 0.0 => Ok(Meaning::key(columns, self.severity)),
            [one] if self.percent => Ok(Meaning::rules([Piece::Figure {
                column: Some(one.clone()),
                key: "unique_rate",
                min: Some(rest_of(most)),
                max: None,
                severity: self.severity,
            }])
            .losing("the standard does not say what is a duplicate among equals; here each value after the first is one")),
            _ if self.percent => Err("a percentage of duplicates of a key has no word here".to_owned()),
            _ => Ok(Meaning::rules([Piece::Repeated(columns, most as u64, self.severity)])
                .losing("the standard does not say what is a duplicate among equals; here each row after the first is one")),
        }
    }
}
