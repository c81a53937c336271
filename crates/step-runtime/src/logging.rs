//! Logs: to standard error, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Starts logging. A filter that cannot be read is refused with its text.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    // What the AWS libraries warn of (a provider that is not set up) is said by our own error, in a sentence.
    let quiet = ",aws_config=error,aws_smithy_runtime=error";
    let filter = EnvFilter::try_new(format!(
        "{filter}{}",
        if filter.contains('=') { "" } else { quiet }
    ))
    .map_err(|error| format!("--log-level {filter:?}: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that nobody reads any more is no reason to panic.
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .finish()
            .try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    // A subscriber that is there already (a test's) is good enough.
    _ = started;
    Ok(())
}
