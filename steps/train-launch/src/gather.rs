//! All that is read before training: the dataset's record, and whether its bytes are still the same.

use artifact_store::{Location, ObjectMeta, StoreError};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use provenance::{DataObject, Dataset, Record as _, digest_reader};
use step_runtime::{Context, StepError};

use crate::cli::RunArgs;
use crate::window::{Narrowed, narrow};

/// What training will read.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    /// As it was validated.
    pub validated: Dataset,
    /// What training gets: the validated dataset, narrowed when a window was asked for, with local paths
    /// made absolute.
    pub training: Dataset,
    /// The window, when one was asked for.
    pub window: Option<Narrowed>,
}

/// When objects are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before training: nothing is lost when one has changed.
    Before,
    /// After it: what was trained on must still be what was validated.
    After,
}

/// Objects that are looked at together.
const AT_ONCE: usize = 8;

/// Reads `--dataset` and cuts the window out of it.
///
/// # Errors
/// The record cannot be read, contradicts itself, or has nothing in the window.
pub(crate) async fn read_dataset(args: &RunArgs, cx: &Context) -> Result<Data, StepError> {
    let name = args.dataset.as_str();
    let validated = match &args.recorded {
        Some((name, bytes)) => Dataset::parse(name, bytes)?,
        None => {
            let location: Location = name
                .parse()
                .map_err(|e| StepError::usage(format!("--dataset: {e}")))?;
            Dataset::parse(name, &cx.store.read(&location).await?)?
        }
    };
    let window = match &args.window {
        Some(length) => Some(
            narrow(&validated, &args.window_split, length, args.as_of.as_deref())
                .map_err(StepError::usage)?,
        ),
        None if args.as_of.is_some() => {
            return Err(StepError::usage("--as-of ends a --window, and none is given"));
        }
        None => None,
    };
    let mut training = window
        .as_ref()
        .map_or(&validated, |narrowed| &narrowed.dataset)
        .clone();
    for object in training.splits.values_mut().flat_map(|split| &mut split.objects) {
        // Training may run in another directory. The digest does not hold the directory that all share.
        if let Ok(Location::Path(path)) = object.uri.parse()
            && path.is_relative()
            && let Ok(absolute) = std::path::absolute(&path)
        {
            object.uri = absolute.to_string_lossy().into_owned();
        }
    }
    Ok(Data {
        validated,
        training,
        window,
    })
}

/// Holds every object against its record: an object of a store by version id or ETag, a file by its digest. A version
/// must be the current one, for that is what training reads by the object's name.
///
/// # Errors
/// One is gone or is another; the sentence names it.
pub(crate) async fn verify(data: &Data, when: When, cx: &Context) -> Result<(), StepError> {
    let objects: Vec<DataObject> = data
        .training
        .splits
        .values()
        .flat_map(|split| split.objects.clone())
        .collect();
    let looks = objects.into_iter().map(|object| async move {
        let what = match difference(&object, cx).await? {
            Some(what) => what,
            None => return Ok(()),
        };
        let uri = &object.uri;
        Err(StepError::usage(match when {
            When::Before => format!("{uri} changed since it was validated: {what}; validate again"),
            When::After => format!(
                "{uri} changed while training ran: {what}; the model was made from bytes that nobody validated: \
                 validate and train again"
            ),
        }))
    });
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

/// What an object is instead of what was recorded; nothing when it is the same.
async fn difference(object: &DataObject, cx: &Context) -> Result<Option<String>, StepError> {
    if cx.is_cancelled() {
        return Err(StepError::terminated());
    }
    let recorded = ObjectMeta::recorded(object).map_err(|e| StepError::usage(format!("dataset: {e}")))?;
    if let Some(recorded_id) = &object.version_id {
        let current = cx.store.head_found(&recorded).await?.version_id;
        return Ok((current.as_ref() != Some(recorded_id)).then(|| {
            format!(
                "its current version is {} instead of {recorded_id}",
                current.as_deref().unwrap_or("without an id")
            )
        }));
    }
    let opened = match cx.store.open_recorded(&recorded).await {
        Err(StoreError::Changed { what, .. }) => return Ok(Some(what)),
        opened => opened?,
    };
    if object.etag.is_some() {
        return Ok(None);
    }
    let cancel = cx.cancel.clone();
    let read = move || {
        let reader = Cancellable {
            inner: opened.reader(),
            cancel,
        };
        digest_reader(reader)
    };
    let digest = match tokio::task::spawn_blocking(read).await? {
        Ok((digest, _)) => digest,
        Err(_) if cx.is_cancelled() => return Err(StepError::terminated()),
        Err(error) => {
            return match StoreError::from_io(&error) {
                Some(StoreError::Changed { what, .. }) => Ok(Some(what.clone())),
                Some(known) => Err(known.clone().into()),
                None => Err(StepError::usage(format!("{}: {error}", object.uri))),
            };
        }
    };
    Ok((digest != object.digest)
        .then(|| format!("its digest is {digest}, the dataset says {}", object.digest)))
}

/// A reader that ends with an error when the step shall stop.
struct Cancellable<R> {
    inner: R,
    cancel: tokio_util::sync::CancellationToken,
}

impl<R: std::io::Read> std::io::Read for Cancellable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("stopped"));
        }
        self.inner.read(buffer)
    }
}
