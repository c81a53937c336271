//! `fetch`: every byte or nothing.

use std::fs;
use std::process::{Command, Stdio};

use provenance::{digest_bytes, digest_dir};
use step_testkit::FaultProxy;

use crate::faults::stopped_at;
use crate::story::{Story, binary, copy, ends, fails};

pub(crate) fn fetch(story: &Story, source: &str, destination: &str, more: &[&str]) -> Command {
    let mut command = story.step("fetch");
    command.arg(source).arg(story.path(destination)).args(more);
    command
}

#[test]
fn every_name_leads_to_the_same_bytes() {
    let story = Story::new("fetch", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    let digest = story.run.model.digest;
    let place = story.path("model").display().to_string();
    let sources = [
        "models:/fetch/1",
        "models:/fetch@challenger",
        &story.run.model.uri,
        &place,
    ];
    for (number, source) in sources.into_iter().enumerate() {
        let target = format!("fetched/{number}/model");
        ends(fetch(&story, source, &target, &[]), "FETCHED", 0);
        assert_eq!(digest_dir(&story.path(&target)).unwrap().0, digest, "{source}");
        assert_eq!(story.report().bindings["model.digest"], digest.to_string());
    }
    // Again, and into a directory that is there, as a mounted volume is.
    ends(
        fetch(&story, "models:/fetch/1", "fetched/0/model", &[]),
        "FETCHED",
        0,
    );
    assert!(story.report().reason.contains("already"));
    fs::create_dir(story.path("volume")).unwrap();
    ends(
        fetch(
            &story,
            "models:/fetch/1",
            "volume",
            &[&format!("--digest={digest}")],
        ),
        "FETCHED",
        0,
    );
    assert_eq!(digest_dir(&story.path("volume")).unwrap().0, digest);
    // Something else is there.
    fs::create_dir(story.path("full")).unwrap();
    fs::write(story.path("full/keep"), "x").unwrap();
    fails(fetch(&story, "models:/fetch/1", "full", &[]), 2, "is not empty");
    assert_eq!(fs::read_to_string(story.path("full/keep")).unwrap(), "x");
    // A place needs no server.
    let mut alone = binary();
    alone
        .arg("fetch")
        .arg(&place)
        .arg(story.path("alone"))
        .env_remove("MLFLOW_TRACKING_URI");
    ends(alone, "FETCHED", 0);
}

#[test]
fn bytes_that_changed_do_not_appear() {
    let story = Story::new("changed", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    let other = format!("--digest={}", digest_bytes("x"));
    ends(fetch(&story, "models:/changed/1", "to", &[&other]), "REFUSED", 3);
    ends(fetch(&story, &story.run.model.uri, "to", &[&other]), "REFUSED", 3);
    fs::write(story.kept().join("model.lgb"), "not a model").unwrap();
    ends(
        fetch(&story, "models:/changed@challenger", "to", &[]),
        "REFUSED",
        3,
    );
    assert!(
        story.report().reason.contains("must have"),
        "{}",
        story.report().reason
    );
    assert!(!story.path("to").exists());
    fs::create_dir(story.path("volume")).unwrap();
    ends(
        fetch(&story, "models:/changed/1", "volume", &["--on-reject=report"]),
        "REFUSED",
        0,
    );
    assert_eq!(fs::read_dir(story.path("volume")).unwrap().count(), 0);
    fails(
        fetch(&story, "models:/changed/9", "to", &[]),
        2,
        "has no version 9",
    );
    fails(
        fetch(&story, "models:/changed@nobody", "to", &[]),
        2,
        "no alias `nobody`",
    );
    fails(
        fetch(&story, "models:/changed/Production", "to", &[]),
        2,
        "no version number",
    );
    fails(fetch(&story, "to/nowhere", "to", &[]), 2, "to/nowhere");
    fails(
        fetch(&story, "models:/changed/1", "to", &["--digest=md5:1"]),
        2,
        "64 lower-case hex digits",
    );
}

#[test]
fn a_version_that_nobody_vouches_for_is_refused() {
    let story = Story::new("strange", "one");
    let client = story.client();
    story.wait(client.ensure_registered_model("strange")).unwrap();
    let new = mlflow_client::NewVersion {
        name: "strange".to_owned(),
        source: story.run.model.uri.clone(),
        run_id: story.run.run_id.clone(),
        model_id: None,
        description: String::new(),
        tags: Default::default(),
        key: "by hand".to_owned(),
    };
    story.wait(client.ensure_version(&new)).unwrap();
    ends(fetch(&story, "models:/strange/1", "to", &[]), "REFUSED", 3);
    assert!(
        story.report().reason.contains("--unverified"),
        "{}",
        story.report().reason
    );
    ends(
        fetch(&story, "models:/strange/1", "to", &["--unverified"]),
        "FETCHED",
        0,
    );
    assert_eq!(story.outcome("digest:files"), "warn");
}

#[test]
fn a_tag_that_is_no_digest_is_an_error() {
    let story = Story::new("garbage", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    let client = story.client();
    for garbage in ["x", "sha256:", &story.run.model.digest.hex(), "SHA256:ABC"] {
        story
            .wait(client.set_version_tag("garbage", "1", "mlops.model_digest", garbage))
            .unwrap();
        let says = format!("tag mlops.model_digest of version 1 of garbage: `{garbage}` is not a digest");
        fails(
            fetch(&story, "models:/garbage/1", "to", &["--unverified"]),
            2,
            &says,
        );
        assert_eq!(story.report().verdict, "ERROR");
    }
    assert!(!story.path("to").exists());
}

#[test]
fn a_retry_is_done_whatever_is_on_record() {
    let story = Story::new("retry", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    fs::create_dir_all(story.path("volume/lost+found")).unwrap();
    for source in ["models:/retry/1", &story.run.model.uri] {
        for target in ["volume", "fresh"] {
            ends(fetch(&story, source, target, &[]), "FETCHED", 0);
            let already = story.report().reason.contains("already");
            assert_eq!(already, source != "models:/retry/1", "{source} {target}");
        }
    }
    // Without a digest on record, and with something else there: it stays.
    let other = Story::new("retry", "two");
    fails(
        fetch(&story, &other.run.model.uri, "fresh", &[]),
        2,
        "is not empty",
    );
    assert_eq!(
        digest_dir(&story.path("fresh")).unwrap().0,
        story.run.model.digest
    );
}

#[test]
fn fetches_at_once_into_one_place_all_come_through() {
    let story = Story::new("crowded", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    fs::create_dir(story.path("volume")).unwrap();
    for target in ["volume", "fresh/model"] {
        let children: Vec<_> = (0..4)
            .map(|number| {
                let report = format!("--report={}", story.path(&format!("{number}.json")).display());
                let mut command = binary();
                command.args(["fetch", "models:/crowded@challenger"]);
                command.arg(story.path(target)).arg(report);
                command.env("MLFLOW_TRACKING_URI", story.server.url());
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for child in children {
            let ended = child.wait_with_output().unwrap();
            let log = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(0), "{log}");
        }
        assert_eq!(digest_dir(&story.path(target)).unwrap().0, story.run.model.digest);
    }
    assert_eq!(fs::read_dir(story.path("fresh")).unwrap().count(), 1);
}

#[test]
fn files_of_others_beside_a_stopped_fetch_are_left() {
    let story = Story::new("foreign", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    copy(
        &story.path("model"),
        &story.path("volume/.mlflow-register-fetch/model"),
    );
    fs::write(story.path("volume/keep"), "theirs").unwrap();
    fails(
        fetch(&story, "models:/foreign/1", "volume", &[]),
        2,
        "is not empty",
    );
    assert_eq!(fs::read_to_string(story.path("volume/keep")).unwrap(), "theirs");
    assert_eq!(fs::read_dir(story.path("volume")).unwrap().count(), 1);
}

#[test]
fn a_fetch_that_is_killed_at_any_request_is_begun_again() {
    let story = Story::new("killed", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    let proxy = FaultProxy::before(&story.server.url()).unwrap();
    fs::create_dir(story.path("volume")).unwrap();
    for target in ["volume", "fresh"] {
        let mut killed = 0;
        for request in 1.. {
            let signal = if request % 3 == 0 { "-TERM" } else { "-KILL" };
            let mut command = fetch(&story, "models:/killed/1", target, &[]);
            command.env("MLFLOW_TRACKING_URI", proxy.url());
            if !stopped_at(command, &proxy, request, signal) {
                break;
            }
            killed += 1;
        }
        assert!(killed > 5, "{killed}");
        ends(fetch(&story, "models:/killed/1", target, &[]), "FETCHED", 0);
        assert_eq!(digest_dir(&story.path(target)).unwrap().0, story.run.model.digest);
    }
}
