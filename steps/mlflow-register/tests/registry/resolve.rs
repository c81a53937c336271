//! `resolve`: what an alias points to, or that it points to nothing.

use std::fs;
use std::process::Command;

use crate::story::{Story, ends, fails};

const VALUES: [&str; 3] = ["model-uri", "model-digest", "version"];

fn resolve(story: &Story, more: &[&str]) -> Command {
    let mut command = story.step("resolve");
    command.arg(format!("--name={}", story.name)).args(more);
    for value in VALUES {
        command.arg(format!("--{value}={}", story.path(value).display()));
    }
    command
}

fn values(story: &Story) -> [String; 3] {
    VALUES.map(|value| fs::read_to_string(story.path(value)).unwrap())
}

#[test]
fn an_alias_becomes_a_number_and_a_digest() {
    let story = Story::new("resolve", "one");
    // No such model yet, and then no such alias: an answer, unless one is required.
    ends(resolve(&story, &[]), "NONE", 0);
    assert_eq!(values(&story), ["", "", ""]);
    ends(story.register(&[]), "REGISTERED", 0);
    ends(resolve(&story, &[]), "NONE", 0);
    ends(resolve(&story, &["--required"]), "REFUSED", 3);
    assert!(
        story
            .report()
            .reason
            .contains("no version of resolve has the alias champion")
    );

    let digest = story.run.model.digest.to_string();
    let found = ["models:/resolve/1".to_owned(), digest.clone(), "1".to_owned()];
    ends(resolve(&story, &["--alias=challenger", "--required"]), "FOUND", 0);
    assert_eq!(values(&story), found);
    assert_eq!(story.report().bindings["model.digest"], digest);
    ends(story.promote(&[]), "PROMOTED", 0);
    ends(resolve(&story, &[]), "FOUND", 0);
    assert_eq!(values(&story), found);

    // A version that nobody vouches for is not compared with.
    for (tag, why) in [
        ("sha256:12", "mlops.model_digest of version 1"),
        ("", "mlops.model_digest"),
    ] {
        story
            .wait(
                story
                    .client()
                    .set_version_tag("resolve", "1", "mlops.model_digest", tag),
            )
            .unwrap();
        ends(resolve(&story, &[]), "REFUSED", 3);
        assert!(story.report().reason.contains(why), "{}", story.report().reason);
        assert_eq!(values(&story), ["", "", ""]);
    }
    fails(resolve(&story, &["--alias=v1"]), 2, "MLflow keeps");
}
