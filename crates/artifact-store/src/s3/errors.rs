//! What an S3 failure means: whose fault it is, and whether another attempt can help.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::S3;
use crate::attempt::{Failed, chain};
use crate::error::StoreError;
use crate::retry::{Again, again_by_status, retry_after};

/// What a call is about, for messages.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) location: String,
    pub(super) bucket: String,
    pub(super) endpoint: String,
}

impl At {
    pub(super) fn invalid(&self, what: &str) -> StoreError {
        StoreError::Invalid {
            location: self.location.clone(),
            what: what.to_owned(),
        }
    }

    fn denied(&self, what: String) -> StoreError {
        StoreError::Denied {
            location: self.location.clone(),
            what,
        }
    }

    fn not_found(&self, what: String) -> StoreError {
        StoreError::NotFound {
            location: self.location.clone(),
            what,
        }
    }

    fn unavailable(&self, what: String) -> StoreError {
        StoreError::Unavailable {
            location: self.location.clone(),
            what,
        }
    }
}

impl At {
    pub(super) fn changed(&self, expected: &str, observed: &str) -> Failed {
        Failed::last(StoreError::Changed {
            location: self.location.clone(),
            since: "opened".into(),
            what: format!("ETag {observed} instead of {expected}"),
        })
    }

    pub(super) fn broken(&self, error: &dyn Error) -> Failed {
        Failed::passing(self.unavailable(format!("the answer broke off: {}", chain(error))))
    }

    pub(super) fn short(&self, expected: u64, got: u64) -> Failed {
        Failed::passing(self.unavailable(format!("{got} bytes came instead of {expected}")))
    }
}

impl S3 {
    /// Sorts a failure. A HEAD has no body to say why, so a bare 404 asks for the bucket too.
    pub(super) async fn explain<E>(&self, at: &At, error: SdkError<E, HttpResponse>) -> Failed
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failed = sort(at, &error);
        if let StoreError::NotFound { .. } = failed.error
            && error.code() != Some("NoSuchBucket")
            && let Err(of_bucket) = self.client.head_bucket().bucket(&at.bucket).send().await
            && of_bucket
                .raw_response()
                .is_some_and(|r| r.status().as_u16() == 404)
        {
            return Failed::last(no_bucket(at));
        }
        failed
    }
}

fn no_bucket(at: &At) -> StoreError {
    at.not_found(format!("no bucket `{}` at {}", at.bucket, at.endpoint))
}

fn sort<E>(at: &At, error: &SdkError<E, HttpResponse>) -> Failed
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(response) = error.raw_response() else {
        return without_answer(at, error);
    };
    let status = response.status().as_u16();
    let code = error.code().unwrap_or_default();
    let says = match (code, error.message().unwrap_or_default()) {
        ("", _) => format!("{} answers {status}", at.endpoint),
        (code, "") => format!("{} answers {status} {code}", at.endpoint),
        (code, message) => format!("{} answers {status} {code}: {message}", at.endpoint),
    };
    match (status, code) {
        (_, "NoSuchBucket") => Failed::last(no_bucket(at)),
        (404, "NoSuchVersion") => Failed::last(StoreError::Changed {
            location: at.location.clone(),
            since: "recorded".into(),
            what: "that version no longer exists".into(),
        }),
        (404, _) => Failed::last(at.not_found("no such object".into())),
        (412 | 416, _) => Failed::last(StoreError::Changed {
            location: at.location.clone(),
            since: "opened".into(),
            what: says,
        }),
        (400, "RequestTimeout") => Failed::passing(at.unavailable(says)),
        (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
            Failed::last(at.denied(format!("{says}; check the credentials and the bucket policy")))
        }
        (301 | 307, _) | (400, "AuthorizationHeaderMalformed") => {
            let region = response
                .headers()
                .get("x-amz-bucket-region")
                .unwrap_or("another region");
            Failed::last(at.invalid(&format!("{says}; the bucket is in {region}, set AWS_REGION")))
        }
        _ => {
            let pause = response.headers().get("retry-after").and_then(retry_after);
            match again_by_status(status, pause) {
                Again::No => Failed::last(at.invalid(&says)),
                again => Failed {
                    error: at.unavailable(says),
                    again,
                },
            }
        }
    }
}

/// No answer came: the network, the certificates, or the request never left.
fn without_answer<E>(at: &At, error: &SdkError<E, HttpResponse>) -> Failed
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let why = chain(error);
    let lower = why.to_lowercase();
    if lower.contains("certificate") && !lower.contains("expired token") {
        return Failed::last(at.invalid(&format!(
            "{} is not trusted: {why}; give its authority with --ca-file",
            at.endpoint
        )));
    }
    if lower.contains("no credentials found in chain") {
        return Failed::last(at.denied(
            "no credentials were found, in the environment or from the machine; set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, or give the pod a service account with a role"
                .to_owned(),
        ));
    }
    if lower.contains("credentials") {
        return Failed::last(at.denied(format!(
            "no credentials: {why}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the \
             pod a service account with a role"
        )));
    }
    match error {
        SdkError::ConstructionFailure(_) => Failed::last(at.invalid(&why)),
        SdkError::DispatchFailure(failure) if failure.is_user() => Failed::last(at.invalid(&why)),
        _ => Failed::passing(at.unavailable(format!("{} does not answer: {why}", at.endpoint))),
    }
}
