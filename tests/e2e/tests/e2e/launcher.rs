//! A launcher outside of a workflow, killed at every point of a training: one Job, one run, complete outputs.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use step_testkit::{Fault, FaultProxy};
use tempfile::TempDir;
use toolkit_e2e::{Lab, said, until};

use crate::training::pods;

/// What a launcher on this machine needs, and the API server behind a proxy that can be told to fail.
struct Desk<'a> {
    lab: &'a Lab,
    dir: TempDir,
    api: FaultProxy,
    /// `kubectl proxy`: the API server without TLS, for the proxy above cannot look into that.
    plain: Child,
    experiment: &'static str,
}

impl<'a> Desk<'a> {
    /// With the record of the example's data.
    fn new(lab: &'a Lab, experiment: &'static str) -> Self {
        let model = lab.model(experiment, &[]);
        let run = lab.submit("validate-only", &model, &[]);
        run.ends_as("Succeeded");
        let key = format!("runs/{}/data-validate/dataset.json", run.uid());
        let dir = TempDir::new().unwrap();
        std::fs::write(
            dir.path().join("dataset.json"),
            lab.artifact(&key).expect("a record"),
        )
        .unwrap();

        let mut plain = Command::new(said("E2E_KUBECTL"))
            .args(["proxy", "--port=0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(plain.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit(' ').next().unwrap();
        let api = FaultProxy::before(address).unwrap();
        let desk = Self {
            lab,
            dir,
            api,
            plain,
            experiment,
        };
        desk.kubeconfig("faulty", &desk.api.url());
        desk.kubeconfig("plain", &format!("http://{address}"));
        desk
    }

    fn kubeconfig(&self, name: &str, server: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: u, user: {{}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u, namespace: {}}}}}]\ncurrent-context: x\n",
            self.lab.namespace
        );
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a launcher of the training `name`, which sees the cluster through `kubeconfig`.
    fn launch(&self, name: &str, kubeconfig: &str, script: &str, more: &[&str]) -> Launcher {
        let image = format!(
            "{}/train-launch:{}",
            said("E2E_IMAGE_PREFIX"),
            env!("CARGO_PKG_VERSION")
        );
        let mut command = Command::new(PathBuf::from(said("E2E_STEPS")).join("train-launch"));
        let verb = more.iter().find(|word| !word.starts_with("--")).unwrap_or(&"run");
        command.args([
            verb,
            "--executor=job",
            "--dataset=dataset.json",
            "--git-sha=0123abcd",
        ]);
        command.args(["--command=sh", "--command=-ec"]);
        command.arg(format!("--command={script}"));
        // A runtime names them.
        if !more.contains(&"--kind=trainjob") {
            command.arg(format!("--launcher-image={image}"));
            command.arg("--env-from-secret=mlops-steps-env");
        }
        for (flag, value) in [
            ("experiment", self.experiment.to_owned()),
            ("workflow-uid", self.uid(name)),
            ("image", "lab.local/python:1".to_owned()),
            ("namespace", self.lab.namespace.clone()),
            ("tracking-uri", said("E2E_MLFLOW_URL")),
            ("run", self.file(name, "run.json")),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        // Small, for several of them share two cores.
        for size in ["--cpu=50m", "--memory=128Mi", "--disk=200Mi", "--shm=16Mi"] {
            let name = size.split('=').next().unwrap();
            if !more.iter().any(|word| word.starts_with(name)) {
                command.arg(size);
            }
        }
        command.args(more.iter().filter(|word| word.starts_with("--")));
        self.start(command, name, kubeconfig)
    }

    /// What `plan` prints of the training.
    fn plan(&self, name: &str, script: &str, more: &[&str]) -> String {
        let mut words = vec!["plan"];
        words.extend(more);
        let (status, text) = self.launch(name, "plain", script, &words).end(60);
        assert_eq!(status.code(), Some(0), "{}", self.log(name));
        text
    }

    /// `reproduce` of a run, as the training `name`.
    fn reproduce(&self, name: &str, run: &str) -> Launcher {
        let mut command = Command::new(PathBuf::from(said("E2E_STEPS")).join("train-launch"));
        command.args(["reproduce", "--run", run]);
        for (flag, value) in [
            ("workflow-uid", self.uid(name)),
            ("tracking-uri", said("E2E_MLFLOW_URL")),
            ("record", self.file(name, "run.json")),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        self.start(command, name, "plain")
    }

    /// Starts a command with all that it writes named after the training, and what it says added to the training's log.
    fn start(&self, mut command: Command, name: &str, kubeconfig: &str) -> Launcher {
        for (flag, what) in [
            ("model-uri", "model-uri"),
            ("model-digest", "model-digest"),
            ("run-id", "run-id"),
            ("report", "report.json"),
            ("report-md", "report.md"),
            ("report-html", "report.html"),
            ("report-junit", "report.xml"),
            ("statement", "statement.json"),
            ("verdict", "verdict"),
        ] {
            command.arg(format!("--{flag}={}", self.file(name, what)));
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.file(name, "log"))
            .unwrap();
        command
            .current_dir(self.dir.path())
            .env("KUBECONFIG", self.path(kubeconfig))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        Launcher(command.spawn().unwrap())
    }

    /// A file of a training, as a flag takes it.
    fn file(&self, name: &str, what: &str) -> String {
        self.path(&format!("{name}.{what}")).display().to_string()
    }

    /// A JSON file of a training.
    fn json(&self, name: &str, what: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.file(name, what)).unwrap()).unwrap()
    }

    fn uid(&self, name: &str) -> String {
        format!("{}-{}-{name}", self.experiment, std::process::id())
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default()
    }

    /// The Jobs of a training, by the run that they log to.
    fn jobs(&self, name: &str) -> Vec<Value> {
        let uid = format!("--workflow-uid={}", self.uid(name));
        self.lab
            .list("jobs", "app.kubernetes.io/name=train-launch")
            .into_iter()
            .filter(|job| {
                let command = &job["spec"]["template"]["spec"]["containers"][0]["command"];
                command
                    .as_array()
                    .is_some_and(|words| words.iter().any(|word| word == uid.as_str()))
            })
            .collect()
    }

    /// The Job, as soon as it is there.
    fn job(&self, name: &str) -> Value {
        until("the Job is there", 120, || self.jobs(name).pop())
    }

    fn pod_is(&self, name: &str, phase: &str) {
        let job = text(&self.job(name)["metadata"]["name"]);
        until(&format!("a pod of {name} is {phase}"), 180, || {
            pods(self.lab, &job)
                .iter()
                .any(|pod| pod["status"]["phase"] == phase)
                .then_some(())
        });
    }

    /// The next launcher ends the training, in the one Job and the one run, with all that it writes.
    fn ends_well(&self, name: &str, script: &str, job: Option<&Value>) {
        self.ends_well_as(name, script, &[], job);
    }

    fn ends_well_as(&self, name: &str, script: &str, more: &[&str], job: Option<&Value>) {
        let next = self.launch(name, "plain", script, more);
        let (status, word) = next.end(300);
        assert_eq!(status.code(), Some(0), "{name}: {}", self.log(name));
        assert_eq!(word, "TRAINED", "{name}");
        let jobs = self.jobs(name);
        assert_eq!(jobs.len(), 1, "{name}: {}", self.log(name));
        if let Some(job) = job {
            assert_eq!(
                jobs[0]["metadata"]["uid"], job["metadata"]["uid"],
                "{name}: one Job"
            );
        }
        let runs = self.lab.runs(self.experiment, &self.uid(name));
        assert_eq!(runs.len(), 1, "{name}: one run");
        assert_eq!(runs[0]["status"], "FINISHED", "{name}");
        let record = self.json(name, "run.json");
        let read =
            |what: &str| std::fs::read_to_string(self.path(&format!("{name}.{what}"))).unwrap_or_default();
        assert_eq!(read("model-uri").trim(), text(&record["model"]["uri"]), "{name}");
        assert_eq!(
            read("model-digest").trim(),
            text(&record["model"]["digest"]),
            "{name}"
        );
        assert_eq!(read("run-id").trim(), text(&record["run_id"]), "{name}");
        assert_eq!(record["compute"]["pods"], 1, "{name}: {}", record["compute"]);
        assert!(
            record["compute"]["pod_seconds"]
                .as_f64()
                .is_some_and(|it| it > 0.0),
            "{name}"
        );
        assert!(
            record["compute"]["train_seconds"]
                .as_f64()
                .is_some_and(|it| it > 0.0),
            "{name}"
        );
        assert_eq!(
            record["tags"]["launch.job.uid"], jobs[0]["metadata"]["uid"],
            "{name}"
        );
        assert_eq!(record["tags"]["launch.exit_code"], "0", "{name}");
        assert_eq!(read("verdict").trim(), "TRAINED", "{name}");
        for what in [
            "report.json",
            "report.md",
            "report.html",
            "report.xml",
            "statement.json",
        ] {
            assert!(!read(what).is_empty(), "{name}: {what} is missing");
        }
        // One more changes nothing: the same record, byte for byte.
        let before = read("run.json");
        let (status, _) = self.launch(name, "plain", script, more).end(120);
        assert_eq!(status.code(), Some(0), "{name}: {}", self.log(name));
        assert_eq!(read("run.json"), before, "{name}");
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        _ = self.plain.kill();
        _ = self.plain.wait();
    }
}

