//! Which files of the log it takes to know a version.

use std::collections::BTreeMap;

use super::DeltaRef;
use crate::error::StoreError;
use crate::location::Location;
use crate::store::Store;

/// The files of the log that make one version, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub version: u64,
    /// The parts of a checkpoint; none when all commits are there.
    pub checkpoint: Vec<Location>,
    /// The commits after it.
    pub commits: Vec<Location>,
}

/// A name in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Commit(u64),
    /// Version, number of the part from 1, number of parts.
    Checkpoint(u64, u64, u64),
    /// Of the second form, which names further files.
    Second(u64),
}

/// `00000000000000000010.json`, `….checkpoint.parquet`, `….checkpoint.0000000001.0000000003.parquet`,
/// `….checkpoint.<uuid>.parquet`.
fn entry(name: &str) -> Option<Entry> {
    let (digits, rest) = name.split_once('.')?;
    let version = number(digits, 20)?;
    let parts: Vec<&str> = rest.split('.').collect();
    match parts.as_slice() {
        ["json"] => Some(Entry::Commit(version)),
        ["checkpoint", "parquet"] => Some(Entry::Checkpoint(version, 1, 1)),
        ["checkpoint", part, of, "parquet"] => {
            let (part, of) = (number(part, 10)?, number(of, 10)?);
            (1..=of)
                .contains(&part)
                .then_some(Entry::Checkpoint(version, part, of))
        }
        ["checkpoint", _, "json" | "parquet"] => Some(Entry::Second(version)),
        _ => None,
    }
}

