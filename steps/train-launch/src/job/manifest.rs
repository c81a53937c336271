//! The objects that the job executor applies: a ConfigMap with the dataset's record, and the Job.
//!
//! The training pod keeps the restricted Pod Security Standard. An init container brings this program, which
//! then runs the training command as the process executor does: what an image gets and must leave is the
//! same in both, and so is what the run holds in the end.

use kubernetes::Kind;
use mlflow_client::{Auth, Options};
use provenance::{Digest, Record as _};
use serde_json::{Map, Value, json};

use super::args::JobArgs;
use super::indexed;
use super::kueue::QUEUE;
use super::owned::is_launchers;
use super::template::Template;
use super::trainjob::{self, JobKind};
use super::volume::Volume;
use crate::cli::{RunArgs, Tracker};
use crate::gather::Data;

/// The label and annotation prefix of ours.
pub(super) const OURS: &str = "mlops-steps.dev";
/// The label that a Job and its pods share.
pub(crate) const TRAINING: &str = "mlops-steps.dev/training";
/// The annotation that says which training it is.
pub(crate) const KEY: &str = "mlops-steps.dev/idempotency-key";
/// The annotation that says how it is run: the digest of the Job's spec as it was asked for.
pub(crate) const SPEC: &str = "mlops-steps.dev/spec-digest";
/// What a ConfigMap may hold, with room for its own fields.
const CONFIG_MAP_LIMIT: usize = 1_000_000;
/// Longer than the pod's own grace, so that the launcher flushes before the kubelet kills it.
pub(super) const GRACE_SECONDS: u64 = 30;

/// What the manifest is made of.
pub(crate) struct Plan<'a> {
    /// The flags.
    pub args: &'a RunArgs,
    /// The training command.
    pub argv: &'a [String],
    /// The data.
    pub data: &'a Data,
    /// The idempotency key: the name comes from it.
    pub key: Digest,
    /// The team's own Job.
    pub template: Option<&'a Template>,
    /// The image that the job takes this program from.
    pub launcher_image: &'a str,
    /// Certificate authorities that the pod's program shall trust too, as PEM.
    pub ca: Option<&'a str>,
    /// Settings of MLflow beside its address, without secrets, as this process has them.
    pub mlflow: &'a [(String, String)],
    /// Whether the Workflow can own the objects: an owner is in the same namespace.
    pub is_owned: bool,
}

/// The objects of a training.
pub(crate) struct Manifest {
    /// Which of the two `job` is.
    pub kind: Kind,
    /// The Job, or the `TrainJob`.
    pub job: Value,
    /// The dataset's record, for its pod.
    pub config_map: Value,
}

impl Manifest {
    /// As `kubectl apply` takes them.
    pub(crate) fn list(&self) -> Value {
        json!({ "apiVersion": "v1", "kind": "List", "items": [self.config_map, self.job] })
    }
}

/// The ConfigMap and the Job.
///
/// # Errors
/// A flag is missing or cannot be used.
pub(crate) fn build(plan: &Plan<'_>) -> Result<Manifest, String> {
    let dataset = String::from_utf8(plan.data.validated.to_json()).map_err(|e| e.to_string())?;
    if dataset.len() + plan.ca.map_or(0, str::len) > CONFIG_MAP_LIMIT {
        return Err(format!(
            "the dataset's record has {} bytes, a ConfigMap holds {CONFIG_MAP_LIMIT}: validate fewer and larger \
             objects",
            dataset.len()
        ));
    }
    for object in plan
        .data
        .training
        .splits
        .values()
        .flat_map(|split| &split.objects)
    {
        if !object.uri.contains("://") {
            return Err(format!(
                "{} is a file of this machine: a job reads data from s3:// or https://",
                object.uri
            ));
        }
    }
    let mut meta = metadata(plan)?;
    let mut config_map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta,
        "immutable": true,
        "data": { "dataset.json": dataset },
    });
    if let Some(ca) = plan.ca {
        config_map["data"]["ca.crt"] = json!(ca);
    }
    if let Some(queue) = &plan.args.job.queue {
        meta["labels"][QUEUE] = json!(queue);
    }
    let args = &plan.args.job;
    trainjob::check(args)?;
    let kind = args.kind.kind();
    let mut job = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "metadata": meta,
        "spec": match args.kind {
            JobKind::Job => job_spec(plan)?,
            JobKind::Trainjob => trainjob::spec(plan)?,
        },
    });
    if let Some(template) = plan.template {
        job = template.onto(&job)?;
    }
    let digest = provenance::digest_bytes(sorted(&job["spec"]).to_string());
    job["metadata"]["annotations"][SPEC] = json!(digest.to_string());
    Ok(Manifest {
        kind,
        job,
        config_map,
    })
}