/// A node with the label that the pending training waits for.
struct Labelled<'a>(&'a Lab, String);

impl<'a> Labelled<'a> {
    fn ready(lab: &'a Lab) -> Self {
        let node = text(&lab.list("nodes", "")[0]["metadata"]["name"]);
        _ = lab.kubectl(&["label", "node", &node, "mlops-steps.dev/lab=ready"]);
        Self(lab, node)
    }
}

impl Drop for Labelled<'_> {
    fn drop(&mut self) {
        _ = self
            .0
            .try_kubectl(&["label", "node", &self.1, "mlops-steps.dev/lab-"], None);
    }
}

struct Launcher(Child);

impl Launcher {
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.0.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    /// The kernel's own high-water mark, as long as the process is there.
    fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Its end, and what it said: its word, or a plan that a pipe holds.
    fn end(self, seconds: u64) -> (ExitStatus, String) {
        let (status, said, _) = self.end_with_peak(seconds);
        (status, said)
    }

    /// The same with the most memory that it had resident, in kB.
    fn end_with_peak(mut self, seconds: u64) -> (ExitStatus, String, u64) {
        let start = Instant::now();
        let mut peak = 0;
        loop {
            peak = self.peak().unwrap_or(peak);
            if let Some(status) = self.0.try_wait().unwrap() {
                let mut said = String::new();
                _ = self.0.stdout.take().unwrap().read_to_string(&mut said);
                return (status, said.trim().to_owned(), peak);
            }
            assert!(start.elapsed().as_secs() < seconds, "the launcher does not end");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A training that saves a small model, after so many seconds.
fn training(seconds: u32) -> String {
    format!(
        "sleep {seconds}; mkdir -p $TRAIN_OUTPUT/model; printf 'flavors: {{}}\\n' > $TRAIN_OUTPUT/model/MLmodel"
    )
}

/// The first line of a request that makes objects of a kind; what is only asked for with `dryRun` makes none.
fn makes(kind: &'static str) -> impl Fn(&str) -> bool {
    move |line| line.starts_with("POST ") && line.contains(&format!("/{kind}?")) && !line.contains("dryRun")
}

#[test]
fn a_launcher_that_is_killed_at_any_point_is_followed_by_one_that_ends_well() {
    let lab = Lab::new();
    let desk = Desk::new(&lab, "e2e-matrix");
    let desk = &desk;

    std::thread::scope(|scope| {
        // Killed before it could make the Job: its request never arrives.
        scope.spawn(|| {
            let script = training(1);
            desk.api.fail_when(makes("jobs"), 1000, Fault::Cut);
            let first = desk.launch("before", "faulty", &script, &[]);
            until("it asks for the Job", 60, || {
                (desk.api.failed() > 0).then_some(())
            });
            assert!(desk.jobs("before").is_empty());
            first.kill();
            desk.api.heal();
            desk.ends_well("before", &script, None);

            // Killed after the Job was made, before it hears of it, and before the ConfigMap.
            desk.api.fail_when(makes("jobs"), 1, Fault::Swallow);
            let first = desk.launch("unheard", "faulty", &script, &[]);
            until("the Job is made, and the launcher does not know", 60, || {
                (desk.api.swallowed() == 1).then_some(())
            });
            first.kill();
            desk.api.heal();
            let job = desk.job("unheard");
            desk.ends_well("unheard", &script, Some(&job));

            // Killed between the Job and its ConfigMap, without which the pod cannot start.
            desk.api.fail_when(makes("configmaps"), 1000, Fault::Cut);
            let failed = desk.api.failed();
            let first = desk.launch("between", "faulty", &script, &[]);
            until("it asks for the ConfigMap", 60, || {
                (desk.api.failed() > failed).then_some(())
            });
            first.kill();
            desk.api.heal();
            let job = desk.job("between");
            desk.ends_well("between", &script, Some(&job));
        });
        // Killed while the pod waits for a node that there is not yet.
        scope.spawn(|| {
            let script = training(1);
            let pending = ["--node-selector=mlops-steps.dev/lab=ready"];
            let first = desk.launch("pending", "plain", &script, &pending);
            desk.pod_is("pending", "Pending");
            first.kill();
            let job = desk.job("pending");
            // Asked for otherwise it is not adopted, and says why.
            let (status, _) = desk.launch("pending", "plain", &script, &[]).end(60);
            assert_eq!(status.code(), Some(2), "{}", desk.log("pending"));
            assert!(
                desk.log("pending")
                    .contains("is run with other settings (spec.template.spec"),
                "{}",
                desk.log("pending")
            );
            let _node = Labelled::ready(desk.lab);
            desk.ends_well_as("pending", &script, &pending, Some(&job));
        });
        scope.spawn(|| {
            let script = training(8);
            // Killed while training runs.
            let first = desk.launch("running", "plain", &script, &[]);
            desk.pod_is("running", "Running");
            first.kill();
            let job = desk.job("running");
            desk.ends_well("running", &script, Some(&job));

            // Killed after the Job's success, before its outputs: it was held while the Job ended.
            let first = desk.launch("after", "plain", &script, &[]);
            desk.pod_is("after", "Running");
            first.signal("STOP");
            let job = until("the Job is complete", 180, || {
                let job = desk.job("after");
                job["status"]["succeeded"].as_u64().map(|_| job)
            });
            first.kill();
            assert!(!desk.path("after.run.json").exists());
            desk.ends_well("after", &script, Some(&job));
        });
        // Asked to stop: by its flag the Job goes or stays.
        scope.spawn(|| {
            let script = training(8);
            let first = desk.launch("left", "plain", &script, &["--on-terminate=leave"]);
            desk.pod_is("left", "Running");
            first.signal("TERM");
            let (status, _) = first.end(60);
            assert_eq!(status.code(), Some(143), "{}", desk.log("left"));
            let job = desk.job("left");
            desk.ends_well("left", &script, Some(&job));

            let first = desk.launch("deleted", "plain", &script, &["--on-terminate=delete"]);
            desk.pod_is("deleted", "Running");
            let job = desk.job("deleted");
            first.signal("TERM");
            let (status, _) = first.end(60);
            assert_eq!(status.code(), Some(143), "{}", desk.log("deleted"));
            until("the Job is gone", 60, || {
                desk.jobs("deleted").is_empty().then_some(())
            });
            assert_eq!(
                desk.lab.runs(desk.experiment, &desk.uid("deleted"))[0]["status"],
                "KILLED"
            );
            desk.ends_well("deleted", &script, None);
            assert_ne!(desk.job("deleted")["metadata"]["uid"], job["metadata"]["uid"]);
        });
    });
}

#[test]
fn a_training_is_planned_before_and_repeated_from_its_run_after() {
    let lab = Lab::new();
    let desk = Desk::new(&lab, "e2e-again");
    let script = training(1);
    // Given nothing, the plan shows what would be read and made, and makes none of it
    let plan = desk.plan("first", &script, &[]);
    for line in ["job       ", ": would be made", "s3://lake/", "\"kind\": \"Job\""] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert!(desk.jobs("first").is_empty());
    assert!(desk.lab.runs(desk.experiment, &desk.uid("first")).is_empty());

    // When it is launched, the plan says what is there, and what would be otherwise
    let (status, _) = desk.launch("first", "plain", &script, &[]).end(300);
    assert_eq!(status.code(), Some(0), "{}", desk.log("first"));
    let plan = desk.plan("first", &script, &[]);
    assert!(plan.contains("is complete; would be read back"), "{plan}");
    let plan = desk.plan("first", &script, &["--memory=256Mi"]);
    for line in [
        "is there with other settings: the launch would be refused",
        "- spec.template.spec.containers[0].resources.limits.memory: \"128Mi\"",
        "+ spec.template.spec.containers[0].resources.limits.memory: \"256Mi\"",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }

    // When the run is all that is known of it, it is trained again: another Job, another run, the same model
    let record = desk.json("first", "run.json");
    let (status, word) = desk.reproduce("again", &text(&record["run_id"])).end(300);
    assert_eq!(
        (status.code(), word.as_str()),
        (Some(0), "TRAINED"),
        "{}",
        desk.log("again")
    );
    let again = desk.json("again", "run.json");
    assert_ne!(again["run_id"], record["run_id"]);
    assert_eq!(again["model"]["digest"], record["model"]["digest"]);
    assert_eq!(again["tags"]["mlops.reproduces"], record["run_id"]);
    assert_ne!(again["tags"]["launch.job.uid"], record["tags"]["launch.job.uid"]);
    let report = desk.json("again", "report.json");
    let check = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == "reproduced");
    assert_eq!(check.unwrap()["outcome"], "pass", "{report}");
}

#[test]
fn a_long_log_comes_whole_and_in_order_over_broken_connections() {
    const LINES: usize = 200_000;
    let lab = Lab::new();
    let desk = Desk::new(&lab, "e2e-log");
    // Given a training that prints very much, in bursts and with lines that are the same, and a proxy that cuts the
    // connection of the log again and again
    let script = format!(
        "awk 'BEGIN {{ for (n = 1; n <= {LINES}; n++) {{ print \"line\", n; if (n % 1000 == 0) print \"same\" }} }}'; {}",
        training(1)
    );
    for bytes in [200_000, 1_000_000, 2_000_000, 4_000_000, 50_000] {
        desk.api.fail_when(
            |line| line.starts_with("GET ") && line.contains("/log?"),
            1,
            Fault::CutAfter(bytes),
        );
    }
    // When a launcher follows it through the proxy
    let (status, word, peak) = desk.launch("long", "faulty", &script, &[]).end_with_peak(600);
    assert_eq!(
        (status.code(), word.as_str()),
        (Some(0), "TRAINED"),
        "{}",
        tail(&desk.log("long"))
    );
    assert!(
        desk.api.failed() >= 5,
        "the log was cut {} times",
        desk.api.failed()
    );
    assert!(peak > 0 && peak < 40_000, "the launcher needed {peak} kB");
    // Then every line is there once, in order
    let log = desk.log("long");
    let printed = log
        .lines()
        .filter_map(|line| line.split_once("] line ")?.1.parse::<usize>().ok());
    let mut expected = 1;
    for number in printed {
        assert_eq!(number, expected, "lost or doubled");
        expected += 1;
    }
    assert_eq!(expected, LINES + 1);
    assert_eq!(
        log.lines().filter(|line| line.ends_with("] same")).count(),
        LINES / 1000
    );
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// Kubeflow Trainer's definitions are in the cluster, its controller is not: what the launcher and the runtime say is held to
/// them by the API server.
#[test]
fn a_trainjob_is_one_that_kubeflow_knows_and_is_given_up_when_nobody_runs_it() {
    let lab = Lab::new();
    let desk = Desk::new(&lab, "e2e-trainjob");
    let flags = [
        "--kind=trainjob",
        "--nodes=2",
        "--gpu=1",
        "--shm=1Gi",
        "--node-selector=pool=gpu",
        "--volume=cache=emptydir:1Gi:/cache",
        "--pending-timeout=20s",
    ];
    let script = training(1);

    // The shipped runtime is one that the API server knows, field by field
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = root
        .join("kustomize/components/trainer/runtime.yaml")
        .display()
        .to_string();
    let made = lab.kubectl(&[
        "create",
        "--dry-run=server",
        "--validate=strict",
        "--output=json",
        "--filename",
        &runtime,
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let pod = &made["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0]["name"], "launcher", "{made}");

    // So is what is planned, which nothing is made of
    let plan = desk.plan("tj", &script, &flags);
    assert!(
        plan.contains("would be made") && plan.contains("\"TrainJob\""),
        "{plan}"
    );
    assert!(lab.list("trainjobs", "").is_empty());

    // When it is launched, it is there, and owns the record of the data
    let launcher = desk.launch("tj", "plain", &script, &flags);
    let made = until("the TrainJob is there", 60, || lab.list("trainjobs", "").pop());
    assert_eq!(made["spec"]["trainer"]["numNodes"], 2, "{made}");
    assert_eq!(made["spec"]["runtimeRef"]["name"], "mlops-steps", "{made}");
    let name = text(&made["metadata"]["name"]);
    let owned = until("the ConfigMap is there", 60, || lab.get("configmap", &name));
    assert_eq!(
        owned["metadata"]["ownerReferences"][0]["kind"], "TrainJob",
        "{owned}"
    );

    // And as nobody makes pods of it, it is given up, and gone
    let (status, word) = launcher.end(120);
    assert_eq!(
        (status.code(), word.as_str()),
        (Some(3), "FAILED"),
        "{}",
        desk.log("tj")
    );
    let report = desk.json("tj", "report.json");
    let reason = text(&report["reason"]);
    assert!(
        reason.contains("--pending-timeout 20s") && reason.contains("it has no pod"),
        "{reason}"
    );
    assert!(lab.list("trainjobs", "").is_empty());

    // What its definition refuses, a variable that is there twice, is never made
    let twice = ["--kind=trainjob", "--shm=1Gi", "--env=A=1", "--env=A=2"];
    let (status, _) = desk.launch("no", "plain", &script, &twice).end(60);
    assert_eq!(status.code(), Some(2), "{}", desk.log("no"));
    assert!(lab.list("trainjobs", "").is_empty());
}
