//! `fetch`: every byte or nothing.

use std::fs;
use std::process::Command;

use provenance::{digest_bytes, digest_dir};

use crate::story::{Story, binary, copy, ends, fails};

fn fetch(story: &Story, source: &str, destination: &str, more: &[&str]) -> Command {
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
fn a_killed_fetch_is_begun_again() {
    let story = Story::new("killed", "one");
    ends(story.register(&[]), "REGISTERED", 0);
    let left = story.path("volume/.mlflow-register-fetch");
    copy(&story.path("model"), &left);
    fs::remove_file(left.join("MLmodel")).unwrap();
    fs::write(story.path("volume/MLmodel"), "half").unwrap();
    ends(fetch(&story, "models:/killed/1", "volume", &[]), "FETCHED", 0);
    assert_eq!(
        digest_dir(&story.path("volume")).unwrap().0,
        story.run.model.digest
    );
}
