//! `promote` and `rollback`: from where it is expected to be, and back.

use std::fs;

use provenance::{ModelVersionRecord, Record};

use crate::story::{Story, ends, fails};

fn registered(name: &str, extra: &str) -> Story {
    let story = Story::new(name, extra);
    ends(story.register(&[]), "REGISTERED", 0);
    story
}

#[test]
fn an_alias_goes_forth_and_back() {
    let first = registered("forth", "one");
    ends(first.promote(&[]), "PROMOTED", 0);
    assert!(first.report().reason.contains("there was no version before it"));
    ends(first.promote(&[]), "PROMOTED", 0);
    assert!(first.report().reason.contains("already"));
    let second = registered("forth", "two");
    ends(
        second.promote(&["--stage=Production", "--archive-previous"]),
        "PROMOTED",
        0,
    );
    assert_eq!(second.alias("champion").unwrap(), "2");
    let promoted = ModelVersionRecord::parse("p", &fs::read(second.path("promoted.json")).unwrap()).unwrap();
    assert_eq!(promoted.previous_champion.unwrap().version.unwrap(), "1");
    assert_eq!(promoted.aliases, ["challenger", "champion"]);
    assert_eq!(promoted.stage.as_deref(), Some("Production"));
    for _ in 0..2 {
        ends(second.rollback(&[]), "ROLLED_BACK", 0);
        assert_eq!(second.alias("champion").unwrap(), "1");
    }
    ends(second.promote(&[]), "PROMOTED", 0);
    ends(second.rollback(&[]), "ROLLED_BACK", 0);
    // What the first one replaced was nothing.
    for _ in 0..2 {
        ends(first.rollback(&[]), "ROLLED_BACK", 0);
        assert_eq!(first.alias("champion"), None);
    }
}

#[test]
fn an_alias_that_somebody_moved_is_left_there() {
    let first = registered("moved", "one");
    ends(first.promote(&[]), "PROMOTED", 0);
    let second = registered("moved", "two");
    let third = registered("moved", "three");
    ends(third.promote(&[]), "PROMOTED", 0);
    // The second was judged against version 1, and that is not the champion any more.
    ends(second.promote(&[]), "REFUSED", 3);
    assert!(
        second.report().reason.contains("--expect 3"),
        "{}",
        second.report().reason
    );
    ends(second.promote(&["--expect=1"]), "REFUSED", 3);
    ends(second.promote(&["--on-reject=report"]), "REFUSED", 0);
    assert_eq!(second.alias("champion").unwrap(), "3");
    ends(second.rollback(&[]), "UNCHANGED", 0);
    ends(second.promote(&["--expect=3"]), "PROMOTED", 0);
    ends(third.rollback(&[]), "REFUSED", 3);
    assert_eq!(third.alias("champion").unwrap(), "2");
    ends(second.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(second.alias("champion").unwrap(), "3");
    // An alias that promote did not set is not promote's to take back.
    let client = second.client();
    second.wait(client.set_alias("moved", "shadow", "2")).unwrap();
    ends(second.rollback(&["--alias=shadow"]), "REFUSED", 3);
    ends(second.promote(&["--alias=fresh"]), "REFUSED", 3);
    ends(second.promote(&["--alias=fresh", "--expect=none"]), "PROMOTED", 0);
}

#[test]
fn another_model_under_the_same_number_is_refused() {
    let story = registered("other", "one");
    let client = story.client();
    let digest = provenance::digest_bytes("x").to_string();
    story
        .wait(client.set_version_tag("other", "1", "mlops.model_digest", &digest))
        .unwrap();
    ends(story.promote(&[]), "REFUSED", 3);
    assert_eq!(story.outcome("version:digest"), "fail");
    assert_eq!(story.alias("champion"), None);
    let record = fs::read_to_string(story.path("model-version.json")).unwrap();
    fs::write(
        story.path("model-version.json"),
        record.replace("other/1", "other/9").replace("\"1\"", "\"9\""),
    )
    .unwrap();
    ends(story.promote(&[]), "REFUSED", 3);
    assert!(
        story.report().reason.contains("no version 9"),
        "{}",
        story.report().reason
    );
    fs::write(
        story.path("model-version.json"),
        record.replace("other/1", "other/9"),
    )
    .unwrap();
    fails(story.promote(&[]), 2, "name and version give models:/other/1");
    fails(
        story.promote(&["--expect=latest"]),
        2,
        "a version number or `none`",
    );
}
