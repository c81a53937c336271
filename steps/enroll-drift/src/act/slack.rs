//! Telling a Slack channel. Whatever happens here is recorded, and changes nothing.

use std::time::Duration;

use artifact_store::{Again, RetryPolicy, again_by_status, http_client, retry, retry_after};
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::{Value, json};
use step_runtime::{Context, chain};

use crate::cli::CheckArgs;
use crate::decide::Decision;
use crate::event::Event;

/// A channel is told within this time or not at all: a report is waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether there was a way to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Yes,
    NoCredentials,
}

/// What Slack answers to `chat.postMessage`: 200 even when it refuses.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
}

#[derive(Debug)]
struct Failed(Again, String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

/// The message.
pub(crate) fn text(decision: &Decision, event: Option<&Event>, report: &str) -> String {
    let mut text = format!("*{}* {}", decision.verdict.word(), escaped(&decision.reason));
    if let Some(event) = event {
        text.push_str(&format!("\nmodel `{}`, event `{}`", event.model, event.id));
    }
    text.push_str(&format!("\nreport: {}", escaped(report)));
    text
}

/// The three characters that Slack's markup gives a meaning to.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

pub(crate) async fn send(cx: &Context, args: &CheckArgs, channel: &str, text: &str) -> Result<Sent, String> {
    let channel = channel.strip_prefix("slack://").unwrap_or(channel);
    let given = |secret: &Option<step_contract::Secret>| {
        secret
            .as_ref()
            .map(|secret| secret.expose().to_owned())
            .filter(|secret| !secret.is_empty())
    };
    let (url, token, body) = if let Some(token) = given(&args.slack_token) {
        let url = format!("{}/chat.postMessage", args.slack_api.trim_end_matches('/'));
        (
            url,
            Some(token),
            json!({"channel": channel, "text": text, "unfurl_links": false}),
        )
    } else if let Some(url) = given(&args.slack_webhook) {
        (url, None, json!({"text": text}))
    } else {
        return Ok(Sent::NoCredentials);
    };
    let ca = cx.store.ca_bundle().await.map_err(|error| error.to_string())?;
    let client = http_client(&ca).map_err(|error| error.to_string())?;
    let policy = RetryPolicy::within(PATIENCE);
    retry(
        &policy,
        || attempt(&client, &url, token.as_deref(), &body),
        |failed| failed.0,
    )
    .await
    .map(|()| Sent::Yes)
    .map_err(|failed| failed.1)
}

async fn attempt(
    client: &reqwest::Client,
    url: &str,
    token: Option<&str>,
    body: &Value,
) -> Result<(), Failed> {
    let mut request = client.post(url).json(body).timeout(PATIENCE);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| {
        Failed(
            Again::Yes,
            format!("cannot be reached: {}", chain(&error.without_url())),
        )
    })?;
    let status = answer.status();
    let pause = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(retry_after);
    if !status.is_success() {
        return Err(Failed(
            again_by_status(status.as_u16(), pause),
            format!("answers {status}"),
        ));
    }
    if token.is_none() {
        return Ok(());
    }
    match answer.json::<Answer>().await {
        Ok(Answer { ok: true, .. }) => Ok(()),
        Ok(Answer { error, .. }) => Err(Failed(Again::No, format!("refuses: {error}"))),
        Err(_) => Err(Failed(Again::No, "does not answer as Slack does".to_owned())),
    }
}
