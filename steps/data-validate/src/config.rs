//! The suite: what a team says its data must look like.
//!
//! Readable first: a rule stands under the column that it is about, in the words of the data. Where Great Expectations
//! has a name for a check, that name is accepted too. Unknown keys are errors, and every bound must be a number.

mod bounds;
mod check;
mod columns;
mod csv;
mod distribution;
pub mod environments;
mod forms;
mod relations;
mod rows;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use step_report::Severity;

pub use bounds::{Bounds, Ends, Limit, Scalar};
pub use columns::{
    CastRule, ColumnRules, ColumnType, FormatRule, Freshness, LengthRule, Most, QuantileRule, RangeRule,
    RegexRule, SequenceRule, SetRule,
};
pub use csv::CsvRules;
pub use distribution::Distribution;
pub use relations::{ColumnsOf, Order, Relationship, SplitRules};
pub use rows::{Against, Correlation, ExpressionRule};

/// The rules for a set of tables.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Rules by table. The name is the name of a `--data`, or any name together with `applies_to`.
    #[serde(default)]
    pub tables: BTreeMap<String, TableRules>,
    /// Keys of one table that must exist in another.
    #[serde(default)]
    pub relationships: Vec<Relationship>,
    /// What must hold between the parts that a model is trained and judged on. One mapping, or a list of them.
    #[serde(default, deserialize_with = "forms::one_or_many")]
    #[schemars(with = "forms::OneOrMany<SplitRules>")]
    pub splits: Vec<SplitRules>,
}

/// The rules for one table, or for several that must look alike.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableRules {
    /// The `--data` names that these rules are for, for example `[train, validation]`. Without it, the table's own name.
    #[serde(default)]
    pub applies_to: Vec<String>,
    /// `split`: data to train and judge on, which the window cuts. `reference`: looked up, always whole. Without it, a
    /// table is a reference when relationships point to it and `splits` does not name it.
    #[serde(default)]
    pub role: Option<Role>,
    /// The environments that these rules are for, for example `[TRAIN, SERVE]`; all without it.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Which rows the rules are about: those for which this condition is true, in the words of SQL. Others, and those for
    /// which it is unknown, are left aside and counted.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// How many rows. Without it, at least one.
    #[serde(default, alias = "expect_table_row_count_to_be_between")]
    pub row_count: Option<Bounds>,
    /// How many rows for each row of another table, for example `{table: last_week, min: 0.5, max: 2}`.
    #[serde(default)]
    pub row_count_against: Option<Against>,
    /// How many columns.
    #[serde(default, alias = "expect_table_column_count_to_be_between")]
    pub column_count: Option<Bounds>,
    /// `superset` (the default): the columns named below must be there, others may be. `exact`: no others.
    #[serde(default)]
    pub schema: SchemaRule,
    /// The columns in this order, and no others.
    #[serde(default, alias = "expect_table_columns_to_match_ordered_list")]
    pub column_order: Option<Vec<String>>,
    /// Keys that no two rows share.
    #[serde(default)]
    pub unique: Vec<UniqueRule>,
    /// Rows that are equal to another in every column; counted beyond the first.
    #[serde(default)]
    pub duplicate_rows: Option<Bounds>,
    /// Conditions over the columns of a row, in the words of SQL: `dep_time <= arr_time`.
    #[serde(default)]
    pub expressions: Vec<ExpressionRule>,
    /// How two columns go together.
    #[serde(default)]
    pub correlations: Vec<Correlation>,
    /// CSV and TSV only: the unquoted texts that mean "no value", in every column, for example `["", NA]`.
    #[serde(default)]
    pub null_values: Option<Vec<String>>,
    /// CSV only: the character between fields; a comma, and a tab for `.tsv`, without it.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// CSV and TSV only: what else is not as RFC 4180 has it.
    #[serde(default)]
    pub csv: Option<CsvRules>,
    /// Rules by column.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnRules>,
}

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Data to train and judge on.
    Split,
    /// Data to look up.
    Reference,
}

/// Which columns a table may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaRule {
    /// Those named, and any others.
    #[default]
    Superset,
    /// Those named, and no others.
    Exact,
}

