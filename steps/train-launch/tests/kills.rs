//! Killed at every point, and MLflow away at every point: the retry ends with one run, one training where
//! training had ended, and whole outputs.

#![expect(
    clippy::unwrap_used,
    clippy::zombie_processes,
    reason = "a test ends where its ground is missing"
)]

mod common;

use common::{Place, TRAIN, holds, runs, signal, until};
use mlflow_client::RunStatus;
use step_testkit::{Fault, FaultProxy, MlflowServer};

/// A moment at which the launcher is held by MLflow's answers, or by training itself.
struct Moment {
    name: &'static str,
    /// The requests that fail while it is held.
    held: fn(&str) -> bool,
    /// How often training has run when the moment has come, and how often at the end.
    trainings: (usize, usize),
}

const MOMENTS: [Moment; 6] = [
    Moment {
        name: "before-create",
        held: |line| line.contains("runs/create"),
        trainings: (0, 1),
    },
    Moment {
        name: "after-create",
        held: |line| line.contains("runs/log-batch"),
        trainings: (0, 1),
    },
    Moment {
        name: "before-record",
        held: |line| line.starts_with("PUT") && line.contains("launch/dataset.json"),
        trainings: (0, 1),
    },
    Moment {
        name: "before-upload",
        held: |line| line.starts_with("PUT") && line.contains("/model/"),
        trainings: (1, 1),
    },
    Moment {
        name: "half-uploaded",
        held: |line| line.starts_with("PUT") && line.contains("w.bin"),
        trainings: (1, 1),
    },
    Moment {
        name: "before-finish",
        held: |line| line.contains("runs/update"),
        trainings: (1, 1),
    },
];

#[test]
fn one_run_however_it_is_killed() {
    let server = MlflowServer::start().unwrap();
    for sent in ["KILL", "TERM"] {
        for moment in &MOMENTS {
            held_by_mlflow(&server, moment, sent);
        }
        while_training(&server, sent);
    }
    mlflow_away(server);
}

fn held_by_mlflow(server: &MlflowServer, moment: &Moment, sent: &str) {
    let proxy = FaultProxy::before(&server.url()).unwrap();
    let place = Place::new(&proxy.url());
    let name = format!("{}-{sent}", moment.name);
    proxy.fail_when(moment.held, usize::MAX, Fault::UNAVAILABLE);
    let child = place.command(&name, TRAIN).spawn().unwrap();
    until(&name, || proxy.failed() > 0);
    assert_eq!(place.trained(&name), moment.trainings.0, "{name}");
    signal(&child, sent);
    let ran = place.finish(&name, child);
    let expected = if sent == "TERM" { Some(143) } else { None };
    assert_eq!(ran.code, expected, "{name}: {}", ran.stderr);
    assert!(
        ran.stdout.is_empty() && !place.path(&format!("{name}.run.json")).exists(),
        "{name}"
    );

    proxy.heal();
    let ran = place.launch(&name, TRAIN);
    assert_eq!(ran.stdout, "TRAINED\n", "{name}: {}", ran.stderr);
    let found = runs(&server.url(), &name);
    assert_eq!((found.len(), found[0].status), (1, RunStatus::Finished), "{name}");
    assert_eq!(place.trained(&name), moment.trainings.1, "{name}");
    for whole in ["run.json", "report.json", "statement.json", "verdict"] {
        assert!(place.path(&format!("{name}.{whole}")).exists(), "{name}: {whole}");
    }
}

fn while_training(server: &MlflowServer, sent: &str) {
    let place = Place::new(&server.url());
    let name = format!("while-training-{sent}");
    // The first attempt hangs, and leaves half a model and a checkpoint; the second finds the checkpoint.
    let script = format!(
        "if [ -e \"$TRAIN_OUTPUT/checkpoints/1\" ]; then echo found >> \"$COUNT.log\"; {TRAIN}; exit; fi; \
         mkdir -p \"$TRAIN_OUTPUT/model\" \"$TRAIN_OUTPUT/checkpoints\"; touch \"$TRAIN_OUTPUT/model/half\" \
         \"$TRAIN_OUTPUT/checkpoints/1\"; trap 'echo asked >> \"$COUNT.log\"; exit 1' TERM; echo $$ > \"$COUNT.pid\"; \
         while :; do sleep 0.1; done"
    );
    let child = place.command(&name, &script).spawn().unwrap();
    let pid_file = place.path(&format!("{name}.count.pid"));
    until(&name, || holds(&pid_file, "\n"));
    signal(&child, sent);
    // Killed, the launcher leaves its child with our pipes: its output ends when the retry ends the child.
    let log = place.path(&format!("{name}.count.log"));
    if sent == "TERM" {
        let ran = place.finish(&name, child);
        assert_eq!(ran.code, Some(143), "{}", ran.stderr);
        assert!(holds(&log, "asked"), "training was not asked to end");
        assert_eq!(runs(&server.url(), &name)[0].status, RunStatus::Killed);
    }
    let ran = place.launch(&name, &script);
    assert_eq!(ran.stdout, "TRAINED\n", "{name}: {}", ran.stderr);
    assert!(holds(&log, "found"), "the checkpoint was not kept");
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    until("the first child is gone", || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    });
    let found = runs(&server.url(), &name);
    assert_eq!((found.len(), found[0].status), (1, RunStatus::Finished), "{name}");
    assert_eq!(
        place.json(&format!("{name}.run.json"))["model"]["files"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// Down at the start: exit 4. Down in the middle: exit 4, and the retry does not train again.
fn mlflow_away(mut server: MlflowServer) {
    let place = Place::new(&server.url());
    server.stop();
    let mut command = place.command("away", TRAIN);
    let ran = place.finish("away", command.env("MLFLOW_RETRY_SECONDS", "1").spawn().unwrap());
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("MLflow is not available"), "{}", ran.stderr);
    assert_eq!(
        (ran.report["verdict"].as_str(), place.trained("away")),
        (Some("ERROR"), 0)
    );

    server.resume().unwrap();
    let script = format!("{TRAIN}; while [ ! -e \"$COUNT.go\" ]; do sleep 0.05; done");
    let child = {
        let mut command = place.command("away", &script);
        command.env("MLFLOW_RETRY_SECONDS", "2").spawn().unwrap()
    };
    until("training", || place.trained("away") == 1);
    server.stop();
    std::fs::write(place.path("away.count.go"), "").unwrap();
    let ran = place.finish("away", child);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(!place.path("away.run.json").exists());

    server.resume().unwrap();
    let ran = place.launch("away", &script);
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    assert_eq!((place.trained("away"), runs(&server.url(), "away").len()), (1, 1));
}
