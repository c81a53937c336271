//! `drift.yaml`: what the team wants watched, and what shall happen when it moves.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_contract::{ConfigError, load_yaml};

use crate::columns::Patterns;

/// The file: one key, so that it can live beside others in a larger document.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    /// The settings.
    drift_config: DriftConfig,
}

/// What is watched, and what happens when it moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftConfig {
    /// Length of a monitoring window in hours; it cuts the data when `time_column` is set.
    #[serde(default = "defaults::hours")]
    pub monitoring_window_hours: u32,
    /// The data of the baseline, for `enroll` without `--data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_dataset: Option<String>,
    /// When drift counts.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// When the data is broken and has not drifted.
    #[serde(default)]
    pub quality: Quality,
    /// What happens then; nothing is sent without it.
    #[serde(default)]
    pub retraining_trigger: RetrainingTrigger,
    /// The columns that are watched; all of them unless said otherwise.
    #[serde(default)]
    pub columns: Columns,
    /// The column with the model's score or class, watched apart from the features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction_column: Option<String>,
    /// The column that tells when a row happened. With it a check takes the last window only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    /// Fewest rows, in the window and in the baseline, for a verdict other than INSUFFICIENT.
    #[serde(default = "defaults::min_rows")]
    pub min_rows: u64,
    /// Share of false alarms allowed among the alarms (Benjamini and Hochberg over the columns).
    #[serde(default = "defaults::alpha")]
    pub alpha: f64,
    /// Quantile bins of a numeric column.
    #[serde(default = "defaults::bins")]
    pub bins: usize,
    /// Categories with a bin of their own; all others share the bin OTHER.
    #[serde(default = "defaults::top_categories")]
    pub top_categories: usize,
    /// Columns whose drift shall count for less. The first rule that names a column holds.
    #[serde(default)]
    pub severity: Vec<SeverityRule>,
}

/// When drift counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// A column at this PSI alerts.
    #[serde(default = "defaults::psi_alert")]
    pub psi_alert: f64,
    /// A column at this PSI asks for a retraining.
    #[serde(default = "defaults::psi_retrain")]
    pub psi_retrain: f64,
    /// The prediction alerts below this p-value, when its distance reaches `prediction_js_distance` too.
    #[serde(default = "defaults::prediction_p")]
    pub prediction_drift_p_value: f64,
    /// The Jensen-Shannon distance (0 to 1, of base 2) from which a prediction has moved so far that it counts.
    #[serde(default = "defaults::prediction_js")]
    pub prediction_js_distance: f64,
}

/// When the data is broken and has not drifted: it goes to people, and no model is trained on it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// How much the share of rows without a value may rise over the baseline's: 0.1 is ten rows of a hundred.
    #[serde(default = "defaults::tenth")]
    pub max_null_increase: f64,
    /// How much the share of values that are no number (NaN, infinite, unreadable) may rise.
    #[serde(default = "defaults::tenth")]
    pub max_odd_increase: f64,
    /// A window with fewer rows has lost a part of its feed. Without it few rows are only too few to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_window_rows: Option<u64>,
}

/// What happens when drift counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainingTrigger {
    /// Where the retraining event is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Whether the event carries the figures of the report.
    #[serde(default)]
    pub include_drift_report: bool,
    /// Who is told: `slack://<channel>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_channel: Option<String>,
}

/// The columns that are watched, by name or by pattern (`*` any text, `?` one character).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Only these; all when empty.
    #[serde(default)]
    pub include: Vec<String>,
    /// Not these: ids, keys, calendar columns, labels.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// How far the drift of some columns may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityRule {
    /// Names or patterns.
    pub columns: Vec<String>,
    /// The most that their drift can do.
    pub at_most: Level,
}

/// The most that a column's drift can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is reported and decides nothing.
    Report,
    /// It alerts.
    Alert,
    /// It asks for a retraining.
    Retrain,
}

mod defaults {
    pub(super) const fn hours() -> u32 {
        24
    }
    pub(super) const fn min_rows() -> u64 {
        500
    }
    pub(super) const fn alpha() -> f64 {
        0.01
    }
    pub(super) const fn bins() -> usize {
        10
    }
    pub(super) const fn top_categories() -> usize {
        20
    }
    pub(super) const fn psi_alert() -> f64 {
        0.1
    }
    pub(super) const fn psi_retrain() -> f64 {
        0.2
    }
    pub(super) const fn prediction_p() -> f64 {
        0.05
    }
    pub(super) const fn prediction_js() -> f64 {
        0.1
    }
    pub(super) const fn tenth() -> f64 {
        0.1
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            psi_alert: defaults::psi_alert(),
            psi_retrain: defaults::psi_retrain(),
            prediction_drift_p_value: defaults::prediction_p(),
            prediction_js_distance: defaults::prediction_js(),
        }
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            max_null_increase: defaults::tenth(),
            max_odd_increase: defaults::tenth(),
            min_window_rows: None,
        }
    }
}

