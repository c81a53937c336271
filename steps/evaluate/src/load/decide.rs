//! Holds what was measured against the bounds. Pure.
//!
//! A gate passes when the one-sided limit of its interval is within the bound, fails when the other limit is
//! beyond it, and else the load was too short to tell.

use std::collections::BTreeMap;

use drift_stats::{Confidence, Proportion};
use kserve_api::record::Request;
use step_report::{Bound, Check, Format, Interval};

use super::drive::WarmUp;
use super::quantile::{ALPHA, estimate, requests_needed};

/// What is allowed, and for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// 95th percentile of latency, milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency, milliseconds.
    pub p99_ms: Option<f64>,
    /// Share of requests without a usable prediction.
    pub max_error_rate: f64,
    /// The endpoints that the gates hold for.
    pub gated: Vec<String>,
}

/// What came of the load at one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its name in the report.
    pub label: String,
    /// Its URL, without credentials.
    pub url: String,
    /// The model asked.
    pub model: String,
    /// Every request, in the order of the schedule.
    pub requests: Vec<Request>,
    /// Why requests failed, and how many.
    pub failures: BTreeMap<String, u64>,
    /// What came before the clock started.
    pub warm_up: WarmUp,
    /// Requests that had to wait for one of the places in flight.
    pub waited: u64,
    /// How late each was sent for the generator's own sake, milliseconds.
    pub lag_ms: Vec<f64>,
    /// How long after it was due each was sent, milliseconds; never, where its time was over first.
    pub sent_ms: Vec<Option<f64>>,
}

impl Measured {
    /// Latencies of the successful requests, ascending. Failures are left out: they are often fast, and
    /// would make a broken server look quick; the error rate has them.
    #[must_use]
    pub fn latencies(&self) -> Vec<f64> {
        let mut ok: Vec<f64> = self
            .requests
            .iter()
            .filter(|r| r.succeeded())
            .map(|r| r.latency_ms)
            .collect();
        ok.sort_by(f64::total_cmp);
        ok
    }

    /// How late the generator itself was, at this quantile; milliseconds.
    #[must_use]
    pub fn lag(&self, p: f64) -> Option<f64> {
        let mut lags = self.lag_ms.clone();
        lags.sort_by(f64::total_cmp);
        Some(estimate(&lags, p, ALPHA)?.value)
    }

    /// Requests a second: as they were due, and as they were sent. `None` where all were due within a second.
    #[must_use]
    pub fn rates(&self) -> Option<(f64, f64)> {
        let due = || self.requests.iter().map(|request| request.intended_start);
        let (first, last) = (due().min()?, due().max()?);
        let span = (last - first) as f64 / 1e9;
        if span < 1.0 {
            return None;
        }
        let sent: Vec<f64> = self
            .requests
            .iter()
            .zip(&self.sent_ms)
            .filter_map(|(request, sent)| {
                Some((request.intended_start - first) as f64 / 1e9 + (*sent)? / 1e3)
            })
            .collect();
        let took = sent.iter().copied().fold(span, f64::max);
        Some((self.requests.len() as f64 / span, sent.len() as f64 / took))
    }

    /// Requests without a usable prediction.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.requests.iter().filter(|r| !r.succeeded()).count() as u64
    }
}

/// The checks and the word.
#[derive(Debug, Clone)]
pub struct Decision {
    /// PASS, FAIL or INCONCLUSIVE.
    pub verdict: &'static str,
    /// Why, in a sentence.
    pub reason: String,
    /// All checks, by endpoint.
    pub checks: Vec<Check>,
}

/// Decides on all endpoints.
#[must_use]
pub fn decide(bounds: &Bounds, measured: &[Measured]) -> Decision {
    let mut checks = Vec::new();
    for endpoint in measured {
        let gated = bounds.gated.contains(&endpoint.label);
        let latencies = endpoint.latencies();
        checks.push(quantile(endpoint, &latencies, 0.95, bounds.p95_ms, gated));
        checks.push(quantile(endpoint, &latencies, 0.99, bounds.p99_ms, gated));
        checks.push(error_rate(endpoint, bounds.max_error_rate, gated));
        checks.extend(rate(endpoint, gated));
    }
    let first = |outcome| checks.iter().find(|check: &&Check| check.outcome == outcome);
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    use step_report::Outcome::{Fail, Insufficient, Pass};
    let (verdict, reason) = match (first(Fail), first(Insufficient)) {
        (Some(check), _) => ("FAIL", several(&check.why, count(Fail), "gates fail")),
        (None, Some(check)) => (
            "INCONCLUSIVE",
            several(&check.why, count(Insufficient), "gates are undecided"),
        ),
        (None, None) if count(Pass) == 0 => ("INCONCLUSIVE", "no gate was held against anything".to_owned()),
        (None, None) => {
            let requests: usize = measured.iter().map(|m| m.requests.len()).sum();
            (
                "PASS",
                format!("{} gates hold over {requests} requests", count(Pass)),
            )
        }
    };
    Decision {
        verdict,
        reason,
        checks,
    }
}

