//! What was measured of a part of the tables: it goes into a file, and parts merge. Counts, ends, sums, moments and bins
//! merge to the same bits in any grouping; sketches are merged in the order of the parts.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use provenance::{Digest, ObjectReference};
use serde::{Deserialize, Serialize};
use tabular::{ColumnProfile, Field};

use super::column::ColumnMeasured;
use super::conditions::ConditionMeasured;
use super::examples::Example;
use super::frozen::{Histograms, Reference};
use super::keys::Keys;
use super::measure::{KeyMeasured, KeyWanted, Measured, absorb_each};
use super::objects::Opened;
use super::rows::Left;
use super::sound::MOST_ROWS;
use super::tally::Tally;
use super::together::Together;
use super::{KeyEvidence, ObjectEvidence, RelationEvidence, TableVersion};

/// A table, or a part of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablePart {
    /// Rows that the rules are about.
    pub rows: u64,
    /// The profile of each column that was read.
    pub columns: BTreeMap<String, ColumnProfile>,
    /// Its columns on frozen bins, where that was asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: Histograms,
    /// What the rules of a suite need besides; absent where there is no suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Box<PartEvidence>>,
}

/// What the rules need.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartEvidence {
    /// Its location as it was given.
    pub uri: String,
    /// Names that were passed over.
    pub passed_over: Vec<String>,
    /// The version that a reference was resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TableVersion>,
    /// The different lists of columns that its files have.
    pub schemas: Vec<Vec<Field>>,
    /// Its files, by their number in the table.
    pub objects: BTreeMap<usize, PartObject>,
    /// Rows that were not looked at.
    pub left: Left,
    /// Columns that rows are told apart, found or ordered by.
    pub compared: BTreeSet<String>,
    /// By column.
    pub columns: BTreeMap<String, ColumnMeasured>,
    /// Keys of rows.
    pub keys: Vec<(KeyWanted, KeyPart)>,
    /// In the order of the rules.
    pub conditions: Vec<ConditionMeasured>,
    /// In the order of the rules.
    pub pairs: Vec<Together>,
    /// What columns are held against, by column and number of the rule; or why there is nothing.
    pub references: Vec<(String, usize, Result<Reference, String>)>,
    /// Columns that do not decode.
    pub broken: BTreeMap<String, String>,
    /// Rows that refer to something, by the number of the relationship; or why they could not be looked at.
    pub relations: BTreeMap<usize, Result<RelationPart, String>>,
}

/// A file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartObject {
    /// Its own location.
    pub uri: String,
    /// The number of its list of columns.
    pub schema: usize,
    /// Bytes.
    pub size: u64,
    /// As the store gave it.
    pub etag: Option<String>,
    /// As the store gave it.
    pub version_id: Option<String>,
    /// Rows, inside of the window if there is one.
    pub rows: u64,
    /// Of its bytes.
    pub digest: Option<Digest>,
    /// What a reference says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ObjectReference>,
}

/// The keys of rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Rows that were looked at, without those left out.
    pub looked_at: u64,
    /// Rows left out for a null in the key.
    pub with_null: u64,
    /// A column of the key that was not there or did not decode, in some part.
    pub without: Option<String>,
    /// The keys.
    pub keys: Tally,
    /// Some of those of most rows.
    pub examples: Vec<Example>,
}

/// Rows that refer to something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationPart {
    /// Different keys referred to: of the whole table, so the same in each part.
    pub parents: u64,
    /// Those that refer to nothing.
    pub orphans: KeyPart,
}

impl KeyPart {
    /// Of collected keys that are not among others.
    pub(super) fn of(seen: &KeyMeasured, others: Option<&Keys>) -> io::Result<Self> {
        Ok(Self {
            looked_at: seen.looked_at,
            with_null: seen.with_null,
            without: seen.without.clone(),
            keys: Tally::without(&seen.keys, others)?,
            examples: Vec::new(),
        })
    }

    fn absorb(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.with_null += other.with_null;
        self.without = self.without.take().or(other.without);
        self.keys.absorb(&other.keys);
        for example in other.examples {
            match self
                .examples
                .iter_mut()
                .find(|known| known.value == example.value)
            {
                Some(known) => {
                    known.rows += example.rows;
                    known.spot = known.spot.into_iter().chain(example.spot).min();
                }
                None => self.examples.push(example),
            }
        }
        self.examples.sort_by(|a, b| a.value.cmp(&b.value));
    }

    /// The examples of most rows.
    fn shown(&self, samples: usize) -> Vec<Example> {
        let mut examples = self.examples.clone();
        examples.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
        examples.truncate(samples);
        examples
    }

    /// As the checks need it.
    pub(super) fn evidence(&self, samples: usize) -> Result<KeyEvidence, String> {
        if let Some(column) = &self.without {
            return Err(without(column));
        }
        let mut spread = self.keys.spectrum().unwrap_or_default();
        let mut distinct_within = None;
        if let Tally::Many(many) = &self.keys {
            let (least, most) = many.distinct();
            spread.distinct = least;
            distinct_within = Some((least, most));
        }
        Ok(KeyEvidence {
            rows: self.looked_at,
            with_null: self.with_null,
            spread,
            repeated: self.keys.repeated(samples),
            examples: self.shown(samples),
            distinct_within,
        })
    }
}

/// Why keys cannot be compared that lack a column.
pub(super) fn without(column: &str) -> String {
    format!("the column `{column}` is missing or does not decode in a file")
}

