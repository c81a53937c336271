//! The client, and the calls that are answered at once.

use std::time::Duration;

use artifact_store::{RetryPolicy, retry_unless};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
    PropagationPolicy,
};
use kube::core::Request;
use kube::{Client, Config};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::{Failed, chain, sort};
use crate::{ClusterError, Kind};

/// One attempt of a call; watching and following logs take longer, and watch over themselves.
const ATTEMPT: Duration = Duration::from_secs(30);

/// A cluster, and the namespace that calls go to. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    namespace: String,
    own: String,
    policy: RetryPolicy,
    stop: CancellationToken,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// What became of a creation.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It was made now.
    Now(Value),
    /// An object of that name was there.
    Existed(Value),
}

/// What became of a server-side apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The object as it is now.
    pub object: Value,
}

impl Cluster {
    /// Whether this process runs in a pod of a cluster.
    #[must_use]
    pub fn is_here() -> bool {
        std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// Connects to the cluster of `KUBECONFIG`, else to the one that this pod runs in. `namespace` is the default of
    /// either. Once `stop` is set, a call that fails is not repeated.
    ///
    /// # Errors
    /// There is none, or its configuration cannot be used. Nothing is sent yet.
    pub fn connect(
        namespace: Option<&str>,
        stop: &CancellationToken,
    ) -> BoxFuture<'static, Result<Self, ClusterError>> {
        let namespace = namespace.map(str::to_owned);
        let stop = stop.clone();
        async move {
            let none = |error: &(dyn std::error::Error + 'static)| ClusterError::NoCluster(chain(error));
            // The one TLS stack of the project; a second call finds it installed.
            _ = rustls::crypto::ring::default_provider().install_default();
            let mut config = Config::infer().await.map_err(|error| none(&error))?;
            config.connect_timeout = Some(Duration::from_secs(5));
            let own = config.default_namespace.clone();
            let namespace = namespace.unwrap_or_else(|| own.clone());
            let client = Client::try_from(config).map_err(|error| none(&error))?;
            Ok(Self {
                client,
                namespace,
                own,
                policy: RetryPolicy::default(),
                stop,
            })
        }
        .boxed()
    }

    /// The cluster that a client reaches which was made elsewhere.
    #[must_use]
    pub fn over(client: Client, namespace: &str, stop: &CancellationToken) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            own: namespace.to_owned(),
            policy: RetryPolicy::default(),
            stop: stop.clone(),
        }
    }

    /// The namespace of every call.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether calls go to the namespace that this process is in: that of its pod, or of the context of `KUBECONFIG`.
    #[must_use]
    pub fn is_own_namespace(&self) -> bool {
        self.namespace == self.own
    }

    pub(crate) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind.resource())
    }

    /// Runs a call that may be repeated.
    async fn again<T, F>(&self, call: String, op: impl Fn() -> F) -> Result<T, ClusterError>
    where
        F: Future<Output = Result<T, kube::Error>>,
    {
        let once = || async {
            match tokio::time::timeout(ATTEMPT, op()).await {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(error)) => Err(sort(&call, &error)),
                Err(_) => Err(Failed {
                    error: ClusterError::Unavailable {
                        call: call.clone(),
                        why: format!("no answer within {} s", ATTEMPT.as_secs()),
                    },
                    again: artifact_store::Again::Yes,
                }),
            }
        };
        retry_unless(&self.policy, &self.stop, once, |failed: &Failed| failed.again)
            .await
            .map_err(|failed| failed.error)
    }

    /// An object; `None` when it is not there.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn get<'a>(
        &'a self,
        kind: Kind,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, ClusterError>> {
        async move {
            let api = self.api(kind);
            let found = self.again(said("get", kind, name), || api.get_opt(name)).await?;
            found.map(value).transpose()
        }
        .boxed()
    }

    /// The objects that carry these labels (`a=b,c=d`).
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn list<'a>(
        &'a self,
        kind: Kind,
        labels: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        self.list_by(kind, ListParams::default().labels(labels))
    }

    /// The objects with these fields (`involvedObject.name=x`).
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn list_fields<'a>(
        &'a self,
        kind: Kind,
        fields: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        self.list_by(kind, ListParams::default().fields(fields))
    }

    /// The versions of an API group that the cluster serves; none when it has no such group.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn versions<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<String>, ClusterError>> {
        async move {
            let call = format!("ask for the versions of {group}");
            let groups = self.again(call, || self.client.list_api_groups()).await?;
            let found = groups.groups.into_iter().find(|found| found.name == group);
            Ok(found
                .map(|found| found.versions.into_iter().map(|served| served.version).collect())
                .unwrap_or_default())
        }
        .boxed()
    }

    fn list_by(&self, kind: Kind, params: ListParams) -> BoxFuture<'_, Result<Vec<Value>, ClusterError>> {
        async move {
            let api = self.api(kind);
            let found = self
                .again(format!("list {}", kind.plural), || api.list(&params))
                .await?;
            found.items.into_iter().map(value).collect()
        }
        .boxed()
    }

    /// Makes an object, once: an answer that was lost is found again as [`Created::Existed`].
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn create(&self, kind: Kind, object: Value) -> BoxFuture<'_, Result<Created, ClusterError>> {
        async move {
            let api = self.api(kind);
            let object = dynamic(object)?;
            let name = object.metadata.name.clone().unwrap_or_default();
            let made = self
                .again(said("create", kind, &name), || self.post(&api, &object, false))
                .await;
            match made {
                Ok(made) => Ok(Created::Now(value(made)?)),
                Err(ClusterError::Conflict { call, why }) => match self.get(kind, &name).await? {
                    Some(there) => Ok(Created::Existed(there)),
                    // Gone between the two calls: whoever retries makes it.
                    None => Err(ClusterError::Unavailable { call, why }),
                },
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// Whether the server would make an object, field by field: nothing is made. One of that name being there is no
    /// objection.
    ///
    /// # Errors
    /// See [`ClusterError`]; what it does not like is [`ClusterError::Invalid`], in the server's words.
    pub fn check(&self, kind: Kind, object: Value) -> BoxFuture<'_, Result<(), ClusterError>> {
        async move {
            let api = self.api(kind);
            let object = dynamic(object)?;
            let name = object.metadata.name.clone().unwrap_or_default();
            let checked = self
                .again(said("create", kind, &name), || self.post(&api, &object, true))
                .await;
            match checked {
                Ok(_) | Err(ClusterError::Conflict { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// An object as the server would make it, with all that it adds: nothing is made. It is asked for under a name that the
    /// server makes up, so that one of its own name being there is no objection.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn would_make(&self, kind: Kind, object: Value) -> BoxFuture<'_, Result<Value, ClusterError>> {
        async move {
            let api = self.api(kind);
            let mut object = dynamic(object)?;
            let name = object.metadata.name.take().unwrap_or_default();
            object.metadata.generate_name = Some(format!("{name}-"));
            let made = self
                .again(said("look at", kind, &name), || self.post(&api, &object, true))
                .await?;
            value(made)
        }
        .boxed()
    }

    /// One attempt to make an object. A field that the server does not know is an error, as in [`Cluster::apply`].
    async fn post(
        &self,
        api: &Api<DynamicObject>,
        object: &DynamicObject,
        dry_run: bool,
    ) -> Result<DynamicObject, kube::Error> {
        let params = PostParams {
            dry_run,
            field_manager: None,
        };
        let bytes = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request = Request::new(api.resource_url()).create(&params, bytes);
        let mut request = request.map_err(kube::Error::BuildRequest)?;
        // The client has no parameter for it.
        let and = if dry_run { "&" } else { "" };
        let strictly = format!("{}{and}fieldValidation=Strict", request.uri());
        *request.uri_mut() = strictly
            .parse()
            .map_err(|error| kube::Error::HttpError(Into::into(error)))?;
        self.client.request(request).await
    }

    /// Server-side apply as `manager`: fields that others own and we name become ours.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn apply<'a>(
        &'a self,
        kind: Kind,
        object: Value,
        manager: &'a str,
    ) -> BoxFuture<'a, Result<Applied, ClusterError>> {
        async move {
            let api = self.api(kind);
            let object = dynamic(object)?;
            let name = object.metadata.name.clone().unwrap_or_default();
            let params = PatchParams::apply(manager).force().validation_strict();
            let patch = Patch::Apply(&object);
            let applied = self
                .again(said("apply", kind, &name), || api.patch(&name, &params, &patch))
                .await?;
            Ok(Applied {
                object: value(applied)?,
            })
        }
        .boxed()
    }

    /// Deletes an object and what it owns; what is gone already is well.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn delete<'a>(&'a self, kind: Kind, name: &'a str) -> BoxFuture<'a, Result<(), ClusterError>> {
        self.delete_if(kind, name, None)
    }

    /// Deletes this very object, and nothing that has come in its place.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn delete_this<'a>(
        &'a self,
        kind: Kind,
        name: &'a str,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        self.delete_if(kind, name, Some(uid))
    }

    fn delete_if<'a>(
        &'a self,
        kind: Kind,
        name: &'a str,
        uid: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        async move {
            let api = self.api(kind);
            let params = DeleteParams {
                propagation_policy: Some(PropagationPolicy::Background),
                preconditions: uid.map(|uid| Preconditions {
                    uid: Some(uid.to_owned()),
                    resource_version: None,
                }),
                ..DeleteParams::default()
            };
            let gone = self
                .again(said("delete", kind, name), || api.delete(name, &params))
                .await;
            match gone {
                // A conflict is another object of that name: this one is gone.
                Ok(_) | Err(ClusterError::NotFound { .. }) => Ok(()),
                Err(ClusterError::Conflict { .. }) if uid.is_some() => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

pub(crate) fn said(verb: &str, kind: Kind, name: &str) -> String {
    format!("{verb} {}/{name}", kind.plural)
}

pub(crate) fn value(object: DynamicObject) -> Result<Value, ClusterError> {
    serde_json::to_value(object).map_err(|error| ClusterError::Invalid {
        call: "read an object".to_owned(),
        why: error.to_string(),
    })
}

fn dynamic(object: Value) -> Result<DynamicObject, ClusterError> {
    serde_json::from_value(object).map_err(|error| ClusterError::Invalid {
        call: "send an object".to_owned(),
        why: error.to_string(),
    })
}
