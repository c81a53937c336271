//! What a thing is, said so that two programs agree on it.
//!
//! * [`Digest`]: sha256 of bytes, files and directories, by rules that `sha256sum` reproduces ([`tree`]).
//! * The records that steps pass on: [`Dataset`], [`TrainingRun`], [`ModelVersionRecord`]. Each carries its
//!   schema id and re-computes on load every digest that follows from its other fields, so that a record
//!   edited by hand is refused where it is read.
//! * [`Statement`]: in-toto Statement v1 with an SLSA provenance v1 predicate.
//!
//! Nothing here reads a network or a clock.

pub mod dataset;
pub mod digest;
pub mod indexed;
pub mod model_version;
pub mod record;
pub mod run;
pub mod statement;
pub mod tree;

pub use dataset::{DataObject, Dataset, DatasetRef, ObjectReference, Split, Window};
pub use digest::{Digest, DigestParseError, Hasher, digest_bytes, digest_reader};
pub use indexed::{IndexRun, IndexState, Indexed};
pub use model_version::{ModelVersionRecord, PreviousVersion};
pub use record::{Record, RecordError};
pub use run::{Compute, ModelRef, TrainingRun, Trigger};
pub use statement::{Statement, StatementBuilder, StatementError};
pub use tree::{FileDigest, TreeError, digest_dir, digest_dir_without, digest_files};
