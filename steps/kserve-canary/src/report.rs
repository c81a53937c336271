//! What a reader gets: both arms side by side, latencies, intervals, predictions.

use drift_stats::bins::quantile;
use drift_stats::{Confidence, Proportion};
use jiff::Timestamp;
use step_report::{Bars, Cell, Format, Histogram, Input, Interval, Lines, Report, Table};

use crate::config::Config;
use crate::decide::Decision;
use crate::evidence::{Arm, Evidence};

pub(crate) fn write(report: Report, config: &Config, evidence: &Evidence, decision: Decision) -> Report {
    let mut report = report.verdict(decision.verdict.word(), decision.reason);
    for (name, arm) in arms(evidence) {
        for source in &arm.sources {
            report = report.with_input(
                Input::new(name, &source.uri)
                    .digest(&source.digest)
                    .rows(source.rows),
            );
            report = report.with_binding(format!("{name}.record"), &source.digest);
        }
    }
    if let Ok(config) = serde_json::to_value(config) {
        report = report.with_parameter("canary", config);
    }
    for check in decision.checks {
        report = report.with_check(check);
    }
    report
        .with_section(side_by_side(evidence))
        .with_section(error_intervals(evidence))
        .with_section(latencies(evidence, decision.slow_beyond_ms))
        .with_section(statuses(evidence))
        .with_section(predictions(evidence))
        .with_section(paired(evidence))
}

fn arms(evidence: &Evidence) -> [(&'static str, &Arm); 2] {
    [("champion", &evidence.champion), ("canary", &evidence.canary)]
}

fn side_by_side(evidence: &Evidence) -> Table {
    let mut table = Table::new("Side by side", ["", "Champion", "Canary"]);
    let pair = [&evidence.champion, &evidence.canary];
    let mut row = |name: &str, of: &dyn Fn(&Arm) -> Cell| {
        table.push([vec![Cell::text(name)], pair.iter().map(|arm| of(arm)).collect()].concat());
    };
    row("From", &|arm| time(arm.window().map(|w| w.0)));
    row("To", &|arm| time(arm.window().map(|w| w.1)));
    row("Requests", &|arm| arm.total().into());
    row("Without a usable prediction", &|arm| arm.errors().into());
    row("Error rate", &|arm| {
        Cell::percent(arm.errors() as f64 / arm.total().max(1) as f64)
    });
    for (name, share) in [
        ("median", 0.5),
        ("p90", 0.9),
        ("p95", 0.95),
        ("p99", 0.99),
        ("largest", 1.0),
    ] {
        row(
            &format!("Latency, {name}"),
            &|arm| match quantile(&arm.latencies(), share) {
                Ok(ms) => Cell::number(ms, Format::Milliseconds),
                Err(_) => Cell::empty(),
            },
        );
    }
    row("Prediction, mean", &|arm| {
        let all = arm.predictions();
        if all.is_empty() {
            Cell::empty()
        } else {
            (all.iter().sum::<f64>() / all.len() as f64).into()
        }
    });
    table.note("Latencies and predictions are those of successful requests.")
}

fn time(nanos: Option<i64>) -> Cell {
    nanos
        .and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok())
        .map_or_else(Cell::empty, |time| Cell::text(format!("{time:.0}")))
}

fn error_intervals(evidence: &Evidence) -> Table {
    let mut table = Table::new(
        "Error rate with its 95 % interval",
        ["Arm", "Error rate", "Interval"],
    );
    for (name, arm) in arms(evidence) {
        let interval = Proportion::new(arm.errors(), arm.total())
            .and_then(|share| Ok((share.share(), share.wilson(Confidence::P95)?)));
        if let Ok((share, found)) = interval {
            let shown = Interval::new(found.lower, found.upper, 0.95, found.method).display(Format::Percent);
            table.push([name.into(), Cell::percent(share), shown.into()]);
        }
    }
    table.note("Wilson's interval.")
}

