//! The result as Great Expectations writes it (`ExpectationSuiteValidationResult` of 1.x), for what reads those: `--gx-result`.
//!
//! A check that Great Expectations has an expectation for goes by its name; others go by ours, as custom expectations do. The
//! report stays the whole account: severities, intervals, bindings and objects have no place in this form.

use serde_json::{Map, Value, json};
use step_report::{Bound, Check, Observed, Outcome};

use crate::decide::{COLUMNS, Decision};
use crate::gather::Evidence;
use crate::report::Made;

/// The file.
pub(crate) fn file(made: &Made<'_>, decision: &Decision) -> Vec<u8> {
    let document = document(made.suite_name(), decision, made.evidence());
    format!("{document:#}\n").into_bytes()
}

fn document(name: &str, decision: &Decision, evidence: &Evidence) -> Value {
    let (success, checks) = (decision.verdict != "FAIL", &decision.checks);
    let judged: Vec<&Check> = checks
        .iter()
        .filter(|check| check.outcome != Outcome::Skipped)
        .collect();
    let good = judged
        .iter()
        .filter(|check| check.outcome == Outcome::Pass)
        .count();
    let percent = if judged.is_empty() {
        Value::Null
    } else {
        json!(good as f64 / judged.len() as f64 * 100.0)
    };
    let tables: Map<String, Value> = evidence
        .tables
        .iter()
        .map(|table| {
            (
                table.name.clone(),
                json!({"rows": table.rows, "objects": table.objects.len()}),
            )
        })
        .collect();
    json!({
        "success": success,
        "suite_name": name,
        "suite_parameters": {},
        "results": judged.iter().map(|check| result(check, evidence)).collect::<Vec<_>>(),
        "statistics": {
            "evaluated_expectations": judged.len(),
            "successful_expectations": good,
            "unsuccessful_expectations": judged.len() - good,
            "success_percent": percent,
        },
        "meta": {
            "data_validate_version": env!("CARGO_PKG_VERSION"),
            "tables": tables,
        },
        "id": null,
    })
}

fn result(check: &Check, evidence: &Evidence) -> Value {
    let is_error = check.outcome == Outcome::Error;
    json!({
        "success": check.outcome == Outcome::Pass,
        "expectation_config": {
            "type": expectation(check),
            "kwargs": arguments(check),
            "meta": {"check": check.id, "why": check.why, "severity": check.severity, "outcome": check.outcome},
        },
        "result": if is_error { json!({}) } else { found(check, evidence) },
        "meta": {},
        "exception_info": {
            "raised_exception": is_error,
            "exception_message": is_error.then_some(check.why.as_str()),
            "exception_traceback": null,
        },
    })
}

/// The name of Great Expectations, or ours.
fn expectation(check: &Check) -> String {
    let is_compound = columns(check).len() > 1;
    let theirs = match check.kind.as_str() {
        "unique" if is_compound => "expect_compound_columns_to_be_unique",
        "unique" => "expect_column_values_to_be_unique",
        quantile if quantile.starts_with("quantile_") => "expect_column_quantile_values_to_be_between",
        "column" => "expect_column_to_exist",
        "column_count" => "expect_table_column_count_to_be_between",
        "column_order" => "expect_table_columns_to_match_ordered_list",
        "schema" => "expect_table_columns_to_match_set",
        "row_count" => "expect_table_row_count_to_be_between",
        "type" => "expect_column_values_to_be_of_type",
        "not_null" => "expect_column_values_to_not_be_null",
        "range" => "expect_column_values_to_be_between",
        "in_set" => "expect_column_values_to_be_in_set",
        "not_in_set" => "expect_column_values_to_not_be_in_set",
        "contains" => "expect_column_distinct_values_to_contain_set",
        "regex" => "expect_column_values_to_match_regex",
        "not_regex" => "expect_column_values_to_not_match_regex",
        "length" => "expect_column_value_lengths_to_be_between",
        "increasing" => "expect_column_values_to_be_increasing",
        "decreasing" => "expect_column_values_to_be_decreasing",
        "datetime_format" => "expect_column_values_to_match_strftime_format",
        "distinct_count" => "expect_column_unique_value_count_to_be_between",
        "unique_rate" => "expect_column_proportion_of_unique_values_to_be_between",
        "sum" => "expect_column_sum_to_be_between",
        "mean" => "expect_column_mean_to_be_between",
        "std" => "expect_column_stdev_to_be_between",
        "min" => "expect_column_min_to_be_between",
        "max" => "expect_column_max_to_be_between",
        "median" => "expect_column_median_to_be_between",
        ours => return format!("data_validate_{ours}"),
    };
    theirs.to_owned()
}