/// With the fields of every object by name: the order that a template has them in is no setting.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let ordered: std::collections::BTreeMap<_, _> = fields.iter().collect();
            let ordered = ordered.into_iter();
            ordered
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect()
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

/// The same training always has the same name: who creates it twice finds it there.
pub(crate) fn name(key: Digest) -> String {
    format!("train-{}", &key.hex()[..20])
}

fn metadata(plan: &Plan<'_>) -> Result<Value, String> {
    let args = plan.args;
    let mut meta = json!({
        "name": name(plan.key),
        "labels": labels(plan),
        "annotations": {
            KEY: plan.key.to_string(),
            format!("{OURS}/dataset"): plan.data.training.digest.to_string(),
            format!("{OURS}/git-sha"): args.git_sha,
            format!("{OURS}/trigger"): args.trigger.as_str(),
        },
    });
    if let Some(namespace) = &args.job.namespace {
        meta["namespace"] = json!(namespace);
    }
    match (&args.job.workflow_name, &args.workflow_uid) {
        (Some(name), Some(uid)) if plan.is_owned => {
            meta["ownerReferences"] = json!([{
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": name,
                "uid": uid,
            }]);
        }
        (Some(_), None) => {
            return Err("--workflow-name needs --workflow-uid: an owner is named by both".into());
        }
        _ => {}
    }
    Ok(meta)
}

fn labels(plan: &Plan<'_>) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/name".into(), json!("train-launch"));
    labels.insert("app.kubernetes.io/part-of".into(), json!("mlops-steps"));
    labels.insert(
        "app.kubernetes.io/version".into(),
        json!(env!("CARGO_PKG_VERSION")),
    );
    labels.insert(TRAINING.into(), json!(plan.key.hex()[..20]));
    labels
}

fn job_spec(plan: &Plan<'_>) -> Result<Value, String> {
    let job = &plan.args.job;
    let mut spec = json!({
        "backoffLimit": job.backoff_limit,
        "completions": 1,
        "parallelism": 1,
        "ttlSecondsAfterFinished": job.ttl.duration().as_secs(),
        // Two trainers must never write to one run: a replacement waits until the old pod is gone.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": { "rules": [
            { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
            // 137 without a disruption is memory: another pod would need as much.
            { "action": "FailJob", "onExitCodes": { "containerName": "train", "operator": "In", "values": [2, 3, 137] } },
        ]},
        "template": { "metadata": { "labels": labels(plan) }, "spec": pod(plan)? },
    });
    indexed::extend(&mut spec, job)?;
    if let Some(deadline) = &plan.args.deadline {
        // The launcher in the pod keeps --deadline and reports it; this is the net below it, with time to
        // pull the image and to flush.
        spec["activeDeadlineSeconds"] = json!(deadline.duration().as_secs() * indexed::rounds(job) + 1800);
    }
    Ok(spec)
}

fn pod(plan: &Plan<'_>) -> Result<Value, String> {
    let job = &plan.args.job;
    let mut pod = json!({
        "restartPolicy": "Never",
        // Training code gets the API's token only with an account that somebody chose for it.
        "automountServiceAccountToken": job.service_account.is_some(),
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": job.run_as_user,
            "runAsGroup": job.run_as_user,
            "fsGroup": job.run_as_user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "initContainers": [{
            "name": "launcher",
            "image": plan.launcher_image,
            "command": ["/usr/local/bin/train-launch", "install", "--to", "/mlops/train-launch"],
            "resources": {
                "requests": { "cpu": "50m", "memory": "64Mi" },
                "limits": { "memory": "64Mi" },
            },
            "securityContext": restricted(),
            "volumeMounts": [{ "name": "launcher", "mountPath": "/mlops" }],
        }],
        "containers": [container(plan)?],
        "volumes": [
            { "name": "launcher", "emptyDir": { "sizeLimit": "256Mi" } },
            { "name": "dataset", "configMap": { "name": name(plan.key) } },
            { "name": "out", "emptyDir": { "sizeLimit": job.disk } },
            { "name": "tmp", "emptyDir": { "sizeLimit": job.disk } },
            { "name": "shm", "emptyDir": { "medium": "Memory", "sizeLimit": job.shm } },
        ],
    });
    if let Some(volumes) = pod["volumes"].as_array_mut() {
        volumes.extend(job.volume.iter().map(Volume::volume));
    }
    let optional: [(&str, Option<Value>); 7] = [
        ("affinity", job.affinity.clone()),
        (
            "serviceAccountName",
            job.service_account.as_ref().map(|v| json!(v)),
        ),
        ("priorityClassName", job.priority_class.as_ref().map(|v| json!(v))),
        ("runtimeClassName", job.runtime_class.as_ref().map(|v| json!(v))),
        (
            "nodeSelector",
            (!job.node_selector.is_empty()).then(|| pairs(&job.node_selector)),
        ),
        (
            "imagePullSecrets",
            (!job.image_pull_secret.is_empty()).then(|| {
                job.image_pull_secret
                    .iter()
                    .map(|name| json!({ "name": name }))
                    .collect()
            }),
        ),
        ("tolerations", tolerations(job)?),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            pod[field] = value;
        }
    }
    Ok(pod)
}