/// JSON Schema of the file.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}

impl DriftConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// With file, line and field: an unknown key, a number that is not finite or out of range, a pattern
    /// that is empty, an address of another kind.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let config = load_yaml::<File>(file, text)?.drift_config;
        match config.fault() {
            None => Ok(config),
            Some((field, message)) => Err(ConfigError::at(
                file,
                text,
                &format!("drift_config.{field}"),
                message,
            )),
        }
    }

    /// The most that a column's drift can do.
    #[must_use]
    pub fn level(&self, column: &str) -> Level {
        self.severity
            .iter()
            .find(|rule| Patterns(&rule.columns).matches(column))
            .map_or(Level::Retrain, |rule| rule.at_most)
    }

    /// Whether the columns' patterns take this one.
    #[must_use]
    pub fn watches(&self, column: &str) -> bool {
        let Columns { include, exclude } = &self.columns;
        (include.is_empty() || Patterns(include).matches(column)) && !Patterns(exclude).matches(column)
    }

    /// The first field that makes no sense, and why.
    fn fault(&self) -> Option<(String, String)> {
        let fault = |field: &str, message: String| Some((field.to_owned(), message));
        let Thresholds {
            psi_alert,
            psi_retrain,
            prediction_drift_p_value,
            prediction_js_distance,
        } = self.thresholds;
        for (field, value) in [("psi_alert", psi_alert), ("psi_retrain", psi_retrain)] {
            if !(value.is_finite() && value > 0.0) {
                let message = format!("is {value}; a finite number above 0 is needed (usual: 0.1 and 0.2)");
                return fault(&format!("thresholds.{field}"), message);
            }
        }
        if psi_alert > psi_retrain {
            let message = format!(
                "is {psi_alert}, above psi_retrain {psi_retrain}: every alert would be a retraining; swap them"
            );
            return fault("thresholds.psi_alert", message);
        }
        for (field, value) in [
            ("thresholds.prediction_drift_p_value", prediction_drift_p_value),
            ("alpha", self.alpha),
        ] {
            if !(value > 0.0 && value < 1.0) {
                return fault(
                    field,
                    format!("is {value}; a number above 0 and below 1 is needed (usual: 0.05 and 0.01)"),
                );
            }
        }
        for (field, value) in [
            ("thresholds.prediction_js_distance", prediction_js_distance),
            ("quality.max_null_increase", self.quality.max_null_increase),
            ("quality.max_odd_increase", self.quality.max_odd_increase),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return fault(field, format!("is {value}; 0 to 1 are allowed (usual: 0.1)"));
            }
        }
        if !(1..=87_600).contains(&self.monitoring_window_hours) {
            let message = format!(
                "is {}; 1 to 87600 hours are allowed",
                self.monitoring_window_hours
            );
            return fault("monitoring_window_hours", message);
        }
        if self.min_rows == 0 {
            return fault(
                "min_rows",
                "is 0; without a row there is nothing to judge: 1 or more".to_owned(),
            );
        }
        if !(2..=100).contains(&self.bins) {
            return fault(
                "bins",
                format!("is {}; 2 to 100 bins are allowed (usual: 10)", self.bins),
            );
        }
        if !(1..=400).contains(&self.top_categories) {
            let message = format!("is {}; 1 to 400 categories are allowed", self.top_categories);
            return fault("top_categories", message);
        }
        self.fault_in_names().or_else(|| self.fault_in_addresses())
    }

    fn fault_in_names(&self) -> Option<(String, String)> {
        let lists = [("columns.include".to_owned(), &self.columns.include)]
            .into_iter()
            .chain([("columns.exclude".to_owned(), &self.columns.exclude)])
            .chain(
                self.severity
                    .iter()
                    .enumerate()
                    .map(|(i, rule)| (format!("severity[{i}].columns"), &rule.columns)),
            );
        for (field, names) in lists {
            let mut seen = BTreeSet::new();
            for (i, name) in names.iter().enumerate() {
                if name.trim().is_empty() {
                    return Some((
                        format!("{field}[{i}]"),
                        "is empty; name a column or a pattern".to_owned(),
                    ));
                }
                if !seen.insert(name) {
                    return Some((format!("{field}[{i}]"), format!("names `{name}` a second time")));
                }
            }
            if names.is_empty() && field.starts_with("severity") {
                return Some((field, "names no column".to_owned()));
            }
        }
        for (field, name) in [
            ("prediction_column", &self.prediction_column),
            ("time_column", &self.time_column),
        ] {
            if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
                return Some((
                    field.to_owned(),
                    "is empty; name a column or leave the key out".to_owned(),
                ));
            }
        }
        None
    }

    fn fault_in_addresses(&self) -> Option<(String, String)> {
        let RetrainingTrigger {
            webhook,
            notification_channel,
            ..
        } = &self.retraining_trigger;
        let at_webhook = |message: String| Some(("retraining_trigger.webhook".to_owned(), message));
        if let Some(webhook) = webhook {
            let address = webhook
                .strip_prefix("https://")
                .or_else(|| webhook.strip_prefix("http://"));
            let Some(address) = address else {
                return at_webhook(format!(
                    "is `{webhook}`; an http:// or https:// address is needed"
                ));
            };
            // By its letters only: the host of a form that is still to be filled in, such as `…`, is no host to a parser.
            let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            if host.split(':').next().unwrap_or_default().trim().is_empty() {
                return at_webhook(
                    "names no host; an address such as https://argo-server/api/v1/events/… is needed"
                        .to_owned(),
                );
            }
        }
        if let Some(channel) = notification_channel
            && channel
                .strip_prefix("slack://")
                .is_none_or(|name| name.trim().is_empty())
        {
            let message = format!("is `{channel}`; `slack://<channel>` is what is known");
            return Some(("retraining_trigger.notification_channel".to_owned(), message));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the issue has it, ellipses and all.
    const SEED: &str = r#"drift_config: {monitoring_window_hours: 24, reference_dataset: "s3://…", thresholds: {psi_alert: 0.1, psi_retrain: 0.2, prediction_drift_p_value: 0.05}, retraining_trigger: {webhook: "https://…/api/v1/events/default/mlops-retrain", include_drift_report: true, notification_channel: "slack://ml-ops-alerts"}}"#;

    fn refused(text: &str) -> String {
        DriftConfig::parse("drift.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn the_seed_form_loads_as_it_stands() {
        let config = DriftConfig::parse("drift.yaml", SEED).unwrap();
        assert_eq!(config.monitoring_window_hours, 24);
        assert_eq!(config.thresholds, Thresholds::default());
        assert!(config.retraining_trigger.include_drift_report);
        assert_eq!((config.min_rows, config.bins, config.alpha), (500, 10, 0.01));
        assert!(config.watches("anything"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_line_and_field() {
        for (text, said) in [
            (
                "drift_config:\n  thresholds:\n    psi_alert: .nan\n",
                "drift.yaml:3:5: drift_config.thresholds.psi_alert: is NaN",
            ),
            (
                "drift_config:\n  thresholds: {psi_alert: 0.3, psi_retrain: 0.2}\n",
                "above psi_retrain 0.2",
            ),
            (
                "drift_config:\n  thresholds: {psi_retrain: .inf}\n",
                "psi_retrain: is inf",
            ),
            (
                "drift_config:\n  thresholds: {psi_alert: -0.1}\n",
                "psi_alert: is -0.1",
            ),
            (
                "drift_config:\n  thresholds: {psi_alarm: 0.1}\n",
                "unknown field `psi_alarm`",
            ),
            (
                "drift_config:\n  alpha: 5\n",
                "drift.yaml:2:3: drift_config.alpha: is 5",
            ),
            ("drift_config:\n  min_rows: 0\n", "min_rows: is 0"),
            (
                "drift_config:\n  monitoring_window_hours: 0\n",
                "monitoring_window_hours: is 0",
            ),
            (
                "drift_config:\n  columns: {exclude: [id, \"\"]}\n",
                "columns.exclude[1]: is empty",
            ),
            (
                "drift_config:\n  columns: {exclude: [id, id]}\n",
                "names `id` a second time",
            ),
            (
                "drift_config:\n  retraining_trigger: {webhook: \"ftp://x\"}\n",
                "is `ftp://x`",
            ),
            (
                "drift_config:\n  retraining_trigger: {webhook: \"https:///api/v1/events\"}\n",
                "drift.yaml:2:24: drift_config.retraining_trigger.webhook: names no host",
            ),
            (
                "drift_config:\n  retraining_trigger: {webhook: \"http://:8080/x\"}\n",
                "names no host",
            ),
            (
                "drift_config:\n  thresholds:\n  min_rows: 5\n",
                "drift.yaml:2:3: drift_config.thresholds: has nothing in it",
            ),
            (
                "drift_config:\n  retraining_trigger: {notification_channel: \"#ops\"}\n",
                "slack://<channel>",
            ),
            (
                "drift_config:\n  severity: [{columns: [a], at_most: never}]\n",
                "severity[0].at_most",
            ),
            ("thresholds: {}\n", "thresholds: unknown field"),
        ] {
            assert!(refused(text).contains(said), "{}", refused(text));
        }
    }

    #[test]
    fn patterns_and_levels() {
        let text = "drift_config:\n  columns: {include: [\"f_*\", temp], exclude: [f_id]}\n  severity: [{columns: [\"f_?\"], at_most: alert}, {columns: [\"*\"], at_most: report}]\n";
        let config = DriftConfig::parse("drift.yaml", text).unwrap();
        assert!(config.watches("f_a") && config.watches("temp"));
        assert!(!config.watches("f_id") && !config.watches("temperature"));
        assert_eq!(
            (config.level("f_a"), config.level("temp")),
            (Level::Alert, Level::Report)
        );
    }
}
