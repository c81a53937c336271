//! What starts a pipeline.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use toolkit_e2e::{Lab, Run, said, succeeded, until};

#[test]
fn a_drift_event_starts_one_retraining() {
    let lab = Lab::new();
    let model = lab.model("e2e-drift", &[]);
    let event = json!({"id": "00c0ffee00c0ffee", "model": model, "trigger": "drift", "verdict": "RETRAIN"});
    // What other scenarios start, before or beside this one, is theirs.
    let retrainings = || {
        let mut names = lab.names("workflows");
        names.retain(|name| {
            (name.starts_with("retrain-") || name.contains("11c0ffee")) && !name.contains("-e2e-loop-")
        });
        names
    };
    let others = retrainings();

    // When drift is reported
    assert_eq!(lab.post_event(&event), 200);

    // Then the pipeline runs, under a name made from the event
    let name = "retrain-e2e-drift-00c0ffee00c0ffee";
    let run = Run::find(&lab, name).expect("the workflow is there when the server answers");
    // and the same event again starts no second one
    for _ in 0..2 {
        assert_eq!(lab.post_event(&event), 500, "the server has that name already");
    }
    // and text in a payload is not evaluated: nothing is started at all
    for hostile in [
        json!({"id": "{{=sprig.upper('abc')}}", "model": model, "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": "{{workflow.name}}", "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": "e2e-drift\nx", "trigger": "drift"}),
        json!({"id": "11c0ffee00c0ffee", "model": model, "trigger": "{{=1+1}}"}),
        json!({"id": "11c0ffee00c0ffee00", "model": model, "trigger": "drift"}),
        json!({"model": model, "trigger": "drift"}),
    ] {
        assert_eq!(
            lab.post_event(&hostile),
            200,
            "the server does not tell: {hostile}"
        );
    }
    let mut started = retrainings();
    started.retain(|name| !others.contains(name));
    assert_eq!(started, [name]);

    succeeded(&lab, &model, &run);
    let tags = lab.runs(&model, &run.uid()).remove(0);
    assert_eq!(tags["trigger.kind"], "drift");
    assert_eq!(tags["trigger.id"], "00c0ffee00c0ffee");
}

