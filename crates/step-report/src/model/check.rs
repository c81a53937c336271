//! One check: what was seen, what was allowed, and what became of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::bound::{Bound, Interval, Observed};
use super::evidence::{Sample, Target};
use super::outcome::{Outcome, Severity};
use super::wire;
use crate::number::{self, Format};

/// One check of a report. A new one is not judged: its outcome is `error` until it is told otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Stable name, `kind:target`: `null_rate:flights.dep_delay`, `champion:auc_roc:carrier=UA`.
    pub id: String,
    /// What sort of check it is; checks of a kind are listed together.
    pub kind: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Target::is_empty")]
    pub target: Target,
    /// What was seen; null when nothing could be, `missing` says why.
    #[serde(default)]
    pub observed: Option<Observed>,
    /// What is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// How a reader should get the observed value, the bound and the interval; the values here are exact.
    #[serde(default, skip_serializing_if = "Format::is_auto")]
    pub format: Format,
    /// Confidence interval of the observed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// How many rows, requests or pairs it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The statistical test, such as `mcnemar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Its p-value.
    #[serde(default, with = "wire::maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub p: Option<f64>,
    /// The p-value after correction for the number of tests; `details` says which correction.
    #[serde(default, with = "wire::maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub p_adjusted: Option<f64>,
    /// What became of it.
    pub outcome: Outcome,
    /// What a miss means.
    #[serde(default)]
    pub severity: Severity,
    /// A sentence with the observed value and the bound.
    pub why: String,
    /// Why a field is null: `{"observed": "NaN"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// Examples, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// Anything else, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Value>,
}

impl Check {
    /// A check that is not judged yet.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            target: Target::default(),
            observed: None,
            bound: None,
            format: Format::Auto,
            interval: None,
            n: None,
            test: None,
            p: None,
            p_adjusted: None,
            outcome: Outcome::Error,
            severity: Severity::Error,
            why: "the check was not judged".to_owned(),
            missing: BTreeMap::new(),
            samples: Vec::new(),
            details: BTreeMap::new(),
        }
    }

    /// About this table, split or data set.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.target.table = Some(name.into());
        self
    }

    /// About this column.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>) -> Self {
        self.target.column = Some(name.into());
        self
    }

    /// About this metric.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>) -> Self {
        self.target.metric = Some(name.into());
        self
    }

    /// About this slice of the rows.
    #[must_use]
    pub fn slice(mut self, name: impl Into<String>) -> Self {
        self.target.slice = Some(name.into());
        self
    }

    /// With what was seen. A number that is not finite is no evidence: it turns a pass into an error.
    #[must_use]
    pub fn observed(mut self, observed: impl Into<Observed>) -> Self {
        self.observed = Some(observed.into());
        self.guarded()
    }

    /// Nothing could be observed, for this reason.
    #[must_use]
    pub fn not_observed(mut self, reason: impl Into<String>) -> Self {
        self.observed = None;
        self.missing.insert("observed".to_owned(), reason.into());
        self.guarded()
    }

    /// With what is allowed.
    #[must_use]
    pub fn bound(mut self, bound: Bound) -> Self {
        self.bound = Some(bound);
        self
    }

    /// With how a reader should get its numbers.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// With the interval of the observed value.
    #[must_use]
    pub fn interval(mut self, interval: Interval) -> Self {
        self.interval = Some(interval);
        self
    }

    /// With how many rows it rests on.
    #[must_use]
    pub const fn n(mut self, n: u64) -> Self {
        self.n = Some(n);
        self
    }

    /// With the statistical test and its p-value.
    #[must_use]
    pub fn test(mut self, name: impl Into<String>, p: f64) -> Self {
        self.test = Some(name.into());
        self.p = Some(p);
        self
    }

    /// With the p-value after correction.
    #[must_use]
    pub const fn p_adjusted(mut self, p: f64) -> Self {
        self.p_adjusted = Some(p);
        self
    }

    /// With what a miss means; say it before [`Self::judge`].
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With one more example.
    #[must_use]
    pub fn sample(mut self, sample: Sample) -> Self {
        self.samples.push(sample);
        self
    }

    /// With more examples.
    #[must_use]
    pub fn samples(mut self, samples: impl IntoIterator<Item = Sample>) -> Self {
        self.samples.extend(samples);
        self
    }

    /// With one more detail.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// Judged: `pass` when good, else what the severity says a miss is.
    #[must_use]
    pub fn judge(self, good: bool, why: impl Into<String>) -> Self {
        let miss = match self.severity {
            Severity::Warn => Outcome::Warn,
            Severity::Error => Outcome::Fail,
        };
        self.outcome(if good { Outcome::Pass } else { miss }, why)
    }

    /// Judged, with the sentence that says why.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome, why: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.why = why.into();
        self.guarded()
    }

    /// It passed.
    #[must_use]
    pub fn pass(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Pass, why)
    }

    /// It warns.
    #[must_use]
    pub fn warn(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Warn, why)
    }

    /// It failed.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Fail, why)
    }

    /// There is too little evidence.
    #[must_use]
    pub fn insufficient(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Insufficient, why)
    }

    /// It could not be carried out.
    #[must_use]
    pub fn error(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Error, why)
    }

    /// It was not asked for.
    #[must_use]
    pub fn skipped(self, why: impl Into<String>) -> Self {
        self.outcome(Outcome::Skipped, why)
    }

    /// Missing evidence never becomes a pass, whatever a comparison with NaN said.
    fn guarded(mut self) -> Self {
        let reason = match &self.observed {
            Some(Observed::Number(value)) if !value.is_finite() => Some(number::reason(*value).to_owned()),
            Some(_) => None,
            None => self.missing.get("observed").cloned(),
        };
        if let (Outcome::Pass, Some(reason)) = (self.outcome, reason) {
            self.outcome = Outcome::Error;
            self.why = format!(
                "no value was observed ({reason}), so it cannot pass: {}",
                self.why
            );
        }
        self
    }

    /// With every number that JSON cannot hold replaced by null and a reason in `missing`.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let mut check = self.clone();
        let missing = &mut check.missing;
        let mut finite = |name: &str, value: &mut Option<f64>, open: bool| {
            if let Some(number) = value.take_if(|number| !number.is_finite()) {
                let reason = if open && number.is_infinite() {
                    "open"
                } else {
                    number::reason(number)
                };
                missing.insert(name.to_owned(), reason.to_owned());
            }
        };
        finite("p", &mut check.p, false);
        finite("p_adjusted", &mut check.p_adjusted, false);
        if let Some(interval) = &mut check.interval {
            finite("interval.lower", &mut interval.lower, true);
            finite("interval.upper", &mut interval.upper, true);
            if !interval.level.is_finite() {
                check.interval = None;
                missing.insert("interval".to_owned(), "its level is not a number".to_owned());
            }
        }
        if let Some(Observed::Number(value)) = check.observed
            && !value.is_finite()
        {
            check.observed = None;
            missing.insert("observed".to_owned(), number::reason(value).to_owned());
        }
        for (name, _) in check.details.iter().filter(|(_, value)| value.is_null()) {
            missing
                .entry(format!("details.{name}"))
                .or_insert_with(|| "no finite value".to_owned());
        }
        check.bound = check.bound.map(Bound::normalised);
        check
    }
}

/// Writes checks with their reasons for every null; `Report` uses it, so no writer can leave them out.
pub(crate) fn serialize_all<S: Serializer>(checks: &[Check], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(checks.iter().map(Check::normalised))
}
