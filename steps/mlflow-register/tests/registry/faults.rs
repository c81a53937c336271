//! MLflow away, in the middle, and the step killed at every request that it makes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use step_testkit::{Fault, FaultProxy};

use crate::story::{Story, binary, end, ends, fails};

fn through(mut command: Command, proxy: &FaultProxy) -> Command {
    command.env("MLFLOW_TRACKING_URI", proxy.url());
    command
}

#[test]
fn mlflow_down_at_the_start_is_exit_4() {
    let story = Story::new("down", "one");
    let mut command = story.register(&[]);
    command
        .env("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:1")
        .env("MLFLOW_RETRY_SECONDS", "0.5");
    let ended = fails(command, 4, "MLflow is not available");
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    let report = story.report();
    assert_eq!(
        (report.verdict.as_str(), report.exit.as_deref()),
        ("ERROR", Some("unavailable"))
    );
    let mut command = story.register(&[]);
    command.env_remove("MLFLOW_TRACKING_URI");
    fails(command, 2, "set MLFLOW_TRACKING_URI");
    let mut command = story.promote(&[]);
    command.env("MLFLOW_TRACKING_URI", "mlflow:5000");
    fails(command, 2, "http://mlflow:5000");
}

#[test]
fn mlflow_that_stumbles_is_waited_for() {
    let story = Story::new("stumbles", "one");
    let proxy = FaultProxy::before(&story.server.url()).unwrap();
    proxy.fail_when(
        |line| line.contains("model-versions/create"),
        2,
        Fault::CutAfter(10),
    );
    proxy.fail_when(
        |line| line.contains("registered-models/alias"),
        2,
        Fault::UNAVAILABLE,
    );
    proxy.fail_when(|line| line.contains("model.lgb"), 1, Fault::CutAfter(2000));
    proxy.fail_when(|line| line.starts_with("PUT"), 1, Fault::Cut);
    proxy.fail_when(
        |line| line.contains("set-tag"),
        1,
        Fault::Status {
            status: 429,
            retry_after: Some(1),
        },
    );
    ends(through(story.register(&[]), &proxy), "REGISTERED", 0);
    assert_eq!(story.versions().len(), 1);
    assert_eq!(story.alias("challenger").unwrap(), "1");
    assert!(proxy.failed() >= 5, "{}", proxy.failed());
}

#[test]
fn mlflow_that_goes_away_in_the_middle_leaves_nothing_visible() {
    let story = Story::new("away", "one");
    let proxy = FaultProxy::before(&story.server.url()).unwrap();
    proxy.fail_when(
        |line| line.contains("model-versions/create"),
        1000,
        Fault::UNAVAILABLE,
    );
    let mut command = through(story.register(&[]), &proxy);
    command.env("MLFLOW_RETRY_SECONDS", "1");
    fails(command, 4, "POST model-versions/create");
    assert!(story.versions().is_empty() && !story.path("model-version.json").exists());
    // The version is made, and its alias cannot be set.
    proxy.heal();
    proxy.fail_when(
        |line| line.starts_with("POST") && line.contains("registered-models/alias"),
        1000,
        Fault::Cut,
    );
    let mut command = through(story.register(&[]), &proxy);
    command.env("MLFLOW_RETRY_SECONDS", "1");
    fails(command, 4, "registered-models/alias");
    assert_eq!((story.versions().len(), story.alias("challenger")), (1, None));
    proxy.heal();
    ends(through(story.register(&[]), &proxy), "REGISTERED", 0);
    assert_eq!(
        (story.versions().len(), story.alias("challenger").as_deref()),
        (1, Some("1"))
    );
}

/// Stops the step when the proxy has seen its nth request, and says whether it was still there to be stopped.
pub(crate) fn stopped_at(mut command: Command, proxy: &FaultProxy, requests: usize, signal: &str) -> bool {
    let seen = proxy.requests().len();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while proxy.requests().len() < seen + requests && started.elapsed() < Duration::from_secs(60) {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill")
        .args([signal, &id])
        .status()
        .unwrap()
        .success();
    let status = child.wait().unwrap();
    sent && !status.success()
}

#[test]
fn killed_at_any_request_and_retried_is_one_version() {
    let story = Story::new("kills", "one");
    let proxy = FaultProxy::before(&story.server.url()).unwrap();
    let mut killed = 0;
    for request in 1.. {
        let signal = if request % 3 == 0 { "-TERM" } else { "-KILL" };
        if !stopped_at(through(story.register(&[]), &proxy), &proxy, request, signal) {
            break;
        }
        killed += 1;
    }
    assert!(killed > 10, "{killed}");
    ends(story.register(&[]), "REGISTERED", 0);
    assert_eq!(story.versions().len(), 1);
    assert_eq!(story.alias("challenger").unwrap(), "1");
    let mut killed = 0;
    for request in 1.. {
        if !stopped_at(through(story.promote(&[]), &proxy), &proxy, request, "-KILL") {
            break;
        }
        killed += 1;
    }
    assert!(killed > 1, "{killed}");
    ends(story.promote(&[]), "PROMOTED", 0);
    ends(story.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(story.alias("champion"), None);
}

#[test]
fn sigterm_is_exit_143() {
    let story = Story::new("term", "one");
    let proxy = FaultProxy::before(&story.server.url()).unwrap();
    // A server that does not get better: the step waits, and hears the signal while it does.
    proxy.fail(1000, Fault::UNAVAILABLE);
    let mut child = through(story.register(&[]), &proxy)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while proxy.requests().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let started = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!story.path("model-version.json").exists());
}

#[test]
fn the_contract_is_told() {
    for (form, says) in [
        ("json", "\"REFUSED\""),
        ("template", "kind: WorkflowTemplate"),
        ("markdown", "mlflow-register"),
    ] {
        let mut command = binary();
        command.args(["--describe", form]);
        let ended = end(command);
        assert!(
            ended.code == Some(0) && ended.stdout.contains(says),
            "{form}: {}",
            ended.stdout
        );
        assert!(!ended.stdout.contains("s3cret"));
    }
    let mut command = binary();
    command.arg("--help");
    assert!(end(command).stdout.contains("rollback"));
}
