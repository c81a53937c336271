//! Scores from a served model.

use std::num::NonZeroUsize;
use std::time::Duration;

use kserve_api::{
    AnswerShape, ClientOptions, Column, Endpoint, FeatureTable, InferenceClient, InferenceError, Layout,
    RequestShape, ScoreOptions, score,
};
use step_contract::Exit;
use step_report::Input;
use step_runtime::{Context, StepError};

use super::Gathered;
use super::table::Frame;
use crate::evidence::Scores;
use crate::gate::cli::GateArgs;
use crate::load::InputFormat;

/// The server's absence is exit 4, all else is a wrong request or a wrong model.
pub(super) fn refused(error: &InferenceError) -> StepError {
    let exit = if error.is_unavailable() {
        Exit::Unavailable
    } else {
        Exit::Usage
    };
    StepError::new(exit, error.to_string())
}

/// A client whose model is ready.
pub(super) async fn client(
    url: &str,
    model: &str,
    args: &GateArgs,
    cx: &Context,
) -> Result<InferenceClient, StepError> {
    let ca_pem = match cx.ca_file() {
        Some(path) => Some(
            tokio::fs::read(path)
                .await
                .map_err(|error| StepError::usage(format!("--ca-file {}: {error}", path.display())))?,
        ),
        None => None,
    };
    let options = ClientOptions {
        ca_pem,
        host: args.host.clone(),
        ..retrying()
    };
    let endpoint = Endpoint::new(url, model, None, args.protocol.into()).map_err(|error| refused(&error))?;
    let client = InferenceClient::new(endpoint, &options).map_err(|error| refused(&error))?;
    tokio::select! {
        ready = client.wait_ready() => ready.map_err(|error| refused(&error))?,
        () = cx.cancel.cancelled() => return Err(StepError::terminated()),
    }
    Ok(client)
}

/// The one variable that bounds all our retries, as `artifact-store` reads it.
fn retrying() -> ClientOptions {
    let seconds = std::env::var("STORE_RETRY_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let default = ClientOptions::default();
    ClientOptions {
        retry_for: seconds.map_or(default.retry_for, Duration::from_secs),
        ..default
    }
}

/// The features of all rows, in the model's order.
pub(super) fn features(frame: &Frame, names: &[String]) -> Result<FeatureTable, StepError> {
    let columns: Vec<(String, Column)> = names
        .iter()
        .filter_map(|name| Some((name.clone(), frame.feature(name)?.clone())))
        .collect();
    FeatureTable::new(columns).map_err(|error| refused(&error))
}

/// How rows of this table travel.
pub(super) fn shape(table: &FeatureTable, args: &GateArgs) -> RequestShape {
    let mut shape = RequestShape::for_table(table, args.protocol.into());
    shape.input_name.clone_from(&args.input_name);
    match args.input_format {
        InputFormat::Auto => {}
        InputFormat::Matrix => shape.layout = Layout::Matrix,
        InputFormat::Columns => shape.layout = Layout::Columns,
    }
    shape
}

/// Which of the answers is the score.
pub(super) fn answer(args: &GateArgs) -> AnswerShape {
    AnswerShape {
        output: args.output.clone(),
        positive_class: args.positive_class,
    }
}

/// Scores of a whole table.
pub(super) async fn ask(
    client: &InferenceClient,
    table: &FeatureTable,
    args: &GateArgs,
    cx: &Context,
) -> Result<Vec<f64>, StepError> {
    let mut options = ScoreOptions::new(shape(table, args), answer(args));
    options.batch_rows = NonZeroUsize::new(args.batch_rows as usize).unwrap_or(NonZeroUsize::MIN);
    tokio::select! {
        scores = score(client, table, &options) => scores.map_err(|error| refused(&error)),
        () = cx.cancel.cancelled() => Err(StepError::terminated()),
    }
}

/// Scores the rows with one model.
pub(super) async fn scores(
    (side, url, model): (&str, &str, &str),
    args: &GateArgs,
    frame: &Frame,
    names: &[String],
    cx: &Context,
    out: &mut Gathered,
) -> Result<Scores, StepError> {
    let client = client(url, model, args, cx).await?;
    let prefix = if side == "challenger" {
        String::new()
    } else {
        format!("{side}.")
    };
    out.bind(&format!("{prefix}endpoint.model"), model);
    if let Ok(metadata) = client.model_metadata().await {
        let versions = metadata.versions.unwrap_or_default().join(",");
        if !versions.is_empty() {
            out.bind(&format!("{prefix}endpoint.model_version"), versions);
        }
    }
    let table = features(frame, names)?;
    let read = Input::new(format!("{side} endpoint"), client.endpoint().shown())
        .rows(frame.rows as u64)
        .detail(format!("model {model}, {} features", names.len()));
    out.inputs.push(read);
    if frame.rows == 0 {
        return Ok(Scores::default());
    }
    let scores = ask(&client, &table, args, cx).await?;
    Ok(Scores::new(scores.into_iter().map(Some)))
}
