//! S3 and what speaks like it. The SDK's own retries are off: ours are the one policy.

mod client;
mod errors;
mod list;

use std::ops::Range;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::attempt::Failed;
use crate::error::StoreError;
use crate::location::Location;
use crate::object::ObjectMeta;
use crate::options::StoreOptions;
use crate::reference::Access;
use crate::retry::{RetryPolicy, retry_unless};
use crate::tls::CaBundle;

/// One PUT holds no more than this (S3's limit).
const MAX_PUT: usize = 5 << 30;

/// A client and the policy of its calls.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    client: aws_sdk_s3::Client,
    policy: RetryPolicy,
    stop: CancellationToken,
    /// For messages: where requests go.
    endpoint: String,
}

/// Which bytes of which version to get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pin {
    pub etag: Option<String>,
    pub version_id: Option<String>,
    pub range: Option<Range<u64>>,
}

/// The calls return boxed futures: a future is compiled where it is first polled, and the SDK's are large. A box
/// has them compiled here, once, and not again in every binary.
impl S3 {
    pub(crate) fn new<'a>(
        options: &'a StoreOptions,
        ca: &'a CaBundle,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Self, StoreError>> {
        async move {
            let (client, endpoint) = client::build(options, ca, access).await?;
            Ok(Self {
                client,
                policy: options.policy(),
                stop: options.stop.clone(),
                endpoint,
            })
        }
        .boxed()
    }

    async fn again<T, F, Fut>(&self, op: F) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failed>>,
    {
        retry_unless(&self.policy, &self.stop, op, |failed| failed.again)
            .await
            .map_err(|failed| failed.error)
    }

    /// Gets the bytes that `pin` names and what S3 says of the object that they are from.
    pub(crate) fn get<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        pin: &'a Pin,
    ) -> BoxFuture<'a, Result<(Bytes, ObjectMeta), StoreError>> {
        self.again(move || self.get_once(bucket, key, pin)).boxed()
    }

    async fn get_once(&self, bucket: &str, key: &str, pin: &Pin) -> Result<(Bytes, ObjectMeta), Failed> {
        let at = self.at(bucket, key);
        let range = pin
            .range
            .as_ref()
            .map(|r| format!("bytes={}-{}", r.start, r.end.saturating_sub(1)));
        let sent = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_range(range)
            .set_if_match(pin.etag.clone())
            .set_version_id(pin.version_id.clone())
            .send()
            .await;
        let got = match sent {
            Ok(got) => got,
            Err(error) => return Err(self.explain(&at, error).await),
        };
        let etag = got.e_tag().map(str::to_owned);
        // Not every server honours If-Match: what came back is compared as well.
        if let (Some(expected), Some(observed)) = (&pin.etag, &etag)
            && expected != observed
        {
            return Err(at.changed(expected, observed));
        }
        let size = got
            .content_range()
            .and_then(|r| r.rsplit_once('/')?.1.parse().ok())
            .or_else(|| got.content_length().and_then(|n| u64::try_from(n).ok()));
        let meta = ObjectMeta {
            location: location(bucket, key),
            size: size.unwrap_or(0),
            etag,
            version_id: version(got.version_id()),
            modified: got.last_modified().and_then(timestamp),
            reference: None,
        };
        let expected = pin
            .range
            .as_ref()
            .map(|r| r.end.min(meta.size).saturating_sub(r.start));
        let bytes = got.body.collect().await.map_err(|e| at.broken(&e))?.into_bytes();
        match expected {
            Some(expected) if expected != bytes.len() as u64 => Err(at.short(expected, bytes.len() as u64)),
            _ => Ok((bytes, meta)),
        }
    }

    pub(crate) fn head<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ObjectMeta, StoreError>> {
        self.again(move || self.head_once(bucket, key, version)).boxed()
    }

    async fn head_once(&self, bucket: &str, key: &str, of: Option<&str>) -> Result<ObjectMeta, Failed> {
        let ask = self.client.head_object().bucket(bucket).key(key);
        let sent = ask.set_version_id(of.map(str::to_owned)).send().await;
        let got = match sent {
            Ok(got) => got,
            Err(error) => return Err(self.explain(&self.at(bucket, key), error).await),
        };
        Ok(ObjectMeta {
            location: location(bucket, key),
            size: got
                .content_length()
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0),
            etag: got.e_tag().map(str::to_owned),
            version_id: version(got.version_id()),
            modified: got.last_modified().and_then(timestamp),
            reference: None,
        })
    }

    /// Puts the whole object; the SDK adds a CRC32 that the server checks.
    pub(crate) fn put<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let at = self.at(bucket, key);
            if key.is_empty() || key.ends_with('/') {
                return Err(at.invalid("names a prefix; give the key of an object"));
            }
            if bytes.len() > MAX_PUT {
                return Err(at.invalid("more than 5 GiB in one put; write it in parts"));
            }
            self.again(|| self.put_once(bucket, key, bytes.clone())).await
        }
        .boxed()
    }

    async fn put_once(&self, bucket: &str, key: &str, bytes: Bytes) -> Result<(), Failed> {
        let put = self.client.put_object().bucket(bucket).key(key);
        match put.body(ByteStream::from(bytes)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(&self.at(bucket, key), error).await),
        }
    }

    fn at(&self, bucket: &str, key: &str) -> errors::At {
        errors::At {
            location: location(bucket, key).to_string(),
            bucket: bucket.to_owned(),
            endpoint: self.endpoint.clone(),
        }
    }
}

fn location(bucket: &str, key: &str) -> Location {
    Location::S3 {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version: None,
    }
}

/// An unversioned bucket says `null`, which names no version.
fn version(id: Option<&str>) -> Option<String> {
    id.filter(|id| !id.is_empty() && *id != "null").map(str::to_owned)
}

fn timestamp(at: &aws_sdk_s3::primitives::DateTime) -> Option<jiff::Timestamp> {
    jiff::Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}
