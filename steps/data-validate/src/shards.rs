//! Cuts the files of tables into shards, so that each can be profiled by a machine of its own. The list of files is taken
//! once and pinned: every shard reads the versions that are named here, and a merge knows whether one is missing.

use std::ops::Range;

use artifact_store::{Location, ObjectMeta, Referred};
use provenance::{Digest, Record};
use serde::{Deserialize, Serialize};
use step_contract::{CommandKind, CommandSpec, Exit, TemplateSpec, VerdictSpec};
use step_report::{Cell, Table};
use step_runtime::{Context, Finished, StepError};

use crate::cli::ShardsArgs;
use crate::gather::TableVersion;
use crate::gather::objects::{self, Columns};
use crate::{plan, plan_of};

/// The part of the contract.
pub const SPEC: CommandSpec = CommandSpec {
    name: "shards",
    kind: CommandKind::Decides,
    verdicts: &[VerdictSpec {
        word: "SHARDED",
        exit: Exit::Yes,
        meaning: "there is at least one shard, and every file is in one",
    }],
    rbac: &[],
    template: Some(TemplateSpec::DEFAULT),
};

/// The shards of tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shards {
    schema: String,
    /// How many.
    pub count: usize,
    /// In the order given.
    pub tables: Vec<ShardedTable>,
}

/// A table, with its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardedTable {
    /// Its `--data` name.
    pub name: String,
    /// Its location as it was given.
    pub uri: String,
    /// Whether others refer to it, or are held against it: it is read whole with each shard, and measured with the first.
    pub whole: bool,
    /// Names that were passed over.
    pub passed_over: Vec<String>,
    /// The version that a reference was resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TableVersion>,
    /// The columns of a table that has a schema of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Columns,
    /// In the order of names.
    pub objects: Vec<ShardObject>,
    /// The first file of each shard, and the number of files at the end.
    pub cuts: Vec<usize>,
}

/// A file, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardObject {
    /// Its own location.
    pub uri: String,
    /// Bytes.
    pub size: u64,
    /// As the store gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// As the store gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When a file of this machine was last written, for it has neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<jiff::Timestamp>,
    /// What a reference says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Box<Referred>>,
}

impl ShardObject {
    fn of(meta: &ObjectMeta) -> Self {
        Self {
            uri: meta.location.to_string(),
            size: meta.size,
            etag: meta.etag.clone(),
            version_id: meta.version_id.clone(),
            modified: meta
                .modified
                .filter(|_| matches!(meta.location, Location::Path(_))),
            reference: meta.reference.clone(),
        }
    }

    /// As the store knows it.
    ///
    /// # Errors
    /// Its location is none.
    fn meta(&self) -> Result<ObjectMeta, String> {
        let location: Location = self
            .uri
            .parse()
            .map_err(|error| format!("{}: {error}", self.uri))?;
        Ok(ObjectMeta {
            location,
            size: self.size,
            etag: self.etag.clone(),
            version_id: self.version_id.clone(),
            modified: self.modified,
            reference: self.reference.clone(),
        })
    }
}

impl ShardedTable {
    /// The files that a shard measures.
    #[must_use]
    pub fn of_shard(&self, shard: usize) -> Range<usize> {
        match self.cuts.get(shard..shard + 2) {
            Some([from, to]) => *from..*to,
            _ => 0..0,
        }
    }

    /// The files that a shard opens.
    #[must_use]
    pub fn opened_by(&self, shard: usize) -> Range<usize> {
        if self.whole {
            0..self.objects.len()
        } else {
            self.of_shard(shard)
        }
    }

    /// Its files, as the store knows them.
    ///
    /// # Errors
    /// A location is none.
    pub fn metas(&self) -> Result<Vec<ObjectMeta>, String> {
        self.objects.iter().map(ShardObject::meta).collect()
    }
}

impl Shards {
    /// Cuts tables into at most so many shards of about the same size. Files stay whole and in their order, so that a shard
    /// holds neighbours.
    #[must_use]
    pub fn cut(mut tables: Vec<ShardedTable>, most: usize) -> Self {
        let files = tables
            .iter()
            .filter(|table| !table.whole)
            .map(|table| table.objects.len())
            .sum::<usize>();
        let count = most.min(files).max(1);
        let sizes =
            |table: &ShardedTable| -> u64 { table.objects.iter().map(|object| object.size.max(1)).sum() };
        let total: u64 = tables.iter().filter(|table| !table.whole).map(sizes).sum();
        let (mut bytes, mut file, mut shard) = (0_u128, 0, 0);
        for table in &mut tables {
            if table.whole {
                table.cuts = vec![table.objects.len(); count + 1];
                table.cuts[0] = 0;
                continue;
            }
            // A table begins in the shard that the one before has ended in.
            table.cuts = vec![0; shard + 1];
            for (index, object) in table.objects.iter().enumerate() {
                // The shard by the bytes before it; never so few files left that a shard would have none.
                let wanted = (bytes * count as u128 / u128::from(total.max(1))) as usize;
                let wanted = wanted
                    .max((file + count).saturating_sub(files))
                    .min(file)
                    .min(shard + 1);
                while shard < wanted {
                    shard += 1;
                    table.cuts.push(index);
                }
                bytes += u128::from(object.size.max(1));
                file += 1;
            }
            table.cuts.resize(count + 1, table.objects.len());
        }
        Self {
            schema: Self::SCHEMA.to_owned(),
            count,
            tables,
        }
    }