impl RelationPart {
    /// As the checks need it.
    pub(super) fn evidence(&self, samples: usize) -> RelationEvidence {
        RelationEvidence {
            referring: self.orphans.looked_at,
            with_null: self.orphans.with_null,
            parents: self.parents,
            orphans: self.orphans.keys.all(samples),
            examples: self.orphans.shown(samples),
            keys_are_least: matches!(self.orphans.keys, Tally::Many(_)),
        }
    }
}

impl TablePart {
    /// What one pass measured, beside the evidence that comes from elsewhere.
    pub(super) fn of(mut seen: Measured, evidence: PartEvidence) -> Self {
        let profiles = seen
            .columns
            .iter_mut()
            .filter_map(|(name, column)| Some((name.clone(), column.profile.take()?)));
        Self {
            columns: profiles.collect(),
            rows: seen.rows,
            histograms: Histograms::new(),
            evidence: Some(Box::new(PartEvidence {
                left: seen.left,
                columns: seen.columns,
                conditions: seen.conditions,
                pairs: seen.pairs,
                broken: seen.broken,
                ..evidence
            })),
        }
    }

    /// Takes in the next part.
    ///
    /// # Errors
    /// A sentence, when the two are not parts of one table.
    pub fn absorb(&mut self, other: Self) -> Result<(), String> {
        let rows = self.all_rows().saturating_add(other.all_rows());
        if rows > MOST_ROWS {
            return Err(format!("{rows} rows in all; at most {MOST_ROWS} can be counted"));
        }
        self.rows += other.rows;
        for (name, theirs) in other.columns {
            let merged = match self.columns.remove(&name) {
                Some(mine) => mine.merge(&theirs),
                None => theirs,
            };
            self.columns.insert(name, merged);
        }
        for (name, theirs) in other.histograms {
            match self.histograms.get_mut(&name) {
                Some(mine) => mine.absorb(&theirs).map_err(|why| format!("`{name}`: {why}"))?,
                None => _ = self.histograms.insert(name, theirs),
            }
        }
        match (&mut self.evidence, other.evidence) {
            (Some(mine), Some(theirs)) => mine.absorb(*theirs)?,
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        Ok(())
    }
}

impl PartEvidence {
    fn absorb(&mut self, other: Self) -> Result<(), String> {
        if let Some(twice) = other
            .objects
            .keys()
            .find(|number| self.objects.contains_key(number))
        {
            return Err(format!("{} is in two parts", other.objects[twice].uri));
        }
        for (number, mut object) in other.objects {
            object.schema = self.schema(other.schemas[object.schema].clone());
            self.objects.insert(number, object);
        }
        self.left.absorb(other.left);
        self.compared.extend(other.compared);
        for (name, column) in other.columns {
            self.columns.entry(name).or_default().absorb(column);
        }
        for (wanted, keys) in other.keys {
            match self.keys.iter_mut().find(|(known, _)| *known == wanted) {
                Some((_, mine)) => mine.absorb(keys),
                None => self.keys.push((wanted, keys)),
            }
        }
        absorb_each(&mut self.conditions, other.conditions, ConditionMeasured::absorb);
        absorb_each(&mut self.pairs, other.pairs, Together::absorb);
        for theirs in other.references {
            match self
                .references
                .iter()
                .find(|mine| (&mine.0, mine.1) == (&theirs.0, theirs.1))
            {
                Some(mine) if *mine == theirs => {}
                Some(_) => {
                    return Err(format!(
                        "`{}` is held against another reference in another part",
                        theirs.0
                    ));
                }
                None => self.references.push(theirs),
            }
        }
        for (column, why) in other.broken {
            self.broken.entry(column).or_insert(why);
        }
        for (number, theirs) in other.relations {
            let merged = match (self.relations.remove(&number), theirs) {
                (None, theirs) => theirs,
                (Some(Ok(mine)), Ok(theirs)) if mine.parents != theirs.parents => {
                    return Err(format!(
                        "relationships[{number}] refers to {} keys in one part and to {} in another",
                        mine.parents, theirs.parents
                    ));
                }
                (Some(Ok(mut mine)), Ok(theirs)) => {
                    mine.orphans.absorb(theirs.orphans);
                    Ok(mine)
                }
                (Some(Err(why)), _) | (_, Err(why)) => Err(why),
            };
            self.relations.insert(number, merged);
        }
        Ok(())
    }

    /// Adds a file, with its digest still to come.
    pub(super) fn add_object(&mut self, number: usize, object: &Opened, rows: u64) {
        let schema: Vec<Field> = object.source.fields().cloned().collect();
        let meta = object.object.meta();
        let object = PartObject {
            uri: object.uri.clone(),
            schema: self.schema(schema),
            size: object.object.size(),
            etag: meta.etag.clone(),
            version_id: meta.version_id.clone(),
            rows,
            digest: None,
            reference: super::reference_of(&object.object),
        };
        self.objects.insert(number, object);
    }

    /// The number of a list of columns.
    fn schema(&mut self, schema: Vec<Field>) -> usize {
        let known = self.schemas.iter().position(|known| *known == schema);
        known.unwrap_or_else(|| {
            self.schemas.push(schema);
            self.schemas.len() - 1
        })
    }

    /// Its files, in the order of their numbers.
    pub(super) fn object_evidence(&self) -> Vec<ObjectEvidence> {
        let objects = self.objects.values().map(|object| ObjectEvidence {
            uri: object.uri.clone(),
            size: object.size,
            etag: object.etag.clone(),
            version_id: object.version_id.clone(),
            rows: object.rows,
            digest: object.digest,
            reference: object.reference.clone(),
        });
        objects.collect()
    }
}
