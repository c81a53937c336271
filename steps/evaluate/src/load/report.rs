//! What a reader gets of a load test.

use step_report::{Bars, Format, Input, Lines, Note, Report, Table};

use super::cli::LoadArgs;
use super::decide::{Decision, Measured};
use super::gather::Plan;
use super::quantile::{ALPHA, estimate};

/// A generator later than this at the 99th percentile is worth a warning.
const LATE_MS: f64 = 5.0;

pub(super) fn write(
    report: Report,
    args: &LoadArgs,
    plan: &Plan,
    measured: &[Measured],
    decision: Decision,
) -> Report {
    let table = &plan.data.table;
    let mut report = report
        .verdict(decision.verdict, decision.reason)
        .with_input(
            Input::new("data", &plan.data.uri)
                .digest(&plan.data.digest)
                .rows(plan.data.rows as u64)
                .detail(format!(
                    "{} feature columns: {}",
                    table.names().len(),
                    table.names().join(", ")
                )),
        )
        .with_parameter("rate_per_endpoint", args.rate)
        .with_parameter("duration", args.duration.to_string())
        .with_parameter("arrivals", args.arrivals.to_string())
        .with_parameter("seed", args.seed)
        .with_parameter("warm_up", args.warm_up)
        .with_parameter("timeout", args.timeout.to_string())
        .with_parameter("max_in_flight", args.max_in_flight)
        .with_parameter("protocol", plan.shape.protocol.to_string())
        .with_binding("data.digest", &plan.data.digest);
    for (at, (endpoint, record)) in measured.iter().zip(&plan.records).enumerate() {
        let label = &endpoint.label;
        report = report
            .with_binding(format!("endpoint.{label}"), &endpoint.url)
            .with_binding(format!("model.{label}"), &endpoint.model)
            .with_binding(format!("record.{label}"), record);
        if at == 0 {
            report = report
                .with_binding("endpoint", &endpoint.url)
                .with_binding("model", &endpoint.model);
        }
    }
    for check in decision.checks {
        report = report.with_check(check);
    }
    for note in notes(plan, measured) {
        report = report.with_note(note);
    }
    report = report.with_section(side_by_side(plan, measured));
    if measured.iter().any(|m| !m.failures.is_empty()) {
        report = report.with_section(failures(measured));
    }
    report
        .with_section(cumulative(args, measured))
        .with_section(over_time(measured))
}

fn side_by_side(plan: &Plan, measured: &[Measured]) -> Table {
    let heads = std::iter::once("".to_owned()).chain(measured.iter().map(|m| m.label.clone()));
    let mut table = Table::new("What was measured", heads);
    let mut row = |name: &str, format: Format, of: &dyn Fn(&Measured) -> f64| {
        let cells = measured.iter().map(|m| match of(m) {
            value if value.is_nan() => step_report::Cell::empty(),
            value => step_report::Cell::number(value, format),
        });
        table.push(std::iter::once(name.into()).chain(cells).collect::<Vec<_>>());
    };
    let quantile =
        |p: f64| move |m: &Measured| estimate(&m.latencies(), p, ALPHA).map_or(f64::NAN, |q| q.value);
    row("Requests", Format::Count, &|m| m.requests.len() as f64);
    row("Requests a second, as scheduled", Format::Auto, &|m| {
        m.requests.len() as f64 / seconds(plan).max(f64::MIN_POSITIVE)
    });
    row("Requests a second, as sent", Format::Auto, &|m| {
        m.rates().map_or(f64::NAN, |(_, sent)| sent)
    });
    row("Without a usable prediction", Format::Count, &|m| {
        m.errors() as f64
    });
    row("Latency, median", Format::Milliseconds, &quantile(0.5));
    row("Latency, p90", Format::Milliseconds, &quantile(0.9));
    row("Latency, p95", Format::Milliseconds, &quantile(0.95));
    row("Latency, p99", Format::Milliseconds, &quantile(0.99));
    row("Latency, largest", Format::Milliseconds, &|m| {
        m.latencies().last().copied().unwrap_or(f64::NAN)
    });
    row("Waited for a place in flight", Format::Count, &|m| {
        m.waited as f64
    });
    row("Generator late, p99", Format::Milliseconds, &|m| {
        m.lag(0.99).unwrap_or(f64::NAN)
    });
    row("Warm-up requests, not counted", Format::Count, &|m| {
        m.warm_up.requests as f64
    });
    row("Warm-up requests that failed", Format::Count, &|m| {
        m.warm_up.failed as f64
    });
    table.note("Latency counts from the moment a request was due, and is that of successful requests only.")
}

