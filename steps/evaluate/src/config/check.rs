//! From words to gates: every name known, every number possible, at least one gate.

use std::collections::BTreeMap;

use step_contract::{ConfigError, load_yaml, nearest};
use step_report::Severity;

use super::file::{
    BootstrapFile, CorrectionWord, EvaluationFile, FairnessFile, FirstModelWord, GapWord, GatesFile,
    LatencyFile, MethodWord, SlicesFile,
};
use super::gates::{
    ChampionGate, ChampionRule, Correction, Fairness, FirstModel, Gap, Gates, Latency, On, Quantile, Side,
    Slices, ThresholdGate, ThresholdRule,
};
use super::value::{GateFile, GateValue, Rule, SeverityWord};
use crate::comparison::bootstrap::{Method, Plan};
use crate::load::requests_needed;
use crate::metrics::{Direction, Metric};

/// Fewest bootstrap replicates: the tails of an interval rest on a fortieth of them.
const MIN_REPLICATES: u64 = 2000;
/// Replicates that lie beyond either end of an interval.
const IN_A_TAIL: f64 = 10.0;
/// As many as the narrowest tail takes.
const MAX_REPLICATES: u64 = 200_000;

/// Reads and checks a gates file. `name` is the file as the user knows it.
pub fn load(name: &str, text: &str) -> Result<Gates, ConfigError> {
    let file: GatesFile = load_yaml(name, text)?;
    Reader { name, text }.gates(&file.evaluation)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn refuse<T>(&self, field: &str, message: impl Into<String>) -> Result<T, ConfigError> {
        Err(ConfigError::at(self.name, self.text, field, message))
    }

    fn gates(&self, file: &EvaluationFile) -> Result<Gates, ConfigError> {
        let at = |key: &str| format!("evaluation.{key}");
        let threshold = file.threshold.unwrap_or(0.5);
        if !threshold.is_finite() {
            return self.refuse(&at("threshold"), format!("is {threshold}; a number is needed"));
        }
        let confidence = self.within(
            &at("confidence"),
            file.confidence.unwrap_or(0.95),
            0.5,
            0.9999,
            "a level such as 0.95",
        )?;
        let bins = file.calibration.as_ref().and_then(|c| c.bins).unwrap_or(10);
        if !(2..=1000).contains(&bins) {
            return self.refuse(
                &at("calibration.bins"),
                format!("is {bins}; 2 to 1000 bins are needed"),
            );
        }
        let min_rows = self.positive(&at("min_rows"), file.min_rows, 100)?;
        let mut thresholds = self.thresholds(file, min_rows)?;
        let slices = file.slices.clone().unwrap_or_default();
        thresholds.extend(self.slice_floors(&slices, min_rows)?);
        let gates = Gates {
            threshold,
            confidence,
            bins: bins as usize,
            min_rows,
            min_per_class: self.positive(&at("min_per_class"), file.min_per_class, 10)?,
            thresholds,
            champion: self.champion(file, min_rows)?,
            first_model: file
                .champion
                .as_ref()
                .and_then(|c| c.first_model)
                .map(|word| match word {
                    FirstModelWord::PassThresholds => FirstModel::PassThresholds,
                    FirstModelWord::Refuse => FirstModel::Refuse,
                }),
            latency: file.latency.as_ref().map(|l| self.latency(l)).transpose()?,
            fairness: match &file.fairness {
                Some(fairness) if fairness.enabled != Some(false) => Some(self.fairness(fairness)?),
                _ => None,
            },
            slices: self.slices(&slices)?,
            bootstrap: self.bootstrap(&file.bootstrap.clone().unwrap_or_default(), confidence)?,
        };
        let none = gates.thresholds.is_empty()
            && gates.champion.is_empty()
            && gates.latency.is_none()
            && gates.fairness.is_none();
        if none {
            return self.refuse(
                "evaluation",
                "holds no gate, so it would pass any model: add minimum_thresholds, maximum_thresholds, \
                 champion_improvement, latency or fairness",
            );
        }
        Ok(gates)
    }

    fn thresholds(&self, file: &EvaluationFile, min_rows: u64) -> Result<Vec<ThresholdGate>, ConfigError> {
        let mut gates = Vec::new();
        for (side, key, map) in [
            (Side::Minimum, "minimum_thresholds", &file.minimum_thresholds),
            (Side::Maximum, "maximum_thresholds", &file.maximum_thresholds),
        ] {
            let section = format!("evaluation.{key}");
            for (metric, field, value) in self.metrics(&section, "", map)? {
                let all = On {
                    all: true,
                    slices: value.slices.unwrap_or(false),
                };
                gates.push(self.threshold(metric, side, &field, value, (min_rows, all))?);
            }
        }
        for gate in gates.iter().filter(|gate| gate.side == Side::Minimum) {
            let over = gates.iter().find(|other| {
                other.side == Side::Maximum && other.metric == gate.metric && other.bound < gate.bound
            });
            if let Some(over) = over {
                let field = format!("evaluation.maximum_thresholds.{}", gate.metric);
                return self.refuse(
                    &field,
                    format!(
                        "is {}, below the minimum {}: no value can pass both",
                        over.bound, gate.bound
                    ),
                );
            }
        }
        Ok(gates)
    }

    fn slice_floors(&self, slices: &SlicesFile, min_rows: u64) -> Result<Vec<ThresholdGate>, ConfigError> {
        let on = On {
            all: false,
            slices: true,
        };
        self.metrics(
            "evaluation.slices.minimum_thresholds",
            "",
            &slices.minimum_thresholds,
        )?
        .into_iter()
        .map(|(metric, field, value)| self.threshold(metric, Side::Minimum, &field, value, (min_rows, on)))
        .collect()
    }

    fn threshold(
        &self,
        metric: Metric,
        side: Side,
        field: &str,
        value: &GateFile,
        (min_rows, on): (u64, On),
    ) -> Result<ThresholdGate, ConfigError> {
        if metric.direction() == Direction::Lower && side == Side::Minimum {
            return self.refuse(
                field,
                format!("{metric} is better when it is lower: put its bound under maximum_thresholds"),
            );
        }
        let rule = match (value.rule.unwrap_or(Rule::Point), side) {
            (Rule::Point, _) => ThresholdRule::Point,
            (Rule::CiLower, Side::Minimum) | (Rule::CiUpper, Side::Maximum) => ThresholdRule::Interval,
            (_, Side::Minimum) => {
                return self.refuse(&sub(field, "rule"), "a minimum takes `point` or `ci_lower`");
            }
            (_, Side::Maximum) => {
                return self.refuse(&sub(field, "rule"), "a maximum takes `point` or `ci_upper`");
            }
        };
        for (key, given) in [("margin", value.margin), ("alpha", value.alpha)] {
            if given.is_some() {
                return self.refuse(&sub(field, key), "means nothing for a threshold: remove it");
            }
        }
        let Some(bound) = value.bound else {
            return self.refuse(field, "has no `bound`: a gate without a number holds nothing");
        };
        let (low, high) = metric.range();
        Ok(ThresholdGate {
            metric,
            side,
            bound: self.within(field, bound, low, high, &format!("what {metric} can be"))?,
            rule,
            severity: severity(value.severity),
            min_rows: self.positive(&sub(field, "min_rows"), value.min_rows, min_rows)?,
            on,
        })
    }

    fn champion(&self, file: &EvaluationFile, min_rows: u64) -> Result<Vec<ChampionGate>, ConfigError> {
        let section = "evaluation.champion_improvement";
        self.metrics(section, "_delta", &file.champion_improvement)?
            .into_iter()
            .map(|(metric, field, value)| self.delta(metric, &field, value, min_rows))
            .collect()
    }

    fn delta(
        &self,
        metric: Metric,
        field: &str,
        value: &GateFile,
        min_rows: u64,
    ) -> Result<ChampionGate, ConfigError> {
        let (low, high) = metric.range();
        let widest = high - low;
        let possible = |number: f64| {
            self.within(
                field,
                number,
                -widest,
                widest,
                &format!("what a difference in {metric} can be"),
            )
        };
        let rule = value.rule.unwrap_or(Rule::Point);
        let needed = |key: &str, given: Option<f64>| match given {
            Some(number) => Ok(number),
            None => self.refuse(field, format!("has no `{key}`, which this rule needs")),
        };
        let rule = match (rule, value.margin) {
            (Rule::NonInferiority, margin) => {
                if value.bound.is_some() {
                    return self.refuse(
                        &sub(field, "bound"),
                        "means nothing for non_inferiority: it takes `margin`",
                    );
                }
                let margin = needed("margin", margin)?;
                if margin.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
                    return self.refuse(
                        &sub(field, "margin"),
                        format!("is {margin}; a number above 0 is needed"),
                    );
                }
                ChampionRule::NonInferiority(possible(margin)?)
            }
            (_, Some(_)) => {
                return self.refuse(&sub(field, "margin"), "is only for the rule non_inferiority");
            }
            (Rule::Point, None) => ChampionRule::Point(possible(needed("bound", value.bound)?)?),
            (Rule::CiLower, None) => ChampionRule::CiLower(possible(needed("bound", value.bound)?)?),
            (Rule::Superiority, None) => ChampionRule::Superiority(possible(value.bound.unwrap_or(0.0))?),
            (Rule::CiUpper, None) => {
                let allowed = "an improvement takes `point`, `ci_lower`, `superiority` or `non_inferiority`";
                return self.refuse(&sub(field, "rule"), allowed);
            }
        };
        if let (Some(_), ChampionRule::Point(_) | ChampionRule::CiLower(_)) = (value.alpha, rule) {
            return self.refuse(
                &sub(field, "alpha"),
                "is only for the rules superiority and non_inferiority: the level of an interval is \
                 evaluation.confidence",
            );
        }
        Ok(ChampionGate {
            metric,
            rule,
            alpha: self.alpha(&sub(field, "alpha"), value.alpha)?,
            severity: severity(value.severity),
            min_rows: self.positive(&sub(field, "min_rows"), value.min_rows, min_rows)?,
            on_slices: value.slices.unwrap_or(true),
        })
    }

    fn latency(&self, file: &LatencyFile) -> Result<Latency, ConfigError> {
        let mut bounds = Vec::new();
        for (quantile, bound) in [
            (Quantile::P50, file.p50_ms),
            (Quantile::P95, file.p95_ms),
            (Quantile::P99, file.p99_ms),
        ] {
            let Some(bound) = bound else { continue };
            let field = format!("evaluation.latency.{}", quantile.name());
            if !(bound.is_finite() && bound > 0.0) {
                return self.refuse(&field, format!("is {bound}; milliseconds above 0 are needed"));
            }
            bounds.push((quantile, bound));
        }
        if bounds.is_empty() {
            return self.refuse(
                "evaluation.latency",
                "bounds nothing: give p50_ms, p95_ms or p99_ms",
            );
        }
        let requests = self.positive("evaluation.latency.requests", file.requests, 500)?;
        if !(100..=1_000_000).contains(&requests) {
            return self.refuse(
                "evaluation.latency.requests",
                format!("is {requests}; 100 to 1000000 requests are needed"),
            );
        }
        for (quantile, _) in &bounds {
            let needed = requests_needed(quantile.share());
            if requests < needed {
                return self.refuse(
                    "evaluation.latency.requests",
                    format!(
                        "is {requests}, and {} needs {needed}: no model could pass",
                        quantile.name()
                    ),
                );
            }
        }
        Ok(Latency {
            bounds,
            requests: requests as usize,
            severity: severity(file.severity),
        })
    }

    fn fairness(&self, file: &FairnessFile) -> Result<Fairness, ConfigError> {
        let field = "evaluation.fairness";
        let Some(bound) = file.max_disparity else {
            return self.refuse(
                field,
                "has no `max_disparity`: give a bound, or say `enabled: false`",
            );
        };
        let gaps = match &file.metrics {
            None => vec![Gap::DemographicParity, Gap::Tpr],
            Some(words) if words.is_empty() => {
                return self.refuse(
                    &sub(field, "metrics"),
                    "is empty: name a gap, or say `enabled: false`",
                );
            }
            Some(words) => words
                .iter()
                .map(|word| match word {
                    GapWord::DemographicParity => Gap::DemographicParity,
                    GapWord::TprGap => Gap::Tpr,
                    GapWord::FprGap => Gap::Fpr,
                })
                .collect(),
        };
        Ok(Fairness {
            max_disparity: self.within(
                &sub(field, "max_disparity"),
                bound,
                0.0,
                1.0,
                "a gap between two shares",
            )?,
            columns: file.columns.clone(),
            gaps,
            min_rows: self.positive(&sub(field, "min_rows"), file.min_rows, 50)?,
            severity: severity(file.severity),
        })
    }

    fn slices(&self, file: &SlicesFile) -> Result<Slices, ConfigError> {
        let at = |key: &str| format!("evaluation.slices.{key}");
        Ok(Slices {
            columns: file.columns.clone(),
            min_rows: self.positive(&at("min_rows"), file.min_rows, 100)?,
            min_per_class: self.positive(&at("min_per_class"), file.min_per_class, 10)?,
            alpha: self.alpha(&at("alpha"), file.alpha)?,
            correction: match file.correction {
                Some(CorrectionWord::Bh) => Correction::BenjaminiHochberg,
                Some(CorrectionWord::Holm) | None => Correction::Holm,
            },
            max_values: self.positive(&at("max_values"), file.max_values, 100)? as usize,
            severity: severity(file.severity),
        })
    }

    fn bootstrap(&self, file: &BootstrapFile, confidence: f64) -> Result<Plan, ConfigError> {
        // A tail that a level asks for has to hold replicates, or the interval is of a lower level than it says.
        let tail = (1.0 - confidence) / 2.0;
        let fewest = ((IN_A_TAIL / tail).round() as u64).max(MIN_REPLICATES);
        let replicates = file.replicates.unwrap_or(fewest);
        if !(fewest..=MAX_REPLICATES).contains(&replicates) {
            return self.refuse(
                "evaluation.bootstrap.replicates",
                format!(
                    "is {replicates}; {fewest} to {MAX_REPLICATES} are needed at confidence {confidence}"
                ),
            );
        }
        Ok(Plan {
            replicates: replicates as usize,
            seed: file.seed.unwrap_or(1),
            method: match file.method {
                Some(MethodWord::Bca) => Method::Bca,
                Some(MethodWord::Percentile) | None => Method::Percentile,
            },
        })
    }

    /// The metrics of a section; two names of one metric are two gates that may contradict each other.
    fn metrics<'m>(
        &self,
        section: &str,
        suffix: &str,
        map: &'m BTreeMap<String, GateValue>,
    ) -> Result<Vec<(Metric, String, &'m GateFile)>, ConfigError> {
        let mut found: Vec<(Metric, String, &GateFile)> = Vec::new();
        for (key, value) in map {
            let field = format!("{section}.{key}");
            let Some(name) = key.strip_suffix(suffix) else {
                let known = Metric::ALL.map(|metric| format!("{metric}{suffix}"));
                let meant = key.parse().ok().map(|metric: Metric| format!("{metric}{suffix}"));
                let hint = meant
                    .or_else(|| nearest(key, known.iter().map(String::as_str)).map(str::to_owned))
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return self.refuse(&field, format!("is no `<metric>{suffix}`{hint}"));
            };
            let metric: Metric = match name.parse() {
                Ok(metric) => metric,
                Err(error) => return self.refuse(&field, format!("{error}")),
            };
            if let Some((_, other, _)) = found.iter().find(|(known, _, _)| *known == metric) {
                return self.refuse(&field, format!("bounds {metric}, as {other} does: keep one"));
            }
            found.push((metric, field, &value.0));
        }
        Ok(found)
    }

    fn within(&self, field: &str, value: f64, low: f64, high: f64, what: &str) -> Result<f64, ConfigError> {
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        let high = if high.is_infinite() {
            "above".to_owned()
        } else {
            format!("to {high}")
        };
        self.refuse(field, format!("is {value}; {what} is needed, {low} {high}"))
    }

    fn alpha(&self, field: &str, alpha: Option<f64>) -> Result<f64, ConfigError> {
        let alpha = alpha.unwrap_or(0.05);
        if alpha > 0.0 && alpha < 0.5 {
            return Ok(alpha);
        }
        self.refuse(
            field,
            format!("is {alpha}; a chance above 0 and below 0.5 is needed, such as 0.05"),
        )
    }

    fn positive(&self, field: &str, value: Option<u64>, default: u64) -> Result<u64, ConfigError> {
        match value {
            Some(0) => self.refuse(field, "is 0; at least 1 is needed"),
            Some(value) => Ok(value),
            None => Ok(default),
        }
    }
}

fn sub(field: &str, key: &str) -> String {
    format!("{field}.{key}")
}

fn severity(word: Option<SeverityWord>) -> Severity {
    word.map_or(Severity::Error, Severity::from)
}