fn several(why: &str, count: usize, what: &str) -> String {
    if count > 1 {
        format!("{count} {what}; first: {why}")
    } else {
        why.to_owned()
    }
}

fn quantile(endpoint: &Measured, latencies: &[f64], p: f64, bound: Option<f64>, gated: bool) -> Check {
    let percent = (p * 100.0).round();
    let metric = format!("latency_p{percent}_ms");
    let (label, n) = (&endpoint.label, latencies.len() as u64);
    let mut check = Check::new(format!("{metric}:{label}"), "latency")
        .metric(&metric)
        .slice(label)
        .n(n)
        .format(Format::Milliseconds)
        .detail("endpoint", endpoint.url.clone())
        .detail("model", endpoint.model.clone());
    if let Some(bound) = bound {
        check = check.bound(Bound::at_most(bound));
    }
    let Some(found) = estimate(latencies, p, ALPHA) else {
        let check = check.not_observed("no request succeeded");
        let why = format!("{label}: no request succeeded, so there is no p{percent} of latency");
        return if gated && bound.is_some() {
            check.fail(why)
        } else {
            check.skipped(why)
        };
    };
    let interval = Interval {
        lower: found.lower,
        upper: found.upper,
        level: 1.0 - 2.0 * ALPHA,
        method: "binomial order statistics".to_owned(),
    };
    check = check.observed(found.value).interval(interval);
    let ms = |value: f64| Format::Milliseconds.show(value);
    let seen = format!(
        "{label}: p{percent} of latency is {} over {n} requests",
        ms(found.value)
    );
    let (Some(bound), true) = (bound, gated) else {
        return check.skipped(format!("{seen}; measured, no gate"));
    };
    let late = endpoint.lag(0.99).unwrap_or_default();
    match (found.lower, found.upper) {
        (_, Some(upper)) if upper <= bound => check.pass(format!(
            "{seen}, at most {} with 95 % confidence; {} allowed",
            ms(upper),
            ms(bound)
        )),
        // What the generator was late by is in the latency, and is not the server's.
        (Some(lower), _) if lower > bound && late >= lower - bound => check.detail("generator_late_ms", late).insufficient(
            format!(
                "{seen}, {} allowed; the generator itself was late by {} at its 99th percentile: give the step more CPU or \
                 lower --rate",
                ms(bound),
                ms(late)
            ),
        ),
        (Some(lower), _) if lower > bound => check.fail(format!(
            "{seen}, at least {} with 95 % confidence; {} allowed",
            ms(lower),
            ms(bound)
        )),
        (_, None) => {
            let needed = requests_needed(p);
            check.detail("needed", needed).insufficient(format!(
                "{seen}: bounding it needs {needed} successful requests; raise --duration or --rate"
            ))
        }
        (lower, Some(upper)) => {
            let needed = needed_by_width(n, found.value, lower, upper, bound);
            check.detail("needed", needed).insufficient(format!(
                "{seen}, its interval {} to {} straddles {}: about {needed} requests would tell",
                lower.map_or("0 ms".to_owned(), ms),
                ms(upper),
                ms(bound)
            ))
        }
    }
}

/// Less than this share of the rate that was asked for is another load.
const REACHED: f64 = 0.95;

