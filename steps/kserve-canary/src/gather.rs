//! All reads: the configuration and the records of both arms.

mod twins;

use kserve_api::record::{self, RecordError, Request};
use provenance::digest_bytes;
use step_contract::{Exit, InArtifact};
use step_runtime::{Context, StepError};
use tabular::Input;

use crate::cli::{DEFAULT_CONFIG, JudgeArgs};
use crate::config::{self, Config};
use crate::evidence::{Arm, Evidence, Source};

pub(crate) async fn config(args: &JudgeArgs, cx: &Context) -> Result<Config, StepError> {
    let file = &args.config;
    // Most teams need no file: the one place that may be empty is the one nobody named.
    if file.as_str() == DEFAULT_CONFIG && !std::path::Path::new(DEFAULT_CONFIG).exists() {
        return Ok(Config::default());
    }
    let bytes = cx.store.read(&location("--config", file)?).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| StepError::usage(format!("--config {file}: it is not UTF-8 text")))?;
    Ok(config::load(file.as_str(), text)?)
}

pub(crate) async fn evidence(args: &JudgeArgs, cx: &Context) -> Result<Evidence, StepError> {
    let champion = arm("--champion", &args.champion, cx).await?;
    let canary = arm("--canary", &args.canary, cx).await?;
    cx.apart(move || {
        twins::refuse(&champion, &canary)?;
        Ok(Evidence { champion, canary })
    })
    .await?
}

async fn arm(flag: &str, files: &[InArtifact], cx: &Context) -> Result<Arm, StepError> {
    let mut parts: Vec<(Source, Vec<Request>)> = Vec::new();
    for file in files {
        if cx.is_cancelled() {
            return Err(StepError::terminated());
        }
        let bytes = cx.store.read(&location(flag, file)?).await?;
        let name = file.as_str().to_owned();
        let read = move || {
            let digest = digest_bytes(&bytes).to_string();
            let requests = record::read(&Input::from_bytes(name.clone(), bytes))?;
            Ok::<_, RecordError>((
                Source {
                    uri: name,
                    digest,
                    rows: requests.len() as u64,
                },
                requests,
            ))
        };
        let part = cx.apart(read).await?;
        parts.push(part.map_err(|why| StepError::caused(Exit::Usage, &why))?);
    }
    join(flag, parts)
}

/// Records of one arm as one. They must not overlap: the same requests would be counted twice.
fn join(flag: &str, mut parts: Vec<(Source, Vec<Request>)>) -> Result<Arm, StepError> {
    let start = |requests: &[Request]| requests.first().map_or(i64::MAX, |r| r.intended_start);
    let end = |requests: &[Request]| requests.last().map_or(i64::MIN, |r| r.intended_start);
    parts.sort_by_key(|(_, requests)| start(requests));
    if let Some(pair) = parts.windows(2).find(|pair| end(&pair[0].1) >= start(&pair[1].1)) {
        return Err(StepError::usage(format!(
            "{flag} {} and {} overlap in time: the same requests would be counted twice; give records of different times",
            pair[0].0.uri, pair[1].0.uri
        )));
    }
    let mut arm = Arm::default();
    for (source, requests) in parts {
        arm.sources.push(source);
        arm.requests.extend(requests);
    }
    Ok(arm)
}

fn location(flag: &str, file: &InArtifact) -> Result<artifact_store::Location, StepError> {
    file.as_str()
        .parse()
        .map_err(|why| StepError::usage(format!("{flag} {file}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(uri: &str, times: &[i64]) -> (Source, Vec<Request>) {
        let requests = times
            .iter()
            .map(|at| Request {
                request: 0,
                intended_start: *at,
                latency_ms: 1.0,
                status: 200,
                prediction: Some(0.5),
            })
            .collect();
        (
            Source {
                uri: uri.into(),
                digest: uri.into(),
                rows: times.len() as u64,
            },
            requests,
        )
    }

    #[test]
    fn records_are_joined_in_the_order_of_time_and_never_twice() {
        let arm = join("--canary", vec![part("later", &[5, 6]), part("sooner", &[1, 2])]).unwrap();
        assert_eq!(arm.window(), Some((1, 6)));
        assert_eq!(arm.sources[0].uri, "sooner");
        let twice = join("--canary", vec![part("a", &[1, 2]), part("b", &[2, 3])]).unwrap_err();
        assert!(twice.message().contains("a and b overlap in time"), "{twice}");
    }
}
