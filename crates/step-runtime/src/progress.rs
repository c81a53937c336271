//! Progress: for Argo in its file, for a person as a bar.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the work is. Argo shows `done/total` of `ARGO_PROGRESS_FILE` in its user interface.
#[derive(Debug)]
pub struct Progress {
    file: Option<PathBuf>,
    bar: Option<ProgressBar>,
    percent: AtomicU64,
}

impl Progress {
    pub(crate) fn from_env() -> Self {
        let file = std::env::var_os("ARGO_PROGRESS_FILE")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(100);
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos:>3} % {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            file,
            bar,
            percent: AtomicU64::new(u64::MAX),
        }
    }

    /// `done` of `total` units are done. Cheap: something is written only when a whole per cent is gained.
    pub fn set(&self, done: u64, total: u64) {
        let percent = done
            .saturating_mul(100)
            .checked_div(total)
            .map_or(100, |percent| percent.min(100));
        if self.percent.swap(percent, Ordering::Relaxed) == percent {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(percent);
        }
        if let Some(file) = &self.file
            && let Err(error) = std::fs::write(file, format!("{percent}/100\n"))
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
