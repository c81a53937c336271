//! Reads the data, resolves the flags into a plan, and meets the servers before the clock starts.

use std::time::Duration;

use kserve_api::{
    AnswerShape, ClientOptions, Endpoint, FeatureError, FeatureTable, InferenceClient, InferenceError,
    Layout, RequestShape,
};
use provenance::{Digest, digest_bytes};
use step_contract::{Exit, OutArtifact, did_you_mean};
use step_runtime::{Context, StepError};
use tabular::{Format, Input};

use super::cli::{InputFormat, LoadArgs};
use super::decide::Bounds;
use super::schedule::{Slot, schedule};

/// More slots than this are a typo: some hours at a thousand a second.
const MOST_REQUESTS: f64 = 1e7;

/// All that is known before the first request.
pub(super) struct Plan {
    pub(super) data: Data,
    pub(super) slots: Vec<Slot>,
    pub(super) requests: usize,
    pub(super) shape: RequestShape,
    pub(super) answer: AnswerShape,
    pub(super) bounds: Bounds,
    pub(super) records: Vec<OutArtifact>,
    pub(super) warm_up: usize,
    pub(super) max_in_flight: usize,
    pub(super) timeout: Duration,
}

/// The rows to ask about.
pub(super) struct Data {
    pub(super) uri: String,
    pub(super) digest: Digest,
    pub(super) table: FeatureTable,
    /// Rows of the file.
    pub(super) rows: usize,
    /// Which of them the table holds, ascending: those that are asked about.
    kept: Vec<usize>,
}

impl Data {
    /// Where the table holds a row of the file.
    pub(super) fn place(&self, row: usize) -> usize {
        self.kept.binary_search(&row).unwrap_or(self.kept.len())
    }
}

/// One server to drive.
pub(super) struct Target {
    pub(super) label: String,
    pub(super) client: InferenceClient,
}

pub(super) async fn plan(args: &LoadArgs, cx: &Context) -> Result<Plan, StepError> {
    let requests = requests(args)?;
    let bounds = bounds(args)?;
    let records = records(args)?;
    if args.max_in_flight == 0 {
        return Err(StepError::usage(
            "--max-in-flight is 0: no request could ever be sent",
        ));
    }
    let (data, slots) = read(args, requests, cx).await?;
    let mut shape = RequestShape::for_table(&data.table, args.protocol.into());
    shape.input_name.clone_from(&args.input_name);
    match args.input_format {
        InputFormat::Auto => {}
        InputFormat::Matrix => shape.layout = Layout::Matrix,
        InputFormat::Columns => shape.layout = Layout::Columns,
    }
    // The first body tells whether rows can be put on the wire at all.
    data.table.body(&shape, 0..1).map_err(|why| usage(&why))?;
    Ok(Plan {
        slots,
        requests,
        shape,
        answer: AnswerShape {
            output: args.output.clone(),
            positive_class: args.positive_class,
        },
        bounds,
        records,
        warm_up: args.warm_up,
        max_in_flight: args.max_in_flight,
        timeout: args.timeout.0,
        data,
    })
}

/// A client for each endpoint, whose model is ready.
pub(super) async fn targets(args: &LoadArgs, cx: &Context, plan: &Plan) -> Result<Vec<Target>, StepError> {
    let ca_pem = match cx.ca_file() {
        Some(path) => Some(
            tokio::fs::read(path)
                .await
                .map_err(|why| StepError::usage(format!("--ca-file {}: {why}", path.display())))?,
        ),
        None => None,
    };
    let options = ClientOptions {
        timeout: plan.timeout,
        connect_timeout: plan.timeout,
        retry_for: args.ready_timeout.0,
        ca_pem,
        host: args.host.clone(),
    };
    let mut targets = Vec::new();
    for (at, (label, url)) in labelled(args)?.into_iter().enumerate() {
        let model = if args.model.len() == 1 {
            &args.model[0]
        } else {
            &args.model[at]
        };
        let endpoint = Endpoint::new(url, model, args.model_version.as_deref(), args.protocol.into())
            .map_err(|why| usage(&why))?;
        let client = InferenceClient::new(endpoint, &options).map_err(|why| usage(&why))?;
        tokio::select! {
            ready = client.wait_ready() => ready.map_err(|why| usage(&why))?,
            () = cx.cancel.cancelled() => return Err(StepError::terminated()),
        }
        targets.push(Target { label, client });
    }
    Ok(targets)
}

/// An inference error before the clock starts: the server's absence is exit 4, all else a wrong request.
pub(super) fn usage(error: &InferenceError) -> StepError {
    let exit = if error.is_unavailable() {
        Exit::Unavailable
    } else {
        Exit::Usage
    };
    StepError::new(exit, error.to_string())
}

