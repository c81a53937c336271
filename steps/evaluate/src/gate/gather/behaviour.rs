//! Asks the model the behavioural tests: rows as they are, and as the test changes them.

use kserve_api::{Column, FeatureTable, InferenceClient};
use serde_json::{Map, Value};
use step_contract::nearest;
use step_runtime::{Context, StepError};

use super::endpoint::{ask as scores_of, client, refused};
use super::table::Frame;
use crate::comparison::SplitMix64;
use crate::config::behaviour::{Change, Test, TestRows, To};
use crate::evidence::{Ids, Tried, TriedRow};
use crate::gate::cli::GateArgs;

/// Variants of one row that a test may ask about: lists of several columns multiply.
const MOST_VARIANTS: usize = 100;

/// The answers to every test, in their order.
pub(super) async fn ask(
    args: &GateArgs,
    tests: &[Test],
    (frame, ids): (&Frame, &Ids),
    names: &[String],
    cx: &Context,
) -> Result<Vec<Tried>, StepError> {
    let (Some(url), Some(model)) = (&args.endpoint, &args.model) else {
        return Err(StepError::internal("no endpoint after the flags were checked"));
    };
    let client = client(url, model, args, cx).await?;
    let asker = Asker {
        args,
        client,
        frame,
        ids,
        names,
        cx,
    };
    let mut tried = Vec::new();
    for test in tests {
        tried.push(match &test.rows {
            TestRows::Cases(cases) => asker.cases(test, cases).await?,
            TestRows::Sampled {
                sample,
                seed,
                changes,
            } => asker.changed(test, *sample, *seed, changes).await?,
        });
    }
    Ok(tried)
}

struct Asker<'a> {
    args: &'a GateArgs,
    client: InferenceClient,
    frame: &'a Frame,
    ids: &'a Ids,
    names: &'a [String],
    cx: &'a Context,
}

impl Asker<'_> {
    async fn score(&self, columns: Vec<(String, Column)>) -> Result<Vec<f64>, StepError> {
        let table = FeatureTable::new(columns).map_err(|error| refused(&error))?;
        scores_of(&self.client, &table, self.args, self.cx).await
    }

    fn feature(&self, test: &Test, name: &str) -> Result<&Column, StepError> {
        self.frame.feature(name).ok_or_else(|| {
            let hint = nearest(name, self.names.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            StepError::usage(format!("behaviour `{}`: `{name}` is no feature{hint}", test.name))
        })
    }

    async fn cases(&self, test: &Test, cases: &[(Map<String, Value>, bool)]) -> Result<Tried, StepError> {
        for (case, (row, _)) in cases.iter().enumerate() {
            for name in row.keys() {
                self.feature(test, name)?;
            }
            if let Some(lacking) = self.names.iter().find(|name| !row.contains_key(*name)) {
                return Err(StepError::usage(format!(
                    "behaviour `{}`: case {case} has no `{lacking}`: a case spells out every feature",
                    test.name
                )));
            }
        }
        let mut columns = Vec::new();
        for name in self.names {
            let kind = self.feature(test, name)?;
            let values: Vec<&Value> = cases.iter().map(|(row, _)| &row[name]).collect();
            columns.push((
                name.clone(),
                typed(kind, &values).map_err(|why| self.wrong(test, name, &why))?,
            ));
        }
        let scores = self.score(columns).await?;
        let rows = cases
            .iter()
            .zip(scores)
            .enumerate()
            .map(|(case, ((_, label), score))| TriedRow {
                id: format!("case {case}"),
                label: Some(*label),
                before: None,
                after: vec![score],
            });
        Ok(Tried { rows: rows.collect() })
    }

    fn wrong(&self, test: &Test, name: &str, why: &str) -> StepError {
        StepError::usage(format!("behaviour `{}`: column `{name}`: {why}", test.name))
    }

    async fn changed(
        &self,
        test: &Test,
        sample: usize,
        seed: u64,
        changes: &[Change],
    ) -> Result<Tried, StepError> {
        for change in changes {
            self.feature(test, &change.column)?;
        }
        let rows = drawn(self.ids, sample, seed);
        if rows.is_empty() {
            return Ok(Tried::default());
        }
        let mut base = Vec::new();
        for name in self.names {
            base.push((name.clone(), picked(self.feature(test, name)?, &rows)));
        }
        let before = self.score(base.clone()).await?;
        let mut tried: Vec<TriedRow> = rows
            .iter()
            .zip(before)
            .map(|(row, score)| TriedRow {
                id: self.ids.get(*row).to_owned(),
                before: Some(score),
                ..TriedRow::default()
            })
            .collect();
        for variant in
            variants(changes).map_err(|why| StepError::usage(format!("behaviour `{}`: {why}", test.name)))?
        {
            let mut columns = base.clone();
            for (column, step) in variant {
                if let Some((name, values)) = columns.iter_mut().find(|(name, _)| name == column) {
                    *values = step.apply(values).map_err(|why| self.wrong(test, name, &why))?;
                }
            }
            for (row, score) in tried.iter_mut().zip(self.score(columns).await?) {
                row.after.push(score);
            }
        }
        Ok(Tried { rows: tried })
    }
}

/// Rows drawn without replacement from the rows in the order of their ids, so that the order of a file does not
/// matter.
fn drawn(ids: &Ids, sample: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..ids.len()).collect();
    rows.sort_by(|a, b| ids.get(*a).cmp(ids.get(*b)));
    let mut random = SplitMix64::new(seed);
    let size = sample.min(rows.len());
    for at in 0..size {
        let other = at + random.below((rows.len() - at) as u32) as usize;
        rows.swap(at, other);
    }
    rows.truncate(size);
    rows
}

