//! Which rows of a table are looked at: those inside of the window, of these the ones that `where` is true for, and of
//! these a sample, when one was asked for.

use serde::{Deserialize, Serialize};
use tabular::{Batch, TableError};

use crate::expression::Expression;
use crate::window::Window;

/// How the rows of a table are chosen. Without any of the three, all are looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// The window.
    pub window: Option<&'a Window>,
    /// Only rows for which this is true.
    pub filter: Option<&'a Expression>,
    /// Only a part of the rows.
    pub sample: Option<Sample>,
}

/// A part of the rows, drawn by their numbers: the same rows of the same file each time, whatever the threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The share of rows, above 0 and below 1.
    pub share: f64,
}

/// A batch, cut.
#[derive(Debug)]
pub struct Cut {
    /// The rows that are looked at.
    pub chosen: Batch,
    /// How many rows are not, and why.
    pub left: Left,
    /// Rows for which the filter is unknown, when the batch has cells that could not be read: that may be the reason.
    pub unread: Option<Batch>,
}

/// Rows that are not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Outside of the window.
    pub outside: u64,
    /// Without a time, so in no window.
    pub undated: u64,
    /// Inside, but the filter is false or unknown.
    pub aside: u64,
    /// Of those aside, the ones for which the filter is unknown, for a null.
    pub unknown: u64,
    /// Not drawn.
    pub unsampled: u64,
}

impl Left {
    /// Takes in those of another part.
    pub fn absorb(&mut self, other: Self) {
        self.outside += other.outside;
        self.undated += other.undated;
        self.aside += other.aside;
        self.unknown += other.unknown;
        self.unsampled += other.unsampled;
    }
}

impl<'a> Choice<'a> {
    /// Whether every row is looked at.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.window.is_none() && self.filter.is_none() && self.sample.is_none()
    }

    /// The columns that it takes to choose.
    pub fn columns(&self) -> impl Iterator<Item = &'a str> {
        let time = self.window.map(|window| window.column.as_str());
        let filter = self.filter.into_iter().flat_map(Expression::columns);
        time.into_iter().chain(filter)
    }

    /// Cuts the rows of an object.
    ///
    /// # Errors
    /// When a column that it takes is not in the batch, or the filter cannot be worked out for its values.
    pub fn cut(&self, batch: &Batch, object: usize) -> Result<Cut, TableError> {
        let mut cut = Cut {
            chosen: batch.clone(),
            left: Left::default(),
            unread: None,
        };
        if let Some(window) = self.window {
            cut.by_window(window)?;
        }
        if let Some(filter) = self.filter {
            cut.by_filter(filter)?;
        }
        if let Some(sample) = self.sample {
            cut.by_chance(sample, object)?;
        }
        Ok(cut)
    }
}

impl Cut {
    fn by_window(&mut self, window: &Window) -> Result<(), TableError> {
        let left = &mut self.left;
        let inside = |at: Option<i64>| match at {
            Some(at) => {
                let inside = window.contains(at);
                left.outside += u64::from(!inside);
                inside
            }
            None => {
                left.undated += 1;
                false
            }
        };
        let times = self.chosen.column(&window.column)?.timestamps();
        let mask: Vec<bool> = times.map(inside).collect();
        self.keep(&mask)
    }

    fn by_filter(&mut self, filter: &Expression) -> Result<(), TableError> {
        let answers = filter.ask(&self.chosen).map_err(|why| TableError::Corrupt {
            file: self.chosen.file().to_owned(),
            at: String::new(),
            what: format!("`where: {}` cannot be asked of a row: {why}", filter.text()),
        })?;
        let count = |of: fn(&Option<bool>) -> bool| answers.iter().filter(|answer| of(answer)).count() as u64;
        self.left.aside += count(|answer| *answer != Some(true));
        self.left.unknown += count(Option::is_none);
        if !self.chosen.malformed().is_empty() {
            let unknown: Vec<bool> = answers.iter().map(Option::is_none).collect();
            self.unread = Some(self.chosen.filter(&unknown)?);
        }
        let mask: Vec<bool> = answers.into_iter().map(|answer| answer == Some(true)).collect();
        self.keep(&mask)
    }

    fn by_chance(&mut self, sample: Sample, object: usize) -> Result<(), TableError> {
        let rows = 0..self.chosen.rows();
        let mask: Vec<bool> = rows
            .map(|row| sample.draws(object, self.chosen.place(row).row))
            .collect();
        self.left.unsampled += mask.iter().filter(|drawn| !**drawn).count() as u64;
        self.keep(&mask)
    }

    fn keep(&mut self, mask: &[bool]) -> Result<(), TableError> {
        if mask.contains(&false) {
            self.chosen = self.chosen.filter(mask)?;
        }
        Ok(())
    }
}

impl Sample {
    /// Whether a row is drawn: its number, well mixed, as a share.
    #[must_use]
    pub fn draws(self, object: usize, row: u64) -> bool {
        let mixed = mix(mix(object as u64) ^ row);
        // 53 bits are what a double holds exactly.
        ((mixed >> 11) as f64) < self.share * (1_u64 << 53) as f64
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014): every bit of the input changes about half of the output's.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_large_as_asked_and_even() {
        for share in [0.01, 0.1, 0.5, 0.9] {
            let sample = Sample { share };
            // Of every tenth of the rows, and of each of two files, alike: five standard deviations either way.
            for (object, tenth) in (0..2).flat_map(|object| (0..10).map(move |tenth| (object, tenth))) {
                let rows = tenth * 100_000..(tenth + 1) * 100_000;
                let drawn = rows.filter(|row| sample.draws(object, *row)).count() as f64;
                let away = (drawn - 1e5 * share).abs() / (1e5 * share * (1.0 - share)).sqrt();
                assert!(away < 5.0, "{share} of file {object}: {drawn}");
            }
        }
    }

    #[test]
    fn a_sample_of_more_holds_the_sample_of_less() {
        let (less, more) = (Sample { share: 0.1 }, Sample { share: 0.2 });
        assert!((0..10_000).all(|row| !less.draws(3, row) || more.draws(3, row)));
        assert!((0..100).any(|row| less.draws(0, row) != less.draws(1, row)));
    }
}
