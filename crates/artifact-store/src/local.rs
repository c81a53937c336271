//! Files of this machine. All calls here block; `Store` moves them off the async threads.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::error::StoreError;
use crate::glob;
use crate::location::Location;
use crate::object::ObjectMeta;

pub(crate) fn read(path: &Path) -> Result<Bytes, StoreError> {
    fs::read(path)
        .map(Bytes::from)
        .map_err(|e| StoreError::local(&path.display(), &e))
}

/// Writes whole or not at all: a temporary file beside it, synced, then renamed over it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let at = |e: &std::io::Error| StoreError::local(&path.display(), e);
    // A link stays a link; a device or a pipe has no "beside it".
    let target = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => fs::canonicalize(path).map_err(|e| at(&e))?,
        Ok(meta) if is_stream(&meta) => {
            let mut file = OpenOptions::new().write(true).open(path).map_err(|e| at(&e))?;
            return file.write_all(bytes).map_err(|e| at(&e));
        }
        Ok(meta) if meta.is_dir() => {
            return Err(StoreError::Invalid {
                location: path.display().to_string(),
                what: "is a directory; give the name of a file".into(),
            });
        }
        _ => path.to_owned(),
    };
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&dir).map_err(|e| StoreError::local(&dir.display(), &e))?;
    let temporary = dir.join(temporary_name(&target));
    let written = replace(&temporary, &target, bytes);
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|e| at(&e))?;
    // The rename itself is durable once the directory is synced; some file systems cannot.
    let _ = File::open(&dir).and_then(|d| d.sync_all());
    Ok(())
}

fn replace(temporary: &Path, target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, target)
}

fn temporary_name(target: &Path) -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let name = target
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let count = WRITES.fetch_add(1, Ordering::Relaxed);
    format!(".{name}.{}-{count}.tmp", std::process::id())
}

fn is_stream(meta: &Metadata) -> bool {
    let kind = meta.file_type();
    kind.is_char_device() || kind.is_fifo() || kind.is_socket()
}

pub(crate) fn head(path: &Path) -> Result<ObjectMeta, StoreError> {
    let meta = fs::metadata(path).map_err(|e| StoreError::local(&path.display(), &e))?;
    if meta.is_dir() {
        return Err(StoreError::Invalid {
            location: path.display().to_string(),
            what: "is a directory, not a file".into(),
        });
    }
    Ok(describe(path, &meta))
}

fn describe(path: &Path, meta: &Metadata) -> ObjectMeta {
    ObjectMeta {
        location: Location::Path(path.to_owned()),
        size: meta.len(),
        etag: None,
        version_id: None,
        reference: None,
        modified: meta
            .modified()
            .ok()
            .and_then(|t| jiff::Timestamp::try_from(t).ok()),
    }
}

/// The file itself, all files below a directory, or all that match a glob; sorted by name.
pub(crate) fn list(path: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
    let mut found = Vec::new();
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => walk(path, &mut found)?,
        Ok(meta) => found.push(describe(path, &meta)),
        Err(error) => {
            let pattern = path.to_str().unwrap_or("");
            if !glob::is_glob(pattern) {
                return Err(StoreError::local(&path.display(), &error));
            }
            let base = glob::literal_prefix(pattern);
            let base = if base.is_empty() {
                Path::new(".")
            } else {
                Path::new(base)
            };
            walk(base, &mut found)?;
            found.retain_mut(|meta| {
                let Location::Path(at) = &meta.location else {
                    return false;
                };
                let name = at.strip_prefix("./").unwrap_or(at).to_owned();
                let hit = name.to_str().is_some_and(|name| glob::matches(pattern, name));
                meta.location = Location::Path(name);
                hit
            });
        }
    }
    found.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(found)
}

/// Links to files are followed (mounted ConfigMaps are such), links to directories are not.
fn walk(dir: &Path, found: &mut Vec<ObjectMeta>) -> Result<(), StoreError> {
    let failed = |e: std::io::Error| StoreError::local(&dir.display(), &e);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, found)?;
        } else if let Ok(meta) = fs::metadata(&path)
            && meta.is_file()
        {
            found.push(describe(&path, &meta));
        }
    }
    Ok(())
}

/// An open file that notices when it is written to: replaced by a rename it stays what it was.
#[derive(Debug)]
pub(crate) struct Pinned {
    file: File,
    path: PathBuf,
    meta: Metadata,
}

impl Pinned {
    pub(crate) fn open(path: &Path) -> Result<(Self, ObjectMeta), StoreError> {
        let meta = head(path)?;
        let failed = |e: std::io::Error| StoreError::local(&path.display(), &e);
        let file = File::open(path).map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        let meta = ObjectMeta {
            size: opened.len(),
            ..meta
        };
        Ok((
            Self {
                file,
                path: path.to_owned(),
                meta: opened,
            },
            meta,
        ))
    }

    pub(crate) fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        let failed = |e: std::io::Error| StoreError::local(&self.path.display(), &e);
        let mut buffer = vec![0; len];
        let read = self.file.read_exact_at(&mut buffer, offset);
        let now = self.file.metadata().map_err(failed)?;
        if now.len() != self.meta.len() || now.modified().ok() != self.meta.modified().ok() {
            return Err(StoreError::Changed {
                location: self.path.display().to_string(),
                since: "opened".into(),
                what: format!("it had {} bytes and has {}", self.meta.len(), now.len()),
            });
        }
        read.map_err(failed)?;
        Ok(Bytes::from(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/out.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn refuses_a_directory_and_a_file_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(write(dir.path(), b""), Err(StoreError::Invalid { .. })));
        let file = dir.path().join("file");
        write(&file, b"x").unwrap();
        assert!(matches!(
            write(&file.join("below"), b""),
            Err(StoreError::Invalid { .. })
        ));
        assert!(matches!(
            read(&dir.path().join("none")),
            Err(StoreError::NotFound { .. })
        ));
    }

    #[test]
    fn lists_directories_and_globs_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/2.csv", "a/1.csv", "a/x.txt", "c.csv"] {
            write(&dir.path().join(name), b"1").unwrap();
        }
        let names = |at: &str| -> Vec<String> {
            list(&dir.path().join(at))
                .unwrap()
                .iter()
                .map(|m| m.location.to_string())
                .map(|s| s[dir.path().to_str().unwrap().len() + 1..].to_owned())
                .collect()
        };
        assert_eq!(names(""), ["a/1.csv", "a/x.txt", "b/2.csv", "c.csv"]);
        assert_eq!(names("*/*.csv"), ["a/1.csv", "b/2.csv"]);
        assert_eq!(names("**/*.csv"), ["a/1.csv", "b/2.csv", "c.csv"]);
        assert_eq!(names("c.csv"), ["c.csv"]);
        assert!(matches!(
            list(&dir.path().join("d")),
            Err(StoreError::NotFound { .. })
        ));
    }

    #[test]
    fn a_file_written_to_after_opening_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        write(&path, b"0123456789").unwrap();
        let (pinned, meta) = Pinned::open(&path).unwrap();
        assert_eq!((meta.size, &pinned.read_at(2, 3).unwrap()[..]), (10, &b"234"[..]));
        // Replaced by rename: the opened version stays readable.
        write(&path, b"other").unwrap();
        assert_eq!(&pinned.read_at(8, 2).unwrap()[..], b"89");
        // Truncated in place: that is another version.
        let (pinned, _) = Pinned::open(&path).unwrap();
        fs::write(&path, b"x").unwrap();
        assert!(matches!(pinned.read_at(0, 1), Err(StoreError::Changed { .. })));
    }
}
