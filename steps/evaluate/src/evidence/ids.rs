//! What identifies each row, for millions of rows: one text, and where each id ends in it.

/// The ids of many rows.
///
/// ```
/// use evaluate::evidence::Ids;
/// let ids: Ids = ["b", "a"].into_iter().collect();
/// assert_eq!((ids.len(), ids.get(1)), (2, "a"));
/// assert_eq!(ids.ordered(&[1, 0]).iter().collect::<String>(), "ab");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    /// Adds the id of the next row.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// The id of a row; empty beyond the last.
    pub fn get(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.end(before));
        self.text.get(start..self.end(row)).unwrap_or_default()
    }

    fn end(&self, row: usize) -> usize {
        self.ends.get(row).copied().unwrap_or(self.text.len())
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The ids of these rows, in their order.
    pub fn ordered(&self, order: &[u32]) -> Self {
        let mut ids = Self {
            text: String::with_capacity(self.text.len()),
            ends: Vec::with_capacity(order.len()),
        };
        for row in order {
            ids.push(self.get(*row as usize));
        }
        ids
    }
}

impl<S: AsRef<str>> FromIterator<S> for Ids {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        let mut all = Self::default();
        for id in ids {
            all.push(id.as_ref());
        }
        all
    }
}
