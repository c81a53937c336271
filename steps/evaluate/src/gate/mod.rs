//! `evaluate gate`: may the challenger take the champion's place?
//!
//! `cli` what may be asked, `needs` whether there is evidence for every gate, `gather` all reads, the crate's
//! `decide` the decision, `report` what a reader gets, `act` the GitHub issue.

mod act;
mod cli;
mod gather;
mod needs;
mod report;

use provenance::digest_bytes;
use step_contract::{CommandKind, CommandSpec, Exit, InArtifact, ServedSpec, TemplateSpec, VerdictSpec};
use step_report::Input;
use step_runtime::{Context, Finished, StepError};

use crate::config::{self, behaviour};
use crate::decide::{Verdict, decide};

pub use cli::GateArgs;

/// What `gate` may say.
pub const VERDICTS: &[VerdictSpec] = &[
    VerdictSpec {
        word: "PASS",
        exit: Exit::Yes,
        meaning: "every gate is passed",
    },
    VerdictSpec {
        word: "WARN",
        exit: Exit::Yes,
        meaning: "every gate that rejects is passed; a slice is too small to judge, or a gate of severity warn is missed",
    },
    VerdictSpec {
        word: "FAIL",
        exit: Exit::No,
        meaning: "a gate is missed, a score is missing, or there are too few rows to judge on",
    },
];

/// The sub-command, for the step's contract.
pub const COMMAND: CommandSpec = CommandSpec {
    name: "gate",
    kind: CommandKind::Decides,
    verdicts: VERDICTS,
    rbac: &[],
    template: Some(TemplateSpec {
        memory: "1Gi",
        served: Some(ServedSpec {
            fixed: &[
                ("endpoint", "http://127.0.0.1:8080"),
                (
                    "champion-endpoint",
                    "{{=inputs.parameters['champion-uri'] == '' ? '' : 'http://127.0.0.1:8081'}}",
                ),
                ("champion-digest", "{{inputs.parameters.champion-digest}}"),
            ],
        }),
        ..TemplateSpec::DEFAULT
    }),
};

/// Gathers the evidence, decides, reports.
///
/// # Errors
/// Bad flags, gates or data, a model server that is not there, SIGTERM.
pub async fn run(args: GateArgs, cx: Context) -> Result<Finished, StepError> {
    let (gates_text, gates_digest) = text(&args.gates, &cx).await?;
    let gates = config::load(args.gates.as_str(), &gates_text)?;
    let mut configs = vec![("gates", args.gates.clone(), gates_digest)];
    let mut tests = Vec::new();
    if let Some(at) = &args.behaviour {
        let (behaviour_text, digest) = text(at, &cx).await?;
        tests = behaviour::load(at.as_str(), &behaviour_text)?;
        configs.push(("behaviour", at.clone(), digest));
    }
    needs::check(&args, &gates, &tests)?;

    let mut gathered = gather::gather(&args, &gates, &tests, &cx).await?;
    let mut statement = cx.statement();
    for (name, at, digest) in configs {
        gathered
            .inputs
            .insert(0, Input::new(name, at.as_str()).digest(&digest));
        statement = statement.material(at.as_str(), &digest);
    }
    for (uri, digest) in &gathered.materials {
        statement = statement.material(uri, digest);
    }
    for (name, value) in &gathered.bindings {
        statement = statement.parameter(name, value.clone());
    }

    let (empty, cancel) = (cx.report(), cx.cancel.clone());
    tracing::info!(
        rows = gathered.evidence.rows.ids.len(),
        "holding the evidence to the gates"
    );
    let (args, mut report) = cx
        .apart(move || {
            let decision = decide(&gates, &tests, &gathered.evidence, &|| cancel.is_cancelled());
            let report = report::write(empty, &args, &gates, &gathered, decision);
            (args, report)
        })
        .await?;
    let verdict = report.verdict.clone();
    if verdict == Verdict::Fail.word() {
        let note = act::issue(&args, &report, &cx).await;
        report.notes.extend(note);
    }
    Ok(Finished::decision(&verdict, report, statement))
}

async fn text(at: &InArtifact, cx: &Context) -> Result<(String, provenance::Digest), StepError> {
    let location = at
        .as_str()
        .parse()
        .map_err(|error| StepError::usage(format!("{error}")))?;
    let bytes = cx.store.read(&location).await?;
    let digest = digest_bytes(&bytes);
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| StepError::usage(format!("{at}: this is no text (UTF-8 is needed)")))?;
    Ok((text, digest))
}
