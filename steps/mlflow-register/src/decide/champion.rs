//! Whether the evaluation compared the model with the champion of today. One against a champion that is none any
//! more was right then: it is noted here, and `promote` asks to be told.

use step_report::{Bound, Check};

use crate::gather::{Champion, Evidence};

/// What the evaluation was against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// The champion of today; when there is none, nothing.
    Champion,
    /// A champion, and which one is not proven.
    Unproven,
    /// Another model, or none although there is a champion.
    Another,
}

/// What the evaluation says that it was against.
pub(crate) fn against(evidence: &Evidence) -> Against {
    let Some(now) = &evidence.mlflow.champion else {
        return Against::Champion;
    };
    let bindings = &evidence.evaluation.value.bindings;
    if bindings
        .get("champion")
        .is_some_and(|champion| champion == "none")
    {
        return Against::Another;
    }
    match (bindings.get("champion.digest"), now.digest) {
        (Some(judged), Some(digest)) if *judged == digest.to_string() => Against::Champion,
        (Some(_), Some(_)) => Against::Another,
        _ => Against::Unproven,
    }
}

/// The link, where there is a champion.
pub(super) fn check(evidence: &Evidence) -> Option<Check> {
    let now = evidence.mlflow.champion.as_ref()?;
    Some(judge(against(evidence), now, evidence))
}

fn judge(against: Against, now: &Champion, evidence: &Evidence) -> Check {
    let version = &now.version;
    let check = Check::new("evaluation:champion", "evaluation").bound(match now.digest {
        Some(digest) => Bound::equals(digest.to_string()),
        None => Bound::text("a digest on record"),
    });
    let judged = evidence.evaluation.value.bindings.get("champion.digest");
    let check = match judged {
        Some(judged) => check.observed(judged.as_str()),
        None => check.not_observed("the report has no such binding"),
    };
    let then = "evaluate and register again before promoting, or say so with --expect";
    match (against, now.digest, judged) {
        (Against::Champion, ..) => check.pass(format!("it was compared with the champion, version {version}")),
        (Against::Another, _, None) => check.warn(format!(
            "it was compared with no champion, and version {version} is one: {then}"
        )),
        (Against::Another, ..) => check.warn(format!(
            "it was compared with another model than the champion of today, version {version}: {then}"
        )),
        (Against::Unproven, None, _) => check.warn(format!(
            "the champion, version {version}, has no digest on record: whether the evaluation compared with it cannot be told"
        )),
        (Against::Unproven, ..) => check.warn(format!(
            "the evaluation does not say by digest which model it was compared with: that it was the champion, version {version}, is not proven"
        )),
    }
}
