//! The real binary against a real MLflow server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod faults;
mod fetch;
mod moves;
mod older;
mod register;
mod resolve;
mod story;
