//! TRAIN_OUTPUT across attempts: whose it is, how far it is, and that only one attempt works in it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use provenance::Digest;
use serde::{Deserialize, Serialize};
use step_runtime::StepError;

use super::group::Group;

/// Our own corner of the directory.
const OWN: &str = ".train-launch";
/// What a retry may go on from; all else of an unfinished attempt is removed.
const CHECKPOINTS: &str = "checkpoints";

/// How far an attempt got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    /// Which training this is.
    pub key: Digest,
    /// Attempts so far, this one included.
    pub number: u32,
    /// The child, while it runs.
    pub group: Option<Group>,
    /// When training ended well, RFC 3339: from then on nothing is trained again.
    pub trained: Option<String>,
    /// Seconds that the training took that ended well.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// The directory, locked for this process.
#[derive(Debug)]
pub(crate) struct Output {
    root: PathBuf,
    _lock: File,
}

impl Output {
    /// Opens `dir` for the training `key`: makes it, or takes up what an earlier attempt left.
    ///
    /// # Errors
    /// It holds something that is not ours, or another attempt is at work in it.
    pub(crate) fn open(dir: &Path, key: Digest) -> Result<(Self, Attempt), StepError> {
        let failed = |e: std::io::Error| StepError::usage(format!("--output-dir {}: {e}", dir.display()));
        let root = std::path::absolute(dir).map_err(failed)?;
        fs::create_dir_all(&root).map_err(failed)?;
        let own = root.join(OWN);
        if !own.is_dir() && fs::read_dir(&root).map_err(failed)?.next().is_some() {
            return Err(StepError::usage(format!(
                "--output-dir {} is not empty and was not made by train-launch: name an empty directory, for it is \
                 cleared before training",
                dir.display()
            )));
        }
        fs::create_dir_all(&own).map_err(failed)?;
        let lock = File::create(own.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StepError::unavailable(format!(
                    "another train-launch is at work in {}; wait for it, or name another --output-dir",
                    dir.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let output = Self { root, _lock: lock };
        let attempt = match output.load() {
            Some(earlier) => {
                output.stop_leftover(&earlier);
                if earlier.key == key {
                    Attempt {
                        number: earlier.number.saturating_add(1),
                        group: None,
                        ..earlier
                    }
                } else {
                    // Another training's output: none of it may be taken for this one's.
                    output.clear(false).map_err(failed)?;
                    first(key)
                }
            }
            None => first(key),
        };
        if attempt.trained.is_none() {
            output.clear(attempt.number > 1).map_err(failed)?;
        }
        output.save(&attempt)?;
        Ok((output, attempt))
    }

    /// The directory itself.
    #[must_use]
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file of our own in it.
    #[must_use]
    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.root.join(OWN).join(name)
    }

    /// Whether a path relative to the directory is ours and not training's.
    #[must_use]
    pub(crate) fn is_own(name: &std::ffi::OsStr) -> bool {
        name == OWN
    }

    /// Notes how far the attempt is; on the disk before this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, attempt: &Attempt) -> Result<(), StepError> {
        let write = || -> std::io::Result<()> {
            let (file, draft) = (self.own("attempt.json"), self.own("attempt.json.tmp"));
            let mut text = serde_json::to_vec_pretty(attempt)?;
            text.push(b'\n');
            fs::write(&draft, text)?;
            File::open(&draft)?.sync_all()?;
            fs::rename(&draft, file)
        };
        write().map_err(|e| StepError::usage(format!("cannot keep state in {}: {e}", self.root.display())))
    }

    fn load(&self) -> Option<Attempt> {
        serde_json::from_slice(&fs::read(self.own("attempt.json")).ok()?).ok()
    }

    /// The child of an attempt that was killed may live on: it must not write beside the new one.
    fn stop_leftover(&self, earlier: &Attempt) {
        let Some(group) = earlier.group.filter(|group| group.leads()) else {
            return;
        };
        tracing::warn!(
            group = group.id,
            "training of an earlier attempt still runs: stopping it"
        );
        group.kill();
        let until = Instant::now() + Duration::from_secs(5);
        while group.is_there() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn clear(&self, keep_checkpoints: bool) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == OWN || (keep_checkpoints && name == CHECKPOINTS) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn first(key: Digest) -> Attempt {
    Attempt {
        key,
        number: 1,
        group: None,
        trained: None,
        seconds: None,
    }
}

#[cfg(test)]
mod tests {
    use provenance::digest_bytes;

    use super::*;

    fn touch(path: PathBuf) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    #[test]
    fn a_retry_keeps_checkpoints_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (key, at) = (digest_bytes("a"), dir.path().join("out"));
        let (output, attempt) = Output::open(&at, key).unwrap();
        assert_eq!(attempt.number, 1);
        touch(at.join("model/MLmodel"));
        touch(at.join("checkpoints/1.bin"));
        drop(output);
        let (output, mut attempt) = Output::open(&at, key).unwrap();
        assert_eq!(attempt.number, 2);
        assert!(!at.join("model").exists() && at.join("checkpoints/1.bin").exists());
        touch(at.join("model/MLmodel"));
        attempt.trained = Some("2026-11-23T15:00:00Z".into());
        output.save(&attempt).unwrap();
        drop(output);
        let (output, attempt) = Output::open(&at, key).unwrap();
        assert!(attempt.trained.is_some() && at.join("model/MLmodel").exists());
        drop(output);
        // Another training clears all of it.
        let (_output, attempt) = Output::open(&at, digest_bytes("b")).unwrap();
        assert_eq!((attempt.number, attempt.trained), (1, None));
        assert!(!at.join("model").exists() && !at.join("checkpoints").exists());
    }

    #[test]
    fn refuses_what_is_not_ours_and_two_at_once() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path().join("thesis.doc"));
        let refused = Output::open(dir.path(), digest_bytes("a")).unwrap_err();
        assert!(
            refused.message().contains("was not made by train-launch"),
            "{refused}"
        );
        assert!(dir.path().join("thesis.doc").exists());
        let at = dir.path().join("out");
        let (_output, _) = Output::open(&at, digest_bytes("a")).unwrap();
        let busy = Output::open(&at, digest_bytes("a")).unwrap_err();
        assert_eq!(busy.exit(), step_contract::Exit::Unavailable);
    }
}
