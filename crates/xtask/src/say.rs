//! What the tasks print: one line a thing done, with its seconds.

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Prints a line. A closed pipe is nobody to tell.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Prints a heading after an empty line.
pub(crate) fn heading(text: &str) {
    line(&format!("\n{}", bold(text)));
}

/// Prints an error with all its causes.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
}

/// `what ... 3.2 s`
pub(crate) fn took(what: &str, since: Instant) {
    line(&format!("  {what:<62} {:>6.1} s", since.elapsed().as_secs_f64()));
}

/// Bold on a terminal.
pub(crate) fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
