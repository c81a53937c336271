//! Answer times: from a load report, or from requests of one row each.

use std::time::Instant;

use bytes::Bytes;
use kserve_api::Endpoint;
use step_report::{Check, Input, Observed, Outcome, Report};
use step_runtime::{Context, StepError};

use super::Gathered;
use super::endpoint::{answer, client, features, refused, shape};
use super::table::Frame;
use crate::config::Latency;
use crate::evidence::{Answered, AnsweredQuantile, QuantileInterval};
use crate::gate::cli::GateArgs;
use crate::load::estimate;

/// Requests that are not counted: connections, caches, lazy imports of a server.
const WARM_UP: usize = 20;

/// Measures, or reads what `evaluate load` has measured.
pub(super) async fn measure(
    args: &GateArgs,
    (latency, level): (&Latency, f64),
    frame: &Frame,
    names: &[String],
    cx: &Context,
    out: &mut Gathered,
) -> Result<Answered, StepError> {
    match (&args.load_report, &args.endpoint, &args.model) {
        (Some(at), _, Some(model)) => {
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
            let load = Load::of(at.as_str(), report)?;
            let label = load.challenger(args, model)?;
            out.bind("latency.endpoint", load.bound("endpoint", &label));
            out.bind("latency.model", load.bound("model", &label));
            Ok(load.answered(&label))
        }
        (None, Some(url), Some(model)) => {
            probe((url, model), args, (latency, level), (frame, names), cx).await
        }
        _ => Err(StepError::internal(
            "no latency source after the flags were checked",
        )),
    }
}

/// The report of a load test that came to its end.
struct Load<'a> {
    file: &'a str,
    report: Report,
}

impl<'a> Load<'a> {
    fn of(file: &'a str, report: Report) -> Result<Self, StepError> {
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
        Ok(Self { file, report })
    }

    /// What the report is bound to, for one endpoint.
    fn bound(&self, what: &str, label: &str) -> &str {
        let name = format!("{what}.{label}");
        self.report.bindings.get(&name).map_or("", String::as_str)
    }

    /// The name of the challenger's endpoint: it has the challenger's model, and is called `challenger` or is the
    /// very endpoint that is judged. The times of another model are no evidence.
    fn challenger(&self, args: &GateArgs, model: &str) -> Result<String, StepError> {
        let mut labels: Vec<&str> = self
            .report
            .checks
            .iter()
            .filter_map(|check| check.target.slice.as_deref())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        let refuse = |why: String| Err(StepError::usage(format!("{}: {why}", self.file)));
        if labels.is_empty() {
            return refuse("the load report measures no endpoint".to_owned());
        }
        let of_model: Vec<&str> = labels
            .iter()
            .copied()
            .filter(|label| self.bound("model", label) == model)
            .collect();
        if of_model.is_empty() {
            let models: Vec<String> = labels
                .iter()
                .map(|label| format!("`{}`", self.bound("model", label)))
                .collect();
            return refuse(format!(
                "the load test drove model {}, the challenger is `{model}`: drive the challenger, or correct --model",
                models.join(" and ")
            ));
        }
        if of_model.contains(&"challenger") {
            return Ok("challenger".to_owned());
        }
        let at = match &args.endpoint {
            Some(url) => Some(
                Endpoint::new(url, model, None, args.protocol.into())
                    .map_err(|error| refused(&error))?
                    .shown(),
            ),
            None => None,
        };
        let here: Vec<&str> = of_model
            .iter()
            .copied()
            .filter(|label| match &at {
                Some(url) => self.bound("endpoint", label) == url,
                None => *label != "champion",
            })
            .collect();
        match (here.as_slice(), at) {
            ([only], _) => Ok((*only).to_owned()),
            (_, Some(url)) => {
                let driven: Vec<&str> = of_model
                    .iter()
                    .map(|label| self.bound("endpoint", label))
                    .collect();
                refuse(format!(
                    "the load test drove {}, the challenger is at {url}: drive that, or name the challenger's \
                     endpoint (evaluate load --endpoint challenger=URL)",
                    driven.join(" and ")
                ))
            }
            (_, None) => refuse(format!(
                "the load test drove {}; name the challenger's endpoint `challenger` (evaluate load --endpoint \
                 challenger=URL)",
                labels.join(" and ")
            )),
        }
    }

    /// The quantiles of one endpoint.
    fn answered(&self, label: &str) -> Answered {
        let of_kind = |kind: &'static str| {
            self.report
                .checks
                .iter()
                .filter(move |check| check.kind == kind && check.target.slice.as_deref() == Some(label))
        };
        let failed = match of_kind("errors").next() {
            Some(check) if check.outcome == Outcome::Pass => None,
            Some(check) => Some(format!("it is not shown that requests succeed: {}", check.why)),
            None => Some(format!("{} has no error rate of {label}", self.file)),
        };
        Answered {
            quantiles: of_kind("latency").filter_map(quantile).collect(),
            requests: of_kind("latency").find_map(|check| check.n).unwrap_or(0),
            source: format!("load report {}", self.file),
            failed,
        }
    }
}

fn quantile(check: &Check) -> Option<AnsweredQuantile> {
    let name = check.target.metric.as_deref()?.strip_prefix("latency_")?;
    let Some(Observed::Number(value)) = check.observed else {
        return None;
    };
    let interval = check.interval.as_ref().and_then(|ends| {
        Some(QuantileInterval {
            lower: ends.lower?,
            upper: ends.upper?,
            level: ends.level,
        })
    });
    Some(AnsweredQuantile {
        name: name.to_owned(),
        value,
        interval,
    })
}

/// One request after the other, a row each: the time to answer without load.
async fn probe(
    (url, model): (&str, &str),
    args: &GateArgs,
    (latency, level): (&Latency, f64),
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
    let (shape, expected) = (shape(&table, args), answer(args));
    let (mut took, mut failures, mut example) = (Vec::with_capacity(latency.requests), 0_u64, String::new());
    for request in 0..latency.requests + WARM_UP {
        if cx.is_cancelled() {
            return Err(StepError::terminated());
        }
        let row = request % table.rows();
        let body = table
            .body(&shape, row..row + 1)
            .map_err(|error| refused(&error))?;
        let start = Instant::now();
        let answer = client.post_once(Bytes::from(body)).await;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        if request < WARM_UP {
            continue;
        }
        match answer {
            // A 2xx without a usable prediction is no answer, however fast.
            Ok(got) if got.is_success() => match expected.predictions(shape.protocol, &got.body, 1) {
                Ok(_) => took.push(milliseconds),
                Err(why) => (failures, example) = (failures + 1, why.to_string()),
            },
            Ok(answer) => (failures, example) = (failures + 1, format!("HTTP {}", answer.status)),
            Err(why) => (failures, example) = (failures + 1, why),
        }
    }
    took.sort_by(f64::total_cmp);
    let quantiles = latency
        .bounds
        .iter()
        .filter_map(|(quantile, _)| {
            let found = estimate(&took, quantile.share(), (1.0 - level) / 2.0)?;
            Some(AnsweredQuantile {
                name: quantile.name().to_owned(),
                value: found.value,
                interval: found
                    .lower
                    .zip(found.upper)
                    .map(|(lower, upper)| QuantileInterval { lower, upper, level }),
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