#[test]
fn a_watched_model_retrains_when_its_traffic_has_drifted() {
    let lab = Lab::new();
    // Given a model in service, watched against traffic of another season
    let model = lab.model("e2e-loop", &[]);
    let run = lab.submit("train-to-serve", &model, &[]);
    succeeded(&lab, &model, &run);

    // When the schedule of its drift check comes round
    let every_minute = r#"{"spec": {"schedules": ["* * * * *"]}}"#;
    let patch = |text: &str| {
        _ = lab.kubectl(&[
            "patch",
            "cronworkflow",
            "drift-e2e-loop",
            "--type=merge",
            "--patch",
            text,
        ]);
    };
    patch(every_minute);
    let checks = "workflows.argoproj.io/cron-workflow=drift-e2e-loop";
    let check = until("the check is started by its schedule", 120, || {
        let started = lab.list("workflows", checks);
        let name = started.first()?["metadata"]["name"].as_str()?;
        Some(name.to_owned())
    });
    patch(r#"{"spec": {"suspend": true}}"#);
    let check = Run::find(&lab, &check).unwrap();
    check.ends_as("Succeeded");

    // Then it finds the drift, and its event starts a retraining that carries the event's id
    let report = check.report("enroll-drift");
    assert_eq!(report["verdict"], "RETRAIN", "{}", check.story());
    let retraining = until("the retraining is there", 30, || {
        let all = lab.list(
            "workflows",
            "mlops-steps/model=e2e-loop,mlops-steps/trigger=drift",
        );
        all.first().cloned()
    });
    let name = retraining["metadata"]["name"].as_str().unwrap();
    let id = name.strip_prefix("retrain-e2e-loop-").expect(name);
    let given = retraining["spec"]["arguments"]["parameters"].as_array().unwrap();
    assert!(
        given.contains(&json!({"name": "trigger-id", "value": id})),
        "{given:?}"
    );
    // and what follows is `a_drift_event_starts_one_retraining`
    let run = Run::find(&lab, name).unwrap();
    run.reaches("validate", "Succeeded");
    run.stop();
}

/// A checkout of a model's repository that holds one CI file.
fn checkout(file: &str, at: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(at);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let ci = concat!(env!("MLOPS_STEPS_ROOT"), "/workflows/triggers/ci");
    fs::copy(Path::new(ci).join(file), path).unwrap();
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=ci", "-c", "user.email=ci@example.com"])
            .args(["-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(home.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
    };
    git(&["init", "--quiet"]);
    git(&[
        "remote",
        "add",
        "origin",
        "https://git.example.com/team/model.git",
    ]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=training"]);
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    home
}

/// Runs a CI's runner in a checkout; what it prints.
fn runs(command: &mut Command, home: &Path) -> String {
    let (good, text) = ran(command, home);
    assert!(good, "{command:?}:\n{text}");
    text
}

/// The same of a run that has to fail.
fn refused(command: &mut Command, home: &Path) -> String {
    let (good, text) = ran(command, home);
    assert!(!good, "{command:?}:\n{text}");
    text
}

fn ran(command: &mut Command, home: &Path) -> (bool, String) {
    let output = command.current_dir(home).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

/// The commit that a checkout is at.
fn commit(home: &Path) -> String {
    let mut git = Command::new("git");
    runs(git.args(["rev-parse", "HEAD"]), home).trim().to_owned()
}

/// What a pipeline was started with, which is then ended: its way to the end is shown elsewhere.
fn started(lab: &Lab, name: &str) -> Value {
    let run = Run::find(lab, name).unwrap_or_else(|| panic!("{name} is not there"));
    run.stop();
    let mut workflow = run.now();
    assert_eq!(workflow["spec"]["workflowTemplateRef"]["name"], "train-to-serve");
    let given = workflow["spec"]["arguments"]["parameters"].take();
    let given = given.as_array().unwrap().iter();
    given
        .map(|parameter| {
            let name = parameter["name"].as_str().unwrap().to_owned();
            (name, parameter["value"].clone())
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The account that a CI submits with.
fn ci_token(lab: &Lab) -> String {
    let rbac = include_str!("../../../../workflows/triggers/ci/rbac.yaml");
    _ = lab
        .try_kubectl(&["apply", "--server-side", "--filename=-"], Some(rbac))
        .unwrap();
    format!("Bearer {}", lab.token("mlops-ci"))
}

fn forget(lab: &Lab, name: &str) {
    _ = lab.kubectl(&["delete", "workflow", name, "--ignore-not-found"]);
}

#[test]
fn github_actions_submits_the_pipeline_once() {
    let lab = Lab::new();
    let token = ci_token(&lab);
    // Given the workflow in a model's repository, and a runner that is no container
    let home = checkout("github-actions.yaml", ".github/workflows/train.yaml");
    let act = |event: &str, run_id: &str, inputs: &[&str], runs: fn(&mut Command, &Path) -> String| {
        let mut act = Command::new(said("E2E_ACT"));
        act.args([event, "--platform=ubuntu-latest=-self-hosted", "--actor=ci"])
            .arg(format!("--secret=ARGO_SERVER={}", said("E2E_ARGO_URL")))
            .arg(format!("--secret=ARGO_TOKEN={token}"))
            .arg(format!("--var=ARGO_NAMESPACE={}", lab.namespace))
            .arg(format!("--env=GITHUB_RUN_ID={run_id}"))
            .args(inputs)
            .env("XDG_CACHE_HOME", home.path().join("cache"));
        runs(&mut act, home.path())
    };
    for name in [
        "flight-delays-101-1",
        "flight-delays-102-1",
        "flight-delays-103-1",
    ] {
        forget(&lab, name);
    }

    // When training code is pushed
    let told = act("push", "101", &[], runs);

    // Then a pipeline runs that knows the commit
    assert!(told.contains("started flight-delays-101-1"), "{told}");
    let given = started(&lab, "flight-delays-101-1");
    assert_eq!(given["model"], "flight-delays");
    assert_eq!(given["trigger"], "commit");
    assert_eq!(given["trigger-id"], "101");
    assert_eq!(given["git-sha"], commit(home.path()));
    assert_eq!(given.get("data-version"), None);
    // and the same run again starts no second one
    let told = act("push", "101", &[], runs);
    assert!(
        told.contains("flight-delays-101-1 had been started before"),
        "{told}"
    );

    // When it is the schedule, or a person who names the data
    _ = act("schedule", "102", &[], runs);
    assert_eq!(started(&lab, "flight-delays-102-1")["trigger"], "schedule");
    _ = act(
        "workflow_dispatch",
        "103",
        &["--input=data_version=2013-q2"],
        runs,
    );
    let given = started(&lab, "flight-delays-103-1");
    assert_eq!(given["trigger"], "manual");
    assert_eq!(given["data-version"], "2013-q2");
    // Argo evaluates what stands in braces: such a name starts nothing.
    let told = act(
        "workflow_dispatch",
        "104",
        &["--input=data_version={{=1+1}}"],
        refused,
    );
    assert!(told.contains("data version: letters, digits"), "{told}");
    assert!(Run::find(&lab, "flight-delays-104-1").is_none());

    let mut lint = Command::new(said("E2E_ACTIONLINT"));
    _ = runs(lint.arg(".github/workflows/train.yaml"), home.path());
}

#[test]
fn gitlab_ci_submits_the_pipeline_once() {
    let lab = Lab::new();
    let token = ci_token(&lab);
    // Given the job in a model's repository, and a runner that is a shell; it holds the file to GitLab's schema first
    let home = checkout("gitlab-ci.yml", ".gitlab-ci.yml");
    let gitlab = |source: &str, pipeline: &str, variables: &[&str]| {
        let mut runner = Command::new(said("E2E_GITLAB_CI_LOCAL"));
        runner
            .args(["train", "--force-shell-executor", "--no-color"])
            .args(["--variable", &format!("CI_PIPELINE_SOURCE={source}")])
            .args(["--variable", &format!("CI_PIPELINE_ID={pipeline}")])
            .args(["--variable", &format!("ARGO_SERVER={}", said("E2E_ARGO_URL"))])
            .args(["--variable", &format!("ARGO_TOKEN={token}")])
            .args(["--variable", &format!("ARGO_NAMESPACE={}", lab.namespace)])
            .env("HOME", home.path());
        for variable in variables {
            runner.args(["--variable", variable]);
        }
        runs(&mut runner, home.path())
    };
    for name in ["flight-delays-201", "flight-delays-202"] {
        forget(&lab, name);
    }

    // When the schedule comes round
    let told = gitlab("schedule", "201", &[]);

    // Then a pipeline runs that knows the commit
    assert!(told.contains("started flight-delays-201"), "{told}");
    let given = started(&lab, "flight-delays-201");
    assert_eq!(given["trigger"], "schedule");
    assert_eq!(given["git-sha"], commit(home.path()));
    // and the same pipeline retried starts no second one
    let told = gitlab("schedule", "201", &[]);
    assert!(
        told.contains("flight-delays-201 had been started before"),
        "{told}"
    );

    // When a person starts it with the data's name
    _ = gitlab("web", "202", &["DATA_VERSION=2013-q2"]);
    let given = started(&lab, "flight-delays-202");
    assert_eq!(given["trigger"], "manual");
    assert_eq!(given["data-version"], "2013-q2");
}
