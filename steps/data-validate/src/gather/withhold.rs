//! What of the data itself goes into reports: examples, or only where they stand, or nothing.

use super::column::ColumnMeasured;
use super::examples::Example;
use super::part::TablePart;
use super::values::{Spot, Violations};
use super::{Evidence, TableEvidence};

/// How much of the data is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// So many examples a check, with their values.
    Values(usize),
    /// So many examples a check, by their places alone.
    Places(usize),
    /// Counts only.
    Nothing,
}

/// Takes out of the evidence what is not to be shown. Counts stay as they are; of profiles the most frequent values go.
pub fn withhold(evidence: &mut Evidence, show: Show) {
    for table in &mut evidence.tables {
        of_table(table, show);
    }
    let relations = evidence.relations.iter_mut().flatten();
    relations.for_each(|relation| examples(&mut relation.examples, show));
    for split in &mut evidence.splits {
        let more = split.same_rows.iter_mut().chain(&mut split.group);
        let new = split.new.iter_mut().map(|(_, found)| found);
        let overlaps = std::iter::once(&mut split.overlap)
            .chain(more)
            .chain(new)
            .flatten();
        overlaps.for_each(|overlap| examples(&mut overlap.examples, show));
        if let Some(Ok(label)) = &mut split.label
            && !matches!(show, Show::Values(_))
        {
            "a value".clone_into(&mut label.value);
        }
    }
}

/// The same of a part, as far as values that it takes to go on judging may go: ends, sketches, the first and the last of a
/// sequence stay. Which examples are of most rows is known when the parts are put together, so none is cut here.
pub fn withhold_part(part: &mut TablePart, show: Show) {
    if matches!(show, Show::Values(_)) {
        return;
    }
    part.columns.values_mut().for_each(|profile| profile.top = None);
    let Some(evidence) = &mut part.evidence else {
        return;
    };
    let sequences = evidence
        .columns
        .values_mut()
        .flat_map(|column| &mut column.sequences);
    sequences.for_each(|sequence| sequence.show_ends(place));
    let columns = evidence
        .columns
        .values_mut()
        .flat_map(ColumnMeasured::violations_mut);
    let conditions = evidence
        .conditions
        .iter_mut()
        .map(|condition| &mut condition.rows);
    for found in columns.chain(conditions) {
        let values = std::mem::take(&mut found.values);
        if matches!(show, Show::Places(_)) {
            // By their places: two parts must not take different values for one.
            found.values = values
                .into_values()
                .map(|(rows, spot)| (place(spot), (rows, spot)))
                .collect();
        }
    }
    let relations = evidence
        .relations
        .values_mut()
        .flatten()
        .map(|found| &mut found.orphans);
    let keys = evidence.keys.iter_mut().map(|(_, keys)| keys);
    for keys in keys.chain(relations) {
        match show {
            Show::Places(_) => {
                for example in &mut keys.examples {
                    example.value = example.spot.map_or_else(String::new, place);
                }
            }
            _ => keys.examples.clear(),
        }
    }
}

fn place(spot: Spot) -> String {
    format!("file {}, row {} (withheld)", spot.object, spot.place.row)
}

fn of_table(table: &mut TableEvidence, show: Show) {
    for column in table.columns.values_mut() {
        column.violations_mut().for_each(|found| violations(found, show));
        if let Some(profile) = &mut column.profile
            && !matches!(show, Show::Values(_))
        {
            profile.top = None;
        }
    }
    for condition in &mut table.conditions {
        violations(&mut condition.rows, show);
    }
    table
        .keys
        .values_mut()
        .flatten()
        .for_each(|key| examples(&mut key.examples, show));
}

fn violations(found: &mut Violations, show: Show) {
    match show {
        Show::Values(most) => found.keep_top(most),
        Show::Places(most) => {
            found.keep_top(most);
            let values = std::mem::take(&mut found.values).into_values();
            found.values = hidden(values).collect();
        }
        Show::Nothing => found.values.clear(),
    }
}

fn examples(found: &mut Vec<Example>, show: Show) {
    match show {
        Show::Values(_) => {}
        Show::Places(_) => {
            let mut number = 0;
            for example in found {
                number += 1;
                example.value = format!("value {number} (withheld)");
            }
        }
        Show::Nothing => found.clear(),
    }
}

fn hidden<T>(values: impl Iterator<Item = T>) -> impl Iterator<Item = (String, T)> {
    values
        .enumerate()
        .map(|(index, value)| (format!("value {} (withheld)", index + 1), value))
}
