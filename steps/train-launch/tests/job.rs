//! The job executor's manifest: valid by Kubernetes' own schema, restricted, and always the same.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its ground is missing"
)]

mod common;

use common::Place;
use serde_json::Value;

/// A team's Job that touches what it may.
const TEMPLATE: &str = "
apiVersion: batch/v1
kind: Job
metadata: {labels: {team: ops}}
spec:
  backoffLimit: 7
  template:
    metadata: {annotations: {prometheus.io/scrape: 'false'}}
    spec:
      hostIPC: true
      tolerations: [{key: spot, operator: Exists}]
      initContainers: [{name: proxy, image: 'registry/proxy:1', restartPolicy: Always}]
      containers:
      - name: train
        env: [{name: OMP_NUM_THREADS, value: '16'}, {name: NCCL_DEBUG, value: INFO}]
        resources: {limits: {memory: 32Gi}, requests: {memory: 32Gi}}
        volumeMounts: [{mountPath: /out/training/checkpoints, name: kept, subPathExpr: $(JOB_COMPLETION_INDEX)}]
      volumes:
      - {name: kept, persistentVolumeClaim: {claimName: kept}}
      - {name: tmp, $retainKeys: [name, hostPath], hostPath: {path: /fast}}
";

const SEEDS: &[&str] = &[
    "--completions",
    "5",
    "--parallelism",
    "2",
    "--backoff-limit-per-index",
    "1",
    "--max-failed-indexes",
    "2",
    "--success-policy",
    "succeededCount=3\nsucceededIndexes=0-2",
    "--primary",
    "metric=auc:max",
    "--deadline",
    "1h",
];

fn manifest(extra: &[&str]) -> Value {
    let place = Place::new("http://mlflow.mlops:5000");
    std::fs::write(place.path("job.yaml"), TEMPLATE).unwrap();
    place.write_dataset(Some("s3://lake/flights/"));
    let mut command = place.command("job-1", "exit 0");
    command
        .args([
            "--executor",
            "job",
            "--dry-run",
            "--image",
            "registry/train:1",
            "--trigger",
            "data",
        ])
        .args(extra);
    let ran = place.finish("job-1", command.spawn().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

const EVERYTHING: &[&str] = &[
    "--launcher-image",
    "registry/train-launch:1",
    "--namespace",
    "training",
    "--service-account",
    "trainer",
    "--cpu",
    "4",
    "--cpu-limit",
    "8",
    "--memory",
    "16Gi",
    "--memory-request",
    "12Gi",
    "--affinity",
    "podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {a: b}}}]}",
    "--volume",
    "checkpoints=pvc:kept:/out/training/checkpoints\nca=configmap:bank-ca:/etc/ca",
    "--fatal-exit-code",
    "3\n64",
    "--git-branch",
    "main",
    "--gpu",
    "2",
    "--shm",
    "8Gi",
    "--node-selector",
    "pool=gpu\nzone=a",
    "--toleration",
    "dedicated=ml:NoSchedule",
    "--env",
    "OMP_NUM_THREADS=4",
    "--env-from-secret",
    "mlflow\ns3",
    "--image-pull-secret",
    "pull",
    "--backoff-limit",
    "3",
    "--ttl",
    "2d",
    "--queue",
    "team-a",
    "--priority-class",
    "batch",
    "--runtime-class",
    "nvidia",
    "--workflow-name",
    "flights-x7",
    "--deadline",
    "4h",
    "--window",
    "40d",
    "--tag",
    "team=ops",
];

#[test]
fn is_what_kubernetes_takes() {
    let schemas: Value = serde_json::from_str(include_str!("vectors/kubernetes-1.34.json")).unwrap();
    let template = [EVERYTHING, &["--job-template", "job.yaml"]].concat();
    for manifest in [
        manifest(&[]),
        manifest(EVERYTHING),
        manifest(&template),
        manifest(SEEDS),
    ] {
        let items = manifest["items"].as_array().unwrap();
        for (item, schema) in items
            .iter()
            .zip(["io.k8s.api.core.v1.ConfigMap", "io.k8s.api.batch.v1.Job"])
        {
            hold(item, &schemas[schema], &schemas, schema);
        }
    }
    // The checker itself notices what is wrong.
    let typo = serde_json::json!({ "spec": { "backOffLimit": 1 } });
    let found =
        std::panic::catch_unwind(|| hold(&typo, &schemas["io.k8s.api.batch.v1.Job"], &schemas, "Job"));
    assert!(found.is_err());
}

/// Every field is known, has its type, and none that is required is missing.
fn hold(value: &Value, schema: &Value, all: &Value, path: &str) {
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(reference) = reference {
        return hold(value, &all[reference.rsplit('/').next().unwrap()], all, path);
    }
    if let Some(forms) = schema["oneOf"].as_array() {
        let fits = |form: &&Value| match form["type"].as_str() {
            Some("string") => value.is_string(),
            Some("number" | "integer") => value.is_number(),
            _ => false,
        };
        assert!(
            forms.iter().any(|form| fits(&form)),
            "{path}: {value} fits no form of {schema}"
        );
        return;
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = value
                .as_object()
                .unwrap_or_else(|| panic!("{path}: {value} is no object"));
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    fields.contains_key(required.as_str().unwrap()),
                    "{path}: {required} is missing"
                );
            }
            for (name, field) in fields {
                let below = format!("{path}.{name}");
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Null) => panic!("{below}: Kubernetes knows no such field"),
                    (Value::Null, any) => hold(field, any, all, &below),
                    (known, _) => hold(field, known, all, &below),
                }
            }
        }
        Some("array") => {
            for (at, item) in value
                .as_array()
                .unwrap_or_else(|| panic!("{path}: no list"))
                .iter()
                .enumerate()
            {
                hold(item, &schema["items"], all, &format!("{path}[{at}]"));
            }
        }
        Some("string") => assert!(value.is_string(), "{path}: {value} is no text"),
        Some("integer") => assert!(
            value.is_i64() || value.is_u64(),
            "{path}: {value} is no whole number"
        ),
        Some("number") => assert!(value.is_number(), "{path}: {value} is no number"),
        Some("boolean") => assert!(value.is_boolean(), "{path}: {value} is not true or false"),
        other => panic!("{path}: a schema of type {other:?}"),
    }
}

