//! Whether everything that was asked for is there and can be read.

use std::collections::HashMap;

use step_report::{Bound, Check, Format, Observed};

use super::{MUST, on_column, on_table, say};
use crate::config::{ColumnRules, SchemaRule, TableRules};
use crate::gather::TableEvidence;
use crate::gather::fields::FieldEvidence;

/// Columns that do not decode: a check of their own each, for the file is bad whatever the suite says.
pub(super) fn readable(table: &TableEvidence, checks: &mut Vec<Check>) {
    for (column, why) in &table.broken {
        checks.push(
            on_column("readable", column, table)
                .not_observed("does not decode")
                .error(why.clone()),
        );
    }
}

/// Whether a rule says how many nulls a column may have.
pub(super) fn judges_nulls(rules: Option<&TableRules>, column: &str) -> bool {
    let says = |rules: &ColumnRules| {
        rules.not_null.is_some() || rules.null_rate.is_some() || rules.null_count.is_some()
    };
    rules
        .and_then(|rules| rules.columns.get(column))
        .is_some_and(says)
}

/// A window that holds no row is no evidence. Rows without a time are in no window: whether they may be is for the rules
/// about nulls to say, and without such a rule they are warned of.
pub(super) fn window(rules: Option<&TableRules>, table: &TableEvidence, checks: &mut Vec<Check>) {
    let Some(time) = &table.windowed else { return };
    let judged = judges_nulls(rules, time);
    let left = table.left;
    let inside = table.rows + left.aside;
    let all = inside + left.outside + left.undated;
    let undated = if left.undated == 0 {
        String::new()
    } else {
        format!(" ({} without a time)", say::counted(left.undated, "row"))
    };
    let why = format!(
        "{} of {} of `{}` lie in the window{undated}",
        say::count(inside),
        say::counted(all, "row"),
        table.name
    );
    let check = on_table("window", table)
        .observed(inside)
        .bound(Bound::at_least(1.0))
        .n(all)
        .detail("outside", left.outside)
        .detail("without_time", left.undated);
    checks.push(if inside > 0 && left.undated > 0 && !judged {
        check.warn(format!("{why}; no rule says whether `{time}` may be null"))
    } else {
        check.judge(inside > 0, why)
    });
}

/// A filter that cannot be asked, or leaves no row, is no evidence.
pub(super) fn filter(table: &TableEvidence, checks: &mut Vec<Check>) {
    let left = table.left;
    let check = on_table("where", table);
    checks.push(match &table.filter {
        None => return,
        Some(Err(why)) => check.not_observed("cannot be asked").judge(
            false,
            format!(
                "`where` cannot be asked of `{}`, so its rules were asked of all rows: {why}",
                table.name
            ),
        ),
        Some(Ok(text)) => {
            let all = table.rows + left.aside;
            let unknown = if left.unknown == 0 {
                String::new()
            } else {
                format!(" (for {} it is unknown)", say::counted(left.unknown, "row"))
            };
            let why = format!(
                "`{text}` is true for {} of {} of `{}`{unknown}; its rules are about these",
                say::count(table.rows),
                say::counted(all, "row"),
                table.name
            );
            check
                .observed(table.rows)
                .bound(Bound::at_least(1.0))
                .n(all)
                .detail("aside", left.aside)
                .detail("unknown", left.unknown)
                .judge(table.rows > 0, why)
        }
    });
}

/// Names that look like others and are not: rules name columns exactly.
pub(super) fn names(table: &TableEvidence, checks: &mut Vec<Check>) {
    let mut odd = Vec::new();
    let mut known: HashMap<String, &str> = HashMap::new();
    for (index, field) in table.fields.iter().enumerate() {
        let name = field.name.as_str();
        if name.trim() != name {
            odd.push(format!("`{name}` has spaces around it"));
        }
        if name.starts_with("Unnamed: ") {
            odd.push(format!(
                "column {} has no name in the header; it is called `{name}`",
                index + 1
            ));
        }
        if let Some(other) = known.insert(name.to_lowercase(), name) {
            odd.push(format!("`{other}` and `{name}` differ only in case"));
        }
    }
    if let Some(first) = odd.first() {
        let more = match odd.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let why = format!(
            "of the columns of `{}`, {first}{more}; rules name columns exactly",
            table.name
        );
        let check = on_table("header", table)
            .observed(odd.len())
            .bound(Bound::at_most(0.0));
        checks.push(check.detail("names", odd).warn(why));
    }
}