fn requests(args: &LoadArgs) -> Result<usize, StepError> {
    if !(args.rate.is_finite() && args.rate > 0.0) {
        return Err(StepError::usage(format!(
            "--rate is {}; it is requests a second, above 0",
            args.rate
        )));
    }
    let requests = (args.rate * args.duration.0.as_secs_f64()).round();
    if requests < 1.0 {
        return Err(StepError::usage(format!(
            "--rate {} for --duration {} is not one request; raise either",
            args.rate, args.duration
        )));
    }
    if requests > MOST_REQUESTS {
        return Err(StepError::usage(format!(
            "--rate {} for --duration {} is {requests} requests; at most {MOST_REQUESTS} are kept",
            args.rate, args.duration
        )));
    }
    Ok(requests as usize)
}

/// Name and URL of each endpoint.
fn labelled(args: &LoadArgs) -> Result<Vec<(String, &str)>, StepError> {
    let count = args.endpoint.len();
    if count > 2 {
        return Err(StepError::usage(format!(
            "{count} endpoints are given; one or two can be driven"
        )));
    }
    if args.model.len() != 1 && args.model.len() != count {
        return Err(StepError::usage(format!(
            "{} and {} models are given; give one --model for all, or one for each",
            crate::decide::count(count as u64, "endpoint", "endpoints"),
            args.model.len()
        )));
    }
    let named: Vec<(String, &str)> = args
        .endpoint
        .iter()
        .enumerate()
        .map(|(at, text)| match text.split_once('=') {
            // `http://h?a=b` has an equals sign too, but no name before it.
            Some((name, url)) if !name.contains(['/', ':']) && !name.is_empty() => (name.to_owned(), url),
            _ => ((at + 1).to_string(), text.as_str()),
        })
        .collect();
    if let [(first, _), (second, _)] = &named[..]
        && first == second
    {
        return Err(StepError::usage(format!("both endpoints are named `{first}`")));
    }
    Ok(named)
}

fn bounds(args: &LoadArgs) -> Result<Bounds, StepError> {
    for (flag, bound) in [("--p95-ms", args.p95_ms), ("--p99-ms", args.p99_ms)] {
        if let Some(bound) = bound.filter(|ms| !(ms.is_finite() && *ms > 0.0)) {
            return Err(StepError::usage(format!(
                "{flag} is {bound}; it is milliseconds, above 0"
            )));
        }
    }
    if !(0.0..1.0).contains(&args.max_error_rate) {
        return Err(StepError::usage(format!(
            "--max-error-rate is {}; it is a share, from 0 to below 1",
            args.max_error_rate
        )));
    }
    let labels: Vec<String> = labelled(args)?.into_iter().map(|(label, _)| label).collect();
    for name in &args.gate {
        if !labels.contains(name) {
            let known = labels.iter().map(String::as_str);
            let hint = did_you_mean(name, known);
            return Err(StepError::usage(format!(
                "--gate {name}{hint}: the endpoints are named {}",
                labels.join(" and ")
            )));
        }
    }
    Ok(Bounds {
        p95_ms: args.p95_ms,
        p99_ms: args.p99_ms,
        max_error_rate: args.max_error_rate,
        gated: if args.gate.is_empty() {
            labels
        } else {
            args.gate.clone()
        },
    })
}

fn records(args: &LoadArgs) -> Result<Vec<OutArtifact>, StepError> {
    let first = args.record.clone();
    // A template always names the second record's place; with one endpoint nothing is written there.
    if args.endpoint.len() < 2 {
        return Ok(vec![first]);
    }
    let second = match &args.record2 {
        Some(second) => second.clone(),
        None => {
            let path = first.as_str();
            let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
            let dot = path[name_at..]
                .rfind('.')
                .filter(|at| *at > 0)
                .map_or(path.len(), |at| name_at + at);
            format!("{}-2{}", &path[..dot], &path[dot..])
                .parse()
                .map_err(|why| StepError::usage(format!("--record {path}: {why}")))?
        }
    };
    if first == second {
        return Err(StepError::usage(format!(
            "--record and --record2 are both {first}"
        )));
    }
    Ok(vec![first, second])
}

