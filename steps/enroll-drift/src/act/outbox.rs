//! A copy of an event that could not be delivered, for a later hand or program to post.

use bytes::Bytes;
use step_runtime::Context;

use super::{Deeds, Ended};
use crate::event::Event;

/// Keeps the event below the prefix. Its name is its id, so that a retry writes the same object again.
pub(crate) async fn keep(cx: &Context, prefix: Option<&str>, event: &Event, deeds: &mut Deeds) {
    let Some(prefix) = prefix else {
        let why = "no --outbox is given: the event is in the report and in --event only".to_owned();
        deeds.push("outbox copy", "nowhere", Ended::Left(why));
        return;
    };
    let written = async {
        let at = crate::gather::location(prefix)?
            .join(&event.model)
            .join(&format!("{}.json", event.id));
        cx.store.write(&at, Bytes::from(event.to_json())).await?;
        Ok::<_, step_runtime::StepError>(at.to_string())
    };
    match written.await {
        Ok(at) => deeds.push(
            "outbox copy",
            at,
            Ended::Done("kept; posting it again is harmless".to_owned()),
        ),
        Err(error) => deeds.push("outbox copy", prefix, Ended::Failed(error.to_string())),
    }
}
