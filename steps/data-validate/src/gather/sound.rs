//! Whether what a profile says of a table can be: counts are held against each other, for judging subtracts and divides them.

use tabular::ColumnProfile;
use tabular::profile::COLUMN_PROFILE_SCHEMA;

use super::column::ColumnMeasured;
use super::part::{KeyPart, PartEvidence, TablePart};
use super::quantile::FirstPass;
use super::values::Violations;

/// Rows that can be counted, of all parts together: sums of counts stay far from the end of 64 bits.
pub(super) const MOST_ROWS: u64 = 1 << 56;

impl TablePart {
    /// Rows that were looked at, and those that were not.
    pub(super) fn all_rows(&self) -> u64 {
        let left = self.evidence.as_ref().map(|evidence| evidence.left);
        let left = left.map_or(0, |left| {
            [left.outside, left.undated, left.aside, left.unsampled]
                .into_iter()
                .fold(0, u64::saturating_add)
        });
        self.rows.saturating_add(left)
    }

    /// The field that cannot be, and why.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let rows = self.all_rows();
        if rows > MOST_ROWS {
            return Some(format!("rows is {rows}; at most {MOST_ROWS} can be counted"));
        }
        let evidence = self.evidence.as_ref().and_then(|evidence| {
            let why = evidence.contradiction(rows)?;
            Some(format!("evidence.{why}"))
        });
        evidence.or_else(|| {
            self.columns.iter().find_map(|(name, column)| {
                let why = of_profile(name, column, self.rows)?;
                Some(format!("columns.{name}.{why}"))
            })
        })
    }
}

impl PartEvidence {
    fn contradiction(&self, rows: u64) -> Option<String> {
        if let Some(object) = self
            .objects
            .values()
            .find(|object| object.schema >= self.schemas.len())
        {
            let (uri, number, known) = (&object.uri, object.schema, self.schemas.len());
            return Some(format!(
                "objects: {uri} has the columns number {number}, of {known}"
            ));
        }
        let columns = self.columns.iter().find_map(|(name, column)| {
            let why = of_column(column, rows)?;
            Some(format!("columns.{name}.{why}"))
        });
        let conditions = self.conditions.iter().enumerate().find_map(|(number, found)| {
            let parts = [found.aside, found.unknown, found.rows.tested];
            let why =
                more("aside, unknown and tested", &parts, rows).or_else(|| of_values(&found.rows, rows))?;
            Some(format!("conditions[{number}].{why}"))
        });
        let keys = self.keys.iter().enumerate().find_map(|(number, (_, keys))| {
            let why = of_keys(keys, rows)?;
            Some(format!("keys[{number}].{why}"))
        });
        let pairs = self.pairs.iter().enumerate().find_map(|(number, pair)| {
            let why = more("count", &[pair.pairs.count], rows)?;
            Some(format!("pairs[{number}].{why}"))
        });
        let relations = self.relations.iter().find_map(|(number, found)| {
            let why = of_keys(&found.as_ref().ok()?.orphans, rows)?;
            Some(format!("relations[{number}].orphans.{why}"))
        });
        columns.or(conditions).or(keys).or(pairs).or(relations)
    }
}

/// Whether some counts are together more than all.
fn more(what: &str, counts: &[u64], all: u64) -> Option<String> {
    let sum = counts.iter().map(|count| u128::from(*count)).sum::<u128>();
    (sum > u128::from(all)).then(|| format!("{what}: {sum}, of {all}"))
}

