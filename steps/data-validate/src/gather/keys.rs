//! Exact multisets of row keys in bounded memory: beyond a budget they go to an unnamed temporary file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use tabular::KeySet;

/// Keys are dealt to partitions by their upper bits; one partition at a time is sorted in memory.
pub(super) const PARTITIONS: usize = 64;
/// Keys held in memory by one multiset that was not told otherwise: 64 MiB.
const BUDGET: usize = 4 << 20;
const WIDTH: usize = 16;

/// The keys of the rows of a table, with repetitions.
#[derive(Debug)]
pub struct Keys {
    partitions: Vec<Vec<u128>>,
    held: usize,
    /// Beyond so many they go to disk.
    budget: usize,
    count: u64,
    spilled: Option<Spill>,
}

#[derive(Debug)]
struct Spill {
    /// Unlinked from its start: a killed run leaves nothing behind.
    file: File,
    end: u64,
    /// Partition, offset, keys.
    segments: Vec<(usize, u64, usize)>,
}

/// What is known of keys that meet a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Rows.
    pub rows: u64,
    /// Different keys.
    pub keys: u64,
    /// The keys of most rows, with their rows, the most first.
    pub top: Vec<(u128, u64)>,
}

/// How rows are spread over their keys.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spectrum {
    /// Different keys.
    pub distinct: u64,
    /// The entropy in nats (C. Shannon 1948): ln n - 1/n sum of c ln c over the rows c of each key; `None` without rows.
    pub entropy: Option<f64>,
    /// Rows of the rarest key.
    pub rarest: u64,
    /// Rows of the most frequent key.
    pub commonest: u64,
}

impl Spectrum {
    /// By the number of keys that have so many rows, so that nothing hangs on the order of the keys.
    pub(super) fn of(keys_by_rows: &BTreeMap<u64, u64>) -> Self {
        let n = keys_by_rows.iter().map(|(rows, keys)| rows * keys).sum::<u64>() as f64;
        let weighed: f64 = keys_by_rows
            .iter()
            .map(|(rows, keys)| *keys as f64 * *rows as f64 * (*rows as f64).ln())
            .sum();
        Self {
            distinct: keys_by_rows.values().sum(),
            entropy: (n > 0.0).then(|| (n.ln() - weighed / n).max(0.0)),
            rarest: keys_by_rows.keys().next().copied().unwrap_or(0),
            commonest: keys_by_rows.keys().next_back().copied().unwrap_or(0),
        }
    }
}

impl KeyCounts {
    pub(super) fn add(&mut self, key: u128, rows: u64, keep: usize) {
        self.rows += rows;
        self.keys += 1;
        self.top.push((key, rows));
        if self.top.len() >= 4 * keep.max(64) {
            self.cut(keep);
        }
    }

    pub(super) fn cut(&mut self, keep: usize) {
        self.top
            .sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        self.top.truncate(keep);
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            partitions: Vec::new(),
            held: 0,
            budget: BUDGET,
            count: 0,
            spilled: None,
        }
    }
}

impl Keys {
    /// Holds so many in memory, and not more.
    pub fn spill_at(&mut self, keys: usize) {
        self.budget = keys.max(1);
    }

