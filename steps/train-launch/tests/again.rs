//! What is told of a training while it runs, and by what its run is trained again.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;

use common::{Place, TRAIN, runs};
use step_testkit::MlflowServer;

#[test]
fn tells_its_steps_and_is_repeated() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    steps_are_told(&place);
    a_run_is_repeated_by_what_it_says(&place, &server);
}

/// How far training is goes to Argo: off its lines, by a pattern, or out of the file that it writes.
fn steps_are_told(place: &Place) {
    for (name, flags, printed, told) in [
        ("epochs", &[][..], "echo 'Epoch 1/4'; echo 'Epoch 3/4'", "3/4\n"),
        (
            "pattern",
            &[r"--progress-pattern=^\[(?<step>\d+)\]", "--progress-total=500"][..],
            "echo '[20] auc: 0.7'; echo 'epoch 1/4'; echo '[120] auc: 0.8'",
            "120/500\n",
        ),
        (
            "file",
            &[][..],
            "echo 'epoch 1/4'; printf 7/8 > $TRAIN_PROGRESS",
            "7/8\n",
        ),
    ] {
        let progress = place.path(&format!("{name}.progress"));
        let mut command = place.command(name, &format!("{printed}; {TRAIN}"));
        command.args(flags).env("ARGO_PROGRESS_FILE", &progress);
        let ran = place.finish(name, command.spawn().unwrap());
        assert_eq!(ran.stdout, "TRAINED\n", "{name}: {}", ran.stderr);
        assert_eq!(std::fs::read_to_string(&progress).unwrap(), told, "{name}");
    }
    for (name, flags, why) in [
        ("group", &["--progress-pattern=(\\d+)"][..], "has no group `step`"),
        (
            "total",
            &["--progress-pattern=(?<step>\\d+)"][..],
            "either from a group `total` or from --progress-total",
        ),
    ] {
        let mut command = place.command(name, TRAIN);
        let ran = place.finish(name, command.args(flags).spawn().unwrap());
        assert_eq!(ran.code, Some(2), "{name}");
        assert!(ran.stderr.contains(why), "{name}: {}", ran.stderr);
        assert_eq!(place.trained(name), 0, "{name}");
    }
}

/// A run is trained again by its tags and artifacts alone; what is gone of it is named.
fn a_run_is_repeated_by_what_it_says(place: &Place, server: &MlflowServer) {
    let script = format!("echo \"$FLAVOUR\" > \"$TRAIN_OUTPUT/flavour\"; {TRAIN}");
    let mut command = place.command("original", &script);
    command.args([
        "--trigger=data",
        "--tag=team=risk",
        "--deadline=10m",
        "--stop-grace=3s",
    ]);
    let ran = place.finish("original", command.spawn().unwrap());
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let first = place.json("original.run.json");
    let id = first["run_id"].as_str().unwrap();

    let reproduce = |name: &str, run: &str, more: &[&str]| {
        // The usual outputs, none of the usual flags.
        let mut command = place.reproduction(name, run);
        command.args(more).env("FLAVOUR", name);
        place.finish(name, command.spawn().unwrap())
    };
    let ran = reproduce("again", id, &["--", "--deadline=20m"]);
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let second = place.json("again.run.json");
    assert_ne!(second["run_id"], first["run_id"]);
    for same in ["git_sha", "data_version", "dataset", "trigger", "command"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    assert_eq!(second["model"]["digest"], first["model"]["digest"]);
    assert_eq!(second["tags"]["mlops.reproduces"], id);
    assert_eq!(second["tags"]["team"], "risk");
    let flags = second["tags"]["launch.flags"].as_str().unwrap();
    assert!(
        flags.contains("--deadline=20m") && !flags.contains("--deadline=10m"),
        "{flags}"
    );
    let check = |report: &serde_json::Value| {
        let checks = report["checks"].as_array().unwrap().clone();
        checks
            .into_iter()
            .find(|check| check["id"] == "reproduced")
            .unwrap()
    };
    assert_eq!(check(&ran.report)["outcome"], "pass", "{}", ran.report);
    // A retry goes on with that run, and the original stays as it was.
    let before = std::fs::read(place.path("again.run.json")).unwrap();
    assert_eq!(
        reproduce("again", id, &["--", "--deadline=20m"]).stdout,
        "TRAINED\n"
    );
    assert_eq!(std::fs::read(place.path("again.run.json")).unwrap(), before);
    assert_eq!(place.trained("again"), 1);
    assert_eq!(runs(&server.url(), "original").len(), 1);

    // A model that comes out otherwise is said.
    let other = script.replace("weights", "wights");
    let ran = reproduce(
        "other",
        id,
        &[
            "--",
            "--command=sh",
            "--command=-ec",
            &format!("--command={other}"),
        ],
    );
    assert_eq!(ran.stdout, "TRAINED\n", "{}", ran.stderr);
    let said = check(&ran.report);
    assert_eq!(said["outcome"], "warn", "{said}");
    assert!(
        said["why"].as_str().unwrap().contains("is not deterministic"),
        "{said}"
    );

    let month = place.path("2013-02.csv");
    let kept = std::fs::read(&month).unwrap();
    std::fs::write(&month, "x,y\n2013-02,2\n").unwrap();
    let ran = reproduce("changed-data", id, &[]);
    assert_eq!(
        (ran.code, place.trained("changed-data")),
        (Some(2), 0),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("2013-02.csv changed since it was validated"),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(&month).unwrap();
    let ran = reproduce("lost-data", id, &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("2013-02.csv"), "{}", ran.stderr);
    std::fs::write(&month, kept).unwrap();

    let kept = server.artifacts().join(format!(
        "{}/{id}/artifacts/launch/dataset.json",
        first["experiment_id"].as_str().unwrap()
    ));
    std::fs::remove_file(kept).unwrap();
    for (run, flags, why) in [
        (id, &[][..], "launch/dataset.json is gone"),
        ("0123", &[][..], "has no such run"),
        (
            second["run_id"].as_str().unwrap(),
            &["--", "--deadlin=1m"][..],
            "unexpected argument",
        ),
    ] {
        let ran = reproduce("refused", run, flags);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
}
