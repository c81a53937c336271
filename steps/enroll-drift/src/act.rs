//! Writes to other services: the notification, the event, and the copy of an event that found no door.

mod outbox;
mod slack;
mod webhook;

use std::time::Duration;

use artifact_store::{RetryPolicy, http_client};
use step_contract::{Exit, Secret};
use step_runtime::Context;

use crate::cli::CheckArgs;
use crate::config::RetrainingTrigger;
use crate::decide::{Decision, Verdict};
use crate::event::Event;

/// One thing that was done, was not, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deed {
    /// What: `notification`, `event`, `outbox copy`.
    pub(crate) what: &'static str,
    /// To whom; never a secret.
    pub(crate) to: String,
    /// How it ended.
    pub(crate) ended: Ended,
}

/// How a deed ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Done.
    Done(String),
    /// Left out on purpose, and why.
    Left(String),
    /// Tried and failed.
    Failed(String),
}

/// All deeds of a check, and the exit that they ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// In the order in which they were done.
    pub(crate) deeds: Vec<Deed>,
    /// Set when an event could not be delivered.
    pub(crate) undelivered: Option<Undelivered>,
}

/// A retraining that was asked for and reached nobody: no verdict may say that it is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// A refusal is for people to mend, an outage for the next attempt.
    pub(crate) exit: Exit,
    /// The sentence.
    pub(crate) why: String,
}

impl Deeds {
    fn push(&mut self, what: &'static str, to: impl Into<String>, ended: Ended) {
        let to = to.into();
        match &ended {
            Ended::Failed(why) => tracing::warn!(what, %to, "{why}"),
            Ended::Done(how) | Ended::Left(how) => tracing::info!(what, %to, "{how}"),
        }
        self.deeds.push(Deed { what, to, ended });
    }
}

/// Tells the channel and posts the event. The event goes first: it is what matters when time runs out.
pub(crate) async fn act(
    cx: &Context,
    args: &CheckArgs,
    trigger: &RetrainingTrigger,
    decision: &Decision,
    event: Option<&Event>,
) -> Deeds {
    let mut deeds = Deeds::default();
    if let Some(event) = event {
        post(cx, args, trigger, event, &mut deeds).await;
    }
    if matches!(
        decision.verdict,
        Verdict::Alert | Verdict::Retrain | Verdict::DataQuality
    ) {
        tell(cx, args, trigger, decision, event, &mut deeds).await;
    }
    deeds
}

async fn post(cx: &Context, args: &CheckArgs, trigger: &RetrainingTrigger, event: &Event, deeds: &mut Deeds) {
    let Some(webhook) = &trigger.webhook else {
        deeds.push(
            "event",
            "nobody",
            Ended::Left("the configuration names no webhook".to_owned()),
        );
        return;
    };
    let shown = webhook::shown(webhook);
    if args.dry_run {
        deeds.push("event", shown, Ended::Left("dry run: would be posted".to_owned()));
        return;
    }
    let policy = RetryPolicy::within(Duration::from_secs(u64::from(args.webhook_retry_seconds)));
    let posted = async {
        let ca = cx
            .store
            .ca_bundle()
            .await
            .map_err(|error| webhook::Failed::refused(error.to_string()))?;
        ca.check(webhook)
            .map_err(|error| webhook::Failed::refused(error.to_string()))?;
        let client = http_client(&ca).map_err(|error| webhook::Failed::refused(error.to_string()))?;
        let token = token(args)?;
        webhook::post(&client, &policy, webhook, token.as_ref(), event).await
    };
    match posted.await {
        Ok(delivered) => deeds.push("event", shown, Ended::Done(delivered.to_owned())),
        Err(failed) => {
            let exit = if failed.is_refusal() {
                Exit::Usage
            } else {
                Exit::Unavailable
            };
            deeds.push("event", shown.as_str(), Ended::Failed(failed.to_string()));
            let kept = outbox::keep(cx, args.outbox.as_deref(), event, deeds).await;
            let why = format!(
                "the window asks for RETRAIN, but the event {} does not reach {shown}: {failed}; {kept}",
                event.id
            );
            deeds.undelivered = Some(Undelivered { exit, why });
        }
    }
}

/// The webhook's bearer token: given, or in a file, which Kubernetes renews.
fn token(args: &CheckArgs) -> Result<Option<Secret>, webhook::Failed> {
    let Some(file) = &args.webhook_token_file else {
        return Ok(args.webhook_token.clone());
    };
    let refused =
        |why: String| webhook::Failed::refused(format!("--webhook-token-file {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    if text.trim().is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    let Ok(token) = text.trim().parse();
    Ok(Some(token))
}

async fn tell(
    cx: &Context,
    args: &CheckArgs,
    trigger: &RetrainingTrigger,
    decision: &Decision,
    event: Option<&Event>,
    deeds: &mut Deeds,
) {
    let Some(channel) = &trigger.notification_channel else {
        deeds.push(
            "notification",
            "nobody",
            Ended::Left("the configuration names no channel".to_owned()),
        );
        return;
    };
    if args.dry_run {
        deeds.push(
            "notification",
            channel,
            Ended::Left("dry run: would be told".to_owned()),
        );
        return;
    }
    let text = slack::text(decision, event, args.common.report.as_str());
    let ended = match slack::send(cx, args, channel, &text).await {
        Ok(slack::Sent::Yes) => Ended::Done("told".to_owned()),
        Ok(slack::Sent::NoCredentials) => {
            Ended::Left("neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set".to_owned())
        }
        Err(why) => Ended::Failed(why),
    };
    deeds.push("notification", channel, ended);
}
