//! Tables measured in parts, for profiles; and profiles taken for tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fields::of_files;
use super::measure::{KeyWanted, Measured, Wanted};
use super::objects::{OpenedTable, family_over};
use super::part::{KeyPart, PartEvidence, RelationPart, TablePart, without};
use super::scan::Pass;
use super::splits::SplitEvidence;
use super::wanted::Ahead;
use super::{
    Evidence, Extent, KeyEvidence, TableEvidence, TableVersion, examples, filter_of, filters, first_pass,
    frozen, pass_of, said, wanted,
};
use crate::error::ScanError;
use crate::plan::{Plan, TablePlan};
use crate::window::Window;

/// Measures parts of the tables, for a profile: one pass, and no row is compared with rows of other parts. What they refer to
/// and are held against is read of the whole tables. Blocks.
///
/// # Errors
/// See [`ScanError`].
pub fn measure(
    plan: &Plan,
    opened: &[OpenedTable],
    parts: &[OpenedTable],
    extent: Extent,
    whole: Pass<'_>,
    report_progress: impl Fn(&str),
) -> Result<Vec<TablePart>, ScanError> {
    let filters = filters(plan, opened);
    let pass_of = |table: usize| pass_of(plan, &filters, table, whole);
    let (ahead, all_wanted, measured) = first_pass(plan, (opened, parts), extent, pass_of, report_progress)?;
    let each = measured.into_iter().zip(&all_wanted).enumerate();
    each.map(|(index, (seen, wanted))| {
        let read = Read {
            plan,
            index,
            table: &parts[index],
            wanted,
            ahead: &ahead,
            samples: extent.samples,
            pass: pass_of(index),
        };
        read.part(seen)
    })
    .collect()
}

/// A part of a table that one pass has read.
struct Read<'a> {
    plan: &'a Plan,
    index: usize,
    table: &'a OpenedTable,
    wanted: &'a Wanted,
    ahead: &'a Ahead,
    samples: usize,
    pass: Pass<'a>,
}

impl Read<'_> {
    fn part(&self, seen: Measured) -> Result<TablePart, ScanError> {
        let mut evidence = PartEvidence {
            uri: self.plan.tables[self.index].uri.clone(),
            passed_over: self.table.passed_over.clone(),
            version: self.table.version.as_ref().map(TableVersion::of),
            compared: self.wanted.compared.clone(),
            relations: self.relations(&seen)?,
            ..PartEvidence::default()
        };
        for (wanted, seen) in self.wanted.keys.iter().zip(&seen.keys) {
            let mut part = KeyPart::of(seen, None)?;
            if part.without.is_none() {
                part.examples = self.examples(&part.keys.repeated(self.samples).top, &wanted.columns)?;
            }
            evidence.keys.push((wanted.clone(), part));
        }
        for (column, number, found) in self.ahead.references_of(self.index) {
            let found = found.as_deref().cloned().map_err(Clone::clone);
            evidence.references.push((column.clone(), number, found));
        }
        for (number, object) in (self.table.first..).zip(&self.table.objects) {
            let rows = seen.rows_by_object.get(&number).copied().unwrap_or(0);
            evidence.add_object(number, object, rows);
        }
        Ok(TablePart::of(seen, evidence))
    }

    /// Rows that refer to something, by the number of the relationship.
    fn relations(&self, seen: &Measured) -> Result<BTreeMap<usize, Result<RelationPart, String>>, ScanError> {
        let mut relations = BTreeMap::new();
        let name = &self.plan.tables[self.index].name;
        for (number, relation) in self.plan.relations.iter().enumerate() {
            if let (true, Some(Err(why))) = (relation.from.table == *name, self.ahead.parents.get(number)) {
                relations.insert(number, Err(why.clone()));
            }
        }
        for (orphans, seen) in self.wanted.orphans.iter().zip(&seen.orphans) {
            let Some(Ok(parent)) = self.ahead.parents.get(orphans.relation) else {
                continue;
            };
            // With a set of keys to probe only orphans were collected.
            let others = parent.set.is_none().then_some(&*parent.keys);
            let mut part = KeyPart::of(seen, others)?;
            part.examples = self.examples(&part.keys.all(self.samples).top, &orphans.columns)?;
            let found = RelationPart {
                parents: parent.distinct,
                orphans: part,
            };
            relations.insert(orphans.relation, Ok(found));
        }
        Ok(relations)
    }

    fn examples(
        &self,
        keys: &[(u128, u64)],
        columns: &[String],
    ) -> Result<Vec<examples::Example>, ScanError> {
        examples::find(self.table, columns, keys, self.pass)
    }
}