/// The set of columns, and their order.
pub(super) fn schema(rules: &TableRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    let found = table.names();
    if rules.schema == SchemaRule::Exact {
        let extra: Vec<&str> = found
            .iter()
            .map(String::as_str)
            .filter(|name| !rules.columns.contains_key(*name))
            .collect();
        let missing: Vec<&str> = rules
            .columns
            .iter()
            .filter(|(name, rules)| rules.required && !found.contains(name))
            .map(|(name, _)| name.as_str())
            .collect();
        let why = match (missing.as_slice(), extra.as_slice()) {
            ([], []) => format!(
                "`{}` has exactly the {} columns of the suite",
                table.name,
                found.len()
            ),
            (missing, extra) => format!(
                "`{}` is not as the suite has it:{}",
                table.name,
                difference(missing, extra, table)
            ),
        };
        checks.push(
            on_table("schema", table)
                .observed(Observed::Text(format!("{} columns", found.len())))
                .bound(Bound::text(format!("exactly {} columns", rules.columns.len())))
                .severity(MUST)
                .detail("missing", missing.clone())
                .detail("extra", extra.clone())
                .judge(missing.is_empty() && extra.is_empty(), why),
        );
    }
    if let Some(rule) = &rules.column_count {
        let why = format!(
            "`{}` has {}; must have {}",
            table.name,
            say::counted(found.len() as u64, "column"),
            say::bounds(rule, |value| say::count(value as u64))
        );
        checks.push(
            on_table("column_count", table)
                .observed(found.len())
                .bound(rule.shown())
                .format(Format::Count)
                .severity(rule.severity)
                .judge(rule.allow(found.len() as f64), why),
        );
    }
    if let Some(order) = &rules.column_order {
        let differs = order
            .iter()
            .zip(&found)
            .position(|(wanted, found)| wanted != found);
        let why = match differs {
            None if order.len() == found.len() => {
                format!("the columns of `{}` come in the order of the suite", table.name)
            }
            None => format!(
                "`{}` has {} columns, the suite orders {}",
                table.name,
                found.len(),
                order.len()
            ),
            Some(at) => format!(
                "column {} of `{}` is `{}`, but `{}` is expected there",
                at + 1,
                table.name,
                found[at],
                order[at]
            ),
        };
        checks.push(
            on_table("column_order", table)
                .observed(Observed::Text(found.join(", ")))
                .bound(Bound::text(order.join(", ")))
                .judge(*order == found, why),
        );
    }
}

fn difference(missing: &[&str], extra: &[&str], table: &TableEvidence) -> String {
    let mut text = String::new();
    for name in missing {
        let hint = step_contract::nearest(name, extra.iter().copied())
            .map_or_else(String::new, |near| format!(" (the file has `{near}`)"));
        text.push_str(&format!(" `{name}` is missing{hint};"));
    }
    if !extra.is_empty() {
        let names: Vec<String> = extra.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(" not in the suite: {};", names.join(", ")));
    }
    text.push_str(&format!(" {} columns were found", table.fields.len()));
    text
}

/// A column that is there, in every file.
pub(super) fn column(
    rules: &ColumnRules,
    field: &FieldEvidence,
    table: &TableEvidence,
    checks: &mut Vec<Check>,
) {
    let check = on_column("column", &field.name, table);
    let files = table.objects.len();
    if let Some(first) = field.missing_in.first().filter(|_| rules.required) {
        let why = format!(
            "`{}` is missing in {} of {files} files (the first is {first})",
            field.name,
            field.missing_in.len()
        );
        checks.push(
            check
                .observed(field.missing_in.len())
                .bound(Bound::at_most(0.0))
                .judge(false, why),
        );
    } else if field.kinds.len() > 1 && !field.kinds.iter().all(|kind| kind.is_number()) {
        let each = field.types.iter().zip(&field.files);
        let each: Vec<String> = each
            .map(|(kind, (files, first))| format!("{kind} in {} ({first})", say::counted(*files, "file")))
            .collect();
        let why = format!("`{}` is {}", field.name, each.join(" and "));
        checks.push(
            check
                .observed(field.types.join(", "))
                .bound(Bound::text("one type in all files"))
                .judge(false, why),
        );
    } else {
        let why = format!("`{}` is there", field.name);
        checks.push(check.observed(field.types.join(", ")).pass(why));
    }
}
