//! Labels and groups out of text columns.

use std::collections::BTreeMap;

use step_runtime::StepError;

use crate::evidence::Groups;

/// The name of the rows without a value.
const NULL: &str = "(null)";

/// The truth as booleans: 0 and 1, false and true, or one value against all others.
pub(super) fn labels(
    file: &str,
    column: &str,
    values: &[Option<String>],
    ids: &[String],
    positive: Option<&str>,
) -> Result<Vec<bool>, StepError> {
    let refuse = |row: usize, what: &str| {
        Err(StepError::usage(format!(
            "{file}: column `{column}`: the label of id {} (row {row}) {what}",
            ids[row]
        )))
    };
    let mut seen = false;
    let mut labels = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else {
            return refuse(row, "is null: every row needs a label");
        };
        let label = match (positive, value.as_str()) {
            (Some(positive), value) => value == positive,
            (None, "0" | "false" | "False") => false,
            (None, "1" | "true" | "True") => true,
            (None, other) => {
                return refuse(
                    row,
                    &format!("is `{other}`: 0 or 1 is needed; for other words give --positive-label"),
                );
            }
        };
        seen |= label;
        labels.push(label);
    }
    if let (Some(positive), false) = (positive, seen || labels.is_empty()) {
        let other = values.iter().flatten().next().map_or("", String::as_str);
        return Err(StepError::usage(format!(
            "{file}: no row of column `{column}` is `{positive}`, as --positive-label says; there is `{other}`"
        )));
    }
    Ok(labels)
}

/// The rows by the values of a column.
pub(super) fn groups(
    file: &str,
    column: &str,
    values: &[Option<String>],
    most: usize,
) -> Result<Groups, StepError> {
    let name = |value: &Option<String>| value.clone().unwrap_or_else(|| NULL.to_owned());
    let mut places: BTreeMap<String, u32> = values.iter().map(|value| (name(value), 0)).collect();
    if places.len() > most {
        return Err(StepError::usage(format!(
            "{file}: column `{column}` has {} values, at most {most} slices are taken: it may be an id; \
             raise slices.max_values if it is not",
            places.len()
        )));
    }
    for (place, index) in places.values_mut().zip(0..) {
        *place = index;
    }
    Ok(Groups {
        column: column.to_owned(),
        of_row: values.iter().map(|value| places[&name(value)]).collect(),
        names: places.into_keys().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_two_and_an_odd_one_is_named() {
        let ids: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let read = |values: &[&str], positive| labels("f", "y", &some(values), &ids, positive);
        assert_eq!(read(&["0", "1", "true"], None).unwrap(), [false, true, true]);
        assert_eq!(
            read(&["no", "yes", "no"], Some("yes")).unwrap(),
            [false, true, false]
        );
        assert!(
            read(&["0", "2", "1"], None)
                .unwrap_err()
                .to_string()
                .contains("id b (row 1) is `2`")
        );
        assert!(
            read(&["no", "no", "no"], Some("yes"))
                .unwrap_err()
                .to_string()
                .contains("no row of column `y`")
        );
        let error = labels("f", "y", &[None], &ids, None).unwrap_err().to_string();
        assert!(error.contains("id a (row 0) is null"), "{error}");
    }

    #[test]
    fn groups_are_sorted_and_null_is_one() {
        let values = [
            Some("UA".to_owned()),
            None,
            Some("AA".to_owned()),
            Some("UA".to_owned()),
        ];
        let groups = groups("f", "carrier", &values, 10).unwrap();
        assert_eq!(groups.names, ["(null)", "AA", "UA"]);
        assert_eq!(groups.of_row, [2, 0, 1, 2]);
        assert!(super::groups("f", "carrier", &values, 2).is_err());
    }
}
