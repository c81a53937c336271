//! Three servers of a version, and the four ways to them.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use artifact_store::{Keys, RetryPolicy, Store, StoreOptions};
use mlflow_client::{Client, Options};
use step_testkit::{MlflowAccess, MlflowKind, MlflowServer, MlflowVersion, S3Server, TestCa};

use crate::{client, launch, refusals};

/// The bucket of the runs that keep their artifacts in one.
pub(crate) const BUCKET: &str = "models";

/// A way to a server.
pub(crate) struct Kind<'a> {
    /// What it is called; the experiment, the model and the training have this name.
    pub name: &'static str,
    pub version: MlflowVersion,
    pub server: &'a MlflowServer,
    /// The address, as it is given.
    pub uri: String,
    /// MLflow's variables beside it.
    pub vars: Vec<(&'static str, String)>,
    /// What `--ca-file` names.
    pub ca_file: Option<PathBuf>,
    /// Where the artifacts are, when they are not behind the server.
    pub bucket: Option<&'a S3Server>,
    /// Whether the training logs with MLflow's own client.
    pub logs: bool,
}

impl Kind<'_> {
    pub(crate) fn client(&self) -> Client {
        self.client_with(&self.vars)
    }

    /// A client of the same server with other variables.
    pub(crate) fn client_with(&self, vars: &[(&'static str, String)]) -> Client {
        let lookup = |name: &str| {
            let found = vars.iter().find(|(var, _)| *var == name);
            found.map(|(_, value)| value.clone())
        };
        let mut options = Options::from_vars(Some(&self.uri), lookup)
            .unwrap()
            .with_ca_file(self.ca_file.as_deref());
        options.retry = RetryPolicy::within(Duration::from_secs(60));
        Client::new(options).unwrap()
    }

    /// The bucket's store.
    pub(crate) fn store(&self) -> Option<Store> {
        let keys = Keys {
            access: S3Server::ACCESS_KEY.into(),
            secret: S3Server::SECRET_KEY.into(),
        };
        let options = StoreOptions {
            endpoint: Some(self.bucket?.url()),
            keys: Some(keys),
            ..StoreOptions::default()
        };
        Some(Store::from_env(options))
    }
}

/// Runs the story on every kind of this version, and what is refused.
pub(crate) fn each(version: MlflowVersion) {
    let bucket = S3Server::start(&[BUCKET]).unwrap();
    let ca = Arc::new(TestCa::new().unwrap());
    let plain = MlflowKind {
        version,
        ..MlflowKind::default()
    };
    let servers = [
        plain.clone(),
        MlflowKind {
            access: MlflowAccess::Password,
            artifact_root: Some(format!("s3://{BUCKET}/mlflow")),
            ..plain.clone()
        },
        MlflowKind {
            access: MlflowAccess::Token,
            tls: Some(Arc::clone(&ca)),
            ..plain
        },
    ];
    let [open, password, secured] = thread::scope(|scope| {
        servers
            .map(|kind| scope.spawn(move || MlflowServer::start_as(kind).unwrap()))
            .map(|starting| starting.join().unwrap())
    });
    let kind = |name, server| Kind {
        name,
        version,
        server,
        uri: MlflowServer::url(server),
        vars: Vec::new(),
        ca_file: None,
        bucket: None,
        logs: false,
    };
    let secret = |name, value: &str| (name, value.to_owned());
    let kinds = [
        kind("open", &open),
        Kind {
            vars: vec![
                secret("MLFLOW_TRACKING_USERNAME", MlflowServer::USER),
                secret("MLFLOW_TRACKING_PASSWORD", MlflowServer::PASSWORD),
            ],
            bucket: Some(&bucket),
            ..kind("password", &password)
        },
        Kind {
            vars: vec![
                secret("MLFLOW_TRACKING_TOKEN", MlflowServer::TOKEN),
                secret(
                    "MLFLOW_TRACKING_SERVER_CERT_PATH",
                    &ca.ca_file().display().to_string(),
                ),
            ],
            ..kind("token", &secured)
        },
        Kind {
            // Both in other places: the password in the address, the authority by the flag.
            uri: secured.url().replace(
                "https://",
                &format!("https://{}:{}@", MlflowServer::USER, MlflowServer::PASSWORD),
            ),
            ca_file: Some(ca.ca_file()),
            logs: true,
            ..kind("address", &secured)
        },
    ];
    thread::scope(|scope| {
        let told = kinds.each_ref().map(|kind| {
            let named = thread::Builder::new().name(format!("{version:?} {}", kind.name));
            named
                .spawn_scoped(scope, move || {
                    let runtime = tokio::runtime::Runtime::new().unwrap();
                    runtime.block_on(client::story(kind));
                    launch::trains(kind, &runtime);
                    refusals::of(kind, &runtime);
                })
                .unwrap()
        });
        let failed = told.map(|story| story.join().is_err());
        assert_eq!(
            failed,
            [false; 4],
            "of {:?}",
            kinds.each_ref().map(|kind| kind.name)
        );
    });
}
