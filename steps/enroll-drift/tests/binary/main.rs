//! The real binary: its verdicts, its deeds, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test ends where a value is missing")]

mod bad_input;
mod calibration;
mod common;
mod deeds;
mod records;
mod verdicts;
