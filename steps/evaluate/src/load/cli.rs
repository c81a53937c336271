//! What may be asked of `evaluate load`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kserve_api::Protocol;
use step_contract::{InArtifact, OutArtifact};
use step_runtime::{CommonArgs, DecisionArgs};

/// Drive a served model at the expected rate and gate its latency and errors.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Base URL of a model server, as `URL` or `NAME=URL`; the name (default `1`, `2`) stands in the report.
    /// Give it twice to drive two servers at once with the same rows interleaved.
    #[arg(long, required = true, value_delimiter = '\n', value_name = "[NAME=]URL")]
    pub endpoint: Vec<String>,
    /// The model's name on the server; given twice, one for each endpoint in order.
    #[arg(long, required = true, value_delimiter = '\n')]
    pub model: Vec<String>,
    /// The model's version on the server; without it the server chooses.
    #[arg(long)]
    pub model_version: Option<String>,
    /// The inference protocol.
    #[arg(long, value_enum, default_value_t = ProtocolName::V2)]
    pub protocol: ProtocolName,
    /// `Host` header, for a model behind a gateway that routes by host name.
    #[arg(long)]
    pub host: Option<String>,
    /// Rows to ask about, one a request: Parquet, CSV, JSON lines or Arrow.
    #[arg(long, default_value = "/in/requests.parquet", value_name = "LOCATION")]
    pub data: InArtifact,
    /// The columns that are features, in the model's order, separated by commas or lines; all when not given.
    #[arg(long, value_delimiter = '\n', value_name = "NAMES")]
    pub feature_columns: Vec<String>,
    /// How a row travels: one float matrix, or one tensor per column. `auto` takes the matrix unless a column is text.
    #[arg(long, value_enum, default_value_t = InputFormat::Auto)]
    pub input_format: InputFormat,
    /// Name of the matrix tensor.
    #[arg(long, default_value = "input-0")]
    pub input_name: String,
    /// The V2 output that holds the prediction, when the model has several.
    #[arg(long)]
    pub output: Option<String>,
    /// The column of a `[n, k]` answer that is the prediction, from 0; the second of two when not given.
    #[arg(long)]
    pub positive_class: Option<usize>,
    /// Requests a second at each endpoint.
    #[arg(long, default_value_t = 20.0, value_name = "QPS")]
    pub rate: f64,
    /// How long requests keep arriving: `30s`, `2m`, `500ms`.
    #[arg(long, default_value = "30s")]
    pub duration: Span,
    /// When requests arrive: at random (a Poisson process, as from many independent users) or evenly spaced.
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    pub arrivals: Arrivals,
    /// Seed of the arrivals and of the order of rows.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Requests at each endpoint before the clock starts; reported, not counted.
    #[arg(long, default_value_t = 20)]
    pub warm_up: usize,
    /// Requests under way at once at each endpoint. One that is due beyond that waits, and its latency with it.
    #[arg(long, default_value_t = 256)]
    pub max_in_flight: usize,
    /// When a request is given up, counted from when it was due.
    #[arg(long, default_value = "10s")]
    pub timeout: Span,
    /// How long to wait for the servers to be ready.
    #[arg(long, default_value = "60s")]
    pub ready_timeout: Span,
    /// Bound of the 95th percentile of the latency of successful requests.
    #[arg(long, value_name = "MS")]
    pub p95_ms: Option<f64>,
    /// Bound of the 99th percentile of the latency of successful requests.
    #[arg(long, value_name = "MS")]
    pub p99_ms: Option<f64>,
    /// Bound of the share of requests without a usable prediction. Always a gate: without it a server that
    /// fails fast would pass as a quick one.
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    pub max_error_rate: f64,
    /// The endpoint, by its name, that the gates hold for; all when not given. The others are only measured.
    #[arg(long, value_delimiter = '\n', value_name = "NAME")]
    pub gate: Vec<String>,
    /// The record of the first endpoint: one row a request, as Parquet.
    #[arg(long, default_value = "/out/load.parquet", value_name = "LOCATION")]
    pub record: OutArtifact,
    /// The record of the second endpoint; when not given, that of the first with `-2` before the extension.
    #[arg(long, value_name = "LOCATION")]
    pub record2: Option<OutArtifact>,
    /// Where the report goes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What a no does.
    #[command(flatten)]
    pub decision: DecisionArgs,
}

/// The protocols by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// Open Inference Protocol.
    V2,
    /// `instances` and `predictions`.
    V1,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::V2 => Self::V2,
            ProtocolName::V1 => Self::V1,
        }
    }
}

/// How a row travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// The matrix unless a column is text.
    Auto,
    /// One float matrix.
    Matrix,
    /// One tensor per column.
    Columns,
}

/// When requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arrivals {
    /// At random, as from many independent users.
    Poisson,
    /// Evenly spaced.
    Fixed,
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poisson => "poisson",
            Self::Fixed => "fixed",
        })
    }
}

/// A length of time as people write it: `500ms`, `30s`, `2m`, `1h`.
///
/// ```
/// use evaluate::load::Span;
/// assert_eq!("90s".parse::<Span>().unwrap(), "1.5m".parse().unwrap());
/// assert!("30".parse::<Span>().is_err(), "thirty what?");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is no length of time above zero; write 500ms, 30s, 2m or 1h");
        let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refuse)?;
        let (number, unit) = text.split_at(split);
        let number: f64 = number.trim().parse().map_err(|_| refuse())?;
        let seconds = match unit {
            "ms" => number / 1e3,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return Err(refuse()),
        };
        match Duration::try_from_secs_f64(seconds) {
            Ok(span) if span > Duration::ZERO => Ok(Self(span)),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 1.0 {
            write!(f, "{}ms", seconds * 1e3)
        } else {
            write!(f, "{seconds}s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in [
            ("500ms", 0.5),
            ("30s", 30.0),
            ("2m", 120.0),
            ("1h", 3600.0),
            ("0.5s", 0.5),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().0.as_secs_f64(), seconds, "{text}");
        }
        for text in ["", "s", "30", "0s", "-1s", "NaNs", "infs", "3 weeks", "1e300h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