#[test]
fn keeps_the_restricted_standard_and_one_trainer() {
    let manifest = manifest(EVERYTHING);
    let job = &manifest["items"][1];
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["enableServiceLinks"], false);
    for container in [&pod["containers"][0], &pod["initContainers"][0]] {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    }
    let launcher = &pod["initContainers"][0];
    assert_eq!(launcher["image"], "registry/train-launch:1");
    assert_eq!(
        launcher["command"],
        serde_json::json!([
            "/usr/local/bin/train-launch",
            "install",
            "--to",
            "/mlops/train-launch"
        ])
    );
    assert_eq!(job["spec"]["podReplacementPolicy"], "Failed");
    let rules = &job["spec"]["podFailurePolicy"]["rules"];
    assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
    assert_eq!(
        rules[1]["onExitCodes"]["containerName"],
        pod["containers"][0]["name"]
    );
    let train = &pod["containers"][0];
    assert_eq!(train["resources"]["limits"]["nvidia.com/gpu"], "2");
    assert_eq!(train["resources"]["requests"]["nvidia.com/gpu"], "2");
    let keys: Vec<&str> = pod["tolerations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["dedicated", "nvidia.com/gpu"]);
    let shm = pod["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["name"] == "shm")
        .unwrap();
    assert_eq!(
        (&shm["emptyDir"]["medium"], &shm["emptyDir"]["sizeLimit"]),
        (&"Memory".into(), &"8Gi".into())
    );
    assert_eq!(train["resources"]["limits"]["cpu"], "8");
    assert_eq!(
        (
            &train["resources"]["requests"]["memory"],
            &train["resources"]["limits"]["memory"]
        ),
        (&"12Gi".into(), &"16Gi".into())
    );
    let spread = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(spread["topologyKey"], "kubernetes.io/hostname");
    // What the program in the pod takes for passing trouble is not in the policy, so that the pod is replaced.
    assert_eq!(rules[1]["onExitCodes"]["values"], serde_json::json!([2, 3, 137]));
    let command = train["command"].as_array().unwrap();
    for flag in ["--fatal-exit-code=3", "--fatal-exit-code=64", "--git-branch=main"] {
        assert!(command.iter().any(|word| word == flag), "{flag}: {command:?}");
    }
    assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "job-1");
    assert_eq!(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "team-a");
    let mounts: Vec<&str> = train["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    for volume in pod["volumes"].as_array().unwrap() {
        assert!(
            mounts.contains(&volume["name"].as_str().unwrap()),
            "{volume} is not mounted"
        );
    }
}

