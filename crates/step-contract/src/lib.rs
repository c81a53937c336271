//! The vocabulary of a step.
//!
//! A step is one binary that Argo Workflows runs as a container. Its clap structs *are* its contract:
//! the Rust type of a field says what the field is to Argo ([`InArtifact`], [`OutArtifact`],
//! [`OutParameter`], [`Secret`], anything else a parameter), and what clap cannot say (verdict words,
//! exit codes, rights, configuration schemas) stands beside it in a [`StepSpec`]. [`Contract::read`]
//! turns the pair into data, from which the WorkflowTemplate, the RBAC, the reference page and the
//! JSON Schemas are generated; `--describe` prints the same.
//!
//! This crate is pure: no files, no network, no clock.

mod contract;
mod exit;
mod nearest;
mod render;
mod spec;
mod value;
mod yaml;

pub use contract::{Artifact, ArtifactOrigin, Command, Contract, EnvSecret, OutputParameter, Parameter};
pub use exit::Exit;
pub use nearest::{did_you_mean, nearest};
pub use render::{template::PROJECT, wrap};
pub use spec::{CommandKind, CommandSpec, ConfigSpec, Rbac, ServedSpec, StepSpec, TemplateSpec, VerdictSpec};
pub use value::{EmptyValue, InArtifact, OutArtifact, OutParameter, Secret};
pub use yaml::{ConfigError, load_foreign_yaml, load_yaml};