/// The distribution function at even shares; the last hundredth would squeeze all else to the left.
fn latencies(evidence: &Evidence, slow_beyond_ms: Option<f64>) -> Lines {
    let mut lines =
        Lines::new("Latency: share of successful requests answered within, up to the 99th percentile")
            .axes("milliseconds", "share")
            .formats(Format::Milliseconds, Format::Percent);
    for (name, arm) in arms(evidence) {
        let sorted = arm.latencies();
        let points: Vec<[f64; 2]> = (0..=198)
            .map(|step| f64::from(step) / 200.0)
            .filter_map(|share| Some([quantile(&sorted, share).ok()?, share]))
            .collect();
        lines = lines.line(name, points);
    }
    match slow_beyond_ms {
        Some(limit) => lines.note(format!("Slow is beyond {}.", Format::Milliseconds.show(limit))),
        None => lines,
    }
}

fn statuses(evidence: &Evidence) -> Bars {
    let word = |request: &kserve_api::record::Request| match request.status {
        0 => "no answer".to_owned(),
        status if request.answered() && !request.succeeded() => {
            format!("{status} without a usable prediction")
        }
        status => status.to_string(),
    };
    let mut labels: Vec<String> = arms(evidence)
        .iter()
        .flat_map(|(_, arm)| arm.requests.iter().map(word))
        .collect();
    labels.sort();
    labels.dedup();
    let mut bars = Bars::new("Answers by status", labels.iter().map(String::as_str))
        .value_label("share of the arm's requests")
        .format(Format::Percent);
    for (name, arm) in arms(evidence) {
        let shares: Vec<f64> = labels
            .iter()
            .map(|label| {
                let count = arm.requests.iter().filter(|r| word(r) == *label).count();
                count as f64 / arm.total().max(1) as f64
            })
            .collect();
        bars = bars.series(name, shares);
    }
    bars
}

/// Twenty even bins over what both arms predicted.
fn predictions(evidence: &Evidence) -> Histogram {
    const BINS: usize = 20;
    let both: Vec<Vec<f64>> = arms(evidence).iter().map(|(_, arm)| arm.predictions()).collect();
    let low = both.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = both.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let title = "Predictions";
    if !low.is_finite() || !high.is_finite() {
        return Histogram::new(title, Vec::new()).note("Neither arm predicted anything.");
    }
    let width = if high > low {
        (high - low) / BINS as f64
    } else {
        1.0
    };
    let edges: Vec<f64> = (0..=BINS).map(|at| low + at as f64 * width).collect();
    let mut histogram = Histogram::new(title, edges)
        .axes("prediction", "share of predictions")
        .format(Format::Percent);
    for ((name, _), values) in arms(evidence).iter().zip(&both) {
        let mut counts = [0_u64; BINS];
        for value in values {
            counts[(((value - low) / width) as usize).min(BINS - 1)] += 1;
        }
        let total = values.len().max(1) as f64;
        histogram = histogram.series(*name, counts.map(|count| count as f64 / total).to_vec());
    }
    histogram
}

/// Rows that both arms were asked about, the mean prediction where one was asked more than once.
fn paired(evidence: &Evidence) -> Table {
    let means = |arm: &Arm| {
        let mut sums = std::collections::BTreeMap::<i64, (f64, u64)>::new();
        for request in arm.requests.iter().filter(|r| r.succeeded()) {
            let sum = sums.entry(request.request).or_default();
            sum.0 += request.prediction.unwrap_or_default();
            sum.1 += 1;
        }
        sums
    };
    let (champion, canary) = (means(&evidence.champion), means(&evidence.canary));
    let pairs: Vec<(f64, f64)> = champion
        .iter()
        .filter_map(|(row, (sum, n))| {
            let (other, m) = canary.get(row)?;
            Some((sum / *n as f64, other / *m as f64))
        })
        .collect();
    let mut table = Table::new("The same rows asked of both", ["", "Value"]);
    table.push([Cell::text("Rows that both answered"), pairs.len().into()]);
    if !pairs.is_empty() {
        let n = pairs.len() as f64;
        let gaps: Vec<f64> = pairs.iter().map(|(a, b)| (b - a).abs()).collect();
        table.push([
            Cell::text("Mean absolute difference"),
            (gaps.iter().sum::<f64>() / n).into(),
        ]);
        table.push([
            Cell::text("Largest difference"),
            gaps.iter().copied().fold(0.0, f64::max).into(),
        ]);
        table.push([
            Cell::text("Mean shift (canary less champion)"),
            (pairs.iter().map(|(a, b)| b - a).sum::<f64>() / n).into(),
        ]);
    }
    table
}
