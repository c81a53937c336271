//! What a reference says of an object besides where it lies.

use std::fmt;
use std::io;

use md5::{Digest as _, Md5 as Hasher};
use serde::{Deserialize, Serialize};
use tabular::{Kind, kind_of_texts};

use crate::error::StoreError;
use crate::options::Keys;

/// What a reference (`dvc:`, `delta:`, `s3://…?versionId=`) says of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referred {
    /// What it is called below the reference: `year=2013/a.parquet`, or the name of the one file.
    pub name: String,
    /// What its bytes must hash to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Md5>,
    /// Columns whose values stand in the log of the table and not in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<Partition>,
    /// How it is reached, where the environment's way is not the right one.
    #[serde(default, skip_serializing_if = "Access::is_default")]
    pub access: Access,
}

impl Referred {
    /// The columns that are not in the file, as [`tabular::Source::with_constants`] takes them. Where the record does not say
    /// what a value is, it is what it looks like.
    pub fn constants(&self) -> impl Iterator<Item = (&str, Option<&str>, Kind)> {
        self.partition.iter().map(|part| {
            let value = part.value.as_deref();
            (
                part.column.as_str(),
                value,
                part.kind.unwrap_or_else(|| kind_of_texts(value)),
            )
        })
    }
}

/// A column that has one value in all rows of a file, and is not in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The column.
    pub column: String,
    /// Its value as text; none is null.
    pub value: Option<String>,
    /// What the table says that it is; none where its record does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

/// The way to an S3 server that a reference names; what is not named is the environment's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Where the server is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Keys. They are in no record.
    #[serde(skip)]
    pub keys: Option<Keys>,
}

impl Access {
    /// Whether all is as the environment has it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An MD5 digest as DVC takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Md5 {
    hex: String,
    /// Whether it was taken with the line ends of Unix, as DVC did before version 3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    text_alike: bool,
}

impl Md5 {
    /// Of 32 hexadecimal digits.
    pub(crate) fn new(hex: &str, text_alike: bool) -> Option<Self> {
        let is_hex = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| Self {
            hex: hex.to_ascii_lowercase(),
            text_alike,
        })
    }

    /// As digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Whether it was taken with the line ends of Unix.
    pub(crate) fn text_alike(&self) -> bool {
        self.text_alike
    }

    /// Holds bytes that are there whole against it.
    pub(crate) fn check(&self, location: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let mut check = Check::new(self.clone());
        check.update(bytes);
        check.finish(location)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex)
    }
}

/// DVC hashes in pieces of this size, and looks at the start of each for whether it is text.
const PIECE: usize = 1 << 20;
const LOOKED_AT: usize = 512;

/// Hashes what is read, to be held against a digest at its end.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    expected: Md5,
    hasher: Hasher,
    piece: Vec<u8>,
}

impl Check {
    pub(crate) fn new(expected: Md5) -> Self {
        Self {
            expected,
            hasher: Hasher::new(),
            piece: Vec::new(),
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        if !self.expected.text_alike {
            self.hasher.update(bytes);
            return;
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                self.hash_piece();
            }
        }
    }

    fn hash_piece(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        if !is_text(&piece[..piece.len().min(LOOKED_AT)]) {
            self.hasher.update(&piece);
            return;
        }
        // `\r\n` counts as `\n`; one that lies on both sides of two pieces stays, for so it was counted.
        let mut rest = piece.as_slice();
        while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
            self.hasher.update(&rest[..at]);
            self.hasher.update(b"\n");
            rest = &rest[at + 2..];
        }
        self.hasher.update(rest);
    }

    pub(crate) fn finish(mut self, location: &str) -> Result<(), StoreError> {
        self.hash_piece();
        let found: String = self
            .hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if found == self.expected.hex {
            return Ok(());
        }
        Err(StoreError::Invalid {
            location: location.to_owned(),
            what: format!(
                "its bytes have the MD5 {found}, and DVC has recorded {}: the object is damaged or was overwritten; push it \
                 again from an undamaged cache",
                self.expected
            ),
        })
    }
}

/// Whether DVC would take a piece that begins so for text: no zero byte, and at most three bytes of ten that are neither
/// printable ASCII nor white space.
fn is_text(start: &[u8]) -> bool {
    let odd = |byte: &&u8| !matches!(**byte, 32..127 | b'\n' | b'\r' | b'\t' | 0x0c | 0x08);
    !start.contains(&0) && start.iter().filter(odd).count() * 10 <= start.len() * 3
}

/// A reader that holds what came through it against a digest, at its end.
#[derive(Debug)]
pub(crate) struct Checked {
    check: Option<Check>,
    location: String,
}

impl Checked {
    pub(crate) fn new(expected: Option<&Md5>, location: &str) -> Self {
        Self {
            check: expected.cloned().map(Check::new),
            location: location.to_owned(),
        }
    }

    /// What was read; nothing means the end.
    pub(crate) fn saw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match (&mut self.check, bytes) {
            (Some(_), []) => match self.check.take() {
                Some(check) => Ok(check.finish(&self.location)?),
                None => Ok(()),
            },
            (Some(check), bytes) => {
                check.update(bytes);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests by `dvc_data.hashfile.hash.fobj_md5(…, name=…)` of dvc-data 3.18.3: `tests/references/make_md5.py`.
    #[test]
    fn hashes_as_dvc_does() {
        let vectors: Vec<(String, String, String, String)> =
            serde_json::from_str(include_str!("../tests/references/md5.json")).unwrap();
        assert!(vectors.len() >= 8);
        for (name, repeated, plain, dos2unix) in vectors {
            let (times, hex) = repeated.split_once(' ').unwrap();
            let unit: Vec<u8> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
                .collect();
            let bytes = unit.repeat(times.parse().unwrap());
            for (digest, text_alike) in [(plain, false), (dos2unix, true)] {
                for size in [1021, 1 << 20, usize::MAX] {
                    let mut checked = Checked::new(Md5::new(&digest, text_alike).as_ref(), &name);
                    bytes
                        .chunks(size.min(bytes.len().max(1)))
                        .for_each(|chunk| checked.saw(chunk).unwrap());
                    checked.saw(&[]).unwrap();
                }
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let said = Md5::new(&"0".repeat(32), false)
            .unwrap()
            .check("s3://b/k", b"x")
            .unwrap_err();
        // md5sum of `x`.
        assert!(
            said.to_string()
                .contains("have the MD5 9dd4e461268c8034f5c8564e155c67a6"),
            "{said}"
        );
    }
}
