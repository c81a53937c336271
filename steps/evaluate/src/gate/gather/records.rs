//! `run.json`, `dataset.json` and the champion's `model-version.json`: what the report is bound to.

use provenance::{DataObject, Dataset, Digest, ModelVersionRecord, Split, TrainingRun, digest_bytes};
use step_contract::{InArtifact, nearest};
use step_report::{Input, Note};
use step_runtime::{Context, StepError};

use super::Gathered;
use super::table::{Cut, Frame};
use crate::decide::count;
use crate::gate::cli::GateArgs;

/// What the records say.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    /// The split that is judged on, by name.
    pub split: Option<(String, Split)>,
    /// The window that it was cut to.
    pub cut: Option<Cut>,
}

/// Reads the records and binds the report to them.
pub(super) async fn read(args: &GateArgs, cx: &Context, out: &mut Gathered) -> Result<Records, StepError> {
    let mut records = Records::default();
    let mut trained_on: Option<Digest> = None;
    if let Some(at) = &args.run {
        let (run, digest): (TrainingRun, Digest) = record(at, cx).await?;
        out.read(
            Input::new("run", at.as_str()).detail(format!("run {} of {}", run.run_id, run.experiment)),
            Some(digest),
        );
        out.materials.push((run.model.uri.clone(), run.model.digest));
        out.bind("run_id", run.run_id);
        out.bind("model.digest", run.model.digest.to_string());
        out.bind("model.uri", run.model.uri);
        trained_on = Some(run.dataset.digest);
    }
    if let (Some(at), Some(name)) = (&args.dataset, &args.split) {
        let (mut dataset, digest): (Dataset, Digest) = record(at, cx).await?;
        let Some(split) = dataset.splits.remove(name) else {
            let known: Vec<&str> = dataset.splits.keys().map(String::as_str).collect();
            let hint = nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!(", did you mean `{near}`"));
            return Err(StepError::usage(format!(
                "{at}: there is no split `{name}`{hint}; it has {}",
                known.join(", ")
            )));
        };
        out.read(
            Input::new("dataset", at.as_str()).detail(format!("split {name}, version {}", dataset.version)),
            Some(digest),
        );
        out.bind("dataset.digest", dataset.digest.to_string());
        out.bind("dataset.version", dataset.version.clone());
        out.bind("split", name.clone());
        out.bind("split.digest", split.digest.to_string());
        if trained_on.is_some_and(|trained_on| trained_on != dataset.digest) {
            out.notes.push(Note::warn(
                "The model was trained on another dataset than the one whose split it is judged on: see bindings.",
            ));
        }
        // A reference comes after the window that is trained on, and is not cut by it.
        if let Some(window) = dataset.window.filter(|_| split.windowed) {
            let inside = window
                .range()
                .map_err(|why| StepError::usage(format!("{at}: {why}")))?;
            out.bind(
                "window",
                format!("{} from {} to {}", window.column, window.from, window.to),
            );
            records.cut = Some(Cut {
                column: window.column,
                inside,
            });
        }
        records.split = Some((name.clone(), split));
    }
    champion(args, cx, out).await?;
    Ok(records)
}

/// Binds the report to the champion that it compares with: `mlflow-register` holds that against the registry.
async fn champion(args: &GateArgs, cx: &Context, out: &mut Gathered) -> Result<(), StepError> {
    let named = match (&args.champion_version, &args.champion_digest) {
        (Some(at), _) => format!("--champion-version {at}"),
        (None, Some(digest)) => format!("--champion-digest {digest}"),
        (None, None) => return Ok(()),
    };
    if args.champion_endpoint.is_none() && args.champion_predictions.is_none() {
        return Err(StepError::usage(format!(
            "{named} names a champion, and nothing asks it: give --champion-endpoint or --champion-predictions"
        )));
    }
    if let Some(digest) = &args.champion_digest {
        out.bind("champion.digest", digest.to_string());
    }
    let Some(at) = &args.champion_version else {
        return Ok(());
    };
    let (version, digest): (ModelVersionRecord, Digest) = record(at, cx).await?;
    out.read(
        Input::new("champion version", at.as_str())
            .detail(format!("version {} of {}", version.version, version.name)),
        Some(digest),
    );
    out.materials.push((version.model_uri, version.digest));
    out.bind("champion.digest", version.digest.to_string());
    out.bind("champion.version", version.version);
    Ok(())
}

async fn record<R: provenance::Record>(at: &InArtifact, cx: &Context) -> Result<(R, Digest), StepError> {
    let location = at
        .as_str()
        .parse()
        .map_err(|error| StepError::usage(format!("{error}")))?;
    let bytes = cx.store.read(&location).await?;
    Ok((R::parse(at.as_str(), &bytes)?, digest_bytes(&bytes)))
}

/// Refuses rows that are not those of the split: by bytes, whatever the files are called now, and by how many of them
/// lie in the window.
pub(super) fn verify(records: &Records, data: Option<&Frame>) -> Result<(), StepError> {
    let (Some((name, split)), Some(data)) = (&records.split, data) else {
        return Ok(());
    };
    let mut recorded: Vec<&DataObject> = split.objects.iter().collect();
    for object in &data.objects {
        let Some(at) = recorded.iter().position(|known| known.digest == object.digest) else {
            // The record names the files that have rows in the window; one that has none is no part of the split.
            if records.cut.is_some() && object.rows == 0 {
                continue;
            }
            let same = recorded.iter().find(|known| known.uri == object.uri);
            let was = same.map_or_else(String::new, |known| format!(", the record says {}", known.digest));
            return Err(StepError::usage(format!(
                "{}: these bytes are not in split `{name}` ({}{was}): they were changed after the validation, or \
                 --data names other rows; validate again, or judge on the rows that were validated",
                object.uri, object.digest
            )));
        };
        let known = recorded.swap_remove(at);
        if records.cut.is_some() && known.rows != object.rows {
            return Err(StepError::usage(format!(
                "{}: {} in the window of the dataset, and its record says {}: it was validated with another window",
                object.uri,
                count(object.rows, "row lies", "rows lie"),
                known.rows
            )));
        }
    }
    if recorded.is_empty() {
        return Ok(());
    }
    let missing: Vec<&str> = recorded.iter().map(|known| known.uri.as_str()).take(3).collect();
    Err(StepError::usage(format!(
        "--data lacks {} of the {} files of split `{name}` ({}): judge on all of it",
        recorded.len(),
        split.objects.len(),
        missing.join(", ")
    )))
}
