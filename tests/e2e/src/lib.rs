//! A cluster as the tests of `tests/` see it: what was submitted, how it goes, what it left.

mod lab;
mod run;

pub use lab::{Lab, said, until};
pub use run::Run;
