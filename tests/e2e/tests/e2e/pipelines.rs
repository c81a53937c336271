//! From a submission to its end.

use serde_json::Value;
use toolkit_e2e::{Lab, Run, STEPS, jobs, succeeded, until};

#[test]
fn a_pipeline_goes_from_data_to_a_watched_model() {
    // Given a model that nobody has trained yet
    let lab = Lab::new();
    let model = lab.model("e2e-happy", &[]);

    // When its pipeline is submitted, and the model is to be kept back
    let sha = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let run = lab.submit(
        "train-to-serve",
        &model,
        &[("trigger", "commit"), ("git-sha", sha), ("deploy", "false")],
    );

    // Then every stage has its say, and the trail is in S3
    succeeded(&lab, &model, &run);
    for task in ["validate", "train", "champion", "evaluate", "register", "enroll"] {
        assert_eq!(run.task(task), "Succeeded", "{task}\n{}", run.story());
    }
    for task in ["load", "promote"] {
        assert_eq!(run.task(task), "Skipped", "{task}\n{}", run.story());
    }
    assert_eq!(run.task("canary"), "Omitted");
    for step in STEPS {
        let report = run.report(step);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(
            ["PASS", "WARN", "TRAINED", "REGISTERED", "ENROLLED"].contains(&verdict),
            "{step}: {verdict}"
        );
        let key = format!("runs/{}/{step}/statement.json", run.uid());
        assert!(lab.artifact(&key).is_some(), "no {key}");
    }
    // and the run in MLflow says where it comes from
    let tags = lab.runs(&model, &run.uid()).remove(0);
    assert_eq!(tags["mlflow.source.git.commit"], sha);
    assert_eq!(tags["data.version"], "flights-2013-q1");
    assert_eq!(tags["trigger.kind"], "commit");
    assert_eq!(tags["argo.workflow.uid"], run.uid());
    assert_eq!(tags["status"], "FINISHED");
    // and the registry has the version, which serves nobody yet
    assert_eq!(lab.versions(&model).len(), 1);
    assert_eq!(lab.alias(&model, "challenger").as_deref(), Some("1"));
    assert_eq!(lab.alias(&model, "champion"), None);
    // and the model is watched, kept back or not
    let cron = lab.get("cronworkflow", "drift-e2e-happy").expect("it is watched");
    assert_eq!(cron["metadata"]["labels"]["mlops-steps/model"], "e2e-happy");

    // When the same model is to be deployed
    let run = lab.submit("train-to-serve", &model, &[("trigger", "manual")]);

    // Then the first one is promoted on its gates alone, and watched
    succeeded(&lab, &model, &run);
    for task in ["promote", "enroll"] {
        assert_eq!(run.task(task), "Succeeded", "{task}\n{}", run.story());
    }
    assert_eq!(run.task("load"), "Skipped");
    assert_eq!(lab.alias(&model, "champion").as_deref(), Some("2"));

    // When another is trained, and there is a champion now
    let run = lab.submit("train-to-serve", &model, &[("deploy", "false")]);
    let story = format!("{}: {}", run.ends(), run.story());

    // Then both were served beside the step and asked for the same rows, whoever is better
    assert_eq!(run.task("champion"), "Succeeded", "{story}");
    let report = run.report("evaluate");
    let checks = report["checks"].as_array().unwrap();
    let compared: Vec<_> = checks
        .iter()
        .filter(|check| check["kind"] == "champion")
        .collect();
    assert!(!compared.is_empty(), "{story}");
    for check in compared {
        assert!(check["n"].as_u64().is_some_and(|rows| rows > 1000), "{check}");
        assert!(
            ["pass", "warn", "fail"].contains(&check["outcome"].as_str().unwrap()),
            "{check}"
        );
    }
}

