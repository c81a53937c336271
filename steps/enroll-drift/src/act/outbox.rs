//! A copy of an event that could not be delivered, for a later hand or program to post.

use bytes::Bytes;
use step_runtime::Context;

use super::{Deeds, Ended};
use crate::event::Event;

/// Keeps the event below the prefix, and says where it is then. Its name is its id, so that a retry writes the same object
/// again.
pub(crate) async fn keep(cx: &Context, prefix: Option<&str>, event: &Event, deeds: &mut Deeds) -> String {
    let Some(prefix) = prefix else {
        let why = "no --outbox is given, so the event is in the report only".to_owned();
        deeds.push("outbox copy", "nowhere", Ended::Left(why.clone()));
        return why;
    };
    let written = async {
        let at = crate::gather::location(prefix)?
            .join(&event.model)
            .join(&format!("{}.json", event.id));
        cx.store.write(&at, Bytes::from(event.to_json())).await?;
        Ok::<_, step_runtime::StepError>(at.to_string())
    };
    match written.await {
        Ok(at) => {
            let said = format!("it is kept at {at}, and posting it from there is harmless");
            let kept = Ended::Done("kept; posting it again is harmless".to_owned());
            deeds.push("outbox copy", at, kept);
            said
        }
        Err(error) => {
            let said = format!("the outbox does not take it either ({error}), so it is in the report only");
            deeds.push("outbox copy", prefix, Ended::Failed(error.to_string()));
            said
        }
    }
}
