//! The cluster that a step runs in.
//!
//! Objects travel as JSON: custom resources keep fields that this build does not know, and a step reads what it
//! needs with small types of its own. Every call is repeated by the one retry policy while the API server is away,
//! and fails in one form, [`ClusterError`], which says whether another attempt can help.
//!
//! Not here: what objects mean. That is for the steps to decide.

mod client;
mod error;
mod kind;
mod logs;
mod watch;

pub use client::{Applied, Cluster, Created};
pub use error::ClusterError;
pub use kind::Kind;
pub use logs::{LogLine, Logs};
pub use watch::{Change, Changes};