#[test]
fn a_template_runs_alone() {
    let lab = Lab::new();
    // Given a delivery that nobody trains on yet, when its model's validation is submitted
    let model = lab.model("e2e-alone", &[]);
    let run = lab.submit("validate-only", &model, &[]);

    // Then it says so, and nothing was trained
    run.ends_as("Succeeded");
    assert_eq!(run.report("data-validate")["verdict"], "PASS");
    assert!(jobs(&lab, &run).is_empty());

    // When the step is submitted by itself, and the delivery is a bad one
    let data = Lab::flights_trained_on("corrupt");
    let run = lab.submit(
        "data-validate",
        &model,
        &[("data", &data), ("config-map", "e2e-alone-mlops")],
    );

    // Then the workflow ends as the step does, and goes away in its time
    run.ends_as("Failed");
    assert_eq!(run.report("data-validate")["verdict"], "FAIL");
    assert_eq!(run.now()["spec"].get("ttlStrategy"), None, "the template has it");
    assert_eq!(
        run.now()["status"]["storedWorkflowTemplateSpec"]["ttlStrategy"]["secondsAfterCompletion"],
        1_209_600
    );
}

#[test]
fn shards_are_profiled_side_by_side_and_judged_together() {
    let lab = Lab::new();
    // Given three files of flights, and a suite that compares no rows of two of them
    let data = "train=s3://lake/flights-2013/flights/2013-0[1-3].parquet\nairlines=s3://lake/flights-2013/airlines.parquet";
    let suite = "tables: {train: {row_count: {min: 1000}, unique: [{columns: [carrier], max_duplicate_rows: 1000000}], \
                 columns: {carrier: {not_null: true}, dep_delay: {range: {min: -120, max: 1440}}}}}\n\
                 relationships: [{from: train.carrier, to: airlines.carrier}]";
    let model = lab.model("e2e-shards", &[("data", data), ("validation.yaml", suite)]);

    // When they are validated in shards
    let run = lab.submit("validate-sharded", &model, &[("shards", "8")]);
    run.ends_as("Succeeded");

    // Then a pod profiled each file, and one report speaks of all
    let profiled = |node: &Value| {
        let name = node["displayName"].as_str().unwrap_or_default();
        name.starts_with("profile(") && node["type"] == "Pod" && node["phase"] == "Succeeded"
    };
    assert_eq!(
        run.nodes().iter().filter(|node| profiled(node)).count(),
        3,
        "{}",
        run.story()
    );
    let report = run.report("data-validate");
    assert_eq!(report["verdict"], "PASS", "{report}");
    let read: Vec<&str> = report["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|input| input["uri"].as_str())
        .collect();
    assert_eq!(
        read.iter().filter(|uri| uri.contains("/flights/2013-0")).count(),
        3,
        "{read:?}"
    );

    // and the profiles of the shards go with the workflow, while the report stays
    let uid = run.uid();
    let key = |shard: usize| format!("tmp/{uid}/data-validate/{shard}/profile.json");
    assert!((0..3).all(|shard| lab.artifact(&key(shard)).is_some()));
    _ = lab.kubectl(&["delete", "workflow", &run.name, "--wait=false"]);
    until("the profiles of the shards are gone", 180, || {
        (0..3)
            .all(|shard| lab.artifact(&key(shard)).is_none())
            .then_some(())
    });
    until("the workflow is gone", 60, || {
        lab.get("workflow", &run.name).is_none().then_some(())
    });
    assert!(
        lab.artifact(&format!("runs/{uid}/data-validate/report.json"))
            .is_some()
    );
}

#[test]
fn what_footers_decide_stops_before_a_row_is_read() {
    let lab = Lab::new();
    // Given a suite that wants another type of a column
    let suite = "tables: {train: {columns: {carrier: {type: int}, dep_delay: {range: {min: -1000}}}}}";
    let model = lab.model("e2e-footers", &[("validation.yaml", suite)]);

    // When the pipeline is submitted
    let run = lab.submit("train-to-serve", &model, &[]);
    run.ends_as("Failed");

    // Then the footers said no, and no byte of a row was judged, digested or trained on
    assert_eq!(run.task("validate"), "Failed");
    let report = run.report("data-validate");
    assert_eq!(report["verdict"], "FAIL");
    let checks = report["checks"].as_array().unwrap();
    let outcome = |id: &str| {
        checks
            .iter()
            .find(|check| check["id"] == id)
            .map(|check| &check["outcome"])
    };
    assert_eq!(
        outcome("type:train.carrier"),
        Some(&Value::from("fail")),
        "{report}"
    );
    assert_eq!(outcome("footers"), Some(&Value::from("skipped")), "{report}");
    assert_eq!(outcome("range:train.dep_delay"), None);
    for input in report["inputs"].as_array().unwrap() {
        let is_table = input["uri"].as_str().is_some_and(|uri| uri.ends_with(".parquet"));
        assert!(!is_table || input["digest"].is_null(), "{input}");
    }
    assert!(jobs(&lab, &run).is_empty());
}

#[test]
fn corrupted_data_stops_before_anything_is_trained() {
    let lab = Lab::new();
    // Given a delivery of data with a bad upstream release in it
    let model = lab.model("e2e-corrupt", &[("data", &Lab::flights_trained_on("corrupt"))]);

    // When the pipeline is submitted
    let run = lab.submit("train-to-serve", &model, &[]);
    run.ends_as("Failed");

    // Then validation says no, in one sentence on the node and whole in S3
    assert_eq!(run.task("validate"), "Failed");
    let attempts = run.attempts("validate");
    assert_eq!(attempts.len(), 1, "a no is not tried again: {}", run.story());
    let message = attempts[0]["message"].as_str().unwrap();
    assert!(
        message.contains("FAIL: ") && message.contains("(exit code 3)"),
        "{message}"
    );
    let report = run.report("data-validate");
    assert_eq!(report["verdict"], "FAIL");
    let checks = report["checks"].as_array().unwrap();
    let first = checks
        .iter()
        .find(|check| check["outcome"] == "fail")
        .expect("a check failed");
    assert!(
        message.contains(first["why"].as_str().unwrap()),
        "{message}: {first}"
    );
    assert!(
        first["target"]["column"].is_string() && !first["bound"].is_null(),
        "{first}"
    );
    // and it took seconds
    let at = |key: &str| {
        attempts[0][key]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let took = at("finishedAt").duration_since(at("startedAt"));
    assert!(took.as_secs() < 60, "{took:?}");
    // and nothing after it ran
    for task in [
        "train", "champion", "evaluate", "register", "load", "canary", "promote", "enroll",
    ] {
        assert_eq!(run.task(task), "Omitted", "{task}\n{}", run.story());
    }
    assert!(jobs(&lab, &run).is_empty(), "no Job was ever made");
    assert!(lab.runs(&model, &run.uid()).is_empty());
}

#[test]
fn a_worse_model_is_not_registered() {
    let lab = Lab::new();
    // Given labels that were dealt out at random
    let model = lab.model("e2e-worse", &[("data", &Lab::flights_trained_on("shuffled"))]);

    // When a model is trained on them
    let run = lab.submit("train-to-serve", &model, &[]);
    run.ends_as("Failed");

    // Then the evaluation refuses it
    assert_eq!(run.task("train"), "Succeeded", "{}", run.story());
    assert_eq!(run.task("evaluate"), "Failed", "{}", run.story());
    let report = run.report("evaluate");
    assert_eq!(report["verdict"], "FAIL");
    assert!(
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(
                |check| check["id"].as_str().is_some_and(|id| id.contains("auc_roc"))
                    && check["outcome"] == "fail"
            ),
        "it is the ranking that fails"
    );
    // and nothing after it ran, as the workflow shows
    for task in ["register", "load", "canary", "promote", "enroll"] {
        assert_eq!(run.task(task), "Omitted", "{task}\n{}", run.story());
    }
    assert!(lab.versions(&model).is_empty());
    assert!(lab.get("cronworkflow", "drift-e2e-worse").is_none());
}

#[test]
fn two_pipelines_of_one_model_run_one_after_the_other() {
    let lab = Lab::new();
    let model = lab.model("e2e-twice", &[]);

    // When two are submitted at once
    let first = lab.submit("train-to-serve", &model, &[("deploy", "false")]);
    let second = lab.submit("train-to-serve", &model, &[("deploy", "false")]);

    // Then one waits for the lock
    until("one waits", 60, || {
        [&first, &second]
            .iter()
            .any(|run| {
                run.now()["status"]["message"].as_str().is_some_and(|message| {
                    message.contains("Waiting for") && message.contains("train-to-serve-e2e-twice")
                })
            })
            .then_some(())
    });
    // and begins no step before the other has ended
    first.ends_as("Succeeded");
    second.ends_as("Succeeded");
    let began = |run: &Run<'_>| {
        let mut pods: Vec<String> = run
            .nodes()
            .iter()
            .filter(|node| node["type"] == "Pod")
            .filter_map(|node| node["startedAt"].as_str().map(str::to_owned))
            .collect();
        pods.sort();
        pods.remove(0)
    };
    let ended = |run: &Run<'_>| run.now()["status"]["finishedAt"].as_str().unwrap().to_owned();
    assert!(
        began(&second) >= ended(&first) || began(&first) >= ended(&second),
        "{}\n{}",
        first.story(),
        second.story()
    );
}

#[test]
fn a_team_composes_a_dag_of_its_own() {
    let lab = Lab::new();
    // Given two of the steps, in a team's own workflow, and scores that the team made by a rule of its own
    let text = include_str!("../../../../workflows/examples/custom-dag.yaml");
    let (gates, workflow) = text.split_once("\n---\n").unwrap();
    _ = lab.kubectl_with(
        &["apply", "--server-side", "--filename=-", "--output=json"],
        gates,
    );
    let run = lab.create(workflow);

    // Then they do their part there
    run.ends_as("Succeeded");
    assert_eq!(run.report("data-validate")["verdict"], "PASS");
    let verdict = run.report("evaluate")["verdict"].as_str().unwrap().to_owned();
    assert!(["PASS", "WARN"].contains(&verdict.as_str()), "{verdict}");
}

#[test]
fn a_model_that_was_kept_back_is_judged_under_load_and_promoted() {
    let lab = Lab::new();
    // Given a version that was kept back, and a champion that came after it
    let canary = "canary: {latency: {mode: \"off\"}}\n";
    let model = lab.model("e2e-canary", &[("canary.yaml", canary), ("load-duration", "45s")]);
    let kept = lab.submit("train-to-serve", &model, &[("deploy", "false")]);
    succeeded(&lab, &model, &kept);
    let first = lab.submit("train-to-serve", &model, &[]);
    succeeded(&lab, &model, &first);
    assert_eq!(lab.alias(&model, "champion").as_deref(), Some("2"));
    lab.set_alias(&model, "kept", "1");

    // When it is judged against the champion of now
    let record = format!("runs/{}/mlflow-register/model-version.json", kept.uid());
    let run = lab.submit(
        "canary-only",
        &model,
        &[("model-version", &record), ("alias", "kept")],
    );

    // Then both were asked the same under load, and it is the champion
    run.ends_as("Succeeded");
    let report = run.report("kserve-canary");
    assert_eq!(report["verdict"], "PROMOTE", "{report}");
    let errors = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == "error_rate")
        .unwrap();
    for arm in ["canary_requests", "champion_requests"] {
        assert!(
            errors["details"][arm].as_u64().is_some_and(|n| n > 500),
            "{errors}"
        );
    }
    assert_eq!(lab.alias(&model, "champion").as_deref(), Some("1"));
    let stages: Vec<_> = lab
        .versions(&model)
        .iter()
        .map(|version| version["current_stage"].clone())
        .collect();
    assert_eq!(stages, ["Production", "Archived"]);
}
