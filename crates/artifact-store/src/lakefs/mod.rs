//! `lakefs://` references: a branch or a tag is resolved to its commit, and everything is listed and read at that commit.
//!
//! By the server's own API (`/api/v1`), which needs no S3 gateway and no second set of keys. What was written to a branch
//! and not committed is no part of a commit, and is not seen.

mod answers;
mod name;

use std::ops::Range;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::StoreError;
use crate::glob;
use crate::http::Http;
use crate::listing::{Listing, Version};
use crate::location::Location;
use crate::object::ObjectMeta;
use crate::options::{Keys, StoreOptions, env};
use crate::reference::{Access, Referred};
use crate::s3::Pin;
use crate::tls::CaBundle;
use answers::{Commits, Page, Stats};
pub use name::LakefsRef;

/// Objects in one answer.
const PAGE: &str = "1000";

/// What says where the server is, and who asks: the names that lakectl and the SDKs read.
const ENDPOINT: &str = "LAKECTL_SERVER_ENDPOINT_URL";
const ACCESS_KEY: &str = "LAKECTL_CREDENTIALS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY";

/// A client of one server.
#[derive(Debug, Clone)]
pub(crate) struct Lakefs {
    http: Http,
    base: Url,
}

impl Lakefs {
    pub(crate) fn new(options: &StoreOptions, ca: &CaBundle) -> Result<Self, StoreError> {
        let invalid = |what: String| StoreError::Invalid {
            location: "lakefs://".into(),
            what,
        };
        let endpoint = options.lakefs_endpoint.clone().or_else(|| env(ENDPOINT));
        let endpoint = endpoint.ok_or_else(|| invalid(format!("no server is known; set {ENDPOINT}")))?;
        let root = endpoint.trim_end_matches('/').trim_end_matches("/api/v1");
        let base: Url = format!("{root}/api/v1/").parse().map_err(|error| {
            invalid(format!(
                "{ENDPOINT} is `{endpoint}`: {error}; write https://lakefs.example.com"
            ))
        })?;
        let keys = match (options.lakefs_keys.clone(), env(ACCESS_KEY), env(SECRET_KEY)) {
            (Some(keys), ..) => keys,
            (None, Some(access), Some(secret)) => Keys { access, secret },
            _ => {
                return Err(StoreError::Denied {
                    location: "lakefs://".into(),
                    what: format!("no credentials were found; set {ACCESS_KEY} and {SECRET_KEY}"),
                });
            }
        };
        Ok(Self {
            http: Http::with_login(options, ca, Some(keys))?,
            base,
        })
    }

