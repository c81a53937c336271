//! The inference protocols that KServe's model servers speak, as a client: V2 (Open Inference Protocol)
//! and V1 (`instances`/`predictions`), over HTTP and JSON.
//!
//! What it promises: a prediction that comes out of here is a finite number for the row that was asked
//! about. A wrong count, a null, a NaN, a text or an ambiguous output is [`InferenceError::Malformed`],
//! never a number. A server that cannot be reached, one that refuses the request and one that answers
//! nonsense are three different errors, for they send the reader to three different places.
//!
//! What it does not do: judge, gate or measure. `evaluate` and `kserve-canary` do.

mod answer;
mod client;
mod endpoint;
mod error;
mod features;
mod read;
pub mod record;
mod score;
pub mod v1;
pub mod v2;

pub use answer::{AnswerError, AnswerShape};
pub use client::{ClientOptions, InferenceClient, RawAnswer};
pub use endpoint::{Endpoint, Protocol};
pub use error::InferenceError;
pub use features::{Column, FeatureTable, Layout, RequestShape};
pub use read::FeatureError;
pub use score::{ScoreOptions, score};
