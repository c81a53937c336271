//! How to reach things: what the caller says, then the environment, then the defaults.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::retry::RetryPolicy;

/// What a step may set; `StoreOptions::default()` takes all from the environment.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// Certificates to trust besides the system's (`--ca-file`).
    pub ca_file: Option<PathBuf>,
    /// The retry policy; without it the default bounded by `STORE_RETRY_SECONDS`, or 60 s.
    pub retry: Option<RetryPolicy>,
    /// Set when the process stops: nothing is tried again from then on.
    pub stop: CancellationToken,
    /// Keys for S3, instead of those that the AWS chain finds.
    pub keys: Option<Keys>,
    /// Where S3 is, instead of `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Where lakeFS is, instead of `LAKECTL_SERVER_ENDPOINT_URL`.
    pub lakefs_endpoint: Option<String>,
    /// Keys for lakeFS, instead of `LAKECTL_CREDENTIALS_ACCESS_KEY_ID` and `LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY`.
    pub lakefs_keys: Option<Keys>,
}

/// A pair of keys. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Keys {
    /// The access key id.
    pub access: String,
    /// The secret access key.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl StoreOptions {
    pub(crate) fn policy(&self) -> RetryPolicy {
        self.retry.unwrap_or_else(|| {
            let seconds = env("STORE_RETRY_SECONDS").and_then(|v| v.parse::<f64>().ok());
            match seconds.map(Duration::try_from_secs_f64) {
                Some(Ok(bound)) => RetryPolicy::within(bound),
                _ => RetryPolicy::default(),
            }
        })
    }

    pub(crate) fn s3_endpoint(&self) -> Option<String> {
        self.endpoint
            .clone()
            .or_else(|| env("AWS_ENDPOINT_URL_S3"))
            .or_else(|| env("AWS_ENDPOINT_URL"))
    }
}

/// An environment variable; an empty one is as good as none.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.trim().is_empty())
}
