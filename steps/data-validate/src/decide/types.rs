//! What the values of a column are.

use step_report::{Bound, Check};

use super::{on_column, sample, say, such_as};
use crate::config::{ColumnRules, TableRules};
use crate::gather::TableEvidence;
use crate::gather::fields::FieldEvidence;
use crate::gather::values::Violations;

/// Cells that cannot be read in columns that rows are compared by, and that have no rules of their own: their rows are in
/// no key, so that every check over the key is blind to them.
pub(super) fn compared(rules: Option<&TableRules>, table: &TableEvidence, checks: &mut Vec<Check>) {
    for field in &table.fields {
        let has_rules = rules.is_some_and(|rules| rules.columns.contains_key(&field.name));
        if let Some(measured) = table.columns.get(&field.name)
            && measured.malformed.bad > 0
            && table.compared.contains(&field.name)
            && !has_rules
        {
            checks.push(unlike_the_first(field, &measured.malformed, table));
        }
    }
}

fn unlike_the_first(field: &FieldEvidence, bad: &Violations, table: &TableEvidence) -> Check {
    let name = &field.name;
    let top = bad.top();
    let why = format!(
        "{} of `{name}` are not {}, as the first rows of the file are{}",
        say::counted(bad.bad, "cell"),
        field.types.join(", "),
        such_as(top.iter().map(|(value, _, _)| *value))
    );
    let samples = top
        .into_iter()
        .map(|(value, count, spot)| sample(value, count, Some(spot), Some(table)));
    on_column("type", name, table)
        .observed(bad.bad)
        .bound(Bound::at_most(0.0))
        .samples(samples)
        .judge(false, why)
}

/// Judges `type` and `physical_type`; cells of text files that could not be read as the column's kind always count.
pub(super) fn judge(
    name: &str,
    rules: &ColumnRules,
    field: &FieldEvidence,
    table: &TableEvidence,
    checks: &mut Vec<Check>,
) {
    let measured = table.columns.get(name);
    let malformed = measured.map(|column| &column.malformed).filter(|bad| bad.bad > 0);
    let shown = field.types.join(", ");
    if let Some(wanted) = rules.kind {
        let check = on_column("type", name, table).bound(Bound::text(wanted.word()));
        let fits = field.kinds.iter().all(|kind| wanted.fits(*kind));
        checks.push(match malformed {
            Some(bad) if fits => {
                let top = bad.top();
                let why = format!(
                    "{} of {} of `{name}` are not of type {}{}",
                    say::count(bad.bad),
                    say::counted(measured.map_or(0, |column| column.rows), "row"),
                    wanted.word(),
                    such_as(top.iter().map(|(value, _, _)| *value))
                );
                let samples = top.into_iter().map(|(value, count, spot)| sample(value, count, Some(spot), Some(table)));
                check.observed(format!("{} bad cells", say::count(bad.bad))).samples(samples).judge(false, why)
            }
            _ => {
                let why = if fits {
                    format!("`{name}` is {} ({shown})", wanted.word())
                } else if wanted == crate::config::ColumnType::Int && field.kinds == [tabular::Kind::Float] {
                    format!("`{name}` is {shown}, but int is expected (pandas writes whole numbers with nulls so; `type: number` takes both)")
                } else {
                    format!("`{name}` is {shown}, but {} is expected", wanted.word())
                };
                check.observed(shown.clone()).judge(fits, why)
            }
        });
    } else if let Some(bad) = malformed {
        checks.push(unlike_the_first(field, bad, table));
    }
    if let Some(wanted) = &rules.physical_type {
        let good = field.types.iter().all(|kind| kind.eq_ignore_ascii_case(wanted));
        let why = if good {
            format!("`{name}` is stored as {shown}")
        } else {
            format!("`{name}` is stored as {shown}, but {wanted} is expected")
        };
        checks.push(
            on_column("physical_type", name, table)
                .observed(shown)
                .bound(Bound::text(wanted.clone()))
                .judge(good, why),
        );
    }
}
