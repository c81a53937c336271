//! Rules that hold only where data are used for something: a label is there for training, and not for serving.

use std::collections::BTreeSet;

use super::Suite;

/// Leaves the rules of one environment in a suite; the fields of those that were taken out, with a sentence each.
///
/// ```
/// use data_validate::config::{Suite, environments::select};
/// let yaml = "tables: {t: {columns: {label: {environments: [TRAIN]}, x: {}}}}";
/// let mut suite = Suite::read("suite.yaml", yaml)?;
/// let left_out = select(&mut suite, Some("TRAIN")).unwrap();
/// assert!(left_out.is_empty());
/// assert_eq!(select(&mut suite, Some("TRIAN")).unwrap_err(), "--environment TRIAN: the suite names no such environment (did you mean `TRAIN`?); it names TRAIN");
/// # Ok::<(), step_contract::ConfigError>(())
/// ```
///
/// # Errors
/// The suite names no such environment, for a slip of the pen must not take rules out; or nothing is left to check.
pub fn select(suite: &mut Suite, environment: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let Some(environment) = environment else {
        return Ok(Vec::new());
    };
    let known = named(suite);
    if !known.contains(environment) {
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = step_contract::did_you_mean(environment, all.iter().copied());
        let all = if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        };
        return Err(format!(
            "--environment {environment}: the suite names no such environment{hint}; it names {all}"
        ));
    }
    let mut left_out = Vec::new();
    let mut stays = |field: String, environments: &[String]| {
        let stays = environments.is_empty() || environments.iter().any(|known| known == environment);
        if !stays {
            let why = format!("it is for {}, and this is {environment}", environments.join(", "));
            left_out.push((field, why));
        }
        stays
    };
    suite.tables.retain(|name, table| {
        let at = format!("tables.{name}");
        if !stays(at.clone(), &table.environments) {
            return false;
        }
        table
            .columns
            .retain(|column, rules| stays(format!("{at}.columns.{column}"), &rules.environments));
        table
            .expressions
            .retain(|rule| stays(format!("{at}.expressions.{}", rule.label()), &rule.environments));
        true
    });
    suite.relationships.retain(|rule| {
        stays(
            format!("relationships.{} -> {}", rule.from, rule.to),
            &rule.environments,
        )
    });
    suite.splits.retain(|rule| {
        stays(
            format!("splits.{} ~ {}", rule.train, rule.test),
            &rule.environments,
        )
    });
    match super::check::faults(suite) {
        Some((_, why)) => Err(format!("--environment {environment}: {why}")),
        None => Ok(left_out),
    }
}

fn named(suite: &Suite) -> BTreeSet<String> {
    let tables = suite.tables.values().flat_map(|table| {
        let columns = table.columns.values().flat_map(|column| &column.environments);
        let expressions = table.expressions.iter().flat_map(|rule| &rule.environments);
        table.environments.iter().chain(columns).chain(expressions)
    });
    let relations = suite.relationships.iter().flat_map(|rule| &rule.environments);
    let splits = suite.splits.iter().flat_map(|rule| &rule.environments);
    tables.chain(relations).chain(splits).cloned().collect()
}
