//! What is below a prefix.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{S3, location, timestamp};
use crate::attempt::Failed;
use crate::error::StoreError;
use crate::object::ObjectMeta;

impl S3 {
    /// Every object whose key starts with `prefix`, in key order; folder markers left out.
    pub(crate) fn list<'a>(
        &'a self,
        bucket: &'a str,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ObjectMeta>, StoreError>> {
        self.list_all(bucket, prefix).boxed()
    }

    async fn list_all(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.again(|| self.page(bucket, prefix, token.clone())).await?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                if key.ends_with('/') {
                    continue;
                }
                found.push(ObjectMeta {
                    location: location(bucket, key),
                    size: object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                    etag: object.e_tag().map(str::to_owned),
                    version_id: None,
                    modified: object.last_modified().and_then(timestamp),
                    reference: None,
                });
            }
            token = page.next_continuation_token().map(str::to_owned);
            if !page.is_truncated().unwrap_or(false) || token.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(found)
    }

    async fn page(
        &self,
        bucket: &str,
        prefix: &str,
        token: Option<String>,
    ) -> Result<ListObjectsV2Output, Failed> {
        let ask = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        match ask.set_continuation_token(token).send().await {
            Ok(page) => Ok(page),
            Err(error) => Err(self.explain(&self.at(bucket, prefix), error).await),
        }
    }
}