    /// Adds keys.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn extend(&mut self, keys: impl IntoIterator<Item = u128>) -> io::Result<()> {
        if self.partitions.is_empty() {
            self.partitions = vec![Vec::new(); PARTITIONS];
        }
        for key in keys {
            self.partitions[(key >> 122) as usize].push(key);
            self.held += 1;
            self.count += 1;
            if self.held >= self.budget {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// How many keys, repetitions counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds the keys of another.
    ///
    /// # Errors
    /// When the temporary file cannot be written or read.
    pub fn absorb(&mut self, other: Self) -> io::Result<()> {
        if self.count == 0 {
            *self = other;
            return Ok(());
        }
        for partition in 0..PARTITIONS {
            self.extend(other.partition(partition)?)?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let spill = match &mut self.spilled {
            Some(spill) => spill,
            none => none.insert(Spill {
                file: tempfile::tempfile()?,
                end: 0,
                segments: Vec::new(),
            }),
        };
        spill.file.seek(SeekFrom::Start(spill.end))?;
        let mut writer = io::BufWriter::with_capacity(1 << 20, &spill.file);
        for (partition, keys) in self.partitions.iter_mut().enumerate() {
            for key in &*keys {
                writer.write_all(&key.to_le_bytes())?;
            }
            spill.segments.push((partition, spill.end, keys.len()));
            spill.end += (keys.len() * WIDTH) as u64;
            keys.clear();
        }
        writer.flush()?;
        self.held = 0;
        Ok(())
    }

    /// All keys of one partition, in no order.
    pub(super) fn partition(&self, partition: usize) -> io::Result<Vec<u128>> {
        let mut keys = self.partitions.get(partition).cloned().unwrap_or_default();
        if let Some(spill) = &self.spilled {
            for (_, offset, count) in spill.segments.iter().filter(|(of, _, _)| *of == partition) {
                let mut bytes = vec![0; count * WIDTH];
                spill.file.read_exact_at(&mut bytes, *offset)?;
                keys.extend(
                    bytes
                        .as_chunks::<WIDTH>()
                        .0
                        .iter()
                        .map(|chunk| u128::from_le_bytes(*chunk)),
                );
            }
        }
        Ok(keys)
    }

    /// Calls back with each different key and its rows, partition by partition.
    fn each(&self, mut see: impl FnMut(u128, u64)) -> io::Result<()> {
        for partition in 0..PARTITIONS {
            let mut keys = self.partition(partition)?;
            keys.sort_unstable();
            keys.chunk_by(|a, b| a == b)
                .for_each(|same| see(same[0], same.len() as u64));
        }
        Ok(())
    }

    /// How many different keys, and how the rows are spread over them.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn spectrum(&self) -> io::Result<Spectrum> {
        let mut keys_by_rows: BTreeMap<u64, u64> = BTreeMap::new();
        self.each(|_, rows| *keys_by_rows.entry(rows).or_insert(0) += 1)?;
        Ok(Spectrum::of(&keys_by_rows))
    }

    /// The keys that more than one row has. `rows` counts the rows beyond the first of each key.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn repeated(&self, keep: usize) -> io::Result<KeyCounts> {
        let mut found = KeyCounts::default();
        self.each(|key, rows| {
            if rows > 1 {
                found.add(key, rows, keep);
                found.rows -= 1;
            }
        })?;
        found.cut(keep);
        Ok(found)
    }

    /// All keys with their rows.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn all(&self, keep: usize) -> io::Result<KeyCounts> {
        let mut found = KeyCounts::default();
        self.each(|key, rows| found.add(key, rows, keep))?;
        found.cut(keep);
        Ok(found)
    }