fn picked(column: &Column, rows: &[usize]) -> Column {
    fn pick<T: Clone>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
        rows.iter().map(|row| values[*row].clone()).collect()
    }
    match column {
        Column::Float(values) => Column::Float(pick(values, rows)),
        Column::Int(values) => Column::Int(pick(values, rows)),
        Column::Bool(values) => Column::Bool(pick(values, rows)),
        Column::Text(values) => Column::Text(pick(values, rows)),
    }
}

/// One step of one variant.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Set(&'a Value),
    Plus(f64),
    Times(f64),
}

/// Every combination of what the changes ask for.
fn variants(changes: &[Change]) -> Result<Vec<Vec<(&str, Step<'_>)>>, String> {
    let mut all: Vec<Vec<(&str, Step<'_>)>> = vec![Vec::new()];
    for change in changes {
        let steps: Vec<Step<'_>> = match &change.to {
            To::Values(values) => values.iter().map(Step::Set).collect(),
            To::Plus(by) => vec![Step::Plus(*by)],
            To::Times(by) => vec![Step::Times(*by)],
        };
        all = all
            .iter()
            .flat_map(|so_far| {
                steps
                    .iter()
                    .map(move |step| [so_far.as_slice(), &[(change.column.as_str(), *step)]].concat())
            })
            .collect();
        if all.len() > MOST_VARIANTS {
            return Err(format!(
                "its changes make more than {MOST_VARIANTS} variants of every row"
            ));
        }
    }
    Ok(all)
}

impl Step<'_> {
    fn apply(self, column: &Column) -> Result<Column, String> {
        let numbers = |of: &dyn Fn(f64) -> f64| -> Result<Column, String> {
            match column {
                Column::Float(values) => Ok(Column::Float(values.iter().map(|v| v.map(of)).collect())),
                Column::Int(values) => {
                    let moved: Vec<Option<f64>> = values.iter().map(|v| v.map(|v| of(v as f64))).collect();
                    // A whole number that stays whole stays an integer on the wire.
                    if moved.iter().flatten().all(|v| v.fract() == 0.0 && v.abs() < 9e15) {
                        Ok(Column::Int(
                            moved.into_iter().map(|v| v.map(|v| v as i64)).collect(),
                        ))
                    } else {
                        Ok(Column::Float(moved))
                    }
                }
                _ => Err("it is no number: only `set` and `one_of` change it".to_owned()),
            }
        };
        match self {
            Self::Plus(by) => numbers(&|value| value + by),
            Self::Times(by) => numbers(&|value| value * by),
            Self::Set(value) => typed(column, &vec![value; len(column)]),
        }
    }
}

fn len(column: &Column) -> usize {
    match column {
        Column::Float(values) => values.len(),
        Column::Int(values) => values.len(),
        Column::Bool(values) => values.len(),
        Column::Text(values) => values.len(),
    }
}

/// Values of a config file as a column of the kind that the data has.
fn typed(kind: &Column, values: &[&Value]) -> Result<Column, String> {
    let each = |wanted: &str, of: &dyn Fn(&Value) -> bool| -> Result<(), String> {
        match values.iter().find(|value| !value.is_null() && !of(value)) {
            Some(odd) => Err(format!("{odd} is no {wanted}, which the data has there")),
            None => Ok(()),
        }
    };
    match kind {
        Column::Text(_) => {
            each("text", &Value::is_string)?;
            Ok(Column::Text(
                values
                    .iter()
                    .map(|value| value.as_str().map(str::to_owned))
                    .collect(),
            ))
        }
        Column::Bool(_) => {
            each("boolean", &Value::is_boolean)?;
            Ok(Column::Bool(values.iter().map(|value| value.as_bool()).collect()))
        }
        Column::Int(_) if values.iter().all(|value| value.is_null() || value.is_i64()) => {
            Ok(Column::Int(values.iter().map(|value| value.as_i64()).collect()))
        }
        Column::Int(_) | Column::Float(_) => {
            each("number", &Value::is_number)?;
            Ok(Column::Float(values.iter().map(|value| value.as_f64()).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_does_not_depend_on_the_order_of_the_file() {
        let ids: Ids = (0..50).map(|i| format!("{i:02}")).collect();
        let turned: Ids = (0..50).rev().map(|i| format!("{i:02}")).collect();
        let name = |ids: &Ids, rows: Vec<usize>| {
            rows.into_iter()
                .map(|row| ids.get(row).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            name(&ids, drawn(&ids, 10, 3)),
            name(&turned, drawn(&turned, 10, 3))
        );
        assert_eq!(drawn(&ids, 80, 3).len(), 50);
    }

    #[test]
    fn whole_numbers_stay_whole_and_text_cannot_grow() {
        let ints = Column::Int(vec![Some(2), None]);
        assert_eq!(Step::Plus(3.0).apply(&ints), Ok(Column::Int(vec![Some(5), None])));
        assert_eq!(
            Step::Times(0.25).apply(&ints),
            Ok(Column::Float(vec![Some(0.5), None]))
        );
        let text = Column::Text(vec![Some("UA".into())]);
        assert!(Step::Plus(1.0).apply(&text).unwrap_err().contains("no number"));
        assert!(
            Step::Set(&Value::from(3))
                .apply(&text)
                .unwrap_err()
                .contains("3 is no text")
        );
        assert_eq!(Step::Set(&Value::Null).apply(&text), Ok(Column::Text(vec![None])));
    }

    #[test]
    fn lists_of_two_columns_multiply() {
        let list = |column: &str, n: i64| Change {
            column: column.to_owned(),
            to: To::Values((0..n).map(Value::from).collect()),
        };
        assert_eq!(variants(&[list("a", 2), list("b", 3)]).unwrap().len(), 6);
        assert!(variants(&[list("a", 20), list("b", 20)]).is_err());
    }
}
