//! The log of a Delta table, replayed: which files the table is made of at one version, and what the log says of them.
//!
//! By the [protocol](https://github.com/delta-io/delta/blob/master/PROTOCOL.md), "Action Reconciliation": the newest of all
//! actions about a file decides, and the newest protocol and metadata hold. Nothing is fetched here; checkpoints and commits
//! are handed in, in their order.

mod checkpoint;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use crate::{Kind, TableError};

/// A log, as far as it was handed in.
#[derive(Debug, Default)]
pub struct DeltaLog {
    protocol: Option<Protocol>,
    metadata: Option<Metadata>,
    files: BTreeMap<String, Add>,
}

/// A table at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaTable {
    /// Its files, in the order of their paths.
    pub files: Vec<DeltaFile>,
    /// Its columns with what each is read as, those that files are partitioned by among them.
    pub columns: Vec<(String, Kind)>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaFile {
    /// As the log has it: relative to the table and percent-encoded, or absolute.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// The values of the columns that files are partitioned by, in their order; none is null.
    pub partition: Vec<(String, Option<String>)>,
}

/// One line of a commit, as far as it decides what the table is.
#[derive(Debug, Deserialize)]
struct Action {
    protocol: Option<Protocol>,
    #[serde(rename = "metaData")]
    metadata: Option<Metadata>,
    add: Option<Add>,
    remove: Option<Remove>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protocol {
    min_reader_version: u32,
    #[serde(default)]
    reader_features: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    schema_string: String,
    #[serde(default)]
    partition_columns: Vec<String>,
    #[serde(default)]
    configuration: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    size: u64,
    #[serde(default)]
    partition_values: BTreeMap<String, Option<String>>,
    deletion_vector: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Remove {
    path: String,
}

#[derive(Debug, Deserialize)]
struct Schema {
    fields: Vec<SchemaField>,
}

#[derive(Debug, Deserialize)]
struct SchemaField {
    name: String,
    #[serde(rename = "type")]
    kind: serde_json::Value,
}

/// Features that a table may ask of its reader and that change nothing for the files of one version, unless a file or the
/// metadata make use of them, which is looked for. A column of the type `variant` is two columns of bytes in the files, as
/// any other nested column.
const READABLE: [&str; 5] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "vacuumProtocolCheck",
    "variantType",
];

impl DeltaLog {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a checkpoint, or one of its parts: all files as of its version.
    ///
    /// # Errors
    /// It is no Parquet file, or has no actions of Delta.
    pub fn checkpoint(&mut self, name: &str, bytes: Bytes) -> Result<(), TableError> {
        checkpoint::lines(name, bytes, |lines| self.commit(name, lines))
    }

    /// Takes in the commit after what was taken in before: a JSON object a line.
    ///
    /// # Errors
    /// A line is no action; it is named.
    pub fn commit(&mut self, name: &str, lines: &[u8]) -> Result<(), TableError> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for (number, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let action: Action = serde_json::from_slice(line).map_err(|error| TableError::Corrupt {
                file: name.to_owned(),
                at: format!("line {}", number + 1),
                what: format!("no action of a Delta log: {error}"),
            })?;
            self.protocol = action.protocol.or(self.protocol.take());
            self.metadata = action.metadata.or(self.metadata.take());
            removed.extend(action.remove);
            added.extend(action.add);
        }
        // The actions of one commit have no order: a file may be removed and added with another deletion vector.
        for remove in removed {
            self.files.remove(&remove.path);
        }
        for add in added {
            self.files.insert(add.path.clone(), add);
        }
        Ok(())
    }

    /// The table that the actions make.
    ///
    /// # Errors
    /// A sentence: what the log lacks, or which feature of Delta it would take to read the table.
    pub fn table(self) -> Result<DeltaTable, String> {
        let protocol = self
            .protocol
            .ok_or("the log has no protocol action, so that it is not whole")?;
        let metadata = self
            .metadata
            .ok_or("the log has no metaData action, so that it is not whole")?;
        protocol.can_be_read()?;
        metadata.can_be_read()?;
        let with_vectors: Vec<&str> = self
            .files
            .values()
            .filter(|add| {
                add.deletion_vector
                    .as_ref()
                    .is_some_and(|vector| !vector.is_null())
            })
            .map(|add| add.path.as_str())
            .collect();
        if let Some(first) = with_vectors.first() {
            return Err(format!(
                "{} of its {} files have deletion vectors (the feature `deletionVectors`; the first is {first}), which are not \
                 read here: rows that were deleted would be read; rewrite the files with `REORG TABLE … APPLY (PURGE)`",
                with_vectors.len(),
                self.files.len()
            ));
        }
        let partition_columns = &metadata.partition_columns;
        let files = self.files.into_values().map(|mut add| DeltaFile {
            partition: partition_columns
                .iter()
                // An empty text is how the log writes null, whatever the type.
                .map(|column| {
                    let value = add.partition_values.remove(column).flatten();
                    (column.clone(), value.filter(|value| !value.is_empty()))
                })
                .collect(),
            path: add.path,
            size: add.size,
        });
        Ok(DeltaTable {
            columns: metadata.columns()?,
            files: files.collect(),
        })
    }
}