fn number(digits: &str, count: usize) -> Option<u64> {
    let is_number = digits.len() == count && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// The log, by its names.
#[derive(Debug, Default)]
struct Names {
    commits: BTreeMap<u64, Location>,
    /// By version and number of parts: the parts.
    checkpoints: BTreeMap<(u64, u64), BTreeMap<u64, Location>>,
    second: Vec<u64>,
}

impl Segment {
    /// Finds the files of a version, or of the newest one.
    pub(super) async fn find(store: &Store, reference: &DeltaRef, shown: &str) -> Result<Self, StoreError> {
        let place = reference.join("_delta_log/");
        let missing = |what: String| StoreError::NotFound {
            location: shown.to_owned(),
            what,
        };
        let listed = match store.list_plain(&place).await {
            Ok(listed) => listed,
            Err(StoreError::NotFound { what, .. }) => {
                return Err(missing(format!("is no Delta table: {place}: {what}")));
            }
            Err(error) => return Err(error),
        };
        let mut names = Names::default();
        for meta in listed {
            let below = place.below(&meta.location);
            if below.contains('/') {
                continue;
            }
            match entry(below) {
                Some(Entry::Commit(version)) => _ = names.commits.insert(version, meta.location),
                Some(Entry::Checkpoint(version, part, of)) => {
                    names
                        .checkpoints
                        .entry((version, of))
                        .or_default()
                        .insert(part, meta.location);
                }
                Some(Entry::Second(version)) => names.second.push(version),
                None => {}
            }
        }
        names.segment(reference.version).map_err(missing)
    }
}

impl Names {
    fn segment(mut self, wanted: Option<u64>) -> Result<Segment, String> {
        self.checkpoints
            .retain(|(_, of), parts| parts.len() as u64 == *of);
        let commits = self.commits.keys().next_back();
        let checkpoints = self.checkpoints.keys().next_back().map(|(version, _)| version);
        let newest = *commits
            .max(checkpoints)
            .ok_or("is no Delta table: `_delta_log` has no commit")?;
        let version = wanted.unwrap_or(newest);
        if version > newest {
            return Err(format!("there is no version {version}: the newest is {newest}"));
        }
        let checkpoint = self.checkpoints.range(..=(version, u64::MAX)).next_back();
        let (first, parts) = match checkpoint {
            Some(((at, _), parts)) => (at + 1, parts.values().cloned().collect()),
            None => (0, Vec::new()),
        };
        let mut chosen = Vec::new();
        for at in first..=version {
            match self.commits.get(&at) {
                Some(location) => chosen.push(location.clone()),
                None => return Err(self.gone(version, at)),
            }
        }
        Ok(Segment {
            version,
            checkpoint: parts,
            commits: chosen,
        })
    }

    /// Why a version can no longer be put together.
    fn gone(&self, version: u64, at: u64) -> String {
        if self
            .second
            .iter()
            .any(|second| *second <= version && *second >= at)
        {
            return format!(
                "version {version} stands in a checkpoint of the feature `v2Checkpoint`, which is not read here"
            );
        }
        let from = self
            .checkpoints
            .keys()
            .map(|(at, _)| *at)
            .find(|at| *at > version);
        let hint = from
            .map(|at| format!("; the log can be read from version {at} on"))
            .unwrap_or_default();
        format!(
            "version {version} can no longer be read: commit {at} is not in the log, which was cleaned up{hint}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(names: &[&str], version: Option<u64>) -> Result<(u64, Vec<String>), String> {
        let mut log = Names::default();
        for name in names {
            let location: Location = (*name).parse().unwrap();
            match entry(name) {
                Some(Entry::Commit(at)) => _ = log.commits.insert(at, location),
                Some(Entry::Checkpoint(at, part, of)) => {
                    _ = log
                        .checkpoints
                        .entry((at, of))
                        .or_default()
                        .insert(part, location);
                }
                Some(Entry::Second(at)) => log.second.push(at),
                None => {}
            }
        }
        let found = log.segment(version)?;
        let files = found.checkpoint.iter().chain(&found.commits);
        // The last digits of the version, and what kind of file it is.
        Ok((
            found.version,
            files.map(|file| file.to_string()[18..].to_owned()).collect(),
        ))
    }

    const C: [&str; 4] = [
        "00000000000000000000.json",
        "00000000000000000001.json",
        "00000000000000000002.json",
        "00000000000000000003.json",
    ];

    #[test]
    fn a_version_is_its_checkpoint_and_what_came_after() {
        assert_eq!(
            segment(&C, Some(1)).unwrap(),
            (1, vec!["00.json".to_owned(), "01.json".to_owned()])
        );
        let single = "00000000000000000002.checkpoint.parquet";
        let all: Vec<&str> = C
            .iter()
            .copied()
            .chain([single, "_last_checkpoint", "00000000000000000002.crc"])
            .collect();
        assert_eq!(
            segment(&all, None).unwrap().1,
            ["02.checkpoint.parquet", "03.json"]
        );
        assert_eq!(segment(&all, Some(2)).unwrap().1, ["02.checkpoint.parquet"]);
        assert_eq!(segment(&all, Some(1)).unwrap().1, ["00.json", "01.json"]);
        // A checkpoint of which a part is missing is none.
        let parts = [
            "00000000000000000002.checkpoint.0000000001.0000000002.parquet",
            "00000000000000000002.checkpoint.0000000002.0000000002.parquet",
        ];
        let one: Vec<&str> = C.iter().copied().chain([parts[1]]).collect();
        assert_eq!(
            segment(&one, Some(2)).unwrap().1,
            ["00.json", "01.json", "02.json"]
        );
        let both: Vec<&str> = parts.iter().rev().copied().chain([C[3]]).collect();
        let files = segment(&both, None).unwrap().1;
        assert_eq!(files.len(), 3);
        assert!(
            files[0].contains(".0000000001.") && files[1].contains(".0000000002.") && files[2] == "03.json"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(
            segment(&C, Some(9)).unwrap_err(),
            "there is no version 9: the newest is 3"
        );
        let cleaned = ["00000000000000000002.checkpoint.parquet", C[2], C[3]];
        assert_eq!(
            segment(&cleaned, Some(1)).unwrap_err(),
            "version 1 can no longer be read: commit 0 is not in the log, which was cleaned up; the log can be read from version 2 on"
        );
        let second = [
            "00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet",
            C[2],
            C[3],
        ];
        assert!(
            segment(&second, None)
                .unwrap_err()
                .contains("the feature `v2Checkpoint`")
        );
        assert!(segment(&["x.json"], None).unwrap_err().contains("has no commit"));
    }
}
