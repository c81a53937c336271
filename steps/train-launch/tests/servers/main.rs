//! The kinds of MLflow servers that there are: 2 and 3, open to all, with passwords, with tokens, over TLS, with the
//! artifacts behind the server and in a bucket. One story for each: what differs is how one gets in, and where files are.
//!
//! The client and the step stand in one place, for a server takes long to start.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its ground is missing"
)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod kinds;
mod launch;
mod refusals;

use step_testkit::MlflowVersion;

#[test]
fn mlflow_2_of_every_kind() {
    kinds::each(MlflowVersion::Two);
}

#[test]
fn mlflow_3_of_every_kind() {
    kinds::each(MlflowVersion::Three);
}