impl Protocol {
    fn can_be_read(&self) -> Result<(), String> {
        if self.min_reader_version > 3 {
            return Err(format!(
                "the table asks for a reader of version {}; versions 1 to 3 are read here",
                self.min_reader_version
            ));
        }
        let unknown: Vec<String> = self
            .reader_features
            .iter()
            .filter(|feature| !READABLE.contains(&feature.as_str()))
            .map(|feature| format!("`{feature}`"))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the table asks its reader for {}, which is not read here; read are tables without it, or with {}",
            unknown.join(" and "),
            READABLE.join(", ")
        ))
    }
}

impl Metadata {
    fn can_be_read(&self) -> Result<(), String> {
        let mode = self
            .configuration
            .get("delta.columnMapping.mode")
            .cloned()
            .flatten();
        match mode.as_deref() {
            None | Some("none") => Ok(()),
            Some(mode) => Err(format!(
                "the columns have other names in the files (the feature `columnMapping`, mode `{mode}`), which is not read here; \
                 write the table anew without it"
            )),
        }
    }

    fn columns(&self) -> Result<Vec<(String, Kind)>, String> {
        let schema: Schema = serde_json::from_str(&self.schema_string)
            .map_err(|error| format!("the schema in the log's metaData is no schema of Delta: {error}"))?;
        let columns = schema.fields.into_iter().map(|field| {
            let kind = field.kind.as_str().map_or(Kind::Other, kind);
            (field.name, kind)
        });
        Ok(columns.collect())
    }
}

/// The primitive types of Delta.
fn kind(name: &str) -> Kind {
    match name {
        "string" => Kind::Text,
        "long" | "integer" | "short" | "byte" => Kind::Int,
        "float" | "double" => Kind::Float,
        "boolean" => Kind::Bool,
        "binary" => Kind::Bytes,
        "date" => Kind::Date,
        "timestamp" | "timestamp_ntz" => Kind::Timestamp,
        name if name.starts_with("decimal") => Kind::Decimal,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = concat!(
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
        "\n",
        r#"{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"dt\",\"type\":\"date\"},{\"name\":\"l\",\"type\":{\"type\":\"array\"}}]}","partitionColumns":["dt"],"configuration":{}}}"#,
        "\n",
        r#"{"add":{"path":"dt=2013-01-01/a","size":3,"partitionValues":{"dt":"2013-01-01"},"dataChange":true,"modificationTime":1}}"#,
        "\n"
    );

    fn after(lines: &[&str]) -> Result<DeltaTable, String> {
        let mut log = DeltaLog::new();
        for (number, line) in [START].iter().chain(lines).enumerate() {
            log.commit(&format!("{number}.json"), line.as_bytes()).unwrap();
        }
        log.table()
    }

    #[test]
    fn the_newest_action_about_a_file_decides() {
        let table = after(&[
            concat!(
                r#"{"add":{"path":"b","size":4,"partitionValues":{"dt":""}}}"#,
                "\n",
                r#"{"remove":{"path":"dt=2013-01-01/a","dataChange":true}}"#,
                "\n",
                r#"{"commitInfo":{"operation":"DELETE"}}"#
            ),
            r#"{"remove":{"path":"gone"}}"#,
        ])
        .unwrap();
        let file = DeltaFile {
            path: "b".to_owned(),
            size: 4,
            partition: vec![("dt".to_owned(), None)],
        };
        assert_eq!(table.files, [file]);
        let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(kinds, [Kind::Int, Kind::Date, Kind::Other]);
        let back = [
            r#"{"remove":{"path":"dt=2013-01-01/a"}}"#,
            &START[START.find("{\"add\"").unwrap()..],
        ];
        assert_eq!(after(&back).unwrap().files.len(), 1);
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (line, why) in [
            (
                r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["typeWidening","timestampNtz","v2Checkpoint"]}}"#,
                "asks its reader for `typeWidening` and `v2Checkpoint`, which is not read here",
            ),
            (
                r#"{"protocol":{"minReaderVersion":4,"minWriterVersion":7}}"#,
                "a reader of version 4",
            ),
            (
                r#"{"metaData":{"schemaString":"{}","configuration":{"delta.columnMapping.mode":"name"}}}"#,
                "the feature `columnMapping`, mode `name`",
            ),
            (
                r#"{"add":{"path":"v","size":1,"partitionValues":{},"deletionVector":{"storageType":"u","pathOrInlineDv":"x"}}}"#,
                "1 of its 2 files have deletion vectors (the feature `deletionVectors`; the first is v)",
            ),
            (r#"{"metaData":{"schemaString":"x"}}"#, "no schema of Delta"),
        ] {
            let said = after(&[line]).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(
            DeltaLog::new()
                .table()
                .unwrap_err()
                .contains("no protocol action")
        );
        let said = DeltaLog::new()
            .commit("7.json", b"{}\n{\"add\": 3}\n")
            .unwrap_err();
        assert!(
            said.to_string()
                .starts_with("7.json: line 2: no action of a Delta log"),
            "{said}"
        );
    }
}
