//! All that is read before training: the dataset's record, and whether its bytes are still the same.

use artifact_store::{Location, ObjectMeta, Store, StoreError};
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

/// An object as it was when its bytes were checked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    object: DataObject,
    meta: ObjectMeta,
}

/// Objects that are looked at together.
const AT_ONCE: usize = 8;

/// Reads `--dataset` and cuts the window out of it.
///
/// # Errors
/// The record cannot be read, contradicts itself, or has nothing in the window.
pub(crate) async fn read_dataset(args: &RunArgs, cx: &Context) -> Result<Data, StepError> {
    let name = args.dataset.as_str();
    let location: Location = name
        .parse()
        .map_err(|e| StepError::usage(format!("--dataset: {e}")))?;
    let bytes = cx.store.read(&location).await?;
    let validated = Dataset::parse(name, &bytes)?;
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

/// Holds every object against its record: an object of a store by version id or ETag, a file by its digest.
///
/// # Errors
/// One is gone or is another; the sentence names it.
pub(crate) async fn verify(data: &Data, cx: &Context) -> Result<Vec<Seen>, StepError> {
    let objects: Vec<DataObject> = data
        .training
        .splits
        .values()
        .flat_map(|split| split.objects.clone())
        .collect();
    let looks = objects.into_iter().map(|object| look(object, cx));
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

/// Looks again after training: what was trained on must still be what was validated.
///
/// # Errors
/// One has changed meanwhile.
pub(crate) async fn verify_again(seen: &[Seen], store: &Store) -> Result<(), StepError> {
    let looks = seen.iter().map(|seen| async move {
        let now = store.head(&seen.meta.location).await?;
        let same = match (&seen.meta.version_id, &seen.meta.etag) {
            // The version that was recorded is still there: `open_recorded` said so before.
            (Some(_), _) => true,
            (None, Some(etag)) => now.etag.as_ref() == Some(etag),
            (None, None) => now.size == seen.meta.size && now.modified == seen.meta.modified,
        };
        if same {
            Ok(())
        } else {
            Err(StepError::usage(format!(
                "{} changed while training ran: the model was made from bytes that nobody validated; validate \
                 and train again",
                seen.object.uri
            )))
        }
    });
    stream::iter(looks)
        .buffered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map(|_| ())
}

async fn look(object: DataObject, cx: &Context) -> Result<Seen, StepError> {
    if cx.is_cancelled() {
        return Err(StepError::terminated());
    }
    let location: Location = object
        .uri
        .parse()
        .map_err(|e| StepError::usage(format!("dataset: {e}")))?;
    let recorded = ObjectMeta {
        location: location.clone(),
        size: object.size,
        etag: object.etag.clone(),
        version_id: object.version_id.clone(),
        modified: None,
    };
    let opened = cx.store.open_recorded(&recorded).await.map_err(refuse)?;
    let pinned = object.version_id.is_some() || object.etag.is_some();
    let mut meta = opened.meta().clone();
    if object.version_id.is_some() {
        // The version itself answers only when it is read.
        opened.fetch(0..object.size.min(1)).await.map_err(refuse)?;
    }
    if !pinned {
        let cancel = cx.cancel.clone();
        let read = move || {
            let reader = Cancellable {
                inner: opened.reader(),
                cancel,
            };
            digest_reader(reader)
        };
        let (digest, _) =
            tokio::task::spawn_blocking(read)
                .await?
                .map_err(|error| match StoreError::from_io(&error) {
                    Some(known) => refuse(known.clone()),
                    None if cx.is_cancelled() => StepError::terminated(),
                    None => StepError::usage(format!("{}: {error}", object.uri)),
                })?;
        if digest != object.digest {
            return Err(StepError::usage(format!(
                "{} changed since it was validated: its digest is {digest}, the dataset says {}; validate again",
                object.uri, object.digest
            )));
        }
    }
    meta.location = location;
    Ok(Seen { object, meta })
}

fn refuse(error: StoreError) -> StepError {
    match &error {
        StoreError::Changed { .. } => {
            StepError::usage(format!("{error}; it is not what was validated: validate again"))
        }
        _ => StepError::from(error),
    }
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