fn seconds(plan: &Plan) -> f64 {
    plan.slots.last().map_or(0.0, |slot| slot.due.as_secs_f64())
}

fn failures(measured: &[Measured]) -> Bars {
    let mut reasons: Vec<&String> = measured.iter().flat_map(|m| m.failures.keys()).collect();
    reasons.sort();
    reasons.dedup();
    let mut bars = Bars::new("Why requests failed", reasons.iter().map(|why| (*why).clone()))
        .value_label("requests")
        .format(Format::Count);
    for endpoint in measured {
        let counts: Vec<f64> = reasons
            .iter()
            .map(|why| endpoint.failures.get(*why).copied().unwrap_or(0) as f64)
            .collect();
        bars = bars.series(&endpoint.label, counts);
    }
    bars
}

fn cumulative(args: &LoadArgs, measured: &[Measured]) -> Lines {
    let mut lines =
        Lines::new("Latency: share of successful requests answered within, up to the 99th percentile")
            .axes("milliseconds", "share")
            .formats(Format::Milliseconds, Format::Percent);
    for endpoint in measured {
        let sorted = endpoint.latencies();
        let share = |at: usize| at as f64 / 200.0;
        let points: Vec<[f64; 2]> = (1..=198)
            .filter_map(|at| Some([estimate(&sorted, share(at), ALPHA)?.value, share(at)]))
            .collect();
        lines = lines.line(&endpoint.label, points);
    }
    let bounds: Vec<String> = [("p95", args.p95_ms), ("p99", args.p99_ms)]
        .into_iter()
        .filter_map(|(name, bound)| Some(format!("{name} <= {} ms", bound?)))
        .collect();
    if bounds.is_empty() {
        lines
    } else {
        lines.note(format!("Bounds: {}.", bounds.join(", ")))
    }
}

fn over_time(measured: &[Measured]) -> Lines {
    let mut lines = Lines::new("Latency over time: the slowest request of each slice")
        .axes("seconds since the start", "milliseconds")
        .formats(Format::Seconds, Format::Milliseconds);
    let start = measured
        .iter()
        .filter_map(|m| m.requests.first())
        .map(|r| r.intended_start)
        .min();
    let end = measured
        .iter()
        .filter_map(|m| m.requests.last())
        .map(|r| r.intended_start)
        .max();
    let (Some(start), Some(end)) = (start, end) else {
        return lines;
    };
    let width = ((end - start) / 60).max(1);
    for endpoint in measured {
        let mut slowest = std::collections::BTreeMap::<i64, f64>::new();
        for request in endpoint.requests.iter().filter(|r| r.succeeded()) {
            let slot = slowest
                .entry((request.intended_start - start) / width)
                .or_default();
            *slot = slot.max(request.latency_ms);
        }
        let points: Vec<[f64; 2]> = slowest
            .into_iter()
            .map(|(slot, ms)| [((slot as f64) + 0.5) * width as f64 / 1e9, ms])
            .collect();
        lines = lines.line(&endpoint.label, points);
    }
    lines
}

fn notes(plan: &Plan, measured: &[Measured]) -> Vec<Note> {
    let mut notes = Vec::new();
    for endpoint in measured {
        let label = &endpoint.label;
        let late = endpoint.lag(0.99).unwrap_or(f64::NAN);
        if late > LATE_MS {
            notes.push(Note::warn(format!(
                "{label}: the generator itself was late, by {late:.1} ms at its 99th percentile; the latencies include that: give the step more CPU or lower --rate"
            )));
        }
        if endpoint.waited > 0 {
            notes.push(Note::warn(format!(
                "{label}: {} requests waited because {} were under way already (--max-in-flight); their latency includes the wait",
                endpoint.waited, plan.max_in_flight
            )));
        }
        if endpoint.warm_up.failed > 0 {
            notes.push(Note::warn(format!(
                "{label}: {} of {} warm-up requests failed; they are not in the error rate",
                endpoint.warm_up.failed, endpoint.warm_up.requests
            )));
        }
    }
    notes
}
