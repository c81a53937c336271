//! Hands over what was decided; `judge` changes nothing anywhere else.

use step_runtime::{Context, Finished};

use crate::config::Config;
use crate::decide::Decision;
use crate::evidence::Evidence;
use crate::report;

pub(crate) fn finish(cx: &Context, config: &Config, evidence: &Evidence, decision: Decision) -> Finished {
    let mut statement = cx.statement();
    for source in evidence.champion.sources.iter().chain(&evidence.canary.sources) {
        if let Ok(digest) = source.digest.parse() {
            statement = statement.material(&source.uri, &digest);
        }
    }
    if let Ok(config) = serde_json::to_value(config) {
        statement = statement.parameter("canary", config);
    }
    let verdict = decision.verdict.word();
    Finished::decision(
        verdict,
        report::write(cx.report(), config, evidence, decision),
        statement,
    )
}
