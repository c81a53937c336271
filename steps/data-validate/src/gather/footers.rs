//! What is known before a row is read: columns, their types, and of Parquet and Arrow files how many rows there are.

use std::collections::BTreeMap;

use super::objects::OpenedTable;
use super::{Evidence, TableEvidence};
use crate::plan::Plan;

/// The footers and headers of all tables as evidence. Rows are counted where every footer tells them and nothing cuts the
/// table.
#[must_use]
pub fn evidence(plan: &Plan, opened: &[OpenedTable], has_window: bool) -> Footers {
    let mut known_rows = Vec::with_capacity(opened.len());
    let tables = plan.tables.iter().zip(opened).map(|(plan, table)| {
        let mut by_object = BTreeMap::new();
        let is_filtered = plan.rules.as_ref().is_some_and(|rules| rules.filter.is_some());
        let mut known = !(is_filtered || has_window && plan.is_split);
        for (index, object) in table.objects.iter().enumerate() {
            let groups = object.source.row_groups();
            // Text files have no footer, and name no groups.
            let rows: Option<u64> = groups.iter().map(|group| group.rows).sum();
            let rows = rows.filter(|_| !groups.is_empty());
            known = known && rows.is_some();
            by_object.insert(index, rows.unwrap_or(0));
        }
        known_rows.push(known);
        TableEvidence {
            name: plan.name.clone(),
            rows: by_object.values().sum(),
            passed_over: table.passed_over.clone(),
            fields: super::fields(table),
            objects: super::objects(table, &by_object),
            ..TableEvidence::default()
        }
    });
    let evidence = Evidence {
        tables: tables.collect(),
        ..Evidence::default()
    };
    Footers { evidence, known_rows }
}

/// What the footers tell.
#[derive(Debug)]
pub struct Footers {
    /// Tables without anything that takes reading them.
    pub evidence: Evidence,
    /// By table, whether its rows are known.
    pub known_rows: Vec<bool>,
}