#[test]
fn a_team_s_own_job_is_merged_into_ours() {
    let template = [EVERYTHING, &["--job-template", "job.yaml"]].concat();
    let (plain, merged) = (manifest(EVERYTHING), manifest(&template));
    let (plain, job) = (&plain["items"][1], &merged["items"][1]);
    assert_eq!(job["metadata"]["name"], plain["metadata"]["name"]);
    assert_eq!(job["metadata"]["labels"]["team"], "ops");
    assert_eq!(job["spec"]["backoffLimit"], 7);
    let spec = "mlops-steps.dev/spec-digest";
    assert_ne!(
        job["metadata"]["annotations"][spec],
        plain["metadata"]["annotations"][spec]
    );
    let pod = &job["spec"]["template"]["spec"];
    let named = |list: &Value, name: &str| -> Value {
        let found = list.as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {list}")).clone()
    };
    assert_eq!(named(&pod["initContainers"], "proxy")["restartPolicy"], "Always");
    assert_eq!(
        pod["tolerations"],
        serde_json::json!([{"key": "spot", "operator": "Exists"}])
    );
    let train = named(&pod["containers"], "train");
    assert_eq!(
        named(&train["env"], "OMP_NUM_THREADS")["value"],
        "16",
        "it comes before --env"
    );
    assert_eq!(train["resources"]["limits"]["memory"], "32Gi");
    assert_eq!(
        train["resources"]["limits"]["nvidia.com/gpu"], "2",
        "what it does not name stays"
    );
    assert_eq!(
        named(&pod["volumes"], "tmp"),
        serde_json::json!({"name": "tmp", "hostPath": {"path": "/fast"}})
    );
    assert_eq!(
        train["command"],
        named(&plain["spec"]["template"]["spec"]["containers"], "train")["command"]
    );
}

#[test]
fn seeds_are_an_indexed_job_with_a_key_of_their_own() {
    let manifest = manifest(SEEDS);
    let job = &manifest["items"][1];
    let spec = &job["spec"];
    assert_eq!(
        (
            &spec["completionMode"],
            &spec["completions"],
            &spec["parallelism"]
        ),
        (&"Indexed".into(), &5.into(), &2.into())
    );
    assert_eq!(
        spec["successPolicy"]["rules"],
        serde_json::json!([{"succeededCount": 3}, {"succeededIndexes": "0-2"}])
    );
    // Three rounds of two attempts each, and time to come up.
    assert_eq!(spec["activeDeadlineSeconds"], 6 * 3600 + 1800);
    let command = spec["template"]["spec"]["containers"][0]["command"]
        .as_array()
        .unwrap();
    assert!(
        command.iter().any(|word| word == "--completions=5"),
        "{command:?}"
    );
    let key = "mlops-steps.dev/idempotency-key";
    assert_ne!(
        job["metadata"]["annotations"][key],
        self::manifest(&[])["items"][1]["metadata"]["annotations"][key]
    );
}

