//! Answer times: from a load report, or from requests of one row each.

use std::time::Instant;

use bytes::Bytes;
use step_report::{Check, Input, Outcome, Report};
use step_runtime::{Context, StepError};

use super::Gathered;
use super::endpoint::{client, features, shape};
use super::table::Frame;
use crate::config::Latency;
use crate::evidence::{Answered, AnsweredQuantile};
use crate::gate::cli::GateArgs;
use crate::load::estimate;

/// Requests that are not counted: connections, caches, lazy imports of a server.
const WARM_UP: usize = 20;

/// Measures, or reads what `evaluate load` has measured.
pub(super) async fn measure(
    args: &GateArgs,
    latency: &Latency,
    frame: &Frame,
    names: &[String],
    cx: &Context,
    out: &mut Gathered,
) -> Result<Answered, StepError> {
    match (&args.load_report, &args.endpoint, &args.model) {
        (Some(at), ..) => {
            let location = at
                .as_str()
                .parse()
                .map_err(|error| StepError::usage(format!("{error}")))?;
            let bytes = cx.store.read(&location).await?;
            let report = Report::from_json(at.as_str(), &bytes)?;
            out.read(
                Input::new("load report", at.as_str()).detail(format!("verdict {}", report.verdict)),
                Some(provenance::digest_bytes(&bytes)),
            );
            of_report(at.as_str(), &report, args.model.as_deref())
        }
        (None, Some(url), Some(model)) => probe((url, model), args, latency, (frame, names), cx).await,
        _ => Err(StepError::internal(
            "no latency source after the flags were checked",
        )),
    }
}

/// The quantiles of one endpoint of a load report.
fn of_report(file: &str, report: &Report, model: Option<&str>) -> Result<Answered, StepError> {
    if (report.step.as_str(), report.command.as_str()) != ("evaluate", "load") {
        return Err(StepError::usage(format!(
            "{file}: this is a report of {} {}, --load-report takes one of evaluate load",
            report.step, report.command
        )));
    }
    if report.verdict == "ERROR" {
        return Err(StepError::usage(format!(
            "{file}: the load test did not finish: {}",
            report.reason
        )));
    }
    let label = endpoint_of(file, report, model)?;
    let mine = |check: &&Check| check.target.slice.as_deref() == Some(label.as_str());
    let quantiles: Vec<AnsweredQuantile> = report
        .checks
        .iter()
        .filter(|check| check.kind == "latency")
        .filter(mine)
        .filter_map(|check| {
            let name = check
                .target
                .metric
                .as_deref()?
                .strip_prefix("latency_")?
                .to_owned();
            let interval = check.interval.as_ref().and_then(|i| Some((i.lower?, i.upper?)));
            let Some(step_report::Observed::Number(value)) = check.observed else {
                return None;
            };
            Some(AnsweredQuantile {
                name,
                value,
                interval,
            })
        })
        .collect();
    let requests = report
        .checks
        .iter()
        .filter(|check| check.kind == "latency")
        .find(mine)
        .and_then(|c| c.n);
    let failed = report
        .checks
        .iter()
        .filter(|check| check.kind == "errors" && check.outcome == Outcome::Fail)
        .find(mine)
        .map(|check| check.why.clone());
    Ok(Answered {
        quantiles,
        requests: requests.unwrap_or(0),
        source: format!("load report {file}"),
        failed,
    })
}

/// Which endpoint of the report is the challenger: the only one, the one called so, or the one with its model.
fn endpoint_of(file: &str, report: &Report, model: Option<&str>) -> Result<String, StepError> {
    let mut labels: Vec<&str> = report
        .checks
        .iter()
        .filter_map(|check| check.target.slice.as_deref())
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let served: Vec<&str> = labels
        .iter()
        .copied()
        .filter(|label| report.bindings.get(&format!("model.{label}")).map(String::as_str) == model)
        .collect();
    match (labels.as_slice(), served.as_slice()) {
        ([only], _) => Ok((*only).to_owned()),
        (many, _) if many.contains(&"challenger") => Ok("challenger".to_owned()),
        (_, [only]) => Ok((*only).to_owned()),
        ([], _) => Err(StepError::usage(format!(
            "{file}: the report measures no endpoint"
        ))),
        (many, _) => Err(StepError::usage(format!(
            "{file}: the report measures {}; name the challenger's `challenger` (evaluate load --endpoint \
             challenger=URL), or give --model",
            many.join(" and ")
        ))),
    }
}

/// One request after the other, a row each: the time to answer without load.
async fn probe(
    (url, model): (&str, &str),
    args: &GateArgs,
    latency: &Latency,
    (frame, names): (&Frame, &[String]),
    cx: &Context,
) -> Result<Answered, StepError> {
    let client = client(url, model, args, cx).await?;
    let source = "one row a request, one after the other".to_owned();
    if frame.rows == 0 {
        return Ok(Answered {
            quantiles: Vec::new(),
            requests: 0,
            source,
            failed: None,
        });
    }
    let table = features(frame, names)?;
    let shape = shape(&table, args);
    let (mut took, mut failures, mut example) = (Vec::with_capacity(latency.requests), 0_u64, String::new());
    for request in 0..latency.requests + WARM_UP {
        if cx.is_cancelled() {
            return Err(StepError::terminated());
        }
        let row = request % table.rows();
        let body = table
            .body(&shape, row..row + 1)
            .map_err(|error| super::endpoint::refused(&error))?;
        let start = Instant::now();
        let answer = client.post_once(Bytes::from(body)).await;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        if request < WARM_UP {
            continue;
        }
        match answer {
            Ok(answer) if answer.is_success() => took.push(milliseconds),
            Ok(answer) => (failures, example) = (failures + 1, format!("HTTP {}", answer.status)),
            Err(why) => (failures, example) = (failures + 1, why),
        }
    }
    took.sort_by(f64::total_cmp);
    let quantiles = latency
        .bounds
        .iter()
        .filter_map(|(quantile, _)| {
            let found = estimate(&took, quantile.share(), 0.025)?;
            Some(AnsweredQuantile {
                name: quantile.name().to_owned(),
                value: found.value,
                interval: found.lower.zip(found.upper),
            })
        })
        .collect();
    let failed =
        (failures > 0).then(|| format!("{failures} of {} requests failed: {example}", latency.requests));
    Ok(Answered {
        quantiles,
        requests: took.len() as u64,
        source,
        failed,
    })
}
