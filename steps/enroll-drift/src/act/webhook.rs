//! Posting the event until somebody has it, and telling "has it already" from "failed".

use std::fmt;
use std::time::Duration;

use artifact_store::{Again, RetryPolicy, again_by_status, retry, retry_after};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url};
use step_contract::Secret;

use crate::event::Event;

/// Why an event is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    again: Again,
    what: String,
}

impl Failed {
    /// Trying again changes nothing.
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self {
            again: Again::No,
            what: what.into(),
        }
    }

    /// Whether somebody has to mend something first.
    pub(crate) fn is_refusal(&self) -> bool {
        self.again == Again::No
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// A webhook as it may be shown: a query may be a key, and user info a password.
pub(crate) fn shown(webhook: &str) -> String {
    let Ok(mut url) = Url::parse(webhook) else {
        return webhook.split('?').next().unwrap_or_default().to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    _ = url.set_username("");
    _ = url.set_password(None);
    url.to_string()
}

/// Posts until it is delivered, refused, or the policy's time is over.
pub(crate) async fn post(
    client: &Client,
    policy: &RetryPolicy,
    webhook: &str,
    token: Option<&Secret>,
    event: &Event,
) -> Result<&'static str, Failed> {
    let url = Url::parse(webhook)
        .map_err(|error| Failed::refused(format!("the address cannot be read: {error}")))?;
    let body = event.to_json();
    retry(
        policy,
        || attempt(client, &url, token, &event.id, body.clone()),
        |failed| failed.again,
    )
    .await
}

async fn attempt(
    client: &Client,
    url: &Url,
    token: Option<&Secret>,
    id: &str,
    body: Vec<u8>,
) -> Result<&'static str, Failed> {
    let mut request = client
        .post(url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", id)
        .timeout(Duration::from_secs(30))
        .body(body);
    if let Some(token) = token.filter(|token| !token.expose().is_empty()) {
        request = request.bearer_auth(token.expose());
    }
    let answer = request.send().await.map_err(|error| Failed {
        again: Again::Yes,
        // The address may carry a key: the error must not show it.
        what: format!("cannot be reached: {}", step_runtime::chain(&error.without_url())),
    })?;
    let status = answer.status();
    if answer.url() != url {
        // A redirected POST arrives as a GET and is answered 200 by a login page.
        return Err(Failed::refused(format!(
            "redirects to {}; give the final address",
            shown(answer.url().as_str())
        )));
    }
    if status.is_success() {
        return Ok("delivered");
    }
    let pause = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(retry_after);
    let said: String = answer
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect();
    // Argo's event endpoint answers 500 when the workflow that the id names is there: an earlier attempt won.
    if status.as_u16() == 409 || (status.as_u16() == 500 && said.contains("already exists")) {
        return Ok("delivered before: the receiver has this id already");
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Failed {
        again: again_by_status(status.as_u16(), pause),
        what: format!("answers {status}: {said}"),
    })
}
