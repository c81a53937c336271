//! Objects as they change: watched over broken connections and forgotten versions.

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;

use crate::client::value;
use crate::error::chain;
use crate::{Cluster, ClusterError, Kind};

/// What happened to an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is there, so; also after a connection was made anew.
    Is(Value),
    /// It is gone; this was the last of it.
    Gone(Value),
}

/// Changes, without end.
pub type Changes = BoxStream<'static, Result<Change, ClusterError>>;

impl Cluster {
    /// The objects with these labels, each as it is and as it changes. An error is said and the watch goes on: with
    /// backoff, from where it was, or anew where the server has forgotten that. What went while nobody watched is
    /// not told: ask for what is expected when it does not come.
    #[must_use]
    pub fn watch(&self, kind: Kind, labels: &str) -> Changes {
        let config = watcher::Config::default().labels(labels);
        let what = format!("watch {}", kind.plural);
        watcher(self.api(kind), config)
            .default_backoff()
            .map_err(move |error| ClusterError::Unavailable {
                call: what.clone(),
                why: chain(&error),
            })
            .try_filter_map(|event| async move {
                Ok(match event {
                    watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                        Some(Change::Is(value(object)?))
                    }
                    watcher::Event::Delete(object) => Some(Change::Gone(value(object)?)),
                    watcher::Event::Init | watcher::Event::InitDone => None,
                })
            })
            .boxed()
    }
}
