//! Rows by their ids: each once, each in both.

use std::collections::HashMap;

use step_runtime::StepError;

use crate::decide::count;

/// Ids that a message names.
const NAMED: usize = 3;

/// The ids of a file: every row has one, no two the same.
pub(super) fn ids(file: &str, column: &str, values: &[Option<String>]) -> Result<Vec<String>, StepError> {
    let empty: Vec<usize> = values
        .iter()
        .enumerate()
        .filter(|(_, id)| id.is_none())
        .map(|(row, _)| row)
        .collect();
    if let Some(first) = empty.first() {
        return Err(StepError::usage(format!(
            "{file}: {} of column `{column}` {} null (the first is row {first}): every row needs an id",
            count(empty.len() as u64, "value", "values"),
            if empty.len() == 1 { "is" } else { "are" },
        )));
    }
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(values.len());
    for id in values.iter().flatten() {
        *seen.entry(id).or_default() += 1;
    }
    let mut twice: Vec<&str> = seen
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(id, _)| *id)
        .collect();
    if !twice.is_empty() {
        twice.sort_unstable();
        return Err(StepError::usage(format!(
            "{file}: {} of column `{column}` {} there more than once ({}): rows are paired on it, so it must be unique",
            count(twice.len() as u64, "id", "ids"),
            if twice.len() == 1 { "is" } else { "are" },
            named(&twice)
        )));
    }
    Ok(values.iter().flatten().cloned().collect())
}

/// For each id of `ours`, its row in `theirs`. Both must hold the same ids: a model that is judged on other rows
/// than its rival is not compared with it.
pub(super) fn matched(
    (our_file, ours): (&str, &[String]),
    (their_file, theirs): (&str, &[String]),
) -> Result<Vec<usize>, StepError> {
    let row_of: HashMap<&str, usize> = theirs
        .iter()
        .enumerate()
        .map(|(row, id)| (id.as_str(), row))
        .collect();
    let found: Vec<Option<usize>> = ours.iter().map(|id| row_of.get(id.as_str()).copied()).collect();
    let known: std::collections::HashSet<&str> = ours.iter().map(String::as_str).collect();
    let alone = |ids: Vec<&str>, file: &str, other: &str| {
        (!ids.is_empty()).then(|| {
            format!(
                "{} of {file} {} no row of {other} ({})",
                count(ids.len() as u64, "id", "ids"),
                if ids.len() == 1 { "matches" } else { "match" },
                named(&ids)
            )
        })
    };
    let missing = ours
        .iter()
        .zip(&found)
        .filter(|(_, row)| row.is_none())
        .map(|(id, _)| id.as_str())
        .collect();
    let extra = theirs
        .iter()
        .map(String::as_str)
        .filter(|id| !known.contains(id))
        .collect();
    let complaints: Vec<String> = [
        alone(missing, our_file, their_file),
        alone(extra, their_file, our_file),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !complaints.is_empty() {
        return Err(StepError::usage(format!(
            "{}; the files have {} and {} rows: rows are paired on their id, score the same rows with both",
            complaints.join(", and "),
            ours.len(),
            theirs.len()
        )));
    }
    Ok(found.into_iter().flatten().collect())
}

fn named(ids: &[&str]) -> String {
    let shown: Vec<String> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    format!(
        "{}{}",
        shown.join(", "),
        if ids.len() > NAMED { ", …" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(ids: &[&str]) -> Vec<Option<String>> {
        ids.iter().map(|id| Some((*id).to_owned())).collect()
    }

    #[test]
    fn an_id_without_partner_is_named_with_counts() {
        let ours = ids("a", "id", &some(&["1", "2", "3"])).unwrap();
        let theirs = ids("b", "id", &some(&["3", "1", "9"])).unwrap();
        let error = matched(("a", &ours), ("b", &theirs)).unwrap_err().to_string();
        assert!(
            error.starts_with("1 id of a matches no row of b (`2`), and 1 id of b matches no row of a (`9`)"),
            "{error}"
        );
        let theirs = ids("b", "id", &some(&["3", "1", "2"])).unwrap();
        assert_eq!(matched(("a", &ours), ("b", &theirs)).unwrap(), [1, 2, 0]);
    }

    #[test]
    fn an_id_that_is_null_or_there_twice_is_refused() {
        let error = ids("a", "id", &some(&["1", "2", "1"])).unwrap_err().to_string();
        assert!(
            error.contains("1 id of column `id` is there more than once (`1`)"),
            "{error}"
        );
        let error = ids("a", "id", &[Some("1".to_owned()), None])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("1 value of column `id` is null (the first is row 1)"),
            "{error}"
        );
    }
}
