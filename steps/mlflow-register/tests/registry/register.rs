//! `register`: what holds is registered once, what does not is refused with the link that broke.

use std::fs;

use provenance::{ModelVersionRecord, Record, Statement, TrainingRun, digest_bytes};
use serde_json::json;
use step_report::{Bound, Check, Interval};

use crate::story::{Story, dataset, ends, fails};

const STATEMENTS: [&str; 4] = [
    "--validation-statement=validation.statement.json",
    "--training-statement=run.statement.json",
    "--evaluation-statement=evaluation.statement.json",
    "--require-statements",
];

#[test]
fn a_proven_model_is_registered_with_all_that_goes_with_it() {
    let story = Story::new("whole", "one");
    let mut more = STATEMENTS.to_vec();
    more.extend(["--tag=team=ops", "--champion-alias=champion"]);
    ends(story.register(&more), "REGISTERED", 0);

    let version = story.versions().remove(0);
    let version = story
        .wait(story.client().model_version("whole", &version.version))
        .unwrap()
        .unwrap();
    assert_eq!(
        (version.version.as_str(), version.current_stage.as_str()),
        ("1", "Staging")
    );
    assert_eq!(version.aliases, ["challenger"]);
    assert_eq!(version.source, story.run.model.uri);
    let tag = |key: &str| version.tags[key].as_str();
    assert_eq!(tag("mlops.model_digest"), story.run.model.digest.to_string());
    assert_eq!(
        (tag("mlops.git_sha"), tag("mlops.trigger"), tag("team")),
        ("8c1f0d", "manual", "ops")
    );
    assert_eq!(tag("mlops.expected.champion"), "none");
    let evaluation = digest_bytes(fs::read(story.path("evaluation.json")).unwrap());
    assert_eq!(tag("mlops.evaluation_digest"), evaluation.to_string());

    let record =
        ModelVersionRecord::parse("v", &fs::read(story.path("model-version.json")).unwrap()).unwrap();
    assert_eq!(record.model_uri, "models:/whole/1");
    assert_eq!(
        (record.digest, record.evaluation),
        (story.run.model.digest, evaluation)
    );
    assert_eq!(record.previous_champion.unwrap().version, None);

    let card = fs::read_to_string(story.path("card.md")).unwrap();
    assert!(
        card.starts_with("---\n") && version.description.starts_with("# whole"),
        "{card}"
    );
    assert!(
        card.contains("| auc_roc | 0.911 |") && card.contains("| carrier=UA | auc_roc |"),
        "{card}"
    );
    assert!(
        card.contains("model-index:") && card.contains("| train | 80000 |"),
        "{card}"
    );
    assert!(card.contains("Not said by the team"), "{card}");
    let logged = story
        .server
        .artifacts()
        .join(story.run.artifact_uri.trim_start_matches("mlflow-artifacts:/"));
    assert_eq!(fs::read_to_string(logged.join("mlops/card.md")).unwrap(), card);

    let needs = story.json("dependencies.json");
    assert_eq!(needs["packages"][1]["version"], "4.7.0");
    assert_eq!(needs["packages"][2]["pinned"], false);
    assert_eq!(story.outcome("dependencies:pinned"), "warn");
    let deployment = story.json("deployment.json");
    assert_eq!(
        (&deployment["flavour"], &deployment["model"]["version"]),
        (&json!("lightgbm"), &json!("1"))
    );
    assert_eq!(deployment["inputs"][0]["name"], "dep_delay");

    let statement = Statement::parse("s", &fs::read(story.path("statement.json")).unwrap()).unwrap();
    assert!(statement.has_subject(&story.run.model.digest) && statement.has_material(&evaluation));
    assert!(statement.has_subject(&digest_bytes(fs::read(story.path("report.json")).unwrap())));
    assert_eq!(story.outcome("statement:evaluation"), "pass");
    for file in ["report.md", "report.html", "report.junit.xml"] {
        assert!(story.path(file).metadata().unwrap().len() > 500, "{file}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_takes_nothing_back() {
    let first = Story::new("again", "one");
    ends(first.register(&[]), "REGISTERED", 0);
    let record = fs::read(first.path("model-version.json")).unwrap();
    ends(first.register(&[]), "REGISTERED", 0);
    assert_eq!(first.versions().len(), 1);
    assert_eq!(fs::read(first.path("model-version.json")).unwrap(), record);
    assert!(first.report().reason.contains("(it was there already)"));
    // A later version takes the alias; a late retry of the first one leaves it there.
    let second = Story::new("again", "two");
    ends(second.register(&["--archive-previous"]), "REGISTERED", 0);
    assert_eq!(second.alias("challenger").unwrap(), "2");
    ends(first.register(&[]), "REGISTERED", 0);
    assert_eq!(
        (
            first.alias("challenger").unwrap().as_str(),
            first.versions().len()
        ),
        ("2", 2)
    );
    let notes = first.report().notes;
    assert!(
        notes.iter().any(|note| note.text.contains("later version 2")),
        "{notes:?}"
    );
    assert!(
        notes
            .iter()
            .any(|note| note.text.contains("in the stage Archived")),
        "{notes:?}"
    );
}

#[test]
fn every_broken_link_is_refused_and_named() {
    let story = Story::new("broken", "one");
    let other = Story::new("broken", "other");
    let refused = |id: &str, more: &[&str]| {
        ends(story.register(more), "REFUSED", 3);
        assert_eq!(story.outcome(id), "fail", "{id}");
        assert!(story.report().reason.len() > 20);
        assert!(!story.path("model-version.json").exists() && !story.path("card.md").exists());
        story.write();
    };
    // The evaluation of another model, of no model, of another run, of other data.
    story.save("evaluation.json", &other.evaluation());
    refused("evaluation:model", &[]);
    let mut report = story.evaluation();
    report.bindings.remove("model.digest");
    story.save("evaluation.json", &report);
    refused("evaluation:model", &[]);
    let mut report = story.evaluation();
    report
        .bindings
        .insert("dataset.digest".into(), digest_bytes("x").to_string());
    story.save("evaluation.json", &report);
    refused("dataset:evaluation", &[]);
    let mut report = story.evaluation();
    report.bindings.insert("run_id".into(), other.run.run_id);
    story.save("evaluation.json", &report);
    refused("evaluation:run", &[]);
    // A verdict that is no, one that was edited to yes, one on nothing.
    story.save(
        "evaluation.json",
        &story.evaluation().verdict("FAIL", "auc_roc 0.5 is below 0.87"),
    );
    refused("evaluation:verdict", &[]);
    story.save(
        "evaluation.json",
        &story.evaluation().verdict("ERROR", "MLflow is down"),
    );
    refused("evaluation:verdict", &[]);
    let failed = Check::new("threshold:f1_score", "threshold")
        .observed(0.2)
        .bound(Bound::at_least(0.8))
        .fail("0.2");
    story.save("evaluation.json", &story.evaluation().with_check(failed));
    refused("evaluation:checks", &[]);
    let mut report = story.evaluation();
    report.checks.clear();
    story.save("evaluation.json", &report);
    refused("evaluation:checks", &[]);
    // The two reports in each other's place.
    let (validation, evaluation) = ("--validation=evaluation.json", "--evaluation=validation.json");
    refused("validation:step", &[validation, evaluation]);
    // Edited so that everything fits: only the statement tells.
    let mut report = story.evaluation();
    report.checks[0] = report.checks[0].clone().observed(0.99);
    story.save("evaluation.json", &report);
    refused("statement:evaluation", &STATEMENTS);
    let mut run = story.run.clone();
    run.params.insert("num_leaves".to_owned(), "5".to_owned());
    fs::write(story.path("run.json"), run.to_json()).unwrap();
    refused("statement:training", &STATEMENTS);
    refused("statement:validation", &["--require-statements"]);
    refused(
        "statement:validation",
        &["--validation-statement=evaluation.statement.json"],
    );
    assert!(story.versions().is_empty());
}

#[test]
fn what_the_caller_lets_pass_passes_and_is_said() {
    let story = Story::new("policy", "one");
    let mut report = story.evaluation().verdict("WARN", "1 slice has too few rows");
    report.bindings.insert("scored_by".into(), "file".into());
    story.save("evaluation.json", &report);
    ends(
        story.register(&["--allow-warn=false", "--accept-file-predictions"]),
        "REFUSED",
        3,
    );
    assert_eq!(story.outcome("evaluation:verdict"), "fail");
    ends(story.register(&[]), "REFUSED", 3);
    assert_eq!(story.outcome("evaluation:scored_by"), "fail");
    ends(story.register(&["--on-reject=report"]), "REFUSED", 0);
    let plan = crate::story::end(story.register(&["--dry-run", "--accept-file-predictions"]));
    assert!(
        plan.stdout.contains("would register sha256:") && plan.code == Some(0),
        "{}",
        plan.stdout
    );
    assert!(story.versions().is_empty());
    ends(story.register(&["--accept-file-predictions"]), "REGISTERED", 0);
    assert_eq!(story.outcome("evaluation:scored_by"), "warn");
    assert_eq!(story.outcome("evaluation:verdict"), "warn");
}

#[test]
fn one_byte_of_the_model_is_enough() {
    let story = Story::new("bytes", "one");
    let file = story.kept().join("model.lgb");
    let mut bytes = fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    ends(story.register(&[]), "REFUSED", 3);
    let report = story.report();
    assert!(
        report.reason.contains("`model.lgb` has other bytes"),
        "{}",
        report.reason
    );
    fs::write(story.kept().join("extra.pkl"), "x").unwrap();
    bytes[1000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    ends(story.register(&[]), "REFUSED", 3);
    assert!(
        story.report().reason.contains("`extra.pkl` is new"),
        "{}",
        story.report().reason
    );
    fs::remove_dir_all(story.kept()).unwrap();
    ends(story.register(&[]), "REFUSED", 3);
    assert!(
        story.report().reason.contains("the model is not in MLflow"),
        "{}",
        story.report().reason
    );
    assert!(story.versions().is_empty());
}

#[test]
fn a_run_that_is_gone_or_did_not_end_well_is_refused() {
    let story = Story::new("run", "one");
    let client = story.client();
    story
        .wait(client.update_run(&story.run.run_id, mlflow_client::RunStatus::Failed, None))
        .unwrap();
    ends(story.register(&[]), "REFUSED", 3);
    assert_eq!(story.outcome("run:finished"), "fail");
    let mut run: TrainingRun = story.run.clone();
    run.run_id = "0".repeat(32);
    run.model.uri = format!("runs:/{}/model", run.run_id);
    fs::write(story.path("run.json"), run.to_json()).unwrap();
    ends(story.register(&[]), "REFUSED", 3);
    assert!(
        story
            .report()
            .checks
            .iter()
            .any(|check| check.why.contains("MLflow has no run 0000"))
    );
}

#[test]
fn a_run_that_mlflow_tells_otherwise_is_refused() {
    let story = Story::new("tells", "one");
    let refused = |id: &str, says: &str| {
        ends(story.register(&[]), "REFUSED", 3);
        assert_eq!(story.outcome(id), "fail");
        let report = story.report();
        assert!(report.find(id).unwrap().why.contains(says), "{}", report.reason);
        story.write();
    };
    let edited = |change: &dyn Fn(&mut TrainingRun)| {
        let mut run = story.run.clone();
        change(&mut run);
        fs::write(story.path("run.json"), run.to_json()).unwrap();
    };
    edited(&|run| run.git_sha = "0000".to_owned());
    refused("run:git_sha", "8c1f0d, and run.json says 0000");
    edited(&|run| run.data_version = "flights-2014".to_owned());
    refused("run:data_version", "flights-2013-q1");
    edited(&|run| run.trigger = provenance::Trigger::Drift);
    refused("run:trigger", "manual, and run.json says drift");
    edited(&|run| run.artifact_uri = "mlflow-artifacts:/9/elsewhere/artifacts".to_owned());
    refused("run:artifacts", "elsewhere");
    edited(&|run| run.experiment_id = "77".to_owned());
    refused("run:experiment", "77");
    // The model of another run, with all its bytes, under this run's name.
    let other = Story::new("tells", "other");
    edited(&|run| run.model = other.run.model.clone());
    let mut report = story.evaluation();
    report
        .bindings
        .insert("model.digest".into(), other.run.model.digest.to_string());
    story.save("evaluation.json", &report);
    refused("run:model", "tag model.digest");
    let client = story.client();
    let tag = |key: &str, value: &str| {
        story
            .wait(client.set_run_tag(&story.run.run_id, key, value))
            .unwrap();
    };
    tag("data.digest", &digest_bytes("x").to_string());
    refused("run:dataset", "tag data.digest");
    tag("data.digest", &story.run.dataset.digest.to_string());
    ends(story.register(&[]), "REGISTERED", 0);
    // A run that train-launch did not make, or did not complete.
    let mut bare = story.run.clone();
    let experiment = story.wait(client.ensure_experiment("tells")).unwrap();
    let new = mlflow_client::NewRun {
        experiment_id: experiment.experiment_id,
        run_name: "bare".to_owned(),
        start_time: 1_795_444_000_000,
        tags: Default::default(),
        key: "bare".to_owned(),
    };
    bare.run_id = story.wait(client.ensure_run(&new)).unwrap().0.run_id;
    fs::write(story.path("run.json"), bare.to_json()).unwrap();
    refused("run:model", "MLflow's run has no tag model.digest");
}

#[test]
fn an_evaluation_on_rows_that_trained_the_model_is_refused() {
    let story = Story::new("seen", "one");
    let on = |split: Option<(&str, provenance::Digest)>| {
        let mut report = story.evaluation();
        report.bindings.retain(|key, _| !key.starts_with("split"));
        if let Some((name, digest)) = split {
            report.bindings.insert("split".into(), name.to_owned());
            report.bindings.insert("split.digest".into(), digest.to_string());
        }
        story.save("evaluation.json", &report);
    };
    let refused = |more: &[&str], says: &str| {
        ends(story.register(more), "REFUSED", 3);
        let report = story.report();
        assert_eq!(story.outcome("evaluation:split"), "fail");
        assert!(report.reason.contains(says), "{}", report.reason);
    };
    let splits = dataset().splits;
    on(Some(("train", splits["train"].digest)));
    refused(&[], "on the split `train`, which the model was trained on");
    on(None);
    refused(&[], "bound to no split");
    on(Some(("test", splits["train"].digest)));
    refused(&[], "the evaluation's split `test` has");
    on(Some(("holdout", splits["test"].digest)));
    refused(&[], "the dataset does not have: it has test, train");
    on(Some(("test", splits["test"].digest)));
    refused(&["--train-split=fit"], "no split `fit`");
    refused(&["--train-split=test"], "on the split `test`");
    fails(story.register(&["--dataset=missing.json"]), 2, "missing.json");
    assert!(story.versions().is_empty());
}

/// The training rows once more, under the name of a test.
#[test]
fn an_evaluation_on_a_copy_of_the_training_rows_is_refused() {
    let mut splits = dataset().splits;
    let mut copy = splits["train"].objects[0].clone();
    copy.uri = "s3://raw/flights/copy.parquet".to_owned();
    let mut objects = splits["test"].objects.clone();
    objects.push(copy);
    let test = provenance::Split::new("s3://raw/flights/", objects).unwrap();
    let digest = test.digest;
    splits.insert("test".to_owned(), test);
    let dataset = provenance::Dataset::new(None, None, splits);

    let mut story = Story::new("copied", "one");
    story.run.dataset = dataset.reference();
    story.write();
    fs::write(story.path("dataset.json"), dataset.to_json()).unwrap();
    let mut report = story.evaluation();
    report.bindings.insert("split.digest".into(), digest.to_string());
    story.save("evaluation.json", &report);
    ends(story.register(&[]), "REFUSED", 3);
    let why = story.report().find("evaluation:split").unwrap().why.clone();
    assert!(
        why.contains("copy.parquet") && why.contains("also in `train`"),
        "{why}"
    );
}

#[test]
fn a_model_comes_into_service_by_promote_only() {
    let story = Story::new("service", "one");
    let says = "no canary has judged";
    fails(story.register(&["--alias=champion"]), 2, says);
    fails(story.register(&["--alias=Champion"]), 2, says);
    fails(
        story.register(&["--alias=live", "--champion-alias=live"]),
        2,
        says,
    );
    assert!(story.versions().is_empty());
}

#[test]
fn a_no_leaves_nothing_of_an_earlier_yes() {
    let story = Story::new("stale", "one");
    let outputs = [
        "model-version.json",
        "card.md",
        "dependencies.json",
        "deployment.json",
    ];
    let there = || outputs.iter().filter(|file| story.path(file).exists()).count();
    let registered = || {
        ends(story.register(&[]), "REGISTERED", 0);
        assert_eq!(there(), 4);
    };
    registered();
    story.save(
        "evaluation.json",
        &story.evaluation().verdict("FAIL", "auc_roc 0.5 is below 0.87"),
    );
    assert_eq!(crate::story::end(story.register(&["--dry-run"])).code, Some(0));
    assert_eq!(there(), 4, "a dry run changes nothing");
    ends(story.register(&[]), "REFUSED", 3);
    assert_eq!(there(), 0);
    story.write();
    registered();
    fails(story.register(&["--alias=champion"]), 2, "no canary");
    assert_eq!(there(), 0);
    registered();
    let mut away = story.register(&[]);
    away.env("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
        .env("MLFLOW_RETRY_SECONDS", "0.5");
    fails(away, 4, "not available");
    assert_eq!(there(), 0);
    registered();
    ends(story.promote(&[]), "PROMOTED", 0);
    ends(story.rollback(&[]), "ROLLED_BACK", 0);
    assert!(story.path("promoted.json").exists());
    ends(story.promote(&[]), "REFUSED", 3);
    assert!(!story.path("promoted.json").exists() && story.path("model-version.json").exists());
    // In place: what was read stays.
    let mut command = story.step("promote");
    command.args([
        "--model-version=model-version.json",
        "--promoted=./model-version.json",
    ]);
    ends(command, "REFUSED", 3);
    assert!(story.path("model-version.json").exists());
}

#[test]
fn which_champion_the_evaluation_knew_is_said() {
    let first = Story::new("knew", "one");
    ends(first.register(&[]), "REGISTERED", 0);
    assert!(first.report().find("evaluation:champion").is_none());
    ends(first.promote(&[]), "PROMOTED", 0);
    let second = Story::new("knew", "two");
    let with = |digest: Option<provenance::Digest>, outcome: &str, says: &str| {
        let mut report = second.evaluation();
        if let Some(digest) = digest {
            report
                .bindings
                .insert("champion.digest".into(), digest.to_string());
        }
        second.save("evaluation.json", &report);
        ends(second.register(&[]), "REGISTERED", 0);
        let report = second.report();
        let check = report.find("evaluation:champion").unwrap();
        assert_eq!(check.outcome.word(), outcome, "{}", check.why);
        assert!(check.why.contains(says), "{}", check.why);
    };
    with(Some(first.run.model.digest), "pass", "the champion, version 1");
    with(Some(digest_bytes("x")), "warn", "another model than the champion");
    with(None, "warn", "does not say by digest");
    let client = second.client();
    second
        .wait(client.set_version_tag("knew", "1", "mlops.model_digest", "sha256:abc"))
        .unwrap();
    fails(
        second.register(&[]),
        2,
        "tag mlops.model_digest of version 1 of knew: `sha256:abc` is not a digest",
    );
}

#[test]
fn bad_input_is_named_with_its_place() {
    let story = Story::new("input", "one");
    fails(story.register(&["--run=missing.json"]), 2, "missing.json");
    fails(
        story.register(&["--run=evaluation.json"]),
        2,
        "schema is `mlops-steps/report/v1`",
    );
    fails(story.register(&["--evaluation=run.json"]), 2, "run.json");
    fails(story.register(&["--name=a/b"]), 2, "no `/`");
    fails(story.register(&["--alias=latest"]), 2, "keeps `latest`");
    fails(story.register(&["--stage=Prod"]), 2, "Staging");
    fails(story.register(&["--tag=mlops.model_digest=x"]), 2, "mlops.");
    fs::write(story.path("card.yaml"), "summary: late flights\nlicence: mit\n").unwrap();
    fails(story.register(&["--card-config=card.yaml"]), 2, "card.yaml:2");
    let run = fs::read_to_string(story.path("run.json")).unwrap();
    fs::write(
        story.path("run.json"),
        run.replace(&story.run.model.digest.hex(), &"0".repeat(64)),
    )
    .unwrap();
    fails(
        story.register(&[]),
        2,
        "the file was changed after it was written",
    );
    for (text, says) in [
        ("", "run.json"),
        ("{\"schema\":", "run.json"),
        ("[1]", "run.json"),
    ] {
        fs::write(story.path("run.json"), text).unwrap();
        fails(story.register(&[]), 2, says);
    }
    let report = story.report();
    assert_eq!(
        (report.verdict.as_str(), report.exit.as_deref()),
        ("ERROR", Some("usage"))
    );
    assert!(story.versions().is_empty());
}

#[test]
fn the_team_s_words_are_in_the_card() {
    let story = Story::new("words", "one");
    let card = "summary: Tells which flights arrive late.\nlicense: apache-2.0\nowners: [flight ops]\n\
                intended_use: Staffing of gates.\nout_of_scope: Compensation.\nlimitations: ['New | airports.']\n\
                ethical_considerations: None known.\ntask: tabular-classification\ntags: [flights]\n";
    fs::write(story.path("card.yaml"), card).unwrap();
    ends(story.register(&["--card-config=card.yaml"]), "REGISTERED", 0);
    let card = fs::read_to_string(story.path("card.md")).unwrap();
    for words in [
        "license: apache-2.0",
        "Owners: flight ops.",
        "## Intended use",
        "- New | airports.",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    assert!(!card.contains("Not said by the team"), "{card}");
}

#[test]
fn what_is_no_metric_of_the_model_has_a_section_of_its_own_and_no_text_is_html() {
    let story = Story::new("sections", "one");
    let hostile = "region=<img src=x onerror=alert(1)>";
    let evaluation = story
        .evaluation()
        .with_check(
            Check::new("fairness:demographic_parity:sex", "fairness")
                .metric("demographic_parity")
                .column("sex")
                .bound(Bound::at_most(0.1))
                .observed(0.04)
                .interval(Interval::new(0.01, 0.07, 0.95, "newcombe"))
                .n(20_000)
                .pass("groups are 0.04 apart"),
        )
        .with_check(
            Check::new("latency:p95_ms", "latency")
                .metric("p95_ms")
                .bound(Bound::at_most(50.0))
                .observed(12.5)
                .n(300)
                .pass("95 of 100 answers within 12.5 ms"),
        )
        .with_check(
            Check::new("champion:log_loss", "champion")
                .metric("log_loss")
                .bound(Bound::at_least(0.0))
                .observed(0.01)
                .n(20_000)
                .pass("log_loss is 0.01 lower"),
        )
        .with_check(
            Check::new("threshold:auc_roc:region", "threshold")
                .metric("auc_roc")
                .slice(hostile)
                .observed(0.9)
                .interval(Interval::new(0.88, 0.92, 0.95, "delong"))
                .n(40)
                .warn(format!("{hostile} has few rows")),
        );
    story.save("evaluation.json", &evaluation);
    ends(story.register(&[]), "REGISTERED", 0);
    let card = fs::read_to_string(story.path("card.md")).unwrap();
    let section = |title: &str| {
        let from = card.find(title).unwrap_or_else(|| panic!("{title}: {card}"));
        let rest = &card[from + title.len()..];
        rest[..rest.find("\n##").unwrap_or(rest.len())].to_owned()
    };
    let metrics = section("## Metrics");
    assert!(
        !metrics.contains("p95_ms") && !metrics.contains("parity"),
        "{metrics}"
    );
    assert!(
        section("### Fairness").contains("| demographic_parity over sex | 0.04 | 0.01 to 0.07 |"),
        "{card}"
    );
    assert!(section("### Latency").contains("| p95_ms | 12.5 |"), "{card}");
    assert!(
        section("### Against the champion").contains("above zero is better"),
        "{card}"
    );
    let slices = section("### Slices");
    assert!(slices.contains("| auc_roc | 0.9 | 0.88 to 0.92 |"), "{slices}");
    assert!(!card.contains("<img"), "{card}");

    // The front matter has the metric, and nothing that is none.
    let matter = card.split("---\n").nth(1).unwrap();
    let matter: serde_json::Value = serde_yaml::from_str(matter).unwrap();
    let result = &matter["model-index"][0]["results"][0];
    let metrics = result["metrics"].as_array().unwrap();
    let types: Vec<_> = metrics
        .iter()
        .map(|metric| metric["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["auc_roc"], "{matter}");
    assert_eq!(
        result["dataset"]["args"]["version"],
        story.run.dataset.version.as_str()
    );
}