/// Whether the load was the one that was asked for: a server that was never driven at its rate has not shown that it bears it.
fn rate(endpoint: &Measured, gated: bool) -> Option<Check> {
    let (wanted, achieved) = endpoint.rates()?;
    let label = &endpoint.label;
    let check = Check::new(format!("rate:{label}"), "load")
        .metric("requests_per_second")
        .slice(label)
        .observed(achieved)
        .bound(Bound::at_least(wanted * REACHED))
        .n(endpoint.requests.len() as u64);
    let show = |rate: f64| Format::Auto.show((rate * 10.0).round() / 10.0);
    let seen = format!(
        "{label}: {} requests a second were sent, {} were due",
        show(achieved),
        show(wanted)
    );
    Some(if !gated {
        check.skipped(format!("{seen}; measured, no gate"))
    } else if achieved >= wanted * REACHED {
        check.pass(seen)
    } else {
        check.insufficient(format!(
            "{seen}: the load was not the one that was asked for; {} waited for a place in flight (--max-in-flight), and the \
             generator was late by {} at its 99th percentile",
            endpoint.waited,
            Format::Milliseconds.show(endpoint.lag(0.99).unwrap_or_default())
        ))
    })
}

/// An interval shrinks with the root of n: how many requests bring the limit to the bound, at this quantile.
/// Held to a hundred times what there was, for a quantile next to its bound is never told apart.
fn needed_by_width(n: u64, value: f64, lower: Option<f64>, upper: f64, bound: f64) -> u64 {
    let reach = if value <= bound {
        upper - value
    } else {
        value - lower.unwrap_or(0.0)
    };
    let factor = (reach / (bound - value).abs()).powi(2).clamp(1.0, 100.0);
    ((n as f64 * factor * 1.1).ceil() as u64).max(n + 1)
}

fn error_rate(endpoint: &Measured, bound: f64, gated: bool) -> Check {
    let (label, errors, n) = (&endpoint.label, endpoint.errors(), endpoint.requests.len() as u64);
    let check = Check::new(format!("error_rate:{label}"), "errors")
        .metric("error_rate")
        .slice(label)
        .n(n)
        .format(Format::Percent)
        .bound(Bound::at_most(bound))
        .detail("errors", errors)
        .detail("endpoint", endpoint.url.clone())
        .detail("model", endpoint.model.clone());
    let Some((share, lower, upper)) = limits(errors, n) else {
        return check
            .not_observed("no request was sent")
            .error("no request was sent");
    };
    let check =
        check
            .observed(share)
            .interval(Interval::new(lower, upper, 1.0 - 2.0 * ALPHA, "clopper-pearson"));
    let percent = |value: f64| Format::Percent.show(value);
    let cause = endpoint
        .failures
        .iter()
        .max_by_key(|(_, count)| **count)
        .map_or(String::new(), |(why, _)| format!("; mostly: {why}"));
    let seen = format!("{label}: {errors} of {n} requests failed ({})", percent(share));
    if !gated {
        return check.skipped(format!("{seen}; measured, no gate{cause}"));
    }
    if bound == 0.0 {
        return check.judge(errors == 0, format!("{seen}, none is allowed{cause}"));
    }
    if upper <= bound {
        check.pass(format!(
            "{seen}, at most {} with 95 % confidence; {} allowed",
            percent(upper),
            percent(bound)
        ))
    } else if lower > bound {
        check.fail(format!(
            "{seen}, at least {} with 95 % confidence; {} allowed{cause}",
            percent(lower),
            percent(bound)
        ))
    } else {
        let needed = requests_for_error_bound(share, bound);
        let check = check.detail("needed", needed);
        check.insufficient(match needed {
            Some(needed) => format!(
                "{seen}, up to {} is possible: {} can be told from {needed} requests on; raise --duration or --rate{cause}",
                percent(upper),
                percent(bound)
            ),
            None => format!("{seen}, too near the bound {} to be told apart{cause}", percent(bound)),
        })
    }
}

/// Share and one-sided limits.
fn limits(errors: u64, n: u64) -> Option<(f64, f64, f64)> {
    let share = Proportion::new(errors, n).ok()?;
    let interval = share.clopper_pearson(Confidence::one_sided(ALPHA).ok()?).ok()?;
    Some((share.share(), interval.lower, interval.upper))
}

