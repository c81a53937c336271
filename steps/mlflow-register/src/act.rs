//! All writes of `register`. Each can be repeated; their order is such that a version becomes visible by its
//! alias only when everything about it is there.

use std::collections::BTreeMap;

use artifact_store::Store;
use bytes::Bytes;
use mlflow_client::{ArtifactRoot, Client, ModelVersion, NewVersion, Stage};
use provenance::digest_bytes;

use crate::cli::RegisterArgs;
use crate::decide::{Against, against};
use crate::error::Error;
use crate::gather::Evidence;
use crate::metadata::{DATASET_TAG, DIGEST_TAG, EVALUATION_TAG};
use crate::place::Place;

/// Directory of our files in the run's artifacts; beside the model, for what is in it counts for its digest.
const DIRECTORY: &str = "mlops";

/// Longest description that MLflow's databases hold.
const DESCRIPTION: usize = 5000;

/// What is to be registered.
pub(crate) struct Registration<'a> {
    pub(crate) args: &'a RegisterArgs,
    pub(crate) evidence: &'a Evidence,
    pub(crate) card: &'a str,
    /// Files that are kept with the run.
    pub(crate) files: [(&'static str, Vec<u8>); 2],
}

/// What was registered.
pub(crate) struct Registered {
    /// The version, as it is now.
    pub(crate) version: ModelVersion,
    /// Whether it was there before.
    pub(crate) was_there: bool,
    /// Where the champion's alias has to be for a promotion: a version or [`NO_VERSION`], when that is known.
    pub(crate) champion: Option<String>,
    /// What was left as it is, and why.
    pub(crate) notes: Vec<String>,
}

/// The tag that holds where an alias pointed at registration: what a promotion expects.
pub(crate) fn expected_tag(alias: &str) -> String {
    format!("mlops.expected.{alias}")
}

/// How "no version" is written in a tag.
pub(crate) const NO_VERSION: &str = "none";

pub(crate) async fn register(
    client: &Client,
    store: &Store,
    registration: &Registration<'_>,
) -> Result<Registered, Error> {
    let Registration { args, evidence, .. } = registration;
    let run = &evidence.run.value;
    let place = Place {
        client,
        store,
        root: ArtifactRoot::parse(&run.artifact_uri)?.join(DIRECTORY),
    };
    for (name, bytes) in &registration.files {
        place.write(name, Bytes::from(bytes.clone())).await?;
    }
    client.ensure_registered_model(&args.name).await?;
    let (made, was_there) = client.ensure_version(&new_version(registration)).await?;
    let (name, version) = (made.name.as_str(), made.version.as_str());
    let champion = expect(client, registration, &made).await?;
    let description = description(registration.card);
    if made.description != description {
        client.describe_version(name, version, &description).await?;
    }
    for (key, value) in tags(registration) {
        if made.tags.get(&key) != Some(&value) {
            client.set_version_tag(name, version, &key, &value).await?;
        }
    }
    let mut notes = Vec::new();
    alias(client, args, &made, was_there, &mut notes).await?;
    stage(client, args, &made, was_there, &mut notes).await?;
    let version = client.model_version(name, version).await?.ok_or_else(|| {
        Error::Usage(format!(
            "version {version} of {name} was deleted while it was being registered"
        ))
    })?;
    Ok(Registered {
        version,
        was_there,
        champion,
        notes,
    })
}

/// Where the alias was for the evaluation that let the version in. Another evaluation of a version that is there was
/// against the champion of its own time; the same one again (a retry) changes nothing.
async fn expect(
    client: &Client,
    registration: &Registration<'_>,
    made: &ModelVersion,
) -> Result<Option<String>, Error> {
    let Registration { args, evidence, .. } = registration;
    let tag = expected_tag(&args.champion_alias);
    let known = made.tags.get(&tag).cloned();
    let evaluation = evidence.evaluation.digest.to_string();
    // One that serves by now was promoted: what that replaced stays on record.
    let serves = evidence
        .mlflow
        .champion
        .as_ref()
        .is_some_and(|champion| champion.version == made.version);
    if made.tags.get(EVALUATION_TAG) == Some(&evaluation) || serves {
        return Ok(known);
    }
    let expected = expected(evidence);
    let (name, version) = (&made.name, &made.version);
    match &expected {
        Some(now) if expected != known => client.set_version_tag(name, version, &tag, now).await?,
        None if known.is_some() => client.delete_version_tag(name, version, &tag).await?,
        _ => {}
    }
    Ok(expected)
}

/// Where the champion's alias points now, unless the evaluation was against something else.
fn expected(evidence: &Evidence) -> Option<String> {
    if against(evidence) == Against::Another {
        return None;
    }
    let champion = evidence.mlflow.champion.as_ref();
    Some(
        champion
            .map_or(NO_VERSION, |champion| &champion.version)
            .to_owned(),
    )
}

/// One key for one model of one run under one name: the reports may be written anew, the version stays.
fn key(registration: &Registration<'_>) -> String {
    let run = &registration.evidence.run.value;
    let name = &registration.args.name;
    digest_bytes(format!(
        "mlflow-register/v1\n{name}\n{}\n{}\n",
        run.run_id, run.model.digest
    ))
    .hex()
}

fn new_version(registration: &Registration<'_>) -> NewVersion {
    let Registration { args, evidence, .. } = registration;
    let run = &evidence.run.value;
    let model_id = evidence
        .mlflow
        .model
        .as_ref()
        .ok()
        .and_then(|kept| kept.model_id.clone());
    let mut tags = tags(registration);
    // Only when it is made: it says what the champion was then.
    if let Some(expected) = expected(evidence) {
        tags.insert(expected_tag(&args.champion_alias), expected);
    }
    NewVersion {
        name: args.name.clone(),
        source: model_id
            .as_ref()
            .map_or_else(|| run.model.uri.clone(), |id| format!("models:/{id}")),
        run_id: run.run_id.clone(),
        model_id,
        description: description(registration.card),
        tags,
        key: key(registration),
    }
}

fn tags(registration: &Registration<'_>) -> BTreeMap<String, String> {
    let Registration { args, evidence, .. } = registration;
    let run = &evidence.run.value;
    let mut tags: BTreeMap<String, String> = args.tags.iter().cloned().collect();
    let ours = [
        (DIGEST_TAG, run.model.digest.to_string()),
        (DATASET_TAG, run.dataset.digest.to_string()),
        ("mlops.data_version", run.data_version.clone()),
        ("mlops.git_sha", run.git_sha.clone()),
        ("mlops.trigger", run.trigger.to_string()),
        ("mlops.validation_digest", evidence.validation.digest.to_string()),
        (
            "mlops.validation_verdict",
            evidence.validation.value.verdict.clone(),
        ),
        (EVALUATION_TAG, evidence.evaluation.digest.to_string()),
        (
            "mlops.evaluation_verdict",
            evidence.evaluation.value.verdict.clone(),
        ),
    ];
    tags.extend(ours.map(|(key, value)| (key.to_owned(), value)));
    if let Some(uid) = &run.workflow_uid {
        tags.insert("mlops.workflow_uid".to_owned(), uid.clone());
    }
    // MLflow takes no empty value.
    tags.retain(|_, value| !value.is_empty());
    tags
}

/// The card without its front matter, cut at a line where it is too long for MLflow.
fn description(card: &str) -> String {
    let body = card
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .map_or(card, |(_, body)| body);
    let body = body.trim();
    if body.chars().count() <= DESCRIPTION {
        return body.to_owned();
    }
    let rest = format!("\n\nThe whole card is `{DIRECTORY}/card.md` in the run's artifacts.");
    let room = DESCRIPTION - rest.chars().count();
    let cut: String = body.chars().take(room).collect();
    let cut = cut.rsplit_once('\n').map_or(cut.as_str(), |(lines, _)| lines);
    format!("{}{rest}", cut.trim_end())
}

/// A retry must not take back what others did since: a stage or an alias that has moved on stays.
async fn stage(
    client: &Client,
    args: &RegisterArgs,
    made: &ModelVersion,
    was_there: bool,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let now = if made.current_stage.is_empty() {
        Stage::None.as_str()
    } else {
        &made.current_stage
    };
    if now == args.stage.as_str() {
        return Ok(());
    }
    if was_there && now != Stage::None.as_str() {
        notes.push(format!(
            "version {} is in the stage {now} by now, and stays there",
            made.version
        ));
        return Ok(());
    }
    let moved = client
        .set_stage(&made.name, &made.version, args.stage, args.archive_previous)
        .await;
    match moved {
        Err(error) if error.is_no_call() => {
            notes.push(format!(
                "this server has no stages: version {} is told by the alias {} alone",
                made.version, args.alias
            ));
            Ok(())
        }
        moved => moved.map(|_| ()).map_err(Error::from),
    }
}

async fn alias(
    client: &Client,
    args: &RegisterArgs,
    made: &ModelVersion,
    was_there: bool,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let now = client.alias(&made.name, &args.alias).await?;
    match now {
        Some(now) if now.version == made.version => Ok(()),
        Some(now) if was_there && now.number() > made.number() => {
            notes.push(format!(
                "alias {} points to the later version {} by now, and stays there",
                args.alias, now.version
            ));
            Ok(())
        }
        _ => Ok(client.set_alias(&made.name, &args.alias, &made.version).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_the_card_s_body_and_fits() {
        assert_eq!(description("---\na: 1\n---\n\n# Card\n"), "# Card");
        let long = format!(
            "---\na: 1\n---\n# Card\n{}",
            "a line of the card \u{e9}\n".repeat(1000)
        );
        let cut = description(&long);
        assert!(cut.chars().count() <= DESCRIPTION && cut.starts_with("# Card\n"));
        assert!(cut.ends_with("in the run's artifacts.") && cut.contains("card \u{e9}\n\nThe whole"));
    }
}
