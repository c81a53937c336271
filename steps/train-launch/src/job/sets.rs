//! Sets of indexes as a Job's status and its success policy write them: `0,2-4,7`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// More cannot be asked for: a range must not fill the memory.
const MOST: u32 = 100_000;

/// A set of indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set(BTreeSet<u32>);

impl Set {
    pub(crate) fn contains(&self, index: u32) -> bool {
        self.0.contains(&index)
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.0.last().copied()
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Self {
        Self(indexes.into_iter().collect())
    }
}

impl FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut found = BTreeSet::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = (first.parse::<u32>(), last.parse::<u32>());
            let (Ok(first), Ok(last)) = range else {
                return Err(format!("`{part}` is no index and no range of them"));
            };
            if first > last || last >= MOST {
                return Err(format!("`{part}` is no range from a smaller to a larger index"));
            }
            found.extend(first..=last);
        }
        Ok(Self(found))
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.iter().copied().peekable();
        let mut is_first = true;
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if(|next| *next == last + 1) {
                last = next;
            }
            f.write_str(if is_first { "" } else { "," })?;
            is_first = false;
            match last - first {
                0 => write!(f, "{first}")?,
                1 => write!(f, "{first},{last}")?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Set;

    /// The form of the Job controller (`pkg/controller/job/indexed_job_utils.go`): two neighbours with a comma, more with a
    /// dash.
    #[test]
    fn reads_and_writes_what_the_controller_writes() {
        for text in ["0", "0,1", "0-2", "1,3-5,7", "2,3,5"] {
            assert_eq!(text.parse::<Set>().unwrap().to_string(), text);
        }
        let set: Set = "1,3-5".parse().unwrap();
        assert!(set.contains(4) && !set.contains(2));
        assert_eq!((set.len(), set.last()), (4, Some(5)));
        for text in ["", "a", "-1", "3-1", "1,,2", "0-100000"] {
            assert!(text.parse::<Set>().is_err(), "{text}");
        }
    }
}
