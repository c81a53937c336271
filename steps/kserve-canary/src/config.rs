//! What the team wants: margins and modes. Every key has a default; an unknown key is refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_contract::{ConfigError, load_yaml};

/// `canary.yaml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryFile {
    /// How the canary is judged.
    pub canary: Config,
}

/// How the canary is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The chance of rolling back a canary that is no worse, over all checks together and however often it is
    /// judged on the way.
    pub alpha: f64,
    /// The chance that a canary as good as the champion is promoted on the planned number of requests.
    pub power: f64,
    /// Requests are counted in slices of this many seconds, so that a load that drifts does no harm.
    pub slice_seconds: f64,
    /// Requests without a usable prediction.
    pub errors: Errors,
    /// Slow answers.
    pub latency: Latency,
    /// What is predicted.
    pub predictions: Predictions,
    /// How many requests the canary got.
    pub split: Split,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.9,
            slice_seconds: 10.0,
            errors: Errors::default(),
            latency: Latency::default(),
            predictions: Predictions::default(),
            split: Split::default(),
        }
    }
}

/// Requests without a usable prediction: no answer, a status other than 2xx, or a 2xx without a finite number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// To be promoted, the canary's error rate must surely be below the champion's plus this.
    pub max_increase: f64,
    /// The canary is rolled back when its error rate is surely more than so many times the champion's, and not surely
    /// within `max_increase`.
    pub allowed_ratio: f64,
    /// A canary that fails more often than this is not promoted, whatever the champion does.
    pub max_rate: f64,
}

impl Default for Errors {
    fn default() -> Self {
        Self {
            max_increase: 0.01,
            allowed_ratio: 1.0,
            max_rate: 0.1,
        }
    }
}

/// Slow answers: those slower than a limit, which is the champion's own 99th percentile and a tolerance, or
/// `slo_ms`. Failures do not count: they are often fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// What a miss means.
    pub mode: Mode,
    /// An answer is slow beyond this many milliseconds; when absent, beyond the champion's 99th percentile
    /// and `tolerance`.
    pub slo_ms: Option<f64>,
    /// How much slower than the champion's 99th percentile is still its own speed: 0.1 is a tenth.
    pub tolerance: f64,
    /// To be promoted, the canary's share of slow answers must surely be below the champion's plus this.
    pub max_increase: f64,
    /// The canary is rolled back when its share of slow answers is surely more than so many times the champion's, and not
    /// surely within `max_increase`.
    pub allowed_ratio: f64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            slo_ms: None,
            tolerance: 0.1,
            max_increase: 0.01,
            allowed_ratio: 1.0,
        }
    }
}

/// The distribution of predictions. A new model should differ: by default a large difference only warns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Predictions {
    /// What a miss means.
    pub mode: Mode,
    /// The largest population stability index, after what chance alone adds is taken off.
    pub max_psi: f64,
    /// Bins, at quantiles of the champion's predictions.
    pub bins: usize,
    /// Fewer predictions than this in either arm tell nothing.
    pub min_predictions: u64,
}

impl Default for Predictions {
    fn default() -> Self {
        Self {
            mode: Mode::Warn,
            max_psi: 0.2,
            bins: 10,
            min_predictions: 100,
        }
    }
}

/// How many requests the canary got.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// The canary's share of all requests as configured, such as 0.05. When given, a share that is surely
    /// another one makes the verdict INCONCLUSIVE: what was judged is not what was rolled out.
    pub expected_share: Option<f64>,
}

/// What a miss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It decides.
    Enforce,
    /// It warns.
    Warn,
    /// It is not looked at.
    Off,
}

