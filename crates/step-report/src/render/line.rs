//! One line: for a log, and for the termination message that `argo get` shows.

use super::view;
use crate::{Report, text};

/// The kubelet keeps 4,096 bytes of a termination message; four bytes a character at worst.
const MAX_CHARS: usize = 900;

impl Report {
    /// `FAIL data-validate check: why (40 checks: 3 fail, 37 pass)`, without a newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        let head = text::short(&format!("{} {} {}", self.verdict, self.step, self.command), 120);
        let reason = text::short(&self.reason, MAX_CHARS);
        let colon = if reason.is_empty() { "" } else { ": " };
        let summary = view::summary(&self.counts());
        if summary.is_empty() {
            format!("{head}{colon}{reason}")
        } else {
            format!("{head}{colon}{reason} ({summary})")
        }
    }
}