/// Counts the rows, makes the schedule, and keeps the rows that it asks about: memory goes with the requests and not
/// with the file.
async fn read(args: &LoadArgs, requests: usize, cx: &Context) -> Result<(Data, Vec<Slot>), StepError> {
    let uri = args.data.as_str().to_owned();
    let location: artifact_store::Location = uri
        .parse()
        .map_err(|why| StepError::usage(format!("--data {uri}: {why}")))?;
    let bytes = cx.store.read(&location).await?;
    // The end of a reference is a version and no ending of a file.
    let called = location.file_name().to_owned();
    let names: Vec<String> = args
        .feature_columns
        .iter()
        .flat_map(|given| given.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let args = args.clone();
    cx.apart(move || {
        let digest = digest_bytes(&bytes);
        let bad = |why: FeatureError| StepError::caused(Exit::Usage, &why);
        let format = Format::of(&Input::from_bytes(called, bytes.clone()));
        let format = format.map_err(|why| StepError::usage(why.to_string()))?;
        let input = Input::from_bytes(&*uri, bytes);
        let rows = FeatureTable::count(&input, format.clone()).map_err(bad)?;
        if rows == 0 {
            return Err(StepError::usage(format!(
                "{uri}: the table has no rows; there is nothing to ask about"
            )));
        }
        let (endpoints, lasting) = (args.endpoint.len(), args.duration.0);
        let slots = schedule(args.arrivals, lasting, requests, endpoints, rows, args.seed);
        let mut kept: Vec<usize> = slots.iter().map(|slot| slot.row).collect();
        kept.sort_unstable();
        kept.dedup();
        let chosen = (!names.is_empty()).then_some(&names[..]);
        let table = FeatureTable::read_rows(&input, format, chosen, &kept).map_err(bad)?;
        let data = Data {
            uri,
            digest,
            table,
            rows,
            kept,
        };
        Ok((data, slots))
    })
    .await?
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn args(more: &[&str]) -> LoadArgs {
        Cli::parse_from([&["load", "--endpoint", "http://h:1", "--model", "m"], more].concat()).load
    }

    #[test]
    fn two_endpoints_have_two_records() {
        let named = |more: &[&str]| -> Result<Vec<String>, String> {
            records(&args(more))
                .map(|all| all.iter().map(ToString::to_string).collect())
                .map_err(|why| why.message().to_owned())
        };
        assert_eq!(named(&["--record", "a.parquet"]).unwrap(), ["a.parquet"]);
        let two = ["--endpoint", "http://h:2", "--record"];
        assert_eq!(
            named(&[&two[..], &["o.d/load.parquet"]].concat()).unwrap()[1],
            "o.d/load-2.parquet"
        );
        assert_eq!(
            named(&[&two[..], &["o.d/load"]].concat()).unwrap()[1],
            "o.d/load-2"
        );
        assert_eq!(
            named(&[&two[..], &["a", "--record2", "b"]].concat()).unwrap(),
            ["a", "b"]
        );
        assert!(
            named(&[&two[..], &["a", "--record2", "a"]].concat())
                .unwrap_err()
                .contains("both a")
        );
        assert_eq!(named(&["--record", "a", "--record2", "b"]).unwrap(), ["a"]);
    }

    /// A gate in the form of the seed bounds the p99: the defaults must be able to pass it, some errors included.
    #[test]
    fn the_default_load_bears_a_p99() {
        let spare = requests(&args(&[])).unwrap() as f64 * (1.0 - args(&[]).max_error_rate);
        assert!(spare >= super::super::requests_needed(0.99) as f64, "{spare}");
    }

    #[test]
    fn flags_that_cannot_be_are_named() {
        let said = |more: &[&str]| {
            let args = args(more);
            requests(&args)
                .map(drop)
                .and(bounds(&args).map(drop))
                .expect_err("refused")
                .message()
                .to_owned()
        };
        assert!(said(&["--rate", "0"]).contains("--rate is 0"));
        assert!(said(&["--rate", "NaN"]).contains("--rate is NaN"));
        assert!(said(&["--rate", "0.001"]).contains("not one request"));
        assert!(said(&["--rate", "1e9"]).contains("at most"));
        assert!(said(&["--p99-ms=-1"]).contains("--p99-ms is -1"));
        assert!(said(&["--p95-ms", "NaN"]).contains("--p95-ms is NaN"));
        assert!(said(&["--max-error-rate", "1"]).contains("--max-error-rate is 1"));
        assert!(said(&["--gate", "challenger"]).contains("the endpoints are named 1"));
        let typo = ["--endpoint", "canary=http://h:2", "--gate", "cannary"];
        assert!(said(&typo).contains("did you mean `canary`?"));
        assert!(said(&["--endpoint", "http://h:2", "--endpoint", "http://h:3"]).contains("3 endpoints"));
        assert!(said(&["--model", "a", "--model", "b"]).contains("1 endpoint and 3 models"));
        assert!(said(&["--endpoint", "1=http://h:2"]).contains("both endpoints are named `1`"));
    }
}
