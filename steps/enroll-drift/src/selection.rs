//! Which columns of the data become part of a baseline.

use step_contract::nearest;
use tabular::{Field, Kind};

use crate::columns::{is_pattern, matches};
use crate::config::DriftConfig;
use crate::gather::DataFile;

/// Which columns are watched, and why the others are not.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Watched, the prediction among them.
    pub(crate) watched: Vec<String>,
    /// Left out by the configuration.
    pub(crate) excluded: Vec<String>,
    /// Left out because no bins fit them, and why.
    pub(crate) unfit: Vec<(String, String)>,
    /// Patterns of the configuration that exclude nothing.
    pub(crate) idle: Vec<String>,
}

impl Selection {
    /// Over the columns of all files, which must agree on names and kinds.
    pub(crate) fn of(config: &DriftConfig, files: &[DataFile]) -> Result<Self, String> {
        let Some(first) = files.first() else {
            return Err("there is no data".to_owned());
        };
        for file in &files[1..] {
            agree(first, file)?;
        }
        let fields: Vec<&Field> = first.source.fields().collect();
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let must = |name: &str, key: &str| {
            if names.contains(&name) {
                return Ok(());
            }
            let hint = nearest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            Err(format!(
                "drift_config.{key}: {} has no column `{name}`{}",
                first.object.uri,
                hint.unwrap_or_default()
            ))
        };
        for name in &config.columns.include {
            if is_pattern(name) {
                if !names.iter().any(|column| matches(name, column)) {
                    return Err(format!(
                        "drift_config.columns.include: no column of {} fits `{name}`",
                        first.object.uri
                    ));
                }
            } else {
                must(name, "columns.include")?;
            }
        }
        let mut selection = Self::default();
        for field in fields {
            let name = field.name.clone();
            let prediction = config.prediction_column.as_deref() == Some(name.as_str());
            if !prediction && (!config.watches(&name) || config.time_column.as_deref() == Some(name.as_str()))
            {
                selection.excluded.push(name);
            } else if matches!(field.kind, Kind::Bool | Kind::Text) || field.kind.is_number() {
                selection.watched.push(name);
            } else {
                let why = format!(
                    "{} cannot be held against a baseline; exclude it",
                    field.type_name
                );
                selection.unfit.push((name, why));
            }
        }
        // Without it in the baseline there is nothing to hold the model's answers against, so a name that is
        // not there is a mistake, not a wish.
        for (key, name) in [
            ("prediction_column", &config.prediction_column),
            ("time_column", &config.time_column),
        ] {
            if let Some(name) = name {
                must(name, key)?;
            }
        }
        let idle = |pattern: &&String| !names.iter().any(|column| matches(pattern, column));
        selection.idle = config.columns.exclude.iter().filter(idle).cloned().collect();
        if selection.watched.is_empty() {
            return Err(format!(
                "no column of {} is left to watch: see drift_config.columns",
                first.object.uri
            ));
        }
        Ok(selection)
    }
}

fn agree(first: &DataFile, other: &DataFile) -> Result<(), String> {
    for field in first.source.fields() {
        let Some(same) = other.source.fields().find(|known| known.name == field.name) else {
            return Err(format!(
                "{} has no column `{}`, {} has it",
                other.object.uri, field.name, first.object.uri
            ));
        };
        if same.kind != field.kind && !(same.kind.is_number() && field.kind.is_number()) {
            return Err(format!(
                "`{}` is {} in {} and {} in {}: a baseline is of one schema",
                field.name, field.type_name, first.object.uri, same.type_name, other.object.uri
            ));
        }
    }
    Ok(())
}
