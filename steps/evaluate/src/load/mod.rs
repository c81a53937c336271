//! `evaluate load`: can the served model bear the expected traffic?
//!
//! Requests arrive when the schedule says, not when the last answer came (open loop), and a latency counts
//! from the moment the request was due. A server that stalls for a second is therefore seen to stall by every
//! request that was due in that second (no coordinated omission). Two endpoints are driven at once, with the
//! same rows in the same order, so that a busy machine is busy for both.
//!
//! It does not compare the endpoints: `kserve-canary judge` does, on the records.

mod cli;
mod decide;
mod drive;
mod gather;
mod quantile;
mod report;
mod schedule;

pub use cli::{Arrivals, InputFormat, LoadArgs, ProtocolName, Span};
pub use decide::{Bounds, Decision, Measured, decide};
pub use drive::WarmUp;
pub use quantile::{ALPHA, QuantileEstimate, estimate, requests_needed};
pub use schedule::{Slot, schedule};

use std::sync::Arc;

use kserve_api::record;
use step_contract::{CommandKind, CommandSpec, Exit, ServedSpec, TemplateSpec, VerdictSpec};
use step_runtime::{Context, Finished, StepError};

/// What `load` may say.
pub const VERDICTS: &[VerdictSpec] = &[
    VerdictSpec {
        word: "PASS",
        exit: Exit::Yes,
        meaning: "every gate holds, with its interval",
    },
    VerdictSpec {
        word: "FAIL",
        exit: Exit::No,
        meaning: "a gate is missed beyond doubt",
    },
    VerdictSpec {
        word: "INCONCLUSIVE",
        exit: Exit::No,
        meaning: "too few requests for the quantile, or an interval straddles its bound; the report says how many are needed",
    },
];

/// The sub-command, for the step's contract.
pub const COMMAND: CommandSpec = CommandSpec {
    name: "load",
    kind: CommandKind::Decides,
    verdicts: VERDICTS,
    rbac: &[],
    template: Some(TemplateSpec {
        served: Some(ServedSpec {
            fixed: &[(
                "endpoint",
                "{{=inputs.parameters['champion-uri'] == '' ? '' : 'champion=http://127.0.0.1:8081\\n'}}\
                 challenger=http://127.0.0.1:8080",
            )],
        }),
        ..TemplateSpec::DEFAULT
    }),
};

/// Drives the load and judges what came back.
///
/// # Errors
/// Bad flags or data, a server that refuses the requests or is not there, SIGTERM.
pub async fn run(args: LoadArgs, cx: Context) -> Result<Finished, StepError> {
    let plan = Arc::new(gather::plan(&args, &cx).await?);
    let targets = gather::targets(&args, &cx, &plan).await?;
    let measured = drive::drive(&plan, targets, &cx).await?;
    let mut statement = cx.statement().material(&plan.data.uri, &plan.data.digest);
    for endpoint in &measured {
        statement = statement.parameter(&format!("endpoint.{}", endpoint.label), endpoint.url.clone());
    }
    let (empty, judged) = (cx.report(), Arc::clone(&plan));
    let (verdict, report, records) = cx
        .apart(move || {
            let decision = decide(&judged.bounds, &measured);
            let verdict = decision.verdict;
            let report = report::write(empty, &args, &judged, &measured, decision);
            let records: Result<Vec<_>, _> = measured
                .iter()
                .map(|endpoint| record::to_parquet(&endpoint.requests))
                .collect();
            (verdict, report, records)
        })
        .await?;
    let mut finished = Finished::decision(verdict, report, statement);
    let records = records.map_err(|why| StepError::internal(why.to_string()))?;
    for (bytes, location) in records.into_iter().zip(&plan.records) {
        finished = finished.with_output(location, bytes);
    }
    Ok(finished)
}
