//! Labels and groups out of columns of words.

use std::collections::HashMap;

use step_runtime::StepError;

use crate::evidence::Groups;

/// The name of the rows without a value.
const NULL_NAME: &str = "(null)";
/// The place of a row without a value.
const NULL: u32 = u32::MAX;

/// A column of words that come again and again, each kept once.
#[derive(Debug, Default)]
pub(super) struct Words {
    names: Vec<String>,
    places: HashMap<String, u32>,
    /// The word of each row, by its place in `names`.
    of_row: Vec<u32>,
}

impl Words {
    /// Adds the word of the next row.
    pub(super) fn push(&mut self, word: Option<&str>) {
        let Some(word) = word else {
            self.of_row.push(NULL);
            return;
        };
        let place = match self.places.get(word) {
            Some(place) => *place,
            None => {
                let place = self.names.len() as u32;
                self.names.push(word.to_owned());
                self.places.insert(word.to_owned(), place);
                place
            }
        };
        self.of_row.push(place);
    }

    /// Only the rows that are kept.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.of_row.retain(|_| kept.next().is_none_or(|keep| *keep));
    }

    fn name(&self, place: u32) -> Option<&str> {
        self.names.get(place as usize).map(String::as_str)
    }
}

/// The truth as booleans, in the order asked for: 0 and 1, false and true, or one value against all others. `id` names
/// a row of the file.
pub(super) fn labels(
    (file, column): (&str, &str),
    words: &Words,
    (order, id): (&[u32], &dyn Fn(usize) -> String),
    positive: Option<&str>,
) -> Result<Vec<bool>, StepError> {
    let read = |word: &String| match (positive, word.as_str()) {
        (Some(positive), word) => Some(word == positive),
        (None, "0" | "false" | "False") => Some(false),
        (None, "1" | "true" | "True") => Some(true),
        (None, _) => None,
    };
    let of_place: Vec<Option<bool>> = words.names.iter().map(read).collect();
    let label = |place: u32| of_place.get(place as usize).copied().flatten();
    if let Some(row) = words.of_row.iter().position(|place| label(*place).is_none()) {
        let what = match words.name(words.of_row[row]) {
            None => "is null: every row needs a label".to_owned(),
            Some(other) => {
                format!("is `{other}`: 0 or 1 is needed; for other words give --positive-label")
            }
        };
        return Err(StepError::usage(format!(
            "{file}: column `{column}`: the label of id {} (row {row}) {what}",
            id(row)
        )));
    }
    if let (Some(positive), Some(other), false) =
        (positive, words.names.first(), of_place.contains(&Some(true)))
    {
        return Err(StepError::usage(format!(
            "{file}: no row of column `{column}` is `{positive}`, as --positive-label says; there is `{other}`"
        )));
    }
    let of_row = |row: &u32| label(words.of_row[*row as usize]) == Some(true);
    Ok(order.iter().map(of_row).collect())
}

/// The rows by the values of a column, in the order asked for.
pub(super) fn groups(
    (file, column): (&str, &str),
    words: &Words,
    order: &[u32],
    most: usize,
) -> Result<Groups, StepError> {
    let null = words.of_row.contains(&NULL) && !words.places.contains_key(NULL_NAME);
    let mut names: Vec<String> = words.names.clone();
    names.extend(null.then(|| NULL_NAME.to_owned()));
    if names.len() > most {
        return Err(StepError::usage(format!(
            "{file}: column `{column}` has {} values, at most {most} slices are taken: it may be an id; \
             raise slices.max_values if it is not",
            names.len()
        )));
    }
    names.sort_unstable();
    let sorted = |name: &str| names.partition_point(|other| other.as_str() < name) as u32;
    let place_of: Vec<u32> = words.names.iter().map(|name| sorted(name)).collect();
    let without = sorted(NULL_NAME);
    let of_row = |row: &u32| {
        let place = words.of_row[*row as usize];
        place_of.get(place as usize).copied().unwrap_or(without)
    };
    Ok(Groups {
        column: column.to_owned(),
        of_row: order.iter().map(of_row).collect(),
        names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_ORDER: [u32; 4] = [0, 1, 2, 3];

    fn words(values: &[Option<&str>]) -> Words {
        let mut words = Words::default();
        values.iter().for_each(|value| words.push(*value));
        words
    }

    fn some(values: [&str; 3]) -> Words {
        words(&values.map(Some))
    }

    #[test]
    fn labels_are_two_and_an_odd_one_is_named() {
        let id = |row: usize| ["a", "b", "c"][row].to_owned();
        let read = |words: &Words, positive| labels(("f", "y"), words, (&IN_ORDER[..3], &id), positive);
        assert_eq!(
            read(&some(["0", "1", "true"]), None).unwrap(),
            [false, true, true]
        );
        assert_eq!(
            labels(("f", "y"), &some(["0", "0", "1"]), (&[2, 0, 1], &id), None).unwrap(),
            [true, false, false]
        );
        assert_eq!(
            read(&some(["no", "yes", "no"]), Some("yes")).unwrap(),
            [false, true, false]
        );
        let said = |words: &Words, positive| read(words, positive).unwrap_err().to_string();
        assert!(said(&some(["0", "2", "1"]), None).contains("id b (row 1) is `2`"));
        assert!(said(&some(["no", "no", "no"]), Some("yes")).contains("no row of column `y`"));
        assert!(said(&words(&[None]), None).contains("id a (row 0) is null"));
    }

    #[test]
    fn groups_are_sorted_and_null_is_one() {
        let words = words(&[Some("UA"), None, Some("AA"), Some("UA")]);
        let groups = groups(("f", "carrier"), &words, &IN_ORDER, 10).unwrap();
        assert_eq!(groups.names, ["(null)", "AA", "UA"]);
        assert_eq!(groups.of_row, [2, 0, 1, 2]);
        assert!(super::groups(("f", "carrier"), &words, &IN_ORDER, 2).is_err());
    }
}