fn container(plan: &Plan<'_>) -> Result<Value, String> {
    let (args, job) = (plan.args, &plan.args.job);
    let image = job
        .image
        .as_ref()
        .ok_or("--executor job needs --image, the training image")?;
    let from: Vec<Value> = job
        .env_from_secret
        .iter()
        .map(|name| json!({ "secretRef": { "name": name } }))
        .collect();
    let mut container = json!({
        "name": "train",
        "image": image,
        "command": command(plan),
        "env": env(plan)?,
        "resources": resources(job),
        "securityContext": restricted(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            { "name": "launcher", "mountPath": "/mlops", "readOnly": true },
            { "name": "dataset", "mountPath": "/in", "readOnly": true },
            { "name": "out", "mountPath": "/out" },
            { "name": "tmp", "mountPath": "/tmp" },
            { "name": "shm", "mountPath": "/dev/shm" },
        ],
    });
    if let Some(mounts) = container["volumeMounts"].as_array_mut() {
        mounts.extend(job.volume.iter().map(Volume::mount));
    }
    if !from.is_empty() {
        container["envFrom"] = json!(from);
    }
    if let Some(dir) = &args.workdir {
        container["workingDir"] = json!(dir);
    }
    Ok(container)
}

/// What training requests, and may take at most.
pub(super) fn resources(job: &JobArgs) -> Value {
    let memory = job.memory_request.as_ref().unwrap_or(&job.memory);
    let mut requests = json!({ "cpu": job.cpu, "memory": memory, "ephemeral-storage": job.disk });
    let mut limits = json!({ "memory": job.memory, "ephemeral-storage": job.disk });
    if let Some(cpu) = &job.cpu_limit {
        limits["cpu"] = json!(cpu);
    }
    if job.gpu > 0 {
        // Extended resources are whole and cannot be overcommitted: request and limit are one number.
        requests[&job.gpu_resource] = json!(job.gpu.to_string());
        limits[&job.gpu_resource] = json!(job.gpu.to_string());
    }
    json!({ "requests": requests, "limits": limits })
}

/// The variables of the training container.
pub(super) fn env(plan: &Plan<'_>) -> Result<Vec<Value>, String> {
    let (args, job) = (plan.args, &plan.args.job);
    let mut env = vec![
        json!({ "name": "HOME", "value": "/tmp" }),
        json!({ "name": "TMPDIR", "value": "/tmp" }),
    ];
    if let Some(uri) = args
        .mlflow
        .tracking_uri
        .as_ref()
        .filter(|_| args.tracker == Tracker::Mlflow)
    {
        let server = Options::new(uri).map_err(|error| error.to_string())?;
        // The Secrets of a TrainJob are named by its runtime.
        let names_secrets = !job.env_from_secret.is_empty() || job.kind == JobKind::Trainjob;
        if server.auth != Auth::None && !names_secrets {
            return Err(
                "the MLflow tracking URI holds credentials, and a Job's manifest is no place for them: put \
                 MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD into a Secret and name it with --env-from-secret"
                    .into(),
            );
        }
        let address = server.tracking_uri.as_str().trim_end_matches('/');
        env.push(json!({ "name": "MLFLOW_TRACKING_URI", "value": address }));
    }
    for (name, value) in plan.mlflow {
        if !job.env.iter().any(|(own, _)| own == name) {
            env.push(json!({ "name": name, "value": value }));
        }
    }
    for (name, value) in &job.env {
        if is_launchers(name) {
            return Err(format!(
                "--env {name} is set by the launcher; see the training contract"
            ));
        }
        env.push(json!({ "name": name, "value": value }));
    }
    Ok(env)
}

