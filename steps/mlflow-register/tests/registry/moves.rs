//! `promote` and `rollback`: from where it is expected to be, and back.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlflow_client::{Client, Options};
use provenance::{ModelVersionRecord, Record};
use step_testkit::{Fault, FaultProxy};

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
    ends(second.promote(&["--after-rollback"]), "PROMOTED", 0);
    ends(second.rollback(&[]), "ROLLED_BACK", 0);
    // What the first one replaced was nothing.
    for _ in 0..2 {
        ends(first.rollback(&[]), "ROLLED_BACK", 0);
        assert_eq!(first.alias("champion"), None);
    }
}

#[test]
fn only_what_was_judged_is_promoted() {
    let story = registered("as-judged", "one");
    let record =
        ModelVersionRecord::parse("r", &fs::read(story.path("model-version.json")).unwrap()).unwrap();
    let other = provenance::digest_bytes(b"another model");
    ends(
        story.promote(&[&format!("--expect-digest={other}")]),
        "REFUSED",
        3,
    );
    let reason = story.report().reason;
    assert!(
        reason.contains(&format!("the model that was judged has {other}")),
        "{reason}"
    );
    assert_eq!(story.alias("champion"), None);
    ends(
        story.promote(&[&format!("--expect-digest={}", record.digest)]),
        "PROMOTED",
        0,
    );
    fails(story.promote(&["--expect-digest=7"]), 2, "expect-digest");
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
fn a_model_that_was_judged_against_another_champion_is_judged_again_first() {
    let first = registered("judged", "one");
    ends(first.promote(&[]), "PROMOTED", 0);
    let second = registered("judged", "two");
    let third = Story::new("judged", "three");
    ends(second.promote(&[]), "PROMOTED", 0);
    let evaluated_against = |digest: Option<provenance::Digest>| {
        let mut report = third.evaluation().verdict("PASS", "judged again");
        let (key, value) = match digest {
            Some(digest) => ("champion.digest", digest.to_string()),
            None => ("champion", "none".to_owned()),
        };
        report.bindings.insert(key.to_owned(), value);
        third.save("evaluation.json", &report);
        ends(third.register(&[]), "REGISTERED", 0);
        third.outcome("evaluation:champion")
    };
    // Against nothing, although there is a champion; then against the one before.
    for digest in [None, Some(first.run.model.digest)] {
        assert_eq!(evaluated_against(digest), "warn");
        ends(third.promote(&[]), "REFUSED", 3);
        let reason = third.report().reason;
        assert!(reason.contains("evaluate and register again"), "{reason}");
        assert_eq!(third.alias("champion").unwrap(), "2");
    }
    assert_eq!(evaluated_against(Some(second.run.model.digest)), "pass");
    // The last evaluation counts, not the best.
    assert_eq!(evaluated_against(None), "warn");
    ends(third.promote(&[]), "REFUSED", 3);
    assert_eq!(evaluated_against(Some(second.run.model.digest)), "pass");
    ends(third.promote(&[]), "PROMOTED", 0);
    assert_eq!(third.versions().len(), 3);
    // A retry of the registration leaves on record what the promotion replaced.
    ends(third.register(&[]), "REGISTERED", 0);
    ends(third.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(third.alias("champion").unwrap(), "2");
}

#[test]
fn what_was_rolled_back_comes_again_only_when_it_is_said() {
    let story = registered("back", "one");
    ends(story.promote(&[]), "PROMOTED", 0);
    ends(story.rollback(&[]), "ROLLED_BACK", 0);
    for _ in 0..2 {
        ends(story.promote(&[]), "REFUSED", 3);
        let reason = story.report().reason;
        assert!(
            reason.contains("was rolled back from champion at 20") && reason.contains("--after-rollback"),
            "{reason}"
        );
        assert_eq!(story.alias("champion"), None);
    }
    // The evidence again, or the same version registered again, does not wash it off.
    ends(story.register(&[]), "REGISTERED", 0);
    ends(story.promote(&[]), "REFUSED", 3);
    // Another alias is another matter.
    ends(story.promote(&["--alias=shadow", "--expect=none"]), "PROMOTED", 0);
    ends(story.promote(&["--after-rollback"]), "PROMOTED", 0);
    assert_eq!(story.outcome("version:rolled_back"), "warn");
    // That was said once, and holds until it is taken back again.
    ends(story.promote(&[]), "PROMOTED", 0);
    ends(story.rollback(&[]), "ROLLED_BACK", 0);
    ends(story.promote(&[]), "REFUSED", 3);
    // A new version is judged for itself.
    ends(registered("back", "two").promote(&[]), "PROMOTED", 0);
}

fn stages(story: &Story) -> Vec<String> {
    let mut versions = story.versions();
    versions.reverse();
    versions
        .into_iter()
        .map(|version| version.current_stage)
        .collect()
}

#[test]
fn stages_go_back_with_the_alias() {
    let first = registered("stages", "one");
    ends(first.promote(&["--stage=Production"]), "PROMOTED", 0);
    let second = registered("stages", "two");
    ends(
        second.promote(&["--stage=Production", "--archive-previous"]),
        "PROMOTED",
        0,
    );
    assert_eq!(stages(&second), ["Archived", "Production"]);
    for _ in 0..2 {
        ends(second.rollback(&[]), "ROLLED_BACK", 0);
        assert_eq!(stages(&second), ["Production", "Archived"]);
    }
    assert!(
        second.report().reason.contains("it is in the stage Production"),
        "{}",
        second.report().reason
    );
    // Without --archive-previous both were in the stage; the one that was taken back leaves it.
    ends(
        second.promote(&["--after-rollback", "--stage=Production"]),
        "PROMOTED",
        0,
    );
    assert_eq!(stages(&second), ["Production", "Production"]);
    ends(second.rollback(&["--stage=Production"]), "ROLLED_BACK", 0);
    assert_eq!(stages(&second), ["Production", "Archived"]);
    // The first one replaced nothing: nothing is in the stage after it.
    ends(first.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(stages(&first), ["Archived", "Archived"]);
    // A promotion that gave no stage takes none back.
    let third = registered("stages", "three");
    ends(third.promote(&[]), "PROMOTED", 0);
    ends(third.rollback(&[]), "ROLLED_BACK", 0);
    assert_eq!(stages(&third), ["Archived", "Archived", "Staging"]);
}

#[test]
fn an_alias_that_moves_in_the_meantime_is_left_there_and_so_are_the_stages() {
    let first = registered("race", "one");
    ends(first.promote(&["--stage=Production"]), "PROMOTED", 0);
    let second = registered("race", "two");
    registered("race", "three");
    for (moment, check) in [
        // After the alias was read, and before it is set.
        ("POST /api/2.0/mlflow/model-versions/set-tag", "alias:before"),
        // After it was set.
        ("GET /api/2.0/mlflow/registered-models/alias", "alias:after"),
    ] {
        let client = second.client();
        second.wait(client.set_alias("race", "champion", "1")).unwrap();
        let proxy = FaultProxy::before(&second.server.url()).unwrap();
        let url = second.server.url();
        let left = AtomicUsize::new(if check == "alias:before" { 1 } else { 3 });
        proxy.fail_when(
            move |line| {
                let hit = line.starts_with(moment) && left.load(Ordering::SeqCst) > 0;
                if hit && left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    moved_by_somebody(&url);
                }
                false
            },
            1,
            Fault::Cut,
        );
        let mut command = second.promote(&["--stage=Production", "--archive-previous"]);
        command.env("MLFLOW_TRACKING_URI", proxy.url());
        ends(command, "REFUSED", 3);
        assert_eq!(second.outcome(check), "fail");
        assert!(
            second.report().reason.contains("somebody else moves it"),
            "{}",
            second.report().reason
        );
        assert!(!second.path("promoted.json").exists());
        assert_eq!(second.alias("champion").unwrap(), "3", "the other's is left");
        assert_eq!(stages(&second), ["Production", "Staging", "Staging"]);
        ends(second.promote(&[]), "REFUSED", 3);
    }
}

/// Points the alias to version 3, on a thread and in a runtime of its own.
fn moved_by_somebody(url: &str) {
    let client = Client::new(Options::new(url).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(client.set_alias("race", "champion", "3"))
        .unwrap();
}

#[test]
fn of_promotions_at_once_the_alias_is_where_one_of_them_said() {
    let stories: Vec<Story> = ["one", "two", "three", "four"]
        .iter()
        .map(|extra| registered("crowd", extra))
        .collect();
    let children: Vec<_> = stories
        .iter()
        .map(|story| {
            let mut command = story.promote(&["--on-reject=report"]);
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let said: Vec<String> = stories
        .iter()
        .filter(|story| story.report().verdict == "PROMOTED")
        .map(|story| story.report().bindings["model.version"].clone())
        .collect();
    let champion = stories[0].alias("champion").unwrap();
    assert!(
        said.contains(&champion),
        "{champion} is the champion, and {said:?} said so"
    );
    // The one that has it says so again, and the others do not take it.
    for story in &stories {
        let ours = story.report().bindings["model.version"] == champion;
        let (word, code) = if ours { ("PROMOTED", 0) } else { ("REFUSED", 3) };
        ends(story.promote(&[]), word, code);
    }
    assert_eq!(stories[0].alias("champion").unwrap(), champion);
}

#[test]
fn a_version_that_is_not_bound_to_its_record_is_refused() {
    let story = registered("bound", "one");
    let client = story.client();
    let whole = fs::read(story.path("model-version.json")).unwrap();
    let refused = |id: &str| {
        ends(story.promote(&[]), "REFUSED", 3);
        assert_eq!(story.outcome(id), "fail");
        assert_eq!(story.alias("champion"), None);
        fs::write(story.path("model-version.json"), &whole).unwrap();
    };
    let edited = |change: &dyn Fn(&mut ModelVersionRecord)| {
        let mut record = ModelVersionRecord::parse("v", &whole).unwrap();
        change(&mut record);
        fs::write(story.path("model-version.json"), record.to_json()).unwrap();
    };
    edited(&|record| record.run_id = "0".repeat(32));
    refused("version:run");
    edited(&|record| record.evaluation = provenance::digest_bytes("x"));
    refused("version:evaluation");
    edited(&|record| record.dataset.digest = provenance::digest_bytes("x"));
    refused("version:dataset");
    for (tag, id) in [
        ("mlops.evaluation_digest", "version:evaluation"),
        ("mlops.dataset_digest", "version:dataset"),
        ("mlops.model_digest", "version:digest"),
    ] {
        let version = story.wait(client.model_version("bound", "1")).unwrap().unwrap();
        story.wait(client.delete_version_tag("bound", "1", tag)).unwrap();
        refused(id);
        assert!(story.report().reason.contains("not the one that was registered"));
        story
            .wait(client.set_version_tag("bound", "1", tag, &version.tags[tag]))
            .unwrap();
    }
    ends(story.promote(&[]), "PROMOTED", 0);
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
    // What is no digest is no other model's either.
    story
        .wait(client.set_version_tag("other", "1", "mlops.model_digest", "md5:1"))
        .unwrap();
    fails(
        story.promote(&[]),
        2,
        "tag mlops.model_digest of version 1 of other: `md5:1` is not a digest",
    );
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
