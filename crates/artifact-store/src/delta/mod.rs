//! `delta:` references: the files of a Delta table at one version, by its log.
//!
//! The log is found by listing it, which says more than the hint `_last_checkpoint`: the newest whole checkpoint at or
//! before the version, and the commits after it. What the actions mean is an affair of [`tabular::DeltaLog`].

mod log;
mod name;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use percent_encoding::percent_decode_str;
use tabular::{DeltaFile, DeltaLog, DeltaTable, Kind};

use crate::error::StoreError;
use crate::listing::{Listing, Version};
use crate::location::Location;
use crate::object::ObjectMeta;
use crate::reference::{Access, Partition, Referred};
use crate::store::{Store, blocking};
use log::Segment;
pub use name::DeltaRef;

/// Files that are looked at, or read of the log, at once.
const AT_A_TIME: usize = 32;

/// The files that a table is made of. Boxed, to be compiled here and not in every binary.
pub(crate) fn resolve<'a>(
    store: &'a Store,
    reference: &'a DeltaRef,
) -> BoxFuture<'a, Result<Listing, StoreError>> {
    resolved(store, reference).boxed()
}

async fn resolved(store: &Store, reference: &DeltaRef) -> Result<Listing, StoreError> {
    let shown = format!("delta:{reference}");
    let segment = Segment::find(store, reference, &shown).await?;
    let version = segment.version;
    let table = replayed(store, segment, &shown).await?;
    if table.files.is_empty() {
        return Err(StoreError::NotFound {
            location: shown,
            what: format!("at version {version} the table has no files, and so no rows"),
        });
    }
    let kind = |column: &str| {
        let known = table.columns.iter().find(|(name, _)| name == column);
        known.map(|(_, kind)| *kind).filter(|kind| *kind != Kind::Other)
    };
    let root = &*reference.table;
    let wanted: Vec<(Location, u64, Referred)> = table
        .files
        .into_iter()
        .map(|file| {
            let location = at(root, &file, &shown)?;
            let partition = file.partition.into_iter().map(|(column, value)| Partition {
                kind: kind(&column),
                column,
                value,
            });
            let below = root.below(&location);
            let name = if below.is_empty() {
                location.file_name()
            } else {
                below
            };
            let referred = Referred {
                name: name.to_owned(),
                md5: None,
                access: Access::default(),
                partition: partition.collect(),
            };
            Ok((location, file.size, referred))
        })
        .collect::<Result<_, StoreError>>()?;
    let found = wanted.into_iter().map(|(location, size, referred)| {
        let (store, shown) = (store.clone(), shown.clone());
        async move { found(&store, &location, size, referred, &shown).await }
    });
    let mut objects: Vec<ObjectMeta> = futures::stream::iter(found)
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    objects.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Listing {
        objects,
        version: Some(Version::named(format!("delta:{root}@v{version}"))),
        columns: table
            .columns
            .into_iter()
            .filter(|(_, kind)| *kind != Kind::Other)
            .collect(),
    })
}

/// Reads the log, and replays it in its order.
async fn replayed(store: &Store, segment: Segment, shown: &str) -> Result<DeltaTable, StoreError> {
    let checkpoints = segment.checkpoint.len();
    let files = segment.checkpoint.into_iter().chain(segment.commits);
    let reads = files.map(|location| {
        let store = store.clone();
        async move {
            let bytes = store.read_by(&location, &Access::default()).await?;
            Ok::<_, StoreError>((location.to_string(), bytes))
        }
    });
    let mut reads = futures::stream::iter(reads).buffered(AT_A_TIME).enumerate();
    let mut log = DeltaLog::new();
    while let Some((number, read)) = reads.next().await {
        let (name, bytes) = read?;
        // A checkpoint of many files takes a while to decode.
        let at = shown.to_owned();
        log = blocking(move || {
            let taken = if number < checkpoints {
                log.checkpoint(&name, bytes)
            } else {
                log.commit(&name, &bytes)
            };
            taken
                .map(|()| log)
                .map_err(|error| invalid(&at, error.to_string()))
        })
        .await?;
    }
    log.table().map_err(|why| invalid(shown, why))
}

fn invalid(shown: &str, what: String) -> StoreError {
    StoreError::Invalid {
        location: shown.to_owned(),
        what,
    }
}

/// Where a file is: its path is percent-encoded below the table, or a location of its own.
fn at(root: &Location, file: &DeltaFile, shown: &str) -> Result<Location, StoreError> {
    let path = percent_decode_str(&file.path).decode_utf8().map_err(|_| {
        invalid(
            shown,
            format!("the path `{}` in the log is not UTF-8 text", file.path),
        )
    })?;
    if path.contains("://") || path.starts_with('/') {
        return path.parse().map_err(|error| {
            invalid(
                shown,
                format!("the log has a file that cannot be reached: {error}"),
            )
        });
    }
    Ok(root.join(&path))
}

/// Looks at a file: that it is there, and as long as the log says.
async fn found(
    store: &Store,
    location: &Location,
    size: u64,
    referred: Referred,
    shown: &str,
) -> Result<ObjectMeta, StoreError> {
    let meta = store.head_by(location, &Access::default()).await.map_err(|error| match error {
        StoreError::NotFound { location, what } => StoreError::NotFound {
            location: shown.to_owned(),
            what: format!("the log has {location}, and there is {what}: it was vacuumed, or deleted; take a newer version"),
        },
        other => other,
    })?;
    if meta.size != size {
        let what = format!("it has {} bytes, and the log of the table says {size}", meta.size);
        return Err(invalid(&meta.location.to_string(), what));
    }
    Ok(ObjectMeta {
        reference: Some(Box::new(referred)),
        ..meta
    })
}
