//! Which attempt is the same training: the key by which a retry finds its MLflow run and its output.

use provenance::{Dataset, Digest, digest_bytes};
use serde_json::json;

use crate::cli::RunArgs;

/// The key of this training: the same workflow, step and inputs give the same one.
///
/// Without a workflow uid it is the same for every start with the same inputs, so on a laptop too a second
/// start continues the first.
#[must_use]
pub(crate) fn key(args: &RunArgs, argv: &[String], training: &Dataset) -> Digest {
    let mut what = json!({
        "workflow_uid": args.workflow_uid,
        "step": args.step,
        "experiment": args.experiment,
        "git_sha": args.git_sha,
        "command": argv,
        "dataset": training.digest.to_string(),
        "trigger": args.trigger.as_str(),
        "trigger_id": args.trigger_id,
        "image": args.job.image,
    });
    // One training is what it always was.
    if args.job.completions > 1 {
        what["completions"] = json!(args.job.completions);
    }
    if args.job.nodes > 1 {
        what["nodes"] = json!(args.job.nodes);
    }
    digest_bytes(what.to_string())
}
