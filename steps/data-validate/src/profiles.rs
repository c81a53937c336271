//! The profiles that `check` writes, read back.

use std::collections::BTreeMap;

use artifact_store::Location;
use provenance::{Digest, Record, Window};
use serde::{Deserialize, Serialize};
use step_runtime::{Context, StepError};
use tabular::ColumnProfile;
use tabular::profile::COLUMN_PROFILE_SCHEMA;

/// The schema that a file of profiles names itself by.
pub(crate) const SCHEMA: &str = "mlops-steps/table-profiles/v1";

/// The profiles of all tables of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<Window>,
    pub(crate) tables: BTreeMap<String, TableProfile>,
}

/// The profile of one table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableProfile {
    pub(crate) rows: u64,
    pub(crate) columns: BTreeMap<String, ColumnProfile>,
}

impl Record for Profiles {
    const SCHEMA: &'static str = SCHEMA;

    fn check(&self) -> Result<(), String> {
        if self.tables.is_empty() {
            return Err("tables is empty".to_owned());
        }
        for (table, profile) in &self.tables {
            for (name, column) in &profile.columns {
                contradiction(name, column, profile.rows)
                    .map_or(Ok(()), |why| Err(format!("tables.{table}.columns.{name}.{why}")))?;
            }
        }
        Ok(())
    }
}

/// The field of a column that cannot be, and why.
fn contradiction(name: &str, column: &ColumnProfile, rows: u64) -> Option<String> {
    let ColumnProfile { schema, nulls, .. } = column;
    if schema != COLUMN_PROFILE_SCHEMA {
        return Some(format!(
            "schema is `{schema}`, this step reads `{COLUMN_PROFILE_SCHEMA}`"
        ));
    }
    if column.name != name {
        return Some(format!("name is `{}`", column.name));
    }
    if column.rows > rows {
        return Some(format!("rows is {}, and the table has {rows}", column.rows));
    }
    if *nulls > column.rows {
        return Some(format!("nulls is {nulls}, of {} rows", column.rows));
    }
    let values = column.values();
    let others = column.nan.saturating_add(column.infinite);
    if others > values {
        return Some(format!("nan is {}, of {values} values", column.nan));
    }
    if let Some(numbers) = &column.numbers {
        let (counted, held) = (numbers.moments.count, numbers.quantiles.weighted());
        if counted > values - others {
            return Some(format!("numbers.moments.count is {counted}, of {values} values"));
        }
        let all: u128 = held.iter().map(|(_, weight)| u128::from(*weight)).sum();
        if all != u128::from(counted) {
            return Some(format!(
                "numbers.quantiles stands for {all} values, and numbers.moments for {counted}"
            ));
        }
    }
    let lengths = column.lengths.as_ref().map_or(0, |lengths| lengths.count);
    if lengths > values {
        return Some(format!("lengths.count is {lengths}, of {values} values"));
    }
    if let Some(top) = &column.top {
        let counted: u128 = top
            .most(usize::MAX)
            .iter()
            .map(|(_, count)| u128::from(*count))
            .sum();
        if counted > u128::from(values) {
            return Some(format!("top counts {counted} values, of {values}"));
        }
    }
    None
}

/// A file of profiles, and which it was.
#[derive(Debug, Clone)]
pub(crate) struct ProfileFile {
    /// As it was named.
    pub(crate) uri: String,
    /// Its name, for messages.
    pub(crate) file: String,
    pub(crate) digest: Digest,
    pub(crate) profiles: Profiles,
}

impl ProfileFile {
    /// Reads the file that a flag names.
    pub(crate) async fn read(flag: &str, uri: &str, cx: &Context) -> Result<Self, StepError> {
        let location: Location = uri
            .parse()
            .map_err(|error| StepError::usage(format!("--{flag} {uri}: {error}")))?;
        let bytes = cx.store.read(&location).await?;
        let file = location.file_name().to_owned();
        let digest = provenance::digest_bytes(&bytes);
        let (place, name) = (location.to_string(), location.to_string());
        let profiles = cx.apart(move || Profiles::parse(&name, &bytes)).await??;
        Ok(Self {
            uri: place,
            file,
            digest,
            profiles,
        })
    }

    /// The table of that name.
    pub(crate) fn table(&self, name: &str) -> Result<&TableProfile, StepError> {
        let tables = &self.profiles.tables;
        tables.get(name).ok_or_else(|| {
            let hint = step_contract::nearest(name, tables.keys().map(String::as_str))
                .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
            let known: Vec<&str> = tables.keys().map(String::as_str).collect();
            StepError::usage(format!(
                "{}: tables has no `{name}`{hint}; it has {}",
                self.uri,
                known.join(", ")
            ))
        })
    }
}
