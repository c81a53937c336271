//! The pipelines on a real cluster, as their users see them. Every test has a model of its own, so that they run side by
//! side; `cargo xtask e2e` brings up what they stand on.

mod files;
mod job_kinds;
mod kills;
mod launcher;
mod notify;
mod pipelines;
mod rights;
mod training;
mod triggers;
