//! The types of a step's arguments: what a field is to Argo is said by its Rust type.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An artifact or value was named by nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is empty; a path or an s3:// location is needed")]
pub struct EmptyValue;

macro_rules! location {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The location as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = EmptyValue;

            fn from_str(text: &str) -> Result<Self, EmptyValue> {
                if text.trim().is_empty() { Err(EmptyValue) } else { Ok(Self(text.to_owned())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

location! {
    /// A location that the step reads: a path or `s3://bucket/key`. To Argo, an input artifact.
    InArtifact
}
location! {
    /// A location that the step writes, whole or not at all: a path or `s3://bucket/key`.
    /// To Argo, an output artifact.
    OutArtifact
}

/// A small file whose text becomes an Argo output parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutParameter(PathBuf);

impl OutParameter {
    /// Where the text goes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for OutParameter {
    type Err = EmptyValue;

    fn from_str(text: &str) -> Result<Self, EmptyValue> {
        if text.trim().is_empty() {
            Err(EmptyValue)
        } else {
            Ok(Self(PathBuf::from(text)))
        }
    }
}

/// A secret value. It comes from the environment or a file, and never shows in a log, report or error.
///
/// ```
/// let token: step_contract::Secret = "hunter2".parse().unwrap();
/// assert_eq!(format!("{token} {token:?}"), "*** ***");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
