//! `dvc:` references: what a DVC repository tracks, read from its remote without DVC and without Git.
//!
//! The layouts of DVC 3 (`files/md5/ab/cdef…`) and of the versions before (`ab/cdef…`), files and directories, `.dvc` files
//! and `dvc.lock`, remotes in S3, on a web server and on a disk.

mod config;
mod git;
mod name;
mod outs;
mod repository;
mod tree;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use crate::error::StoreError;
use crate::listing::{Listing, Version};
use crate::location::Location;
use crate::object::ObjectMeta;
use crate::options::Keys;
use crate::reference::{Access, Md5, Referred};
use crate::store::{Store, blocking};
pub use name::DvcRef;
use repository::{Chosen, Said, below, look_up};
use tree::joined;

/// Objects whose sizes are asked for at once.
const AT_A_TIME: usize = 32;

/// A line of the list of a directory.
#[derive(Debug, Deserialize)]
struct Entry {
    md5: String,
    relpath: String,
}

/// The files that a reference stands for, in the order of their names. Boxed, to be compiled here and not in every binary.
pub(crate) fn resolve<'a>(
    store: &'a Store,
    reference: &'a DvcRef,
) -> BoxFuture<'a, Result<Listing, StoreError>> {
    resolved(store, reference).boxed()
}

async fn resolved(store: &Store, reference: &DvcRef) -> Result<Listing, StoreError> {
    let asked = reference.clone();
    let said = blocking(move || look_up(&asked)).await?;
    let shown = format!("dvc:{reference}");
    let mut wanted = Vec::new();
    for chosen in &said.chosen {
        let place = Place::of(chosen, &said, &shown)?;
        wanted.extend(place.files(store).await?);
    }
    let found = wanted.into_iter().map(|file| file.found(store.clone()));
    let mut objects: Vec<ObjectMeta> = futures::stream::iter(found)
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    objects.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Listing {
        version: version(&said),
        ..Listing::plain(objects)
    })
}

/// The digest that DVC knows the data by, and the commit that says so.
fn version(said: &Said) -> Option<Version> {
    let name = match said.chosen.as_slice() {
        [Chosen { out, inside, .. }] => {
            let dir = if out.is_dir { ".dir" } else { "" };
            let inside = if inside.is_empty() {
                String::new()
            } else {
                format!(":{inside}")
            };
            format!("dvc:md5:{}{dir}{inside}", out.md5)
        }
        // Several outputs have no digest of their own.
        _ => format!("dvc:git:{}:{}", said.commit.as_ref()?, said.path),
    };
    Some(Version {
        name,
        commit: said.commit.clone(),
    })
}

/// An output in its remote.
struct Place<'a> {
    shown: &'a str,
    chosen: &'a Chosen,
    base: Location,
    access: Access,
}

/// A file to be found.
struct Wanted {
    shown: String,
    remote: String,
    location: Location,
    size: Option<u64>,
    referred: Referred,
}

impl<'a> Place<'a> {
    fn of(chosen: &'a Chosen, said: &Said, shown: &'a str) -> Result<Self, StoreError> {
        let (remote, invalid) = (&chosen.remote, |what: String| StoreError::Invalid {
            location: shown.to_owned(),
            what,
        });
        let url = remote.url.trim_end_matches('/');
        let base = match url.split_once("://") {
            Some(("s3" | "http" | "https", _)) => url
                .parse()
                .map_err(|error: crate::LocationError| invalid(error.to_string()))?,
            Some((scheme, _)) => {
                return Err(invalid(format!(
                    "the remote `{}` is at {scheme}://, which is not read here; read are s3://, http(s):// and paths",
                    remote.name
                )));
            }
            None if url.starts_with('/') => Location::Path(url.into()),
            None if said.dot_dvc.is_dir() => Location::Path(said.dot_dvc.join(url)),
            None => {
                return Err(invalid(format!(
                    "the remote `{}` is at the relative path `{url}`, and there is no checkout that it is relative to",
                    remote.name
                )));
            }
        };
        let is_s3 = matches!(base, Location::S3 { .. });
        let keys = remote.keys.clone();
        let access = Access {
            endpoint: remote
                .endpoint
                .clone()
                .map(|url| url.trim_end_matches('/').to_owned()),
            region: remote.region.clone(),
            profile: remote.profile.clone(),
            keys: keys.map(|(access, secret)| Keys { access, secret }),
        };
        Ok(Self {
            shown,
            chosen,
            base,
            access: if is_s3 { access } else { Access::default() },
        })
    }

