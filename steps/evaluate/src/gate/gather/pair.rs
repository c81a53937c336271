//! Rows by their ids: each once, each in both. Rows are taken in the order of their ids, so that the order of a file
//! decides nothing, and that two files hold the same rows is seen walking them side by side.

use rayon::prelude::*;
use step_runtime::StepError;

use crate::decide::count;
use crate::evidence::Ids;

/// Ids that a message names.
const NAMED: usize = 3;

/// Rows in the order of their ids.
pub(super) fn sorted(ids: &Ids) -> Vec<u32> {
    let mut order: Vec<u32> = (0_u32..).take(ids.len()).collect();
    let id = |row: &u32| ids.get(*row as usize);
    if !order.is_sorted_by(|a, b| id(a) <= id(b)) {
        order.par_sort_unstable_by(|a, b| id(a).cmp(id(b)).then(a.cmp(b)));
    }
    order
}

/// The rows of a file in the order of their ids, of which no two are the same.
pub(super) fn order(file: &str, column: &str, ids: &Ids) -> Result<Vec<u32>, StepError> {
    let order = sorted(ids);
    let id = |row: &u32| ids.get(*row as usize);
    let twice: Vec<&str> = order
        .chunk_by(|a, b| id(a) == id(b))
        .filter(|same| same.len() > 1)
        .map(|same| id(&same[0]))
        .collect();
    if twice.is_empty() {
        return Ok(order);
    }
    Err(StepError::usage(format!(
        "{file}: {} of column `{column}` {} there more than once ({}): rows are paired on it, so it must be unique",
        count(twice.len() as u64, "id", "ids"),
        if twice.len() == 1 { "is" } else { "are" },
        named(&twice)
    )))
}

/// One file, for messages, with its ids and their order.
pub(super) type Side<'a> = (&'a str, &'a Ids, &'a [u32]);

/// Both files must hold the same ids: a model that is judged on other rows than its rival is not compared with it.
pub(super) fn matched(ours: Side<'_>, theirs: Side<'_>) -> Result<(), StepError> {
    fn at<'a>((_, ids, order): Side<'a>, place: usize) -> Option<&'a str> {
        order.get(place).map(|row| ids.get(*row as usize))
    }
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    let (mut a, mut b) = (0, 0);
    loop {
        match (at(ours, a), at(theirs, b)) {
            (Some(x), Some(y)) if x == y => (a, b) = (a + 1, b + 1),
            (Some(x), Some(y)) if x > y => {
                extra.push(y);
                b += 1;
            }
            (Some(x), _) => {
                missing.push(x);
                a += 1;
            }
            (None, Some(y)) => {
                extra.push(y);
                b += 1;
            }
            (None, None) => break,
        }
    }
    let alone = |ids: &[&str], file: &str, other: &str| {
        (!ids.is_empty()).then(|| {
            format!(
                "{} of {file} {} no row of {other} ({})",
                count(ids.len() as u64, "id", "ids"),
                if ids.len() == 1 { "matches" } else { "match" },
                named(ids)
            )
        })
    };
    let complaints: Vec<String> = [alone(&missing, ours.0, theirs.0), alone(&extra, theirs.0, ours.0)]
        .into_iter()
        .flatten()
        .collect();
    if complaints.is_empty() {
        return Ok(());
    }
    Err(StepError::usage(format!(
        "{}; the files have {} and {} rows: rows are paired on their id, score the same rows with both",
        complaints.join(", and "),
        ours.2.len(),
        theirs.2.len()
    )))
}

/// Whether an id is among these.
pub(super) fn holds(ids: &Ids, order: &[u32], wanted: &str) -> bool {
    order
        .binary_search_by(|row| ids.get(*row as usize).cmp(wanted))
        .is_ok()
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

    fn ids(ids: &[&str]) -> (Ids, Vec<u32>) {
        let ids: Ids = ids.iter().collect();
        let order = order("f", "id", &ids).unwrap();
        (ids, order)
    }

    #[test]
    fn an_id_without_partner_is_named_with_counts() {
        let (ours, a) = ids(&["1", "2", "3"]);
        let (theirs, b) = ids(&["3", "1", "9"]);
        let error = matched(("a", &ours, &a), ("b", &theirs, &b))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("1 id of a matches no row of b (`2`), and 1 id of b matches no row of a (`9`)"),
            "{error}"
        );
        let (theirs, b) = ids(&["3", "1", "2"]);
        assert!(matched(("a", &ours, &a), ("b", &theirs, &b)).is_ok());
        assert_eq!(b, [1, 2, 0]);
        assert!(holds(&theirs, &b, "2") && !holds(&theirs, &b, "4"));
    }

    #[test]
    fn an_id_that_is_there_twice_is_refused() {
        let twice: Ids = ["1", "2", "1"].iter().collect();
        let error = order("a", "id", &twice).unwrap_err().to_string();
        assert!(
            error.contains("1 id of column `id` is there more than once (`1`)"),
            "{error}"
        );
    }
}