/// A key that no two rows share. Rows with a null in the key are not compared; they are counted in the report.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UniqueRule {
    /// The columns that together are the key.
    pub columns: Vec<String>,
    /// Rows that may repeat a key that was there before.
    #[serde(default)]
    pub max_duplicate_rows: u64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Suite {
    /// Reads a suite and checks what a type cannot say: bounds that are numbers, in order and present, patterns that
    /// compile, shares between 0 and 1, and at least one check.
    ///
    /// ```
    /// use data_validate::config::Suite;
    /// let suite = Suite::read("suite.yaml", "tables: {flights: {columns: {dep_delay: {null_rate: {max: 0.05}}}}}")?;
    /// assert_eq!(suite.tables.len(), 1);
    /// let error = Suite::read("suite.yaml", "tables: {flights: {row_count: {min: .nan}}}").unwrap_err();
    /// assert!(error.to_string().contains("tables.flights.row_count.min: NaN is no bound"));
    /// # Ok::<(), step_contract::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// With file, line and field.
    pub fn read(file: &str, text: &str) -> Result<Self, step_contract::ConfigError> {
        let suite: Self = step_contract::load_yaml(file, text)?;
        match check::faults(&suite) {
            Some((field, message)) => Err(step_contract::ConfigError::at(file, text, &field, message)),
            None => Ok(suite),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(yaml: &str) -> ColumnRules {
        let suite = Suite::read("s.yaml", &format!("tables: {{t: {{columns: {{c: {yaml}}}}}}}")).unwrap();
        suite.tables["t"].columns["c"].clone()
    }

    fn error(yaml: &str) -> String {
        Suite::read("s.yaml", yaml).unwrap_err().to_string()
    }

    #[test]
    fn short_and_long_forms_say_the_same() {
        let short = column("{in_set: [9E, AA, 7], regex: '^[0-9A-Z]{2}$'}");
        let long = column(
            "{in_set: {values: [9E, AA, 7], mostly: 1.0}, regex: {pattern: '^[0-9A-Z]{2}$', severity: error}}",
        );
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert_eq!(
            short.in_set.unwrap().values,
            [
                Scalar::Text("9E".into()),
                Scalar::Text("AA".into()),
                Scalar::Whole(7)
            ]
        );
        let one = Suite::read("s.yaml", "splits: {train: a, test: b}").unwrap();
        let many = Suite::read("s.yaml", "splits: [{train: a, test: b}]").unwrap();
        assert_eq!(format!("{one:?}"), format!("{many:?}"));
    }

    #[test]
    fn names_of_great_expectations_are_known() {
        let rules = column(
            "{expect_column_values_to_not_be_null: true, expect_column_mean_to_be_between: {min_value: 1, max_value: 2}, \
             expect_column_values_to_be_in_set: {value_set: [1.5, true]}, expect_column_values_to_be_of_type: string}",
        );
        assert!(rules.not_null == Some(Severity::Error) && rules.required);
        assert_eq!(rules.mean.unwrap().max, Some(2.0));
        assert_eq!(rules.kind, Some(ColumnType::Text));
        assert_eq!(
            rules.in_set.unwrap().values,
            [Scalar::Number(1.5), Scalar::Bool(true)]
        );
    }

    #[test]
    fn columns_are_named_in_two_ways() {
        let suite = Suite::read(
            "s.yaml",
            "relationships: [{from: a.b.c, to: {table: d, columns: [e]}}]",
        )
        .unwrap();
        assert_eq!(
            suite.relationships[0].from,
            ColumnsOf {
                table: "a".into(),
                columns: vec!["b.c".into()]
            }
        );
        assert_eq!(suite.relationships[0].to.to_string(), "d.e");
        assert!(error("relationships: [{from: a, to: d.e}]").contains("write `table.column`"));
        assert!(
            error("relationships: [{from: {table: a, columns: [x, y]}, to: d.e}]")
                .contains("compared one by one")
        );
    }

    #[test]
    fn errors_name_line_and_field() {
        let text = "tables:\n  t:\n    columns:\n      c:\n        range: {min: 1, mosty: 0.5}\n";
        let found = error(text);
        assert!(found.starts_with("s.yaml:5:"), "{found}");
        assert!(found.contains("tables.t.columns.c.range"), "{found}");
        assert!(found.contains("unknown field `mosty`"), "{found}");
        let found = error(
            "tables:\n  t:\n    columns:\n      c:\n        quantiles:\n          - {p: 0.5, min: 2, max: 1}\n",
        );
        assert!(found.starts_with("s.yaml:6:"), "{found}");
        assert!(
            found.contains("tables.t.columns.c.quantiles[0]: min is above max"),
            "{found}"
        );
        assert!(error("tables: {t: {columns: {c: {in_set: []}}}}").contains("the set is empty"));
        assert!(error("tables: {t: {columns: {c: {range: {min: soon}}}}}").contains("is no number, date"));
        assert!(error("tables: {t: {columns: {c: {type: flot}}}}").contains("float"));
    }
}