    /// The tables, as `--data` would name them.
    #[must_use]
    pub fn data(&self) -> Vec<(String, String)> {
        let tables = self.tables.iter();
        tables
            .map(|table| (table.name.clone(), table.uri.clone()))
            .collect()
    }
}

impl Record for Shards {
    const SCHEMA: &'static str = "mlops-steps/shards/v1";

    fn check(&self) -> Result<(), String> {
        let fits = |table: &ShardedTable| {
            let ends = (table.cuts.first(), table.cuts.last());
            table.cuts.len() == self.count + 1
                && table.cuts.is_sorted()
                && ends == (Some(&0), Some(&table.objects.len()))
        };
        match self.tables.iter().find(|table| !fits(table)) {
            None if self.count > 0 && !self.tables.is_empty() => Ok(()),
            Some(table) => Err(format!(
                "tables.{}.cuts do not cut its {} files into {} shards",
                table.name,
                table.objects.len(),
                self.count
            )),
            None => Err("there is no shard in it".to_owned()),
        }
    }
}

/// Runs `shards`.
pub(crate) async fn run(args: &ShardsArgs, cx: &Context) -> Result<Finished, StepError> {
    let data = plan::parse_data(&args.data).map_err(StepError::usage)?;
    let asked = (args.environment.as_deref(), args.reference.as_slice());
    let (_, plan) = plan_of(args.suite.as_ref(), asked, &data, cx).await?;
    let mut tables = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        let found = objects::list(&cx.store, table).await?;
        tables.push(ShardedTable {
            name: table.name.clone(),
            uri: table.uri.clone(),
            whole: plan.is_looked_up(&table.name),
            passed_over: found.passed_over,
            version: found.version.as_ref().map(TableVersion::of),
            columns: found.columns,
            objects: found.files.iter().map(ShardObject::of).collect(),
            cuts: Vec::new(),
        });
    }
    let shards = Shards::cut(tables, args.count);
    let json = shards.to_json();
    let mut section = Table::new("Shards", ["table", "files", "bytes", "read"]);
    for table in &shards.tables {
        section.push([
            Cell::text(&table.name),
            table.objects.len().into(),
            table.objects.iter().map(|object| object.size).sum::<u64>().into(),
            Cell::text(if table.whole {
                "whole, with each shard"
            } else {
                "in shards"
            }),
        ]);
    }
    let files: usize = shards.tables.iter().map(|table| table.objects.len()).sum();
    let reason = format!(
        "{} of {files} files",
        crate::decide::say::counted(shards.count as u64, "shard")
    );
    let report = cx
        .report()
        .verdict("SHARDED", reason)
        .with_binding("shards.digest", &provenance::digest_bytes(&json))
        .with_section(section);
    let numbers: Vec<String> = (0..shards.count).map(|shard| shard.to_string()).collect();
    let list = serde_json::to_string(&numbers).map_err(|error| StepError::internal(error.to_string()))?;
    Ok(Finished::decision("SHARDED", report, cx.statement())
        .with_parameter(&args.list, list)
        .with_output(&args.output, json))
}

/// What the shards were cut as, for what is read by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardsRead {
    /// Of the file of shards.
    pub digest: Digest,
    /// How many there are.
    pub count: usize,
    /// Those that were read, in their order.
    pub read: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(name: &str, sizes: &[u64], whole: bool) -> ShardedTable {
        let object = |(number, size): (usize, &u64)| ShardObject {
            uri: format!("s3://b/{name}/{number}"),
            size: *size,
            etag: None,
            version_id: None,
            modified: None,
            reference: None,
        };
        ShardedTable {
            name: name.to_owned(),
            uri: String::new(),
            whole,
            passed_over: Vec::new(),
            version: None,
            columns: Vec::new(),
            objects: sizes.iter().enumerate().map(object).collect(),
            cuts: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_shard_and_every_shard_has_a_file(
            sizes in prop::collection::vec(prop::collection::vec(0..10_000_u64, 1..20), 1..4),
            most in 1..30_usize,
        ) {
            let tables: Vec<ShardedTable> =
                sizes.iter().enumerate().map(|(index, sizes)| table(&index.to_string(), sizes, index == 1)).collect();
            let shards = Shards::cut(tables, most);
            let json = serde_json::to_vec(&shards).unwrap();
            prop_assert!(Shards::parse("s", &json).is_ok());
            let files: usize = shards.tables.iter().filter(|table| !table.whole).map(|table| table.objects.len()).sum();
            prop_assert_eq!(shards.count, most.min(files));
            for shard in 0..shards.count {
                let own = shards.tables.iter().filter(|table| !table.whole).map(|table| table.of_shard(shard).len());
                prop_assert!(own.sum::<usize>() > 0, "shard {} of {:?}", shard, shards);
            }
        }
    }

    #[test]
    fn shards_are_of_about_one_size() {
        let shards = Shards::cut(
            vec![table("a", &[100; 40], false), table("b", &[50; 40], false)],
            6,
        );
        let bytes = |shard: usize| -> u64 {
            let of = |table: &ShardedTable| {
                table.objects[table.of_shard(shard)]
                    .iter()
                    .map(|object| object.size)
                    .sum::<u64>()
            };
            shards.tables.iter().map(of).sum()
        };
        let all: Vec<u64> = (0..6).map(bytes).collect();
        assert!(all.iter().all(|bytes| (900..=1100).contains(bytes)), "{all:?}");
    }
}
