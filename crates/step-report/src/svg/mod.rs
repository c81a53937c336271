//! Charts as inline SVG, without a script: what a reader can print, file and open in ten years.
//!
//! Colours are CSS classes (`s0` to `s5`, `mark0` and so on), so the page decides them for light, dark and paper.

mod axis;
mod bars;
mod canvas;
mod histogram;
mod lines;
mod spark;

pub(crate) use bars::{MAX_GROUPS, bars};
pub(crate) use canvas::MAX_SERIES;
pub(crate) use histogram::{histogram, range};
pub(crate) use lines::{MAX_POINTS, lines};
pub(crate) use spark::spark;
