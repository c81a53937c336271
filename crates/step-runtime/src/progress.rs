//! Progress: for Argo in its file, for a person as a bar.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the work is. Argo shows `done/total` of `ARGO_PROGRESS_FILE` in its user interface.
///
/// The default one tells nobody.
#[derive(Debug, Default)]
pub struct Progress {
    file: Option<PathBuf>,
    bar: Option<ProgressBar>,
    /// What was written last: of so many, so many of a thousand.
    written: Mutex<Option<(u64, u64)>>,
}

impl Progress {
    pub(crate) fn from_env() -> Self {
        let file = std::env::var_os("ARGO_PROGRESS_FILE")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} % {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            file,
            bar,
            written: Mutex::new(None),
        }
    }

    /// `done` of `total` units are done, shown as per cent: for bytes and requests. Argo adds up the numbers of all steps, and
    /// millions of bytes would hide every other step. Cheap: something is written only when a whole per cent is gained.
    pub fn set(&self, done: u64, total: u64) {
        let percent = done
            .saturating_mul(100)
            .checked_div(total)
            .map_or(100, |percent| percent.min(100));
        self.set_steps(percent, 100);
    }

    /// `step` of `total` steps are done, shown as they are: for units that mean something to the reader, such as a training's
    /// epochs. Cheap: something is written only when a thousandth is gained or lost, or the total is another.
    pub fn set_steps(&self, step: u64, total: u64) {
        let step = step.min(total);
        let Some(thousandths) = step.saturating_mul(1000).checked_div(total) else {
            return;
        };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written == Some((total, thousandths)) {
            return;
        }
        *written = Some((total, thousandths));
        if let Some(bar) = &self.bar {
            bar.set_position(thousandths);
        }
        if let Some(file) = &self.file
            && let Err(error) = std::fs::write(file, format!("{step}/{total}\n"))
        {
            tracing::debug!(file = %file.display(), %error, "cannot write the progress");
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argo_reads_whole_steps_or_per_cent() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("progress");
        let progress = Progress {
            file: Some(file.clone()),
            bar: None,
            written: Mutex::new(None),
        };
        let read = || std::fs::read_to_string(&file).unwrap_or_default();
        progress.set_steps(1, 0);
        assert_eq!(read(), "");
        progress.set_steps(3, 7);
        assert_eq!(read(), "3/7\n");
        // Less than a thousandth is no news.
        progress.set_steps(1_000, 1_000_000);
        progress.set_steps(1_999, 1_000_000);
        assert_eq!(read(), "1000/1000000\n");
        // A pod that takes the place of another begins anew.
        progress.set_steps(0, 7);
        assert_eq!(read(), "0/7\n");
        progress.set_steps(9, 7);
        assert_eq!(read(), "7/7\n");
        progress.set(5_000_000, 20_000_000);
        assert_eq!(read(), "25/100\n");
    }
}
