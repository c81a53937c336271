//! Data by reference: local paths, `s3://` and `https://`, versions that DVC tracks, of
//! Delta tables and in lakeFS; ranged reads pinned to one version,
//! puts with checksum, lists, one retry policy.
//!
//! A [`Location`] names something, a [`Store`] reaches it. What a [`Store`] opens is an
//! [`Object`]: it stays at the version that it was opened at, and a read of anything else is
//! [`StoreError::Changed`], never a mixture of two versions.
//!
//! Every failure says whether trying again can help: [`StoreError::Unavailable`] after the
//! retries of the one [`RetryPolicy`] (a step exits 4), anything else is wrong input (exit 2).

mod attempt;
mod dates;
mod delta;
mod dvc;
mod error;
mod glob;
mod http;
mod lakefs;
mod listing;
mod local;
mod location;
mod object;
mod options;
mod record;
mod reference;
mod retry;
mod s3;
mod store;
mod tls;

pub use dates::Period;
pub use delta::DeltaRef;
pub use dvc::DvcRef;
pub use error::StoreError;
pub use http::http_client;
pub use lakefs::LakefsRef;
pub use listing::{Listing, Version};
pub use location::{Location, LocationError};
pub use object::{Object, ObjectMeta, ObjectReader};
pub use options::{Keys, StoreOptions};
pub use reference::{Access, Md5, Partition, Referred};
pub use retry::{Again, RetryPolicy, again_by_status, retry, retry_after, retry_unless};
pub use store::Store;
pub use tls::CaBundle;
