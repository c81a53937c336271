//! Uniqueness: of a column, of several together, of whole rows; numbers of different values.

use step_report::{Bound, Check, Format};

use super::{COLUMNS, on_column, on_table, samples, say, spread, such_as};
use crate::config::{ColumnRules, TableRules};
use crate::gather::measure::KeyWanted;
use crate::gather::{KeyEvidence, TableEvidence};

/// What profiles know of too many keys.
const AT_LEAST: &str =
    "profiles with so many different values compare the rows of each part alone, so that there may be more";

/// Judges `unique` and `duplicate_rows` of a table.
pub(super) fn judge(rules: &TableRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    for rule in &rules.unique {
        let label = rule.columns.join(", ");
        let is_alone = rule.columns.len() == 1;
        let id = if is_alone { label } else { format!("({label})") };
        let check = on_column("unique", &id, table).severity(rule.severity);
        let check = if is_alone {
            check
        } else {
            check.detail(COLUMNS, rule.columns.clone())
        };
        if let Some(missing) = rule.columns.iter().find(|name| table.field(name).is_none()) {
            checks.push(
                check
                    .not_observed("no such column")
                    .judge(false, table.missing(missing)),
            );
            continue;
        }
        let key = KeyWanted {
            columns: rule.columns.clone(),
            with_nulls: false,
        };
        checks.push(unique(check, &id, rule.max_duplicate_rows, &key, table));
    }
    if let Some(rule) = &rules.duplicate_rows {
        let check = on_table("duplicate_rows", table)
            .severity(rule.severity)
            .bound(rule.shown());
        let key = KeyWanted::of_rows(table.names());
        checks.push(match table.keys.get(&key) {
            Some(Ok(found)) => {
                let rows = found.repeated.rows;
                let why = format!(
                    "{} of {} of `{}` repeat an earlier row in every column; must be {}",
                    say::count(rows),
                    say::counted(found.rows, "row"),
                    table.name,
                    say::bounds(rule, say::number)
                );
                let check = check.observed(rows).format(Format::Count).n(found.rows);
                let check = check.samples(samples(&found.examples, Some(table)));
                let too_many = rule.max.is_some_and(|max| rows as f64 > max);
                if found.distinct_within.is_some() && !too_many {
                    check.insufficient(format!("{why}; {AT_LEAST}"))
                } else {
                    check.judge(rule.allow(rows as f64), why)
                }
            }
            other => not_collected(check, other),
        });
    }
}

/// Judges `unique` of a column, and how its rows are spread over its values.
pub(super) fn column(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    let key = KeyWanted {
        columns: vec![name.to_owned()],
        with_nulls: false,
    };
    if let Some(severity) = rules.unique {
        let check = on_column("unique", name, table).severity(severity);
        checks.push(unique(check, name, 0, &key, table));
    }
    spread::judge(name, rules, table.keys.get(&key), table, checks);
}

fn unique(check: Check, label: &str, allowed: u64, key: &KeyWanted, table: &TableEvidence) -> Check {
    let check = check.bound(Bound::at_most(allowed as f64)).format(Format::Count);
    match table.keys.get(key) {
        Some(Ok(found)) if found.rows > 0 => {
            let repeated = &found.repeated;
            let why = if repeated.rows == 0 {
                format!(
                    "all {} of `{label}` are different",
                    say::counted(found.rows, "value")
                )
            } else {
                format!(
                    "{} of `{label}` repeat an earlier value, of {}{}; at most {} may",
                    say::counted(repeated.rows, "row"),
                    say::counted(repeated.keys, "value"),
                    such_as(found.examples.iter().map(|example| example.value.as_str())),
                    say::count(allowed)
                )
            };
            let check = check
                .observed(repeated.rows)
                .n(found.rows)
                .samples(samples(&found.examples, Some(table)))
                .detail("repeated_keys", repeated.keys)
                .detail("rows_with_null", found.with_null);
            if found.distinct_within.is_some() && repeated.rows <= allowed {
                check.insufficient(format!("{why}; {AT_LEAST}"))
            } else {
                check.judge(repeated.rows <= allowed, why)
            }
        }
        Some(Ok(found)) => {
            let why = format!(
                "`{label}` has no value to compare ({} have a null in it)",
                say::counted(found.with_null, "row")
            );
            check.not_observed("no values").judge(false, why)
        }
        other => not_collected(check, other),
    }
}

pub(super) fn not_collected(check: Check, found: Option<&Result<KeyEvidence, String>>) -> Check {
    let why = match found {
        Some(Err(why)) => why.clone(),
        _ => "the keys were not read".to_owned(),
    };
    check.not_observed("no keys").judge(false, why)
}
