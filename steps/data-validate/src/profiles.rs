//! Profiles of tables as a file: `check` and `profile` write one, `merge`, `infer`, `diff` and `check --profile-only` read it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use provenance::{Digest, Record, Window};
use serde::{Deserialize, Serialize};
use step_runtime::{Context, StepError};

use crate::gather::part::TablePart;
use crate::location;
use crate::plan::{Held, Profiled, parse_named};
use crate::shards::ShardsRead;

/// The profiles of tables, in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    pub(crate) schema: String,
    /// The window that the rows were cut by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<Window>,
    /// Of the suite whose rules were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suite: Option<Digest>,
    /// What the data are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<String>,
    /// Of the profiles that distributions were held against, by the name that the suite has for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) references: BTreeMap<String, Digest>,
    /// The shards that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shards: Option<ShardsRead>,
    /// By name.
    pub(crate) tables: BTreeMap<String, TablePart>,
}

impl Profiles {
    /// As it is written: on one line, for there may be many.
    ///
    /// # Errors
    /// Never: numbers that JSON does not have are kept out of it.
    pub(crate) fn json(&self) -> Result<Vec<u8>, StepError> {
        let mut json = serde_json::to_vec(self).map_err(|error| {
            StepError::internal(format!("the profile cannot be written as JSON: {error}"))
        })?;
        json.push(b'\n');
        Ok(json)
    }

    /// The tables, as `--data` would name them.
    #[must_use]
    pub(crate) fn data(&self) -> Vec<(String, String)> {
        let uri = |part: &TablePart| part.evidence.as_ref().map(|evidence| evidence.uri.clone());
        let tables = self.tables.iter();
        tables
            .map(|(name, part)| (name.clone(), uri(part).unwrap_or_default()))
            .collect()
    }

    /// Whether it has the answers to the rules of a suite, of all shards.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn answers(
        &self,
        suite: &Digest,
        environment: Option<&str>,
        held: &BTreeMap<String, Digest>,
    ) -> Result<(), String> {
        match self.suite {
            None => return Err("it has no answers to rules; make it with --suite".to_owned()),
            Some(asked) if asked != *suite => {
                return Err(format!(
                    "it answers the suite {asked}, and this one is {suite}; make it anew"
                ));
            }
            Some(_) => {}
        }
        if self.environment.as_deref() != environment {
            let shown = |name: Option<&str>| name.map_or("none".to_owned(), |name| format!("`{name}`"));
            return Err(format!(
                "it is for the environment {}, and {} was asked for",
                shown(self.environment.as_deref()),
                shown(environment)
            ));
        }
        for (name, asked) in held {
            match self.references.get(name) {
                Some(known) if known == asked => {}
                Some(known) => {
                    return Err(format!(
                        "it was held against the reference `{name}` {known}, and --reference names {asked}; make it anew"
                    ));
                }
                None => return Err(format!("it was held against no reference `{name}`; make it anew")),
            }
        }
        let Some(shards) = &self.shards else { return Ok(()) };
        match (0..shards.count).find(|shard| !shards.read.contains(shard)) {
            None => Ok(()),
            Some(shard) => Err(format!("shard {shard} of {} is not in it", shards.count)),
        }
    }

    /// Rows of all tables.
    pub(crate) fn rows(&self) -> u64 {
        self.tables.values().map(|part| part.rows).sum()
    }

    pub(crate) fn absorb(&mut self, name: &str, other: Self) -> Result<(), String> {
        let alike = [
            ("the window", self.window == other.window),
            ("the suite", self.suite == other.suite),
            ("the environment", self.environment == other.environment),
            ("a reference", self.references == other.references),
            (
                "the file of shards",
                self.shards.as_ref().map(|of| of.digest) == other.shards.as_ref().map(|of| of.digest),
            ),
        ];
        if let Some((what, _)) = alike.iter().find(|(_, alike)| !alike) {
            return Err(format!("{name}: {what} is not that of the other profiles"));
        }
        if let (Some(mine), Some(theirs)) = (&mut self.shards, &other.shards) {
            let due = mine.read.last().map_or(0, |last| last + 1);
            let next = theirs.read.first().copied().unwrap_or(due);
            match next.cmp(&due) {
                Ordering::Equal => mine.read.extend(&theirs.read),
                Ordering::Less => return Err(format!("{name}: shard {next} is there already")),
                Ordering::Greater => return Err(format!("{name}: shard {due} is missing before it")),
            }
        }
        for (table, part) in other.tables {
            let mine = self.tables.entry(table.clone()).or_default();
            mine.absorb(part)
                .map_err(|why| format!("{name}: tables.{table}: {why}"))?;
        }
        Ok(())
    }
}

impl Record for Profiles {
    const SCHEMA: &'static str = "mlops-steps/table-profiles/v1";

    fn check(&self) -> Result<(), String> {
        if self.tables.is_empty() {
            return Err("tables is empty".to_owned());
        }
        for (table, profile) in &self.tables {
            if let Some(why) = profile.contradiction() {
                return Err(format!("tables.{table}.{why}"));
            }
        }
        Ok(())
    }
}

/// The digests of profiles that distributions are held against.
pub(crate) fn digests(held: &Held) -> BTreeMap<String, Digest> {
    held.iter()
        .map(|(name, profile)| (name.clone(), profile.digest))
        .collect()
}

/// Reads the profiles that distributions are held against: `name=location`, each of one table, or with a table of that name.
pub(crate) async fn held(flags: &[String], cx: &Context) -> Result<Held, StepError> {
    let mut held = Held::new();
    for (name, uri) in parse_named("reference", flags).map_err(StepError::usage)? {
        let file = ProfileFile::read("reference", &uri, cx).await?;
        let tables = &file.profiles.tables;
        let table = match tables.first_key_value() {
            Some((_, only)) if tables.len() == 1 => only,
            _ => file.table(&name)?,
        };
        if table.histograms.is_empty() {
            return Err(StepError::usage(format!(
                "--reference {name}={uri}: it has no histograms; make it with `profile --histograms`"
            )));
        }
        let profiled = Profiled {
            columns: table.histograms.clone(),
            uri: file.uri,
            digest: file.digest,
        };
        held.insert(name, Arc::new(profiled));
    }
    Ok(held)
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
        let location = location(flag, uri)?;
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
    pub(crate) fn table(&self, name: &str) -> Result<&TablePart, StepError> {
        let tables = &self.profiles.tables;
        tables.get(name).ok_or_else(|| {
            let hint = step_contract::did_you_mean(name, tables.keys().map(String::as_str));
            let known: Vec<&str> = tables.keys().map(String::as_str).collect();
            StepError::usage(format!(
                "{}: tables has no `{name}`{hint}; it has {}",
                self.uri,
                known.join(", ")
            ))
        })
    }
}
