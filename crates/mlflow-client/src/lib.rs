//! The subset of the MLflow REST API that the steps use: experiments, runs, artifacts through the server's
//! proxy, registered models with their versions, tags, aliases and stages.
//!
//! Calls that can be repeated are repeated on 429, 5xx, time-outs and refused connections, by the one
//! [`artifact_store::RetryPolicy`]. The two that cannot, for each makes a new thing (`runs/create`,
//! `model-versions/create`), exist only as [`Client::ensure_run`] and [`Client::ensure_version`]: they carry
//! an idempotency tag that is searched for before every attempt, so that a program that is killed at any
//! moment and started again ends with one run and one version.
//!
//! Files below an `s3://` artifact root are the caller's to move, with `artifact-store`: see
//! [`ArtifactRoot`].

mod args;
mod artifacts;
mod error;
mod experiments;
mod http;
mod model_uri;
mod models;
mod options;
mod runs;
mod tags;
mod versions;

pub use args::MlflowArgs;
pub use artifacts::{ArtifactFile, ArtifactRoot};
pub use error::MlflowError;
pub use experiments::Experiment;
pub use http::Client;
pub use model_uri::{ModelUri, Resolved};
pub use models::{LoggedModel, RegisteredModel};
pub use options::{Auth, Options};
pub use runs::{Batch, DatasetInput, Metric, NewRun, Run, RunStatus};
pub use tags::{IDEMPOTENCY_TAG, quoted};
pub use versions::{ModelVersion, NewVersion, Stage};
