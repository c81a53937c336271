//! The digest of a set of files: a model's directory, a split's objects.
//!
//! The rule: for every file one line `<hex>  <path>\n` (two spaces), the paths relative to the root, with `/`
//! between their parts, sorted by their bytes; the digest is the sha256 of all lines. A shell agrees:
//!
//! ```sh
//! cd model && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum
//! ```
//!
//! Names only, no times and no modes: a model that went through an artifact store is the same model. Empty
//! directories do not exist in an object store, so they do not count. A symbolic link is an error (it would
//! digest one thing here and another there), and so is a path that is not plain relative UTF-8: the same list
//! is used to write files when a model is fetched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher, digest_reader};

/// One file of a set, by its path relative to the root of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Relative path with `/` between the parts.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Digest of the bytes.
    pub digest: Digest,
}

/// A set of files has no digest.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file or directory could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A symbolic link or something that is neither file nor directory.
    #[error("{} is {what}: only plain files and directories have a digest; copy the content there", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A path that another machine would read differently.
    #[error("file name `{}` {why}", path.escape_debug())]
    Name {
        /// The path as found.
        path: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// There is nothing to digest.
    #[error("{what} holds no file: an empty set has no digest")]
    Empty {
        /// The directory or list.
        what: String,
    },
}

/// Digest of a list of files, in any order.
///
/// ```
/// use provenance::{FileDigest, digest_bytes, digest_files};
/// let file = |path: &str, text: &str| FileDigest {
///     path: path.into(), size: text.len() as u64, digest: digest_bytes(text),
/// };
/// let files = [file("b/c.txt", "two\n"), file("a.txt", "one\n")];
/// // printf one\\n >a.txt; mkdir b; printf two\\n >b/c.txt; then the command above
/// assert_eq!(
///     digest_files(&files).unwrap().hex(),
///     "b473eefcfe77d36d156bcc1c454f465e1632a313169c05561eab9b4d11c4e687"
/// );
/// ```
///
/// # Errors
/// The list is empty, or holds a path twice or one that is not plain relative UTF-8.
pub fn digest_files(files: &[FileDigest]) -> Result<Digest, TreeError> {
    if files.is_empty() {
        return Err(TreeError::Empty {
            what: "the list".to_owned(),
        });
    }
    let mut sorted: Vec<&FileDigest> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    let mut hasher = Hasher::new();
    let mut previous: Option<&str> = None;
    for file in sorted {
        let name = |why| TreeError::Name {
            path: file.path.clone(),
            why,
        };
        check_path(&file.path).map_err(name)?;
        if previous == Some(&file.path) {
            return Err(name("is in the list twice"));
        }
        hasher.update(line(&file.digest, &file.path));
        previous = Some(&file.path);
    }
    Ok(hasher.finish())
}

/// One line of a digest list, exactly as `sha256sum` prints it.
pub(crate) fn line(digest: &Digest, name: &str) -> String {
    format!("{}  {name}\n", digest.hex())
}

/// Control characters and backslashes are refused because `sha256sum` escapes them, the rest because a fetch
/// that writes such a path would write outside of its directory.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        Err("is empty")
    } else if path.chars().any(|c| c.is_control() || c == '\\') {
        Err("has a backslash or a control character in it")
    } else if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        Err("is not a plain relative path")
    } else {
        Ok(())
    }
}

/// Digest of a directory, and of each file in it, sorted by path.
///
/// # Errors
/// The directory is not there, has no file in it, or holds something that has no digest by the rules of this
/// module.
pub fn digest_dir(root: &Path) -> Result<(Digest, Vec<FileDigest>), TreeError> {
    digest_dir_without(root, &[])
}

/// The same without the entries of `root` itself that have one of these names: what a file system or a tool keeps
/// in a directory beside what others put there.
///
/// # Errors
/// As those of [`digest_dir`].
pub fn digest_dir_without(root: &Path, names: &[&str]) -> Result<(Digest, Vec<FileDigest>), TreeError> {
    let mut files = Vec::new();
    let mut pending = vec![(root.to_path_buf(), String::new())];
    while let Some((directory, prefix)) = pending.pop() {
        let io = |cause| TreeError::Io {
            path: directory.clone(),
            cause,
        };
        for entry in fs::read_dir(&directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|cause| TreeError::Io {
                path: path.clone(),
                cause,
            })?;
            let name = entry.file_name().into_string().map_err(|name| TreeError::Name {
                path: name.to_string_lossy().into_owned(),
                why: "is not UTF-8",
            })?;
            let relative = if prefix.is_empty() {
                if names.contains(&name.as_str()) {
                    continue;
                }
                name
            } else {
                format!("{prefix}/{name}")
            };
            if kind.is_dir() {
                pending.push((path, relative));
            } else if kind.is_file() {
                files.push(digest_file(&path, relative)?);
            } else {
                let what = if kind.is_symlink() {
                    "a symbolic link"
                } else {
                    "a special file"
                };
                return Err(TreeError::NotAFile { path, what });
            }
        }
    }
    if files.is_empty() {
        return Err(TreeError::Empty {
            what: root.display().to_string(),
        });
    }
    files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    Ok((digest_files(&files)?, files))
}

fn digest_file(path: &Path, relative: String) -> Result<FileDigest, TreeError> {
    let io = |cause| TreeError::Io {
        path: path.to_path_buf(),
        cause,
    };
    let (digest, size) = digest_reader(File::open(path).map_err(io)?).map_err(io)?;
    Ok(FileDigest {
        path: relative,
        size,
        digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest_bytes;

    fn file(path: &str) -> FileDigest {
        FileDigest {
            path: path.to_owned(),
            size: 1,
            digest: digest_bytes("x"),
        }
    }

    #[test]
    fn what_a_tool_keeps_beside_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/lost+found")).unwrap();
        fs::write(root.path().join("a/lost+found/x"), "x").unwrap();
        let alone = digest_dir(root.path()).unwrap();
        fs::create_dir(root.path().join("lost+found")).unwrap();
        fs::write(root.path().join("lost+found/y"), "y").unwrap();
        assert_eq!(digest_dir_without(root.path(), &["lost+found"]).unwrap(), alone);
        assert_eq!(alone.1.len(), 1, "only at the top");
        assert!(matches!(
            digest_dir_without(root.path(), &["lost+found", "a"]),
            Err(TreeError::Empty { .. })
        ));
    }

    #[test]
    fn order_of_the_list_does_not_matter() {
        let forward = digest_files(&[file("a"), file("a-b"), file("a/b")]).unwrap();
        let backward = digest_files(&[file("a/b"), file("a-b"), file("a")]).unwrap();
        assert_eq!(forward, backward);
    }

    #[test]
    fn paths_that_leave_the_directory_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a/",
            "a\\b",
            "a\nb",
        ] {
            assert!(
                matches!(digest_files(&[file(bad)]), Err(TreeError::Name { .. })),
                "{bad:?}"
            );
        }
        let twice = digest_files(&[file("a"), file("b"), file("a")]).unwrap_err();
        assert_eq!(twice.to_string(), "file name `a` is in the list twice");
        assert!(matches!(digest_files(&[]), Err(TreeError::Empty { .. })));
    }
}