/// What a cluster makes of it is for `tests/e2e` to show.
#[test]
fn a_trainjob_asks_its_runtime_for_what_the_flags_say() {
    let manifest = manifest(&[
        "--kind",
        "trainjob",
        "--nodes",
        "2",
        "--runtime",
        "ClusterTrainingRuntime/torch",
        "--gpu",
        "4",
        "--service-account",
        "trainer",
        "--node-selector",
        "pool=gpu",
        "--volume",
        "cache=pvc:kept:/cache",
        "--env",
        "NCCL_DEBUG=INFO",
        "--workdir",
        "/code",
        "--queue",
        "team-a",
    ]);
    let [config_map, job] = [&manifest["items"][0], &manifest["items"][1]];
    assert_eq!(
        (&job["apiVersion"], &job["kind"]),
        (&"trainer.kubeflow.org/v1alpha1".into(), &"TrainJob".into())
    );
    assert_eq!(job["metadata"]["name"], config_map["metadata"]["name"]);
    assert_eq!(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "team-a");
    let spec = &job["spec"];
    assert_eq!(
        spec["runtimeRef"],
        serde_json::json!({"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": "torch"})
    );
    let trainer = &spec["trainer"];
    assert_eq!(
        (&trainer["numNodes"], &trainer["image"]),
        (&2.into(), &"registry/train:1".into())
    );
    assert_eq!(trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"], "4");
    let command = trainer["command"].as_array().unwrap();
    for word in [
        "--executor=process",
        "--nodes=2",
        "--workdir=/code",
        "--dataset=/in/dataset.json",
    ] {
        assert!(command.iter().any(|known| known == word), "{word}: {command:?}");
    }
    let env = trainer["env"].as_array().unwrap();
    assert!(env.iter().any(|var| var["name"] == "NCCL_DEBUG"), "{env:?}");
    let [pod] = spec["podSpecOverrides"].as_array().unwrap().as_slice() else {
        panic!("{spec}")
    };
    assert_eq!(pod["targetJobs"], serde_json::json!([{"name": "node"}]));
    assert_eq!(pod["serviceAccountName"], "trainer");
    assert_eq!(pod["nodeSelector"]["pool"], "gpu");
    assert_eq!(pod["tolerations"][0]["key"], "nvidia.com/gpu");
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let paths: Vec<_> = mounts
        .iter()
        .map(|mount| mount["mountPath"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/in", "/cache"]);
    let key = "mlops-steps.dev/idempotency-key";
    assert_ne!(
        job["metadata"]["annotations"][key],
        self::manifest(&[])["items"][1]["metadata"]["annotations"][key],
        "two nodes are another training"
    );
}

#[test]
fn holds_no_credentials() {
    let address = "http://ann:s3cr3t@mlflow.mlops:5000/base/";
    let manifest = manifest(&["--tracking-uri", address, "--env-from-secret", "mlflow"]);
    assert!(!manifest.to_string().contains("s3cr3t"), "{manifest}");
    let train = &manifest["items"][1]["spec"]["template"]["spec"]["containers"][0];
    let env = train["env"].as_array().unwrap();
    let uri = env
        .iter()
        .find(|var| var["name"] == "MLFLOW_TRACKING_URI")
        .unwrap();
    assert_eq!(uri["value"], "http://mlflow.mlops:5000/base");
}

/// The calls that `src/job` makes, each with the right that the API server asks for; a watch is a list and a watch.
#[test]
fn asks_for_the_rights_that_it_uses_and_no_more() {
    let mut rights = Vec::new();
    for rule in train_launch::SPEC.command("run").unwrap().rbac {
        for (resource, verb) in rule
            .resources
            .iter()
            .flat_map(|r| rule.verbs.iter().map(move |v| (r, v)))
        {
            rights.push(format!("{verb} {resource}"));
        }
    }
    rights.sort();
    let jobs = [
        "create jobs",
        "delete jobs",
        "get jobs",
        "list jobs",
        "watch jobs",
    ];
    let train_jobs = jobs.map(|right| right.replace("jobs", "trainjobs"));
    let train_jobs: Vec<&str> = train_jobs.iter().map(String::as_str).collect();
    let pods = ["get pods", "get pods/log", "list pods", "watch pods"];
    let mut used = [
        &jobs[..],
        &train_jobs,
        &pods[..],
        &[
            "create configmaps",
            "delete configmaps",
            "get configmaps",
            "get workflows",
            "list events",
            "list workloads",
        ],
    ]
    .concat();
    used.sort_unstable();
    assert_eq!(rights, used);
}

#[test]
fn the_same_training_has_the_same_name() {
    let name = |extra: &[&str]| {
        manifest(extra)["items"][1]["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let plain = name(&[]);
    assert!(plain.len() <= 63 && plain.starts_with("train-"), "{plain}");
    assert_eq!(plain, name(&["--cpu", "8", "--backoff-limit", "5"]));
    assert_ne!(plain, name(&["--step", "other"]));
    assert_ne!(plain, name(&["--window", "40d"]));
}

/// What runs in the pod computes the same key, so that launcher and pod speak of one MLflow run.
#[test]
fn the_pod_continues_the_launchers_run() {
    let manifest = manifest(&["--window", "40d"]);
    let (config, job) = (&manifest["items"][0], &manifest["items"][1]);
    let command: Vec<&str> = job["spec"]["template"]["spec"]["containers"][0]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    let place = Place::new("http://mlflow.mlops:5000");
    std::fs::write(
        place.path("in.json"),
        config["data"]["dataset.json"].as_str().unwrap(),
    )
    .unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_train-launch"))
        .args(
            command[1..]
                .iter()
                .map(|word| word.replace("/in/dataset.json", "in.json")),
        )
        .arg("--dry-run")
        .current_dir(place.dir.path())
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        plan["idempotency_key"],
        job["metadata"]["annotations"]["mlops-steps.dev/idempotency-key"]
    );
    assert_eq!(plan["command"], serde_json::json!(["sh", "-ec", "exit 0"]));
    assert_eq!(plan["splits"][0]["objects"].as_array().unwrap().len(), 2);
}

#[test]
fn refuses_what_cannot_run() {
    let place = Place::new("http://mlflow:5000");
    for (flags, why) in [
        (
            vec!["--dry-run", "--image", "i"],
            "is a file of this machine: a job reads data from s3://",
        ),
        (
            vec!["--dry-run", "--image", "i", "--memory", "4GB"],
            "is not a quantity of Kubernetes",
        ),
        (
            vec!["--dry-run", "--image", "i", "--run-as-user", "0"],
            "0 is not in 1..=65535",
        ),
    ] {
        let mut command = place.command("bad", "true");
        let ran = place.finish(
            "bad",
            command.args(["--executor", "job"]).args(&flags).spawn().unwrap(),
        );
        assert_eq!(ran.code, Some(2), "{flags:?}");
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    place.write_dataset(Some("s3://lake/"));
    std::fs::write(place.path("pod.yaml"), "apiVersion: v1\nkind: Pod\n").unwrap();
    std::fs::write(
        place.path("own.yaml"),
        "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {restartPolicy: OnFailure}}}\n",
    )
    .unwrap();
    for (flags, why) in [
        (vec!["--dry-run"], "--executor job needs --image"),
        (vec!["--image", "i"], "no Kubernetes cluster: "),
        (
            vec!["--dry-run", "--image", "i", "--toleration", "a:Never"],
            "`Never` is no effect",
        ),
        (
            vec!["--dry-run", "--image", "i", "--env", "TRAIN_OUTPUT=/x"],
            "is set by the launcher",
        ),
        (
            vec!["--dry-run", "--image", "i", "--nodes", "2"],
            "--nodes 2 is one training on several nodes, which --kind trainjob makes",
        ),
        (
            vec!["--dry-run", "--kind", "trainjob"],
            "--executor job needs --image",
        ),
        (
            vec![
                "--dry-run",
                "--image",
                "i",
                "--kind",
                "trainjob",
                "--priority-class",
                "p",
            ],
            "--priority-class cannot be given with --kind trainjob: a TrainJob has no field for it; \
             TrainingRuntime/mlops-steps says it",
        ),
        (
            vec![
                "--dry-run",
                "--image",
                "i",
                "--kind",
                "trainjob",
                "--completions",
                "2",
            ],
            "--completions cannot be given with --kind trainjob",
        ),
        (
            vec![
                "--dry-run",
                "--image",
                "i",
                "--kind",
                "trainjob",
                "--runtime",
                "Runtime/x",
            ],
            "`Runtime` is no kind of a runtime; TrainingRuntime or ClusterTrainingRuntime",
        ),
        (
            vec!["--dry-run", "--image", "i", "--env", "JOB_COMPLETION_INDEX=1"],
            "is set by the launcher",
        ),
        (
            vec!["--dry-run", "--image", "i", "--job-template", "pod.yaml"],
            "--job-template pod.yaml: apiVersion is v1 and kind is Pod; a Job of batch/v1 is needed",
        ),
        (
            vec!["--dry-run", "--image", "i", "--job-template", "own.yaml"],
            "spec.template.spec.restartPolicy is \"OnFailure\"; it must be \"Never\"",
        ),
        (
            vec!["--dry-run", "--image", "i", "--job-template", "none.yaml"],
            "none.yaml",
        ),
        (
            vec!["--dry-run", "--image", "i", "--success-policy", "3"],
            "succeededCount=NUMBER, succeededIndexes=0,2-4",
        ),
        (
            vec!["--dry-run", "--image", "i", "--completions", "0"],
            "0 is not in 1..=1000",
        ),
        (
            vec!["--dry-run", "--image", "i", "--parallelism", "2"],
            "it needs --completions of 2 or more",
        ),
        (
            vec![
                "--dry-run",
                "--image",
                "i",
                "--tracking-uri",
                "http://ann:s3cr3t@mlflow:5000",
            ],
            "holds credentials",
        ),
    ] {
        let mut command = place.command("bad", "true");
        let ran = place.finish(
            "bad",
            command
                .args(["--executor", "job"])
                .args(&flags)
                // Whatever cluster this machine knows is not the test's.
                .env("KUBECONFIG", "none.yaml")
                .env_remove("KUBERNETES_SERVICE_HOST")
                .spawn()
                .unwrap(),
        );
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(why) && !ran.stderr.contains("s3cr3t"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.report["verdict"], "ERROR");
    }
}