    fn url(&self, at: &LakefsRef, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["repositories", &at.repository, "refs", &at.reference])
                .extend(parts);
        }
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    async fn ask<T: DeserializeOwned>(&self, at: &LakefsRef, url: &Url) -> Result<T, StoreError> {
        let got = self.http.get(url, &Pin::default()).await;
        let (bytes, _) = got.map_err(|error| explained(error, at))?;
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Invalid {
            location: at.to_string(),
            what: format!("the server's answer is none of lakeFS's: {error}; is {ENDPOINT} a lakeFS server?"),
        })
    }

    /// The same at the commit that the reference is at now.
    async fn pinned(&self, at: &LakefsRef) -> Result<LakefsRef, StoreError> {
        if at.is_commit() {
            return Ok(at.clone());
        }
        let url = self.url(at, &["commits"], &[("amount", "1"), ("limit", "true")]);
        let commits: Commits = self.ask(at, &url).await.map_err(|error| match error {
            StoreError::NotFound { location, .. } => StoreError::NotFound {
                location,
                what: format!(
                    "no repository `{}`, or no branch, tag or commit `{}` in it",
                    at.repository, at.reference
                ),
            },
            other => other,
        })?;
        let first = commits
            .results
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::NotFound {
                location: at.to_string(),
                what: "it has no commit".into(),
            })?;
        Ok(LakefsRef {
            reference: first.id,
            ..at.clone()
        })
    }

    /// Size and checksum of an object.
    pub(crate) fn head<'a>(&'a self, at: &'a LakefsRef) -> BoxFuture<'a, Result<ObjectMeta, StoreError>> {
        async move {
            let at = self.pinned(at).await?;
            self.stat(&at).await
        }
        .boxed()
    }

    async fn stat(&self, at: &LakefsRef) -> Result<ObjectMeta, StoreError> {
        let url = self.url(at, &["objects", "stat"], &[("path", &at.path)]);
        let stats: Stats = self.ask(at, &url).await?;
        let name = at.path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(stats.meta(at, name))
    }

    /// The bytes of a range, or all.
    pub(crate) fn get<'a>(
        &'a self,
        at: &'a LakefsRef,
        range: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<(Bytes, u64), StoreError>> {
        async move {
            let url = self.url(at, &["objects"], &[("path", &at.path)]);
            let pin = Pin {
                range,
                ..Pin::default()
            };
            let (bytes, meta) = self
                .http
                .get(&url, &pin)
                .await
                .map_err(|error| explained(error, at))?;
            Ok((bytes, meta.size))
        }
        .boxed()
    }

    /// The objects that a reference stands for, at its commit.
    pub(crate) fn resolve<'a>(&'a self, asked: &'a LakefsRef) -> BoxFuture<'a, Result<Listing, StoreError>> {
        async move {
            let at = self.pinned(asked).await?;
            let objects = self
                .found(&at)
                .await
                .map_err(|error| located(error, asked.to_string()))?;
            Ok(Listing {
                version: Some(Version {
                    name: at.to_string(),
                    commit: Some(at.reference.clone()),
                }),
                ..Listing::plain(objects)
            })
        }
        .boxed()
    }

    async fn found(&self, at: &LakefsRef) -> Result<Vec<ObjectMeta>, StoreError> {
        if glob::is_glob(&at.path) {
            let prefix = glob::literal_prefix(&at.path);
            let mut found = self.list(at, prefix).await?;
            found.retain(|meta| glob::matches(&at.path, meta.location.pattern()));
            return nonempty(found, at, "nothing matches");
        }
        if at.path.is_empty() || at.path.ends_with('/') {
            return nonempty(self.list(at, &at.path).await?, at, "nothing is below it");
        }
        match self.stat(at).await {
            Ok(meta) => Ok(vec![meta]),
            Err(StoreError::NotFound { .. }) => {
                let below = self.list(at, &format!("{}/", at.path)).await?;
                nonempty(below, at, "no such object, and nothing is below it")
            }
            Err(error) => Err(error),
        }
    }

    async fn list(&self, at: &LakefsRef, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let query = [("prefix", prefix), ("after", &after), ("amount", PAGE)];
            let page: Page = self.ask(at, &self.url(at, &["objects", "ls"], &query)).await?;
            let objects = page.results.into_iter().filter(|stats| stats.is_object());
            found.extend(objects.map(|stats| {
                let name = stats.path.strip_prefix(prefix).unwrap_or(&stats.path).to_owned();
                let object = at.with_path(stats.path.clone());
                stats.meta(&object, name)
            }));
            match (page.pagination.has_more, page.pagination.next_offset) {
                (true, next) if next > after => after = next,
                (true, next) => {
                    return Err(StoreError::Invalid {
                        location: at.to_string(),
                        what: format!(
                            "the server says that the list goes on after `{next}`, where it was already"
                        ),
                    });
                }
                (false, _) => return Ok(found),
            }
        }
    }
}

fn nonempty(found: Vec<ObjectMeta>, at: &LakefsRef, what: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    if found.is_empty() {
        return Err(StoreError::NotFound {
            location: at.to_string(),
            what: what.to_owned(),
        });
    }
    Ok(found)
}

impl Stats {
    fn meta(&self, at: &LakefsRef, name: String) -> ObjectMeta {
        ObjectMeta {
            location: Location::Lakefs(at.clone()),
            size: self.size_bytes,
            etag: Some(self.checksum.clone()),
            version_id: None,
            modified: jiff::Timestamp::from_second(self.mtime).ok(),
            reference: Some(Box::new(Referred {
                name,
                md5: None,
                access: Access::default(),
                partition: Vec::new(),
            })),
        }
    }
}

/// A failure said of the name that was asked for, and not of an address of the API.
fn explained(error: StoreError, at: &LakefsRef) -> StoreError {
    let error = match error {
        StoreError::NotFound { location, .. } => StoreError::NotFound {
            location,
            what: "no such object".into(),
        },
        StoreError::Denied { location, what } => StoreError::Denied {
            location,
            what: format!("{what}; check {ACCESS_KEY}, {SECRET_KEY} and the policies of their user"),
        },
        other => other,
    };
    located(error, at.to_string())
}

fn located(error: StoreError, location: String) -> StoreError {
    match error {
        StoreError::NotFound { what, .. } => StoreError::NotFound { location, what },
        StoreError::Denied { what, .. } => StoreError::Denied { location, what },
        StoreError::Invalid { what, .. } => StoreError::Invalid { location, what },
        StoreError::Unavailable { what, .. } => StoreError::Unavailable { location, what },
        StoreError::Changed { since, what, .. } => StoreError::Changed {
            location,
            since,
            what,
        },
    }
}