fn of_profile(name: &str, column: &ColumnProfile, rows: u64) -> Option<String> {
    let ColumnProfile { schema, nulls, .. } = column;
    if schema != COLUMN_PROFILE_SCHEMA {
        return Some(format!(
            "schema is `{schema}`, this step reads `{COLUMN_PROFILE_SCHEMA}`"
        ));
    }
    if column.name != name {
        return Some(format!("name is `{}`", column.name));
    }
    if column.rows > rows {
        return Some(format!("rows is {}, and the table has {rows}", column.rows));
    }
    if *nulls > column.rows {
        return Some(format!("nulls is {nulls}, of {} rows", column.rows));
    }
    let values = column.values();
    let others = column.nan.saturating_add(column.infinite);
    if others > values {
        return Some(format!("nan is {}, of {values} values", column.nan));
    }
    if let Some(numbers) = &column.numbers {
        let (counted, held) = (numbers.moments.count, numbers.quantiles.weighted());
        if counted > values - others {
            return Some(format!("numbers.moments.count is {counted}, of {values} values"));
        }
        let all: u128 = held.iter().map(|(_, weight)| u128::from(*weight)).sum();
        if all != u128::from(counted) {
            return Some(format!(
                "numbers.quantiles stands for {all} values, and numbers.moments for {counted}"
            ));
        }
    }
    let lengths = column.lengths.as_ref().map_or(0, |lengths| lengths.count);
    if lengths > values {
        return Some(format!("lengths.count is {lengths}, of {values} values"));
    }
    if let Some(top) = &column.top {
        let counted: u128 = top
            .most(usize::MAX)
            .iter()
            .map(|(_, count)| u128::from(*count))
            .sum();
        if counted > u128::from(values) {
            return Some(format!("top counts {counted} values, of {values}"));
        }
    }
    None
}

fn of_column(column: &ColumnMeasured, rows: u64) -> Option<String> {
    let ColumnMeasured {
        nulls, nan, infinite, ..
    } = column;
    let counted = |first: &FirstPass| match first {
        FirstPass::Counted(counts) => counts.values().map(|rows| u128::from(*rows)).sum(),
        FirstPass::Sketched(sketch) => u128::from(sketch.count()),
    };
    let numbers = [column.moments.count, *nan, *infinite];
    let quantiles = column.quantiles.as_ref().map_or(0, counted);
    more("rows", &[column.rows], rows)
        .or_else(|| {
            more(
                "nulls and malformed",
                &[*nulls, column.malformed.bad],
                column.rows,
            )
        })
        .or_else(|| more("moments.count, nan and infinite", &numbers, column.rows - nulls))
        .or_else(|| {
            (quantiles > u128::from(column.moments.count))
                .then(|| format!("quantiles: {quantiles} values, of {}", column.moments.count))
        })
        .or_else(|| {
            let named = column.named.iter().flatten();
            named
                .into_iter()
                .find_map(|named| more("named", &[*named], column.rows))
        })
        .or_else(|| {
            let mut frozen = column.frozen.iter().flatten();
            frozen.find_map(|counts| {
                let all: Vec<u64> = counts
                    .bins
                    .iter()
                    .chain([&counts.nulls, &counts.odd])
                    .copied()
                    .collect();
                more("frozen", &all, column.rows)
            })
        })
        .or_else(|| {
            let tests = column.tests.values().flatten();
            let sequences = column.sequences.iter().map(|sequence| &sequence.bad);
            tests
                .chain(sequences)
                .find_map(|found| of_values(found, column.rows))
        })
        .or_else(|| {
            let (first, last) = column.times?;
            (first > last).then(|| format!("times: {first} is after {last}"))
        })
}

fn of_values(found: &Violations, rows: u64) -> Option<String> {
    let kept: Vec<u64> = found.values.values().map(|(rows, _)| *rows).collect();
    more("tested", &[found.tested], rows)
        .or_else(|| more("bad", &[found.bad], found.tested))
        .or_else(|| more("values", &kept, found.bad))
}

fn of_keys(keys: &KeyPart, rows: u64) -> Option<String> {
    let examples: Vec<u64> = keys.examples.iter().map(|example| example.rows).collect();
    more("looked_at and with_null", &[keys.looked_at, keys.with_null], rows)
        .or_else(|| keys.keys.contradiction(keys.looked_at))
        .or_else(|| more("examples", &examples, keys.looked_at))
}