/// This program around the training command, with the flags that make the same key.
pub(super) fn command(plan: &Plan<'_>) -> Vec<String> {
    let args = plan.args;
    let mut command: Vec<String> = ["/mlops/train-launch", "run", "--executor=process"]
        .map(str::to_owned)
        .into();
    let mut flag = |name: &str, value: &str| command.push(format!("--{name}={value}"));
    flag("dataset", "/in/dataset.json");
    if plan.ca.is_some() {
        flag("ca-file", "/in/ca.crt");
    }
    flag("experiment", &args.experiment);
    if args.tracker != Tracker::Mlflow {
        flag("tracker", args.tracker.word());
    }
    flag("git-sha", &args.git_sha);
    flag(
        "data-version",
        args.data_version
            .as_deref()
            .unwrap_or(&plan.data.validated.version),
    );
    flag("trigger", args.trigger.as_str());
    flag("step", &args.step);
    flag("stop-grace", &args.stop_grace.to_string());
    let workdir = args
        .workdir
        .as_ref()
        .filter(|_| args.job.kind == JobKind::Trainjob);
    let workdir = workdir.map(|dir| dir.display().to_string());
    for (name, value) in [
        ("window", &args.window.as_ref().map(ToString::to_string)),
        (
            "window-split",
            &args.window.as_ref().map(|_| args.window_split.clone()),
        ),
        ("as-of", &args.as_of),
        ("model-store", &args.model_store),
        ("run-name", &args.run_name),
        ("trigger-id", &args.trigger_id),
        ("workflow-uid", &args.workflow_uid),
        ("git-branch", &args.git_branch),
        ("git-repo", &args.git_repo),
        ("image", &args.job.image),
        ("progress-pattern", &args.progress_pattern),
        (
            "progress-total",
            &args.progress_total.map(|total| total.to_string()),
        ),
        ("deadline", &args.deadline.as_ref().map(ToString::to_string)),
        (
            "completions",
            &(args.job.completions > 1).then(|| args.job.completions.to_string()),
        ),
        ("nodes", &(args.job.nodes > 1).then(|| args.job.nodes.to_string())),
        // A Job has a field for it.
        ("workdir", &workdir),
    ] {
        if let Some(value) = value {
            flag(name, value);
        }
    }
    for code in &args.fatal_exit_code {
        flag("fatal-exit-code", &code.to_string());
    }
    for (key, value) in &args.tag {
        flag("tag", &format!("{key}={value}"));
    }
    flag("command", &crate::words::quoted(plan.argv));
    command
}

fn restricted() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "capabilities": { "drop": ["ALL"] },
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

pub(super) fn pairs(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// `key`, `key=value`, with an effect; and the taint that GPU nodes have by custom.
pub(super) fn tolerations(job: &JobArgs) -> Result<Option<Value>, String> {
    let mut found = Vec::new();
    for text in &job.toleration {
        let (taint, effect) = match text.rsplit_once(':') {
            Some((taint, effect @ ("NoSchedule" | "PreferNoSchedule" | "NoExecute"))) => {
                (taint, Some(effect))
            }
            Some((_, other)) => {
                return Err(format!(
                    "--toleration {text}: `{other}` is no effect; NoSchedule, PreferNoSchedule or NoExecute"
                ));
            }
            None => (text.as_str(), None),
        };
        let mut toleration = match taint.split_once('=') {
            Some((key, value)) => json!({ "key": key, "operator": "Equal", "value": value }),
            None => json!({ "key": taint, "operator": "Exists" }),
        };
        if taint.is_empty() || taint.starts_with('=') {
            return Err(format!("--toleration {text}: the key is missing"));
        }
        if let Some(effect) = effect {
            toleration["effect"] = json!(effect);
        }
        found.push(toleration);
    }
    if job.gpu > 0 && !found.iter().any(|known| known["key"] == json!(job.gpu_resource)) {
        found.push(json!({ "key": job.gpu_resource, "operator": "Exists", "effect": "NoSchedule" }));
    }
    Ok((!found.is_empty()).then(|| found.into()))
}