    /// Where the bytes of a digest are.
    fn object(&self, md5: &Md5, suffix: &str) -> Location {
        let (start, rest) = md5.hex().split_at(2);
        let folder = if md5.text_alike() { "" } else { "files/md5/" };
        self.base.join(&format!("{folder}{start}/{rest}{suffix}"))
    }

    fn wanted(&self, name: String, md5: &Md5, size: Option<u64>) -> Wanted {
        Wanted {
            shown: self.shown.to_owned(),
            remote: self.chosen.remote.name.clone(),
            location: self.object(md5, ""),
            size,
            referred: Referred {
                name,
                md5: Some(md5.clone()),
                access: self.access.clone(),
                partition: Vec::new(),
            },
        }
    }

    async fn files(&self, store: &Store) -> Result<Vec<Wanted>, StoreError> {
        let Chosen {
            out, inside, under, ..
        } = self.chosen;
        if !out.is_dir {
            let own = out.path.rsplit('/').next().unwrap_or(&out.path);
            let name = if under.is_empty() { own } else { under };
            return Ok(vec![self.wanted(name.to_owned(), &out.md5, out.size)]);
        }
        let entries = self.list(store, &out.md5).await?;
        let mut files = Vec::new();
        for entry in &entries {
            let name = if entry.relpath == *inside {
                entry.relpath.rsplit('/').next().unwrap_or(inside)
            } else if let Some(name) = below(&entry.relpath, inside) {
                name
            } else {
                continue;
            };
            let md5 = Md5::new(&entry.md5, out.md5.text_alike()).ok_or_else(|| StoreError::Invalid {
                location: self.shown.to_owned(),
                what: format!(
                    "the list of `{}` has md5 `{}` for {}",
                    out.path, entry.md5, entry.relpath
                ),
            })?;
            files.push(self.wanted(joined(under, name), &md5, None));
        }
        if files.is_empty() {
            let what = if inside.is_empty() {
                format!("the directory `{}` has no files", out.path)
            } else {
                let hint =
                    step_contract::did_you_mean(inside, entries.iter().map(|entry| entry.relpath.as_str()));
                let count = entries.len();
                format!(
                    "`{inside}` is not in the directory `{}`, which has {count} files{hint}",
                    out.path
                )
            };
            return Err(StoreError::NotFound {
                location: self.shown.to_owned(),
                what,
            });
        }
        Ok(files)
    }

    /// The list of a directory.
    async fn list(&self, store: &Store, md5: &Md5) -> Result<Vec<Entry>, StoreError> {
        let at = self.object(md5, ".dir");
        let read = store.read_by(&at, &self.access).await;
        let bytes =
            read.map_err(|error| absent(error, self.shown, &self.chosen.remote.name, "its list of files"))?;
        // The list was hashed as it is, in every version of DVC.
        if let Some(exact) = Md5::new(md5.hex(), false) {
            exact.check(&at.to_string(), &bytes)?;
        }
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Invalid {
            location: at.to_string(),
            what: format!("the list of files is no JSON list of md5 and relpath: {error}"),
        })
    }
}

impl Wanted {
    async fn found(self, store: Store) -> Result<ObjectMeta, StoreError> {
        let head = store.head_by(&self.location, &self.referred.access).await;
        let meta = head.map_err(|error| {
            absent(
                error,
                &self.shown,
                &self.remote,
                &format!("`{}`", self.referred.name),
            )
        })?;
        if let Some(size) = self.size.filter(|size| *size != meta.size) {
            return Err(StoreError::Invalid {
                location: meta.location.to_string(),
                what: format!(
                    "it has {} bytes, and DVC has recorded {size}: the object is damaged or was overwritten",
                    meta.size
                ),
            });
        }
        Ok(ObjectMeta {
            reference: Some(Box::new(self.referred)),
            ..meta
        })
    }
}

/// What is not in the remote was not pushed.
fn absent(error: StoreError, shown: &str, remote: &str, which: &str) -> StoreError {
    match error {
        StoreError::NotFound { location, what } => StoreError::NotFound {
            location: shown.to_owned(),
            what: format!(
                "{which} is not in the remote `{remote}` ({location}: {what}); `dvc push` puts it there"
            ),
        },
        other => other,
    }
}