/// The columns of whole tables, each counted on bins that its profile chooses: a second pass. Blocks.
///
/// # Errors
/// See [`ScanError`].
pub fn histograms(
    plan: &Plan,
    opened: &[OpenedTable],
    parts: &mut [TablePart],
    whole: Pass<'_>,
) -> Result<(), ScanError> {
    let filters = filters(plan, opened);
    for (index, (table, part)) in opened.iter().zip(parts).enumerate() {
        part.histograms = frozen::histograms(table, &part.columns, pass_of(plan, &filters, index, whole))?;
    }
    Ok(())
}

/// How profiles are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The window that the rows were cut by.
    pub window: Option<&'a Window>,
    /// Examples kept a check.
    pub samples: usize,
    /// What age is measured from, nanoseconds since 1970-01-01.
    pub now: i128,
}

/// Profiles of whole tables as evidence.
#[must_use]
pub fn evidence(plan: &Plan, parts: &BTreeMap<String, TablePart>, asked: &Asked<'_>) -> Evidence {
    let tables = plan.tables.iter().map(|table| match parts.get(&table.name) {
        Some(part) => table_evidence(table, part, asked),
        None => TableEvidence {
            name: table.name.clone(),
            ..TableEvidence::default()
        },
    });
    let relations = plan.relations.iter().enumerate().map(|(number, relation)| {
        let part = parts
            .get(&relation.from.table)
            .and_then(|part| part.evidence.as_ref());
        match part.and_then(|part| part.relations.get(&number)) {
            Some(Ok(found)) => Ok(found.evidence(asked.samples)),
            Some(Err(why)) => Err(why.clone()),
            None => Err(format!("{} was not read", relation.from)),
        }
    });
    Evidence {
        tables: tables.collect(),
        relations: relations.collect(),
        splits: plan.splits.iter().map(SplitEvidence::not_compared).collect(),
        now: asked.now,
        is_of_profiles: true,
    }
}

/// What a profile has of a table.
fn table_evidence(plan: &TablePlan, part: &TablePart, asked: &Asked<'_>) -> TableEvidence {
    let windowed = asked.window.filter(|_| plan.is_split);
    let found = TableEvidence {
        name: plan.name.clone(),
        rows: part.rows,
        windowed: windowed.map(|window| window.column.clone()),
        ..TableEvidence::default()
    };
    let Some(evidence) = &part.evidence else {
        return found;
    };
    let files = || {
        let objects = evidence.objects.values();
        objects.map(|object| (object.uri.as_str(), evidence.schemas[object.schema].as_slice()))
    };
    let mut columns = evidence.columns.clone();
    for (name, profile) in &part.columns {
        columns.entry(name.clone()).or_default().profile = Some(profile.clone());
    }
    let fields = of_files(files().map(|(uri, fields)| (uri, fields.iter())));
    let keys = evidence.keys.iter();
    let mut keys: BTreeMap<KeyWanted, Result<KeyEvidence, String>> = keys
        .map(|(wanted, keys)| (wanted.clone(), keys.evidence(asked.samples)))
        .collect();
    if plan
        .rules
        .as_ref()
        .is_some_and(|rules| rules.duplicate_rows.is_some())
    {
        let names = fields.iter().map(|field| field.name.clone());
        whole_rows(KeyWanted::of_rows(names.collect()), &mut keys);
    }
    for (wanted, found) in &mut keys {
        let family = |name: &String| {
            let fields = files().filter_map(|(uri, fields)| {
                let field = fields.iter().find(|field| field.name == *name);
                Some((uri, field?))
            });
            family_over(name, fields).err()
        };
        if let Some(why) = wanted.columns.iter().find_map(family) {
            *found = found.clone().and(Err(why));
        }
    }
    let references = evidence.references.iter();
    TableEvidence {
        left: evidence.left,
        objects: evidence.object_evidence(),
        passed_over: evidence.passed_over.clone(),
        version: evidence.version.clone(),
        fields,
        filter: said(&filter_of(
            plan,
            files().map(|(uri, fields)| (uri, fields.into())),
        )),
        compared: evidence.compared.clone(),
        quantiles: wanted::quantiles(plan, &evidence.columns),
        keys,
        references: references
            .map(|(column, number, found)| ((column.clone(), *number), found.clone().map(Arc::new)))
            .collect(),
        conditions: evidence.conditions.clone(),
        pairs: evidence.pairs.clone(),
        broken: evidence.broken.clone(),
        columns,
        ..found
    }
}

/// A part whose files lack a column has compared its rows without it: they are then not compared as whole rows.
fn whole_rows(all: KeyWanted, keys: &mut BTreeMap<KeyWanted, Result<KeyEvidence, String>>) {
    let lacking = keys.iter().find_map(|(wanted, found)| {
        let has_rows = found.as_ref().map_or(true, |found| found.rows > 0);
        let lacks = |name: &&String| wanted.with_nulls && has_rows && !wanted.columns.contains(name);
        all.columns.iter().find(lacks).cloned()
    });
    if let Some(column) = lacking {
        keys.insert(all, Err(without(&column)));
    }
}