/// The columns that a check is about.
fn columns(check: &Check) -> Vec<&str> {
    match check.details.get(COLUMNS).and_then(Value::as_array) {
        Some(several) => several.iter().filter_map(Value::as_str).collect(),
        None => check.target.column.as_deref().into_iter().collect(),
    }
}

fn arguments(check: &Check) -> Map<String, Value> {
    let mut arguments = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            arguments.insert(name.to_owned(), value);
        }
    };
    put("batch_id", json!(check.target.table));
    match columns(check).as_slice() {
        [] => {}
        [one] => put("column", json!(one)),
        many => {
            put("column_list", json!(many));
            put("ignore_row_if", json!("any_value_is_missing"));
        }
    }
    put(
        "mostly",
        check.details.get("mostly").cloned().unwrap_or(Value::Null),
    );
    put("must", check.details.get("must").cloned().unwrap_or(Value::Null));
    // A share that must hold is `mostly`, and how many may be null or repeated is no bound of values.
    let is_plain =
        !check.details.contains_key("must") && !matches!(check.kind.as_str(), "not_null" | "unique");
    if is_plain {
        match &check.bound {
            Some(Bound::AtLeast(min)) => put("min_value", json!(min)),
            Some(Bound::AtMost(max)) => put("max_value", json!(max)),
            Some(Bound::Between { lower, upper }) => {
                put("min_value", json!(lower));
                put("max_value", json!(upper));
            }
            Some(other) => put("must", json!(other.to_string())),
            None => {}
        }
    }
    arguments
}

/// How many rows a check judged, as Great Expectations counts them.
struct Counts {
    elements: u64,
    /// Those with a value; `None` when nulls themselves are what was asked about.
    present: Option<u64>,
    unexpected: u64,
}

impl Counts {
    /// `None` for a check that does not judge value by value.
    fn of(check: &Check, evidence: &Evidence) -> Option<Self> {
        let detail = |name: &str| check.details.get(name).and_then(Value::as_u64);
        let observed = || Some(check.observed.as_ref()?.number()? as u64);
        let judged = check.n?;
        Some(match check.kind.as_str() {
            "not_null" => Self {
                elements: judged,
                present: None,
                unexpected: observed()?,
            },
            // A value of several rows is unexpected in each of them, in the first too.
            "unique" => Self {
                elements: judged + detail("rows_with_null")?,
                present: Some(judged),
                unexpected: observed()? + detail("repeated_keys")?,
            },
            _ => Self {
                elements: match detail("unknown") {
                    Some(unknown) => judged + unknown,
                    None => rows(check, evidence)?,
                },
                present: Some(judged),
                unexpected: detail("bad")?,
            },
        })
    }

    /// As `_format_map_output` of Great Expectations has them.
    fn shown(&self) -> Value {
        let percent = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64 * 100.0);
        let of_all = percent(self.unexpected, self.elements);
        let Some(present) = self.present else {
            return json!({
                "element_count": self.elements,
                "unexpected_count": self.unexpected,
                "unexpected_percent": of_all,
            });
        };
        let missing = self.elements.saturating_sub(present);
        let of_present = percent(self.unexpected, present);
        json!({
            "element_count": self.elements,
            "unexpected_count": self.unexpected,
            "unexpected_percent": of_present,
            "missing_count": missing,
            "missing_percent": percent(missing, self.elements),
            "unexpected_percent_total": of_all,
            "unexpected_percent_nonmissing": of_present,
        })
    }
}

/// The rows that a column was read in.
fn rows(check: &Check, evidence: &Evidence) -> Option<u64> {
    let name = check.target.table.as_deref()?;
    let table = evidence.tables.iter().find(|table| table.name == name)?;
    Some(table.columns.get(check.target.column.as_deref()?)?.rows)
}

fn found(check: &Check, evidence: &Evidence) -> Value {
    let Some(counts) = Counts::of(check, evidence) else {
        return json!({"observed_value": match &check.observed {
            Some(Observed::Number(number)) => json!(number),
            Some(Observed::Text(text)) => json!(text),
            None => Value::Null,
        }});
    };
    let samples = &check.samples;
    let values = samples.iter().map(|sample| sample.value.as_str());
    let often = samples
        .iter()
        .map(|sample| json!({"value": sample.value, "count": sample.count}));
    let rows = samples.iter().filter_map(|sample| sample.row);
    let mut found = counts.shown();
    found["partial_unexpected_list"] = values.collect();
    found["partial_unexpected_counts"] = often.collect();
    found["partial_unexpected_index_list"] = rows.collect();
    found
}
