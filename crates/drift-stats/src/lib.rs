//! Drift and two-sample statistics: slices in, numbers out.
//!
//! Every function is total: an empty sample, a NaN, a probability out of range are a named [`StatError`],
//! and what is returned is finite. Nothing here reads a file, a clock or a random number, so that the same
//! counts give the same decision everywhere.
//!
//! | asked | answered by |
//! |---|---|
//! | how far apart are two distributions | [`psi`], [`divergence`], [`ks`], [`wasserstein`] |
//! | could that be chance | [`psi::psi_p_value`], [`ks::ks_two_sample`], [`chi2`], [`rank`] |
//! | how sure is a share, or the difference of two | [`proportion`] |
//! | many tests at once | [`multiple`] |
//! | a test looked at again and again | [`sequential`] |
//! | how values fall into frozen bins | [`bins`] |

pub mod bins;
pub mod chi2;
pub mod divergence;
mod error;
pub mod ks;
pub mod multiple;
pub mod proportion;
pub mod psi;
pub mod rank;
pub mod sequential;
pub mod shares;
pub mod special;
pub mod wasserstein;

pub use error::StatError;
pub use proportion::{Confidence, Interval, Proportion};
pub use shares::Shares;

/// The result of every function of this crate.
pub type Result<T> = std::result::Result<T, StatError>;
