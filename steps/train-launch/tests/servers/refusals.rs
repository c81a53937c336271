//! Who is not let in is told so in one sentence, which holds no secret, and nothing is trained.

use std::net::Ipv4Addr;

use mlflow_client::{Client, MlflowError, Options};
use serde_json::json;
use step_testkit::{FaultProxy, MlflowServer, MlflowVersion, TestCa};
use tokio::runtime::Runtime;

use crate::common::{Place, TRAIN};
use crate::kinds::Kind;
use crate::launch::{command, keeps_secrets};

const USER: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const CERT_PATH: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";
const WRONG: &str = "wr0ng-secret";

pub(crate) fn of(kind: &Kind<'_>, runtime: &Runtime) {
    let refused = |changes: &[(&'static str, Option<&str>)], why: &str| refused(kind, runtime, changes, why);
    match kind.name {
        "password" => {
            let why =
                "it does not let in who comes with no credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_";
            refused(&[(USER, None), (PASSWORD, None)], why);
            let why = "it does not let in who comes with this user and password; check MLFLOW_TRACKING_USERNAME and";
            refused(&[(PASSWORD, Some(WRONG))], why);
            runtime.block_on(may_only_read(kind));
        }
        "token" => {
            let why = "it does not let in who comes with this token; check MLFLOW_TRACKING_TOKEN (401)";
            refused(&[(TOKEN, Some(WRONG))], why);
            let why = "is not trusted: ";
            refused(&[(CERT_PATH, None)], why);
            let other = TestCa::new().unwrap();
            let file = other.ca_file().display().to_string();
            refused(&[(CERT_PATH, Some(&file))], why);
            let mut vars = kind.vars.clone();
            vars.retain(|(name, _)| *name != CERT_PATH);
            vars.push(("MLFLOW_TRACKING_INSECURE_TLS", "true".to_owned()));
            runtime.block_on(kind.client_with(&vars).version()).unwrap();
        }
        "open" if kind.version == MlflowVersion::Three => runtime.block_on(by_another_name(kind)),
        _ => {}
    }
}

/// With variables changed (`None`: taken away) the client fails with `why`, and so does the step, with exit 2.
fn refused(kind: &Kind<'_>, runtime: &Runtime, changes: &[(&'static str, Option<&str>)], why: &str) {
    let mut vars = kind.vars.clone();
    vars.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    vars.extend(
        changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?.to_owned()))),
    );
    let error = runtime
        .block_on(kind.client_with(&vars).experiment("any"))
        .unwrap_err();
    assert!(error.to_string().contains(why), "{error}");

    let place = Place::new(&kind.uri);
    let mut command = command(kind, &place, "refused", TRAIN);
    for (name, _) in &kind.vars {
        command.env_remove(name);
    }
    let ran = place.finish("refused", command.envs(vars).spawn().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert_eq!(place.trained("refused"), 0);
    let secrets = [MlflowServer::PASSWORD, MlflowServer::TOKEN, WRONG];
    keeps_secrets(&place, "refused", &ran, &secrets);
}

/// A user who may look, and not write: MLflow's own rule for everybody else's runs.
async fn may_only_read(kind: &Kind<'_>) {
    let ours = kind.client();
    let experiment = ours.experiment(kind.name).await.unwrap().unwrap();
    let run = ours
        .search_runs(&[&experiment.experiment_id], "")
        .await
        .unwrap()
        .remove(0);
    let made = reqwest::Client::new()
        .post(format!("{}/api/2.0/mlflow/users/create", kind.server.url()))
        .basic_auth(MlflowServer::USER, Some(MlflowServer::PASSWORD))
        .json(&json!({ "username": "ann", "password": "s3cr3t-of-ann" }))
        .send()
        .await
        .unwrap();
    assert!(made.status().is_success(), "{}", made.status());
    let theirs = kind.client_with(&[(USER, "ann".to_owned()), (PASSWORD, "s3cr3t-of-ann".to_owned())]);
    let read = theirs.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(read.tags, run.tags);
    let error = theirs.set_run_tag(&run.run_id, "a", "b").await.unwrap_err();
    assert!(matches!(error, MlflowError::Api { status: 403, .. }), "{error:?}");
    let said = error.to_string();
    let why = "Permission denied: who comes with this user and password may not do that; check MLFLOW_";
    assert!(said.contains(why) && !said.contains("s3cr3t"), "{said}");
}

/// MLflow 3 answers only to the names that it was told.
async fn by_another_name(kind: &Kind<'_>) {
    let proxy = FaultProxy::listening(Ipv4Addr::new(127, 0, 0, 5), &kind.server.url()).unwrap();
    let client = Client::new(Options::new(&proxy.url()).unwrap()).unwrap();
    let said = client.experiment("any").await.unwrap_err().to_string();
    assert!(
        said.contains("Invalid Host header") && said.contains("--allowed-hosts") && said.contains("(403)"),
        "{said}"
    );
}