/// Reads `canary.yaml`.
///
/// # Errors
/// With file, line and field of what cannot be.
///
/// ```
/// let config = kserve_canary::config::load("canary.yaml", "canary: {latency: {slo_ms: 50}}").unwrap();
/// assert_eq!(config.latency.slo_ms, Some(50.0));
/// let error = kserve_canary::config::load("canary.yaml", "canary:\n  alpha: 2\n").unwrap_err();
/// assert!(error.to_string().starts_with("canary.yaml:2:"), "{error}");
/// ```
pub fn load(file: &str, text: &str) -> Result<Config, ConfigError> {
    let config = load_yaml::<CanaryFile>(file, text)?.canary;
    let at =
        |field: &str, message: String| Err(ConfigError::at(file, text, &format!("canary.{field}"), message));
    let (errors, latency, predictions) = (&config.errors, &config.latency, &config.predictions);
    // Beyond these a number is a slip of the hand, or the statistics lose their digits.
    for (field, value, from, to) in [
        ("alpha", Some(config.alpha), LEAST, 0.49),
        ("power", Some(config.power), 0.5, 0.9999),
        ("slice_seconds", Some(config.slice_seconds), 0.001, DAY),
        ("errors.max_increase", Some(errors.max_increase), LEAST, 0.99),
        ("errors.allowed_ratio", Some(errors.allowed_ratio), 1.0, 1000.0),
        ("errors.max_rate", Some(errors.max_rate), LEAST, 1.0),
        ("latency.slo_ms", latency.slo_ms, 0.001, 1000.0 * DAY),
        ("latency.tolerance", Some(latency.tolerance), 0.0, 100.0),
        ("latency.max_increase", Some(latency.max_increase), LEAST, 0.99),
        ("latency.allowed_ratio", Some(latency.allowed_ratio), 1.0, 1000.0),
        ("predictions.max_psi", Some(predictions.max_psi), LEAST, 100.0),
        (
            "split.expected_share",
            config.split.expected_share,
            LEAST,
            1.0 - LEAST,
        ),
    ] {
        if let Some(value) = value
            && !(from..=to).contains(&value)
        {
            return at(field, format!("is {value:?}; {from} to {to} are expected"));
        }
    }
    if predictions.min_predictions > MOST_PREDICTIONS {
        return at(
            "predictions.min_predictions",
            format!(
                "is {}; 0 to {MOST_PREDICTIONS} are expected",
                predictions.min_predictions
            ),
        );
    }
    if !(2..=100).contains(&predictions.bins) {
        return at(
            "predictions.bins",
            format!("is {}; 2 to 100 are expected", predictions.bins),
        );
    }
    Ok(config)
}

/// The least chance, share or increase that can be asked for.
const LEAST: f64 = 1e-6;
/// Seconds.
const DAY: f64 = 86_400.0;
/// More than any window holds: a check that waits for more never decides.
const MOST_PREDICTIONS: u64 = 1_000_000_000;

/// The JSON Schema of `canary.yaml`.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(CanaryFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(load("c.yaml", "canary: {}").unwrap(), Config::default());
    }

    #[test]
    fn what_cannot_be_names_line_and_field() {
        let said = |text: &str| load("c.yaml", text).unwrap_err().to_string();
        assert!(said("canary:\n  errors:\n    max_increase: .nan\n").starts_with("c.yaml:3:"));
        assert!(said("canary:\n  errors:\n    max_incraese: 0.1\n").contains("max_incraese"));
        assert!(said("canary: {errors: {max_increase: 0}}").contains("canary.errors.max_increase"));
        assert!(said("canary: {predictions: {mode: block}}").contains("block"));
        assert!(said("canary: {split: {expected_share: 5}}").contains("is 5"));
        assert!(said("canary: {latency: {slo_ms: -1}}").contains("is -1"));
        assert!(said("canary: {predictions: {bins: 1}}").contains("2 to 100"));
        assert_eq!(
            said("canary:\n  alpha: 1e-300\n"),
            "c.yaml:2:3: canary.alpha: is 1e-300; 0.000001 to 0.49 are expected"
        );
        for (field, value) in [
            ("alpha", "0.5"),
            ("alpha", "0"),
            ("power", "0.99999999"),
            ("power", "0.4"),
            ("slice_seconds", "1e-9"),
            ("slice_seconds", "1e300"),
            ("slice_seconds", ".inf"),
        ] {
            assert!(
                said(&format!("canary: {{{field}: {value}}}")).contains(field),
                "{field}"
            );
        }
        for (field, value) in [
            ("errors: {max_increase", "1e-300"),
            ("errors: {allowed_ratio", "1e300"),
            ("errors: {allowed_ratio", "0.99"),
            ("errors: {max_rate", "1e-300"),
            ("latency: {slo_ms", "1e-300"),
            ("latency: {slo_ms", "1e300"),
            ("latency: {tolerance", "1e300"),
            ("latency: {max_increase", "1"),
            ("latency: {allowed_ratio", ".nan"),
            ("predictions: {max_psi", "1e300"),
            ("predictions: {min_predictions", "18446744073709551615"),
            ("split: {expected_share", "1e-300"),
        ] {
            let said = said(&format!("canary: {{{field}: {value}}}}}"));
            let name = field.replace(": {", ".");
            assert!(
                said.contains(&format!("canary.{name}")) && said.contains("expected"),
                "{said}"
            );
        }
    }
}