    /// The rows of this whose key is (`present`) or is not among the keys of the other.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn against(&self, other: &Self, present: bool, keep: usize) -> io::Result<KeyCounts> {
        let mut found = KeyCounts::default();
        for partition in 0..PARTITIONS {
            let mut mine = self.partition(partition)?;
            mine.sort_unstable();
            let mut theirs = other.partition(partition)?;
            theirs.sort_unstable();
            let mut theirs = theirs.into_iter().peekable();
            for same in mine.chunk_by(|a, b| a == b) {
                while theirs.peek().is_some_and(|key| *key < same[0]) {
                    theirs.next();
                }
                if (theirs.peek() == Some(&same[0])) == present {
                    found.add(same[0], same.len() as u64, keep);
                }
            }
        }
        found.cut(keep);
        Ok(found)
    }

    /// The key whose share of the rows differs most between this and the other, with its rows in each; `None` when one of
    /// the two has no rows. Of equal differences the key of most rows.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn shift(&self, other: &Self) -> io::Result<Option<(u128, u64, u64)>> {
        let (n, m) = (self.count as f64, other.count as f64);
        let mut most: Option<(f64, u64, u128, u64, u64)> = None;
        let mut see = |key: u128, mine: u64, theirs: u64| {
            let found = (
                (mine as f64 / n - theirs as f64 / m).abs(),
                mine + theirs,
                key,
                mine,
                theirs,
            );
            if most.is_none_or(|known| (found.0, found.1) > (known.0, known.1)) {
                most = Some(found);
            }
        };
        if self.count == 0 || other.count == 0 {
            return Ok(None);
        }
        for partition in 0..PARTITIONS {
            let mut mine = self.partition(partition)?;
            let mut theirs = other.partition(partition)?;
            mine.sort_unstable();
            theirs.sort_unstable();
            let mut left = mine.chunk_by(|a, b| a == b).peekable();
            let mut right = theirs.chunk_by(|a, b| a == b).peekable();
            loop {
                match (left.peek(), right.peek()) {
                    (None, None) => break,
                    (Some(a), Some(b)) if a[0] == b[0] => {
                        see(a[0], a.len() as u64, b.len() as u64);
                        left.next();
                        right.next();
                    }
                    (Some(a), b) if b.is_none_or(|b| a[0] < b[0]) => {
                        see(a[0], a.len() as u64, 0);
                        left.next();
                    }
                    (_, Some(b)) => {
                        see(b[0], 0, b.len() as u64);
                        right.next();
                    }
                    (Some(_), None) => break,
                }
            }
        }
        Ok(most.map(|(_, _, key, mine, theirs)| (key, mine, theirs)))
    }

    /// The different keys as a set, when there are at most `limit` rows of them.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn to_set(&self, limit: u64) -> io::Result<Option<KeySet>> {
        if self.count > limit {
            return Ok(None);
        }
        let mut set = KeySet::default();
        self.each(|key, _| {
            set.insert(key);
        })?;
        Ok(Some(set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(values: impl IntoIterator<Item = u64>) -> Keys {
        let mut keys = Keys::default();
        keys.extend(
            values
                .into_iter()
                .map(|value| u128::from(value).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
        )
        .unwrap();
        keys
    }

    #[test]
    fn counts_are_exact_in_memory_and_on_disk() {
        for times in [1_u64, 3] {
            let many = (BUDGET as u64 / 2) * times;
            // Every key once, the multiples of 1000 twice more.
            let all = keys(
                (0..many)
                    .chain((0..many).step_by(1000))
                    .chain((0..many).step_by(1000)),
            );
            assert_eq!(all.spilled.is_some(), times > 1);
            let repeated = all.repeated(5).unwrap();
            let expected = many.div_ceil(1000);
            assert_eq!((repeated.keys, repeated.rows), (expected, 2 * expected));
            assert_eq!(all.spectrum().unwrap().distinct, many);
            let half = keys((0..many).step_by(2));
            let shared = all.against(&half, true, 0).unwrap();
            let missing = all.against(&half, false, 0).unwrap();
            assert_eq!(shared.keys, many.div_ceil(2));
            assert_eq!(shared.rows + missing.rows, all.count());
        }
    }

    #[test]
    fn the_keys_of_most_rows_come_first() {
        let counted = keys([1, 2, 2, 3, 3, 3]).all(2).unwrap();
        assert_eq!((counted.rows, counted.keys), (6, 3));
        assert_eq!(
            counted.top.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(),
            [3, 2]
        );
    }

    #[test]
    fn absorbing_is_adding() {
        let mut all = keys(0..1000);
        all.absorb(keys(500..1500)).unwrap();
        assert_eq!(
            (
                all.count(),
                all.spectrum().unwrap().distinct,
                all.repeated(0).unwrap().keys
            ),
            (2000, 1500, 500)
        );
    }
}
