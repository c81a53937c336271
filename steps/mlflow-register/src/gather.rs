//! All reads of `register`: the records, the reports, the statements, MLflow's view of the run, and every
//! byte of the model.

use std::collections::BTreeMap;

use artifact_store::Location;
use mlflow_client::{Client, ModelUri, Run};
use provenance::{Dataset, Digest, FileDigest, Record, Statement, TrainingRun, digest_bytes};
use step_contract::{InArtifact, load_yaml};
use step_report::Report;
use step_runtime::Context;

use crate::cli::RegisterArgs;
use crate::config::CardConfig;
use crate::error::Error;
use crate::metadata::digest_of;
use crate::place::{Keep, Place, Tee};

/// A file that was read: its place, its digest, what it says.
#[derive(Debug, Clone)]
pub(crate) struct Given<T> {
    pub(crate) uri: String,
    pub(crate) digest: Digest,
    pub(crate) value: T,
}

/// All that the decision rests on.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    pub(crate) run: Given<TrainingRun>,
    pub(crate) validation: Given<Report>,
    pub(crate) evaluation: Given<Report>,
    pub(crate) dataset: Given<Dataset>,
    pub(crate) card: Option<Given<CardConfig>>,
    pub(crate) validation_statement: Option<Given<Statement>>,
    pub(crate) training_statement: Option<Given<Statement>>,
    pub(crate) evaluation_statement: Option<Given<Statement>>,
    pub(crate) mlflow: Registry,
}

/// What MLflow says.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// The run, when it is there.
    pub(crate) run: Option<Run>,
    /// The model's files as they are kept, or why they cannot be found.
    pub(crate) model: Result<Kept, String>,
    /// Where the alias of the champion points.
    pub(crate) champion: Option<Champion>,
}

/// The version that serves.
#[derive(Debug, Clone)]
pub(crate) struct Champion {
    /// Its number.
    pub(crate) version: String,
    /// The digest of its model, when it is on record.
    pub(crate) digest: Option<Digest>,
}

/// A model as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Every file, sorted by path.
    pub(crate) files: Vec<FileDigest>,
    /// The small files that say what the model needs, by path.
    pub(crate) texts: BTreeMap<String, String>,
    /// The logged model, when it is one (MLflow 3).
    pub(crate) model_id: Option<String>,
}

/// Files that are looked into.
pub(crate) const LOOKED_INTO: [&str; 4] = ["MLmodel", "requirements.txt", "conda.yaml", "python_env.yaml"];

pub(crate) async fn gather(args: &RegisterArgs, client: &Client, cx: &Context) -> Result<Evidence, Error> {
    // What lies at hand first: a wrong file is said before a server is asked.
    let run = record::<TrainingRun>(&args.run, cx).await?;
    let validation = report(&args.validation, cx).await?;
    let evaluation = report(&args.evaluation, cx).await?;
    let dataset = record::<Dataset>(&args.dataset, cx).await?;
    let card = match &args.card_config {
        Some(at) => Some(card(at, cx).await?),
        None => None,
    };
    let validation_statement = statement(args.validation_statement.as_ref(), cx).await?;
    let training_statement = statement(args.training_statement.as_ref(), cx).await?;
    let evaluation_statement = statement(args.evaluation_statement.as_ref(), cx).await?;
    let champion = match client.alias(&args.name, &args.champion_alias).await? {
        Some(version) => Some(Champion {
            digest: digest_of(&version)?,
            version: version.version,
        }),
        None => None,
    };
    let mlflow = Registry {
        run: client.run(&run.value.run_id).await?,
        model: model(&run.value.model.uri, client, cx).await?,
        champion,
    };
    Ok(Evidence {
        run,
        validation,
        evaluation,
        dataset,
        card,
        validation_statement,
        training_statement,
        evaluation_statement,
        mlflow,
    })
}

/// The bytes at a place.
pub(crate) async fn read(at: &InArtifact, cx: &Context) -> Result<(String, Vec<u8>), Error> {
    let location: Location = at.as_str().parse()?;
    Ok((at.to_string(), cx.store.read(&location).await?.to_vec()))
}

/// A record of ours at a place.
pub(crate) async fn record<R: Record>(at: &InArtifact, cx: &Context) -> Result<Given<R>, Error> {
    let (uri, bytes) = read(at, cx).await?;
    let value = R::parse(&uri, &bytes)?;
    Ok(Given {
        digest: digest_bytes(&bytes),
        uri,
        value,
    })
}

async fn report(at: &InArtifact, cx: &Context) -> Result<Given<Report>, Error> {
    let (uri, bytes) = read(at, cx).await?;
    let value = Report::from_json(&uri, &bytes)?;
    Ok(Given {
        digest: digest_bytes(&bytes),
        uri,
        value,
    })
}

async fn statement(at: Option<&InArtifact>, cx: &Context) -> Result<Option<Given<Statement>>, Error> {
    let Some(at) = at else { return Ok(None) };
    let (uri, bytes) = read(at, cx).await?;
    let value = Statement::parse(&uri, &bytes)?;
    Ok(Some(Given {
        digest: digest_bytes(&bytes),
        uri,
        value,
    }))
}

async fn card(at: &InArtifact, cx: &Context) -> Result<Given<CardConfig>, Error> {
    let (uri, bytes) = read(at, cx).await?;
    let text = String::from_utf8(bytes).map_err(|_| Error::Usage(format!("{uri} is not UTF-8 text")))?;
    let value = load_yaml(&uri, &text)?;
    Ok(Given {
        digest: digest_bytes(&text),
        uri,
        value,
    })
}

/// Reads every byte of the model. That it is not there is an answer; that MLflow is not there is an error.
async fn model(uri: &str, client: &Client, cx: &Context) -> Result<Result<Kept, String>, Error> {
    let found = match client.resolve(&uri.parse::<ModelUri>()?).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let place = Place {
        client,
        store: &cx.store,
        root: found.root,
    };
    let mut kept = Kept {
        files: Vec::new(),
        texts: BTreeMap::new(),
        model_id: found.model_id,
    };
    let paths = place.list().await?;
    if paths.is_empty() {
        return Ok(Err(format!("there is no file below {uri}")));
    }
    let total = paths.len();
    for (done, path) in paths.into_iter().enumerate() {
        let wanted = LOOKED_INTO.contains(&path.as_str());
        let tee = place.read(&path, || Ok(Tee::new(Keep::when(wanted)))).await?;
        let (file, keep) = tee.finish(&path);
        tracing::debug!(path, size = file.size, file = done + 1, of = total, "digested");
        if wanted {
            kept.texts
                .insert(path, String::from_utf8_lossy(&keep.bytes).into_owned());
        }
        kept.files.push(file);
    }
    Ok(Ok(kept))
}
