//! The parsed files, and the rows that they have in common.

use provenance::Digest;
use step_report::{Input, Note};
use step_runtime::StepError;

use super::columns::{self, Words};
use super::table::Frame;
use super::{Plan, pair};
use crate::decide::count;
use crate::evidence::{Groups, Ids, Rows, Scores};

/// All that files say, the rows in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The rows that are judged on as they stand in their files: for questions to a model.
    pub base: Frame,
    /// Where each row stands there.
    pub order: Vec<u32>,
    /// What is true of them whatever a model says.
    pub rows: Rows,
    /// Scores that came in a file.
    pub challenger: Option<Scores>,
    /// Scores that came in a file.
    pub champion: Option<Scores>,
    /// The files.
    pub inputs: Vec<(Input, Option<Digest>)>,
    /// Remarks.
    pub notes: Vec<Note>,
}

/// A file with its rows in the order of their ids.
#[derive(Debug, Default)]
struct Table {
    frame: Frame,
    order: Vec<u32>,
}

/// The files. The first is the one whose rows are judged on.
pub(super) struct Tables {
    base: Table,
    /// The predictions, when they are not the base.
    predictions: Option<Table>,
    champion: Option<Table>,
    inputs: Vec<(Input, Option<Digest>)>,
    notes: Vec<Note>,
}

impl Tables {
    /// Cuts every file to the window and pairs the rows.
    pub(super) fn new(
        data: Option<Frame>,
        predictions: Option<Frame>,
        champion: Option<Frame>,
        plan: &Plan,
    ) -> Result<Self, StepError> {
        let all = [&data, &predictions, &champion];
        let inputs = all.into_iter().flatten().map(input).collect();
        let (base, predictions) = match data {
            Some(data) => (data, predictions),
            None => (predictions.unwrap_or_default(), None),
        };
        let base = Table::new(base, plan)?;
        let (frame, mut notes) = (&base.frame, Vec::new());
        if frame.left_out > 0 {
            notes.push(Note::info(format!(
                "{} of {} outside of the window of the dataset: not validated, and not judged on.",
                count(frame.left_out as u64, "row", "rows"),
                if frame.left_out == 1 {
                    "the data lies"
                } else {
                    "the data lie"
                },
            )));
        }
        let outside = pair::sorted(&frame.outside);
        let paired = |other: Option<Frame>| -> Result<Option<Table>, StepError> {
            let Some(mut other) = other else { return Ok(None) };
            if !outside.is_empty() {
                let keep: Vec<bool> = other
                    .ids
                    .iter()
                    .map(|id| {
                        !pair::holds(&frame.outside, &outside, id) || pair::holds(&frame.ids, &base.order, id)
                    })
                    .collect();
                other.retain(&keep);
            }
            let other = Table::new(other, plan)?;
            pair::matched(base.side(), other.side())?;
            Ok(Some(other.without_ids()))
        };
        let (predictions, champion) = (paired(predictions)?, paired(champion)?);
        Ok(Self {
            base,
            predictions,
            champion,
            inputs,
            notes,
        })
    }

    /// Takes out what the gates need.
    pub(super) fn read(mut self, plan: &Plan) -> Result<Read, StepError> {
        let labels = self.labels(plan)?;
        let groups = |names: &[String]| -> Result<Vec<Groups>, StepError> {
            names.iter().map(|name| self.groups(plan, name)).collect()
        };
        let (slices, sensitive) = (groups(&plan.slices)?, groups(&plan.sensitive)?);
        let scores = |table: &mut Table| std::mem::take(&mut table.frame.scores).ordered(&table.order);
        let challenger = match &mut self.predictions {
            Some(table) => Some(scores(table)),
            None if plan.scored_in_base => Some(scores(&mut self.base)),
            None => None,
        };
        let champion = self.champion.as_mut().map(scores);
        let Table { mut frame, order } = self.base;
        // Only questions to a model need the ids in the order of the file.
        let ids = if plan.features.is_empty() {
            std::mem::take(&mut frame.ids).ordered(&order)
        } else {
            frame.ids.ordered(&order)
        };
        Ok(Read {
            base: frame,
            order,
            rows: Rows {
                ids,
                labels,
                slices,
                sensitive,
            },
            challenger,
            champion,
            inputs: self.inputs,
            notes: self.notes,
        })
    }

    /// The file that a column was read from.
    fn home(&self, name: &str) -> Option<(&Table, &Words)> {
        let tables = std::iter::once(&self.base).chain(&self.predictions);
        tables
            .filter_map(|table| Some((table, table.frame.words(name)?)))
            .next()
    }

    fn groups(&self, plan: &Plan, name: &str) -> Result<Groups, StepError> {
        match self.home(name) {
            Some((table, words)) => {
                columns::groups((&table.frame.name, name), words, &table.order, plan.most_slices)
            }
            None => Ok(Groups {
                column: name.to_owned(),
                ..Groups::default()
            }),
        }
    }

    /// The truth. Files that carry it too must agree on it: else their rows are not the same rows.
    fn labels(&self, plan: &Plan) -> Result<Vec<bool>, StepError> {
        let Table { frame, order } = &self.base;
        let read = |table: &Table, words: &Words| {
            let id = |row: usize| {
                let place = table.order.iter().position(|other| *other as usize == row);
                let named = place.and_then(|place| order.get(place));
                named.map_or_else(String::new, |row| frame.ids.get(*row as usize).to_owned())
            };
            let named = (&*table.frame.name, &*plan.label);
            columns::labels(named, words, (&table.order, &id), plan.positive.as_deref())
        };
        let Some((home, words)) = self.home(&plan.label) else {
            return Ok(Vec::new());
        };
        let labels = read(home, words)?;
        let others = self.predictions.iter().chain(&self.champion);
        for other in others.filter(|other| other.frame.name != home.frame.name) {
            let Some(words) = other.frame.words(&plan.label) else {
                continue;
            };
            let theirs = read(other, words)?;
            let odd: Vec<usize> = (0..labels.len())
                .filter(|row| labels[*row] != theirs[*row])
                .collect();
            if let Some(first) = odd.first() {
                return Err(StepError::usage(format!(
                    "{} and {}: the labels of {} differ (the first is id {}): these are not the same rows",
                    home.frame.name,
                    other.frame.name,
                    count(odd.len() as u64, "id", "ids"),
                    frame.ids.get(order[*first] as usize)
                )));
            }
        }
        Ok(labels)
    }
}

impl Table {
    fn new(frame: Frame, plan: &Plan) -> Result<Self, StepError> {
        let column = plan.id.as_deref().unwrap_or_default();
        let order = pair::order(&frame.name, column, &frame.ids)?;
        Ok(Self { frame, order })
    }

    fn side(&self) -> pair::Side<'_> {
        (&self.frame.name, &self.frame.ids, &self.order)
    }

    /// Once its rows are paired they are known by the ids of the base.
    fn without_ids(mut self) -> Self {
        self.frame.ids = Ids::default();
        self
    }
}

fn input(frame: &Frame) -> (Input, Option<Digest>) {
    let uri = match frame.objects.as_slice() {
        [only] => only.uri.clone(),
        [] => String::new(),
        objects => format!("{} and {} more", objects[0].uri, objects.len() - 1),
    };
    (
        Input::new(&*frame.name, uri).rows(frame.rows as u64),
        frame.digest(),
    )
}
