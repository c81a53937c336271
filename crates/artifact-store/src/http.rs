//! What web servers give out, read only: whole, or in ranges where the server has them.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_MATCH, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Method, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::attempt::{Failed, chain};
use crate::error::StoreError;
use crate::location::Location;
use crate::object::ObjectMeta;
use crate::options::{Keys, StoreOptions};
use crate::retry::{Again, RetryPolicy, again_by_status, retry_after, retry_unless};
use crate::s3::Pin;
use crate::tls::{CaBundle, install_ring};

/// A client on ring that trusts `ca` and nothing else; with nothing to trust it still does
/// `http://`. Builders of other clients start from here.
///
/// # Errors
/// When the client cannot be built.
pub fn http_client(ca: &CaBundle) -> Result<Client, StoreError> {
    install_ring();
    Client::builder()
        .tls_certs_only(ca.reqwest())
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .user_agent(concat!("mlops-steps/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| StoreError::Invalid {
            location: "http client".into(),
            what: chain(&e),
        })
}

/// A client and the policy of its calls.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    ca: CaBundle,
    policy: RetryPolicy,
    stop: CancellationToken,
    /// Who asks, where the server wants to know.
    login: Option<Keys>,
}

struct Answer {
    bytes: Bytes,
    headers: HeaderMap,
    status: StatusCode,
}

impl Http {
    pub(crate) fn new(options: &StoreOptions, ca: &CaBundle) -> Result<Self, StoreError> {
        Self::with_login(options, ca, None)
    }

    /// One that says who asks, by basic authentication.
    pub(crate) fn with_login(
        options: &StoreOptions,
        ca: &CaBundle,
        login: Option<Keys>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            client: http_client(ca)?,
            ca: ca.clone(),
            policy: options.policy(),
            stop: options.stop.clone(),
            login,
        })
    }

    pub(crate) async fn get(&self, url: &Url, pin: &Pin) -> Result<(Bytes, ObjectMeta), StoreError> {
        let answer = self.send(Method::GET, url, pin).await?;
        let shown = Location::Http(url.clone()).to_string();
        if let Some(range) = &pin.range {
            if answer.status != StatusCode::PARTIAL_CONTENT {
                return Err(StoreError::Invalid {
                    location: shown,
                    what: "the server does not give out ranges; copy the file to S3 or a disk".into(),
                });
            }
            let wanted = range.end - range.start;
            if answer.bytes.len() as u64 != wanted {
                let what = format!("{} bytes came instead of {wanted}", answer.bytes.len());
                return Err(StoreError::Changed {
                    location: shown,
                    since: "opened".into(),
                    what,
                });
            }
        }
        let meta = describe(url, &answer.headers, Some(answer.bytes.len() as u64));
        if let (Some(expected), Some(observed)) = (&pin.etag, &meta.etag)
            && expected != observed
        {
            let what = format!("ETag {observed} instead of {expected}");
            return Err(StoreError::Changed {
                location: shown,
                since: "opened".into(),
                what,
            });
        }
        Ok((answer.bytes, meta))
    }

    pub(crate) async fn head(&self, url: &Url) -> Result<ObjectMeta, StoreError> {
        let answer = self.send(Method::HEAD, url, &Pin::default()).await?;
        if !answer.headers.contains_key(CONTENT_LENGTH) {
            // No length is not a length of zero.
            return Err(StoreError::Invalid {
                location: Location::Http(url.clone()).to_string(),
                what: "the server does not say how long it is; copy the file to S3 or a disk".into(),
            });
        }
        Ok(describe(url, &answer.headers, None))
    }

    /// Boxed, to be compiled here and not in every binary.
    fn send<'a>(
        &'a self,
        method: Method,
        url: &'a Url,
        pin: &'a Pin,
    ) -> BoxFuture<'a, Result<Answer, StoreError>> {
        async move {
            self.ca.check(url.as_str())?;
            let shown = Location::Http(url.clone()).to_string();
            let attempt = || self.once(method.clone(), url, pin, &shown);
            retry_unless(&self.policy, &self.stop, attempt, |failed| failed.again)
                .await
                .map_err(|failed| failed.error)
        }
        .boxed()
    }

    async fn once(&self, method: Method, url: &Url, pin: &Pin, shown: &str) -> Result<Answer, Failed> {
        let mut request = self.client.request(method, url.clone());
        if let Some(Keys { access, secret }) = &self.login {
            request = request.basic_auth(access, Some(secret));
        }
        if let Some(range) = &pin.range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        if let Some(etag) = &pin.etag {
            request = request.header(IF_MATCH, etag);
        }
        let response = request.send().await.map_err(|e| no_answer(shown, &e))?;
        let status = response.status();
        let headers = response.headers().clone();
        if !status.is_success() {
            return Err(refused(shown, status, &headers));
        }
        let bytes = response.bytes().await.map_err(|e| no_answer(shown, &e))?;
        Ok(Answer {
            bytes,
            headers,
            status,
        })
    }
}

fn no_answer(shown: &str, error: &reqwest::Error) -> Failed {
    let location = shown.to_owned();
    // The address is in `location` already, without its query.
    let why = chain(error).replace(error.url().map_or("", Url::as_str), shown);
    if why.to_lowercase().contains("certificate") {
        let what = format!("the server is not trusted: {why}; give its authority with --ca-file");
        return Failed::last(StoreError::Invalid { location, what });
    }
    if error.is_builder() || error.is_redirect() {
        return Failed::last(StoreError::Invalid { location, what: why });
    }
    let what = format!("the server does not answer: {why}");
    Failed::passing(StoreError::Unavailable { location, what })
}

fn refused(shown: &str, status: StatusCode, headers: &HeaderMap) -> Failed {
    let location = shown.to_owned();
    let what = format!("the server answers {status}");
    let pause = headers
        .get(RETRY_AFTER)
        .and_then(|v| v.to_str().ok())
        .and_then(retry_after);
    match (status.as_u16(), again_by_status(status.as_u16(), pause)) {
        (404 | 410, _) => Failed::last(StoreError::NotFound { location, what }),
        (401 | 403 | 407, _) => Failed::last(StoreError::Denied { location, what }),
        (412 | 416, _) => Failed::last(StoreError::Changed {
            location,
            since: "opened".into(),
            what,
        }),
        (_, Again::No) => Failed::last(StoreError::Invalid { location, what }),
        (_, again) => Failed {
            error: StoreError::Unavailable { location, what },
            again,
        },
    }
}

fn describe(url: &Url, headers: &HeaderMap, got: Option<u64>) -> ObjectMeta {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &reqwest::header::HeaderValue| v.to_str().ok())
    };
    let whole = text(CONTENT_RANGE)
        .and_then(|r| r.rsplit_once('/')?.1.parse().ok())
        .or(got)
        .or_else(|| text(CONTENT_LENGTH)?.parse().ok());
    ObjectMeta {
        location: Location::Http(url.clone()),
        size: whole.unwrap_or(0),
        // A weak tag does not name bytes.
        etag: text(ETAG).filter(|tag| !tag.starts_with("W/")).map(str::to_owned),
        version_id: None,
        reference: None,
        modified: text(LAST_MODIFIED)
            .and_then(|v| jiff::fmt::rfc2822::parse(v).ok())
            .map(|at| at.timestamp()),
    }
}