/// The fewest requests that tell this share of errors from the bound; `None` beyond a million.
fn requests_for_error_bound(share: f64, bound: f64) -> Option<u64> {
    let tells = |n: u64| {
        let errors = (share * n as f64).round() as u64;
        limits(errors, n).is_some_and(|(_, lower, upper)| upper <= bound || lower > bound)
    };
    let mut high = 64_u64;
    while !tells(high) {
        high *= 2;
        if high > 1 << 20 {
            return None;
        }
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if tells(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use step_report::Outcome;

    use super::*;

    fn measured(label: &str, latencies: impl Iterator<Item = f64>, errors: usize) -> Measured {
        let ok = latencies.map(|ms| (ms, 200, Some(0.5)));
        // Failures are fast: mixed in, they would hide the latency.
        let failed = (0..errors).map(|_| (0.1, 503, None));
        let requests = ok
            .chain(failed)
            .enumerate()
            .map(|(at, (latency_ms, status, prediction))| Request {
                request: at as i64,
                intended_start: at as i64,
                latency_ms,
                status,
                prediction,
            })
            .collect();
        Measured {
            label: label.into(),
            url: "http://h".into(),
            model: "m".into(),
            requests,
            failures: BTreeMap::new(),
            warm_up: WarmUp::default(),
            waited: 0,
            lag_ms: Vec::new(),
            sent_ms: Vec::new(),
        }
    }

    fn bounds(p99_ms: f64, gated: &[&str]) -> Bounds {
        let gated = gated.iter().map(ToString::to_string).collect();
        Bounds {
            p95_ms: None,
            p99_ms: Some(p99_ms),
            max_error_rate: 0.01,
            gated,
        }
    }

    /// 1 to 100 ms, evenly.
    fn even(n: usize) -> impl Iterator<Item = f64> {
        (0..n).map(|i| (i % 100) as f64 + 1.0)
    }

    #[test]
    fn three_verdicts() {
        let verdict = |bound, m: Measured| decide(&bounds(bound, &["a"]), &[m]).verdict;
        assert_eq!(verdict(120.0, measured("a", even(1000), 0)), "PASS");
        assert_eq!(verdict(50.0, measured("a", even(1000), 0)), "FAIL");
        assert_eq!(verdict(99.0, measured("a", even(1000), 0)), "INCONCLUSIVE");
    }

    #[test]
    fn too_few_requests_never_pass_and_say_how_many() {
        let decision = decide(&bounds(1e6, &["a"]), &[measured("a", even(298), 0)]);
        assert_eq!(decision.verdict, "INCONCLUSIVE");
        assert!(
            decision.reason.contains("needs 299 successful requests"),
            "{}",
            decision.reason
        );
        assert_eq!(
            decide(&bounds(1e6, &["a"]), &[measured("a", even(299), 0)]).verdict,
            "PASS"
        );
    }

    #[test]
    fn fast_failures_do_not_hide_slow_answers_and_fail_by_themselves() {
        let decision = decide(&bounds(50.0, &["a"]), &[measured("a", even(1000), 9000)]);
        assert_eq!(decision.verdict, "FAIL");
        let p99 = decision
            .checks
            .iter()
            .find(|c| c.id == "latency_p99_ms:a")
            .unwrap();
        assert_eq!((p99.outcome, p99.n), (Outcome::Fail, Some(1000)));
        let errors = decision.checks.iter().find(|c| c.id == "error_rate:a").unwrap();
        assert_eq!(errors.outcome, Outcome::Fail);
    }

    #[test]
    fn a_total_outage_fails() {
        let decision = decide(&bounds(50.0, &["a"]), &[measured("a", even(0), 400)]);
        assert_eq!(decision.verdict, "FAIL");
        assert!(
            decision.reason.contains("no request succeeded"),
            "{}",
            decision.reason
        );
        assert!(decision.checks.iter().all(|c| c.outcome != Outcome::Pass));
    }

    #[test]
    fn an_endpoint_that_is_not_gated_is_only_measured() {
        let pair = [
            measured("champion", even(1000), 500),
            measured("canary", even(1000), 0),
        ];
        assert_eq!(decide(&bounds(120.0, &["canary"]), &pair).verdict, "PASS");
        let decision = decide(&bounds(120.0, &["champion", "canary"]), &pair);
        assert_eq!(decision.verdict, "FAIL");
        assert!(
            decision.reason.contains("champion: 500 of 1500"),
            "{}",
            decision.reason
        );
    }

    #[test]
    fn an_error_rate_near_its_bound_says_what_would_tell() {
        let decision = decide(&bounds(200.0, &["a"]), &[measured("a", even(993), 7)]);
        let check = decision.checks.iter().find(|c| c.id == "error_rate:a").unwrap();
        assert_eq!(check.outcome, Outcome::Insufficient);
        let needed = check.details["needed"].as_u64().unwrap();
        assert!((1000..10_000).contains(&needed), "{needed}");
    }
}
