//! The columns of a table, over all of its files.

use std::collections::HashMap;

use tabular::{Field, Kind, Precision};

use super::objects::OpenedTable;

/// A column over all files of a table.
#[derive(Debug, Clone)]
pub struct FieldEvidence {
    /// Its name.
    pub name: String,
    /// Its kinds; more than one when files differ.
    pub kinds: Vec<Kind>,
    /// What files call its type; more than one when files differ.
    pub types: Vec<String>,
    /// The least precision that a file holds its numbers with.
    pub precision: Precision,
    /// For each of `types`, how many files call it so, and the first of them.
    pub files: Vec<(u64, String)>,
    /// Files that do not have it.
    pub missing_in: Vec<String>,
}

/// The columns of a table.
pub(super) fn of_table(opened: &OpenedTable) -> Vec<FieldEvidence> {
    let files = opened.objects.iter();
    of_files(files.map(|object| (object.uri.as_str(), object.source.fields())))
}

/// The columns of files, in the order of the first file that has them.
pub(super) fn of_files<'a, F: Iterator<Item = &'a Field>>(
    files: impl Iterator<Item = (&'a str, F)>,
) -> Vec<FieldEvidence> {
    let mut found: Vec<(FieldEvidence, Vec<usize>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut uris = Vec::new();
    for (file, (uri, fields)) in files.enumerate() {
        uris.push(uri);
        for field in fields {
            let at = *known.entry(field.name.as_str()).or_insert_with(|| {
                found.push((FieldEvidence::of(field), Vec::new()));
                found.len() - 1
            });
            found[at].0.see(field, uri);
            found[at].1.push(file);
        }
    }
    let missing = |has: &[usize]| {
        let mut has = has.iter().peekable();
        let without = uris
            .iter()
            .enumerate()
            .filter(|(file, _)| has.next_if_eq(&file).is_none());
        without.map(|(_, uri)| (*uri).to_owned()).collect()
    };
    let whole = |(field, has): (FieldEvidence, Vec<usize>)| FieldEvidence {
        missing_in: missing(&has),
        ..field
    };
    found.into_iter().map(whole).collect()
}

impl FieldEvidence {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            kinds: Vec::new(),
            types: Vec::new(),
            precision: field.precision(),
            files: Vec::new(),
            missing_in: Vec::new(),
        }
    }

    fn see(&mut self, field: &Field, uri: &str) {
        self.precision = self.precision.min(field.precision());
        if !self.kinds.contains(&field.kind) {
            self.kinds.push(field.kind);
        }
        match self.types.iter().position(|known| *known == field.type_name) {
            Some(at) => self.files[at].0 += 1,
            None => {
                self.types.push(field.type_name.clone());
                self.files.push((1, uri.to_owned()));
            }
        }
    }
}
