//! The team's own Job: merged into ours, and held to what ours must be for a training to be one training.

use artifact_store::Location;
use provenance::{Digest, digest_bytes};
use serde_json::Value;
use step_contract::InArtifact;
use step_runtime::{Context, StepError};

use super::manifest::{GRACE_SECONDS, OURS};
use super::merge::merge;
use super::objects::CONTAINER;

/// The init container that brings this program.
const LAUNCHER: &str = "launcher";
/// Volumes that nobody else may fill.
const OWN_VOLUMES: [&str; 2] = [LAUNCHER, "dataset"];

/// What the launcher gives the Job itself, and which flag or reason stands behind it.
const OWN_SPEC: [(&str, &str); 11] = [
    ("completions", "--completions gives it"),
    ("parallelism", "--parallelism gives it"),
    ("completionMode", "--completions gives it"),
    ("backoffLimitPerIndex", "--backoff-limit-per-index gives it"),
    ("maxFailedIndexes", "--max-failed-indexes gives it"),
    ("successPolicy", "--success-policy gives it"),
    ("podReplacementPolicy", "two trainers must never write to one run"),
    (
        "podFailurePolicy",
        "it says which exit codes of the training contract are tried again",
    ),
    ("managedBy", "the launcher follows the Job's own controller"),
    ("selector", "the cluster makes it"),
    ("manualSelector", "the cluster makes the selector"),
];
const OWN_CONTAINER: [(&str, &str); 5] = [
    ("image", "--image gives it, and it is part of the training's key"),
    ("command", "--command gives it, wrapped by the launcher"),
    ("args", "--command gives them"),
    ("terminationMessagePath", "the launcher leaves its sentence there"),
    (
        "terminationMessagePolicy",
        "the launcher's sentence, else the log's end, is the reason",
    ),
];
/// What leaving a field out means, where a template may as well write it.
const DEFAULTS: [(&str, &str); 3] = [
    ("completionMode", "\"NonIndexed\""),
    ("manualSelector", "false"),
    ("terminationMessagePath", "\"/dev/termination-log\""),
];

/// A Job as a team wrote it, to be merged into ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    /// As the flag names it.
    pub name: String,
    /// Of its bytes.
    pub digest: Digest,
    job: Value,
}

impl Template {
    /// Reads `--job-template`.
    ///
    /// # Errors
    /// It cannot be read, or is no Job.
    pub(crate) async fn read(at: &InArtifact, cx: &Context) -> Result<Self, StepError> {
        let location: Location = at
            .as_str()
            .parse()
            .map_err(|error| StepError::usage(format!("--job-template: {error}")))?;
        let bytes = cx.store.read(&location).await?;
        Self::parse(at.as_str(), &bytes).map_err(StepError::usage)
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("--job-template {name}: it is no text: {error}"))?;
        let job: Value = step_contract::load_foreign_yaml(name, text)
            .map_err(|error| format!("--job-template {error}"))?;
        let word = |field: &str| job[field].as_str().unwrap_or("nothing").to_owned();
        match (word("apiVersion").as_str(), word("kind").as_str()) {
            ("batch/v1", "Job") => Ok(Self {
                name: name.to_owned(),
                digest: digest_bytes(bytes),
                job,
            }),
            (version, kind) => Err(format!(
                "--job-template {name}: apiVersion is {version} and kind is {kind}; a Job of batch/v1 is needed, of which \
                 only what differs must be there"
            )),
        }
    }

    /// The Job that both ask for.
    ///
    /// # Errors
    /// The template sets what the launcher must set, or cannot be merged; the sentence names the field.
    pub(crate) fn onto(&self, ours: &Value) -> Result<Value, String> {
        let merged = merge(ours.clone(), self.job.clone());
        merged
            .and_then(|merged| {
                hold(ours, &merged)?;
                no_directive("", &merged)?;
                Ok(merged)
            })
            .map_err(|why| format!("--job-template {}: {why}", self.name))
    }
}

/// What an editor may hold a template to: the API server knows the rest.
pub(crate) fn schema() -> schemars::Schema {
    schemars::json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "JobTemplate",
        "description": "A Job of batch/v1, of which only what differs must be there",
        "type": "object",
        "properties": {
            "apiVersion": { "const": "batch/v1" },
            "kind": { "const": "Job" },
            "metadata": {
                "type": "object",
                "properties": { "labels": { "type": "object" }, "annotations": { "type": "object" } },
            },
            "spec": { "type": "object" },
        },
        "required": ["apiVersion", "kind"],
        "additionalProperties": false,
    })
}

/// Holds what came out to what the launcher relies on.
fn hold(ours: &Value, merged: &Value) -> Result<(), String> {
    same(ours, merged, "", "status", "the cluster writes it")?;
    for (field, why) in [
        (
            "name",
            "it comes from the training's key, by which a retry finds the Job",
        ),
        ("generateName", "the name comes from the training's key"),
        ("namespace", "--namespace gives it"),
        ("ownerReferences", "--workflow-name and --workflow-uid give them"),
    ] {
        same(&ours["metadata"], &merged["metadata"], "metadata", field, why)?;
    }
    for part in ["labels", "annotations"] {
        names(&ours["metadata"], &merged["metadata"], "metadata", part)?;
    }
    let (our_spec, spec) = (&ours["spec"], &merged["spec"]);
    for (field, why) in OWN_SPEC {
        same(our_spec, spec, "spec", field, why)?;
    }
    let (our_template, template) = (&our_spec["template"], &spec["template"]);
    names(
        &our_template["metadata"],
        &template["metadata"],
        "spec.template.metadata",
        "labels",
    )?;
    pod(&our_template["spec"], &template["spec"])
}

fn pod(ours: &Value, merged: &Value) -> Result<(), String> {
    const AT: &str = "spec.template.spec";
    same(
        ours,
        merged,
        AT,
        "restartPolicy",
        "a pod that is lost is replaced by the Job",
    )?;
    let grace = merged["terminationGracePeriodSeconds"].as_u64();
    if grace.is_none_or(|seconds| seconds < GRACE_SECONDS) {
        return Err(format!(
            "{AT}.terminationGracePeriodSeconds is {}; at least {GRACE_SECONDS} are needed, for the launcher to stop \
             training and to mark its run",
            merged["terminationGracePeriodSeconds"]
        ));
    }
    element(
        ours,
        merged,
        AT,
        ("initContainers", "name", LAUNCHER),
        "it brings the launcher",
    )?;
    for volume in OWN_VOLUMES {
        element(
            ours,
            merged,
            AT,
            ("volumes", "name", volume),
            "it is the launcher's",
        )?;
    }
    let at = format!("{AT}.containers[{CONTAINER}]");
    let (Some(our_container), Some(container)) = (
        find(&ours["containers"], "name", CONTAINER),
        find(&merged["containers"], "name", CONTAINER),
    ) else {
        return Err(format!("{at} is gone; it trains"));
    };
    for (field, why) in OWN_CONTAINER {
        same(our_container, container, &at, field, why)?;
    }
    let mounts = our_container["volumeMounts"].as_array();
    let paths = mounts.into_iter().flatten().filter_map(|mount| {
        let name = mount["name"].as_str()?;
        let is_own = super::volume::OWN_NAMES.contains(&name);
        mount["mountPath"].as_str().filter(|_| is_own)
    });
    for path in paths {
        let mount = ("volumeMounts", "mountPath", path);
        element(
            our_container,
            container,
            &at,
            mount,
            "the training contract names it",
        )?;
    }
    variables(our_container, container, &at)
}

/// Variables that the launcher sets or reads.
fn variables(ours: &Value, merged: &Value, at: &str) -> Result<(), String> {
    let list = |container: &Value| container["env"].as_array().cloned().unwrap_or_default();
    let named = |variable: &Value| variable["name"].as_str().unwrap_or_default().to_owned();
    let own = [list(ours), list(merged)].concat();
    for name in own.iter().map(named).filter(|name| is_launchers(name)) {
        element(
            ours,
            merged,
            at,
            ("env", "name", &name),
            "the launcher sets it; see the training contract",
        )?;
    }
    Ok(())
}

/// Whether a variable of the training container is the launcher's to set.
pub(crate) fn is_launchers(name: &str) -> bool {
    name.starts_with("TRAIN_")
        || ["HOME", "TMPDIR", "MLFLOW_TRACKING_URI", "JOB_COMPLETION_INDEX"].contains(&name)
}

/// Our labels or annotations: all there as they are, and none under our prefix beside them.
fn names(ours: &Value, merged: &Value, at: &str, part: &str) -> Result<(), String> {
    let all = [&ours[part], &merged[part]].map(|part| part.as_object().cloned().unwrap_or_default());
    let own = |name: &&String| all[0].contains_key(*name) || name.starts_with(&format!("{OURS}/"));
    for name in all.iter().flat_map(|part| part.keys()).filter(own) {
        let at = format!("{at}.{part}");
        same(&ours[part], &merged[part], &at, name, "it tells whose the Job is")?;
    }
    Ok(())
}

/// An element of a list is as ours.
fn element(
    ours: &Value,
    merged: &Value,
    at: &str,
    (list, key, value): (&str, &str, &str),
    why: &str,
) -> Result<(), String> {
    let place = |object: &Value| find(&object[list], key, value).cloned();
    differs(
        &format!("{at}.{list}[{value}]"),
        place(ours).as_ref(),
        place(merged).as_ref(),
        why,
    )
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|element| element[key] == *value)
}

/// A field is as ours, or left at what is the same.
fn same(ours: &Value, merged: &Value, at: &str, field: &str, why: &str) -> Result<(), String> {
    let (expected, found) = (ours.get(field), merged.get(field));
    let is_default = expected.is_none()
        && found.is_some_and(|found| {
            DEFAULTS
                .iter()
                .any(|(name, text)| *name == field && found.to_string() == *text)
        });
    if is_default {
        return Ok(());
    }
    let at = if at.is_empty() {
        field.to_owned()
    } else {
        format!("{at}.{field}")
    };
    differs(&at, expected, found, why)
}

fn differs(at: &str, expected: Option<&Value>, found: Option<&Value>, why: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    match (expected, found) {
        (None, None) => Ok(()),
        (None, Some(found)) => Err(format!("{at} is {}; leave it out: {why}", brief(found))),
        (Some(expected), None) => Err(format!(
            "{at} is taken away; it must stay {}: {why}",
            brief(expected)
        )),
        (Some(expected), Some(found)) => {
            let (at, expected, found) = innermost(at, expected, found);
            Err(format!(
                "{at} is {}; it must be {}, or left out: {why}",
                brief(found),
                brief(expected)
            ))
        }
    }
}

/// A value in a sentence.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The first place below where two values differ.
fn innermost<'a>(at: &str, expected: &'a Value, found: &'a Value) -> (String, &'a Value, &'a Value) {
    static NONE: Value = Value::Null;
    if let (Value::Object(ours), Value::Object(theirs)) = (expected, found) {
        let names = ours.keys().chain(theirs.keys());
        for name in names {
            let [ours, theirs] = [ours, theirs].map(|side| side.get(name).unwrap_or(&NONE));
            if ours != theirs {
                return innermost(&format!("{at}.{name}"), ours, theirs);
            }
        }
    }
    (at.to_owned(), expected, found)
}

/// A directive in what is new has nothing to act on, and would go to the server as a field.
fn no_directive(at: &str, merged: &Value) -> Result<(), String> {
    match merged {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') {
                return Err(format!("{at}.{name}: there is nothing here yet for it to act on"));
            }
            let at = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            no_directive(&at, value)
        }),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .try_for_each(|(number, element)| no_directive(&format!("{at}[{number}]"), element)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ours() -> Value {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "train-1", "labels": {"app.kubernetes.io/name": "train-launch"},
                         "annotations": {"mlops-steps.dev/trigger": "data"}, "ownerReferences": [{"uid": "u", "kind": "Workflow"}]},
            "spec": {
                "backoffLimit": 2, "completions": 1, "podReplacementPolicy": "Failed", "podFailurePolicy": {"rules": []},
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": "train-launch"}},
                    "spec": {
                        "restartPolicy": "Never", "terminationGracePeriodSeconds": 30,
                        "initContainers": [{"name": "launcher", "image": "ours"}],
                        "containers": [{
                            "name": "train", "image": "team", "command": ["/mlops/train-launch", "run"],
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "env": [{"name": "HOME", "value": "/tmp"}, {"name": "SEED", "value": "1"}],
                            "volumeMounts": [{"name": "launcher", "mountPath": "/mlops"}, {"name": "cache", "mountPath": "/cache"}],
                        }],
                        "volumes": [{"name": "launcher", "emptyDir": {}}, {"name": "dataset", "configMap": {"name": "train-1"}},
                                    {"name": "out", "emptyDir": {"sizeLimit": "20Gi"}}],
                    },
                },
            },
        })
    }

    fn onto(template: &str) -> Result<Value, String> {
        let text = format!("apiVersion: batch/v1\nkind: Job\n{template}");
        Template::parse("job.yaml", text.as_bytes())?.onto(&ours())
    }

    fn pod(template: &str) -> Result<Value, String> {
        onto(&format!("spec: {{template: {{spec: {template}}}}}"))
    }

    #[test]
    fn what_a_team_adds_is_there() {
        let job = onto(
            "metadata: {labels: {team: ops}, annotations: {note: x}}
spec:
  backoffLimit: 4
  completionMode: NonIndexed
  template:
    metadata: {labels: {team: ops}}
    spec:
      terminationGracePeriodSeconds: 60
      hostIPC: true
      containers:
        - {name: train, env: [{name: SEED, value: '2'}], terminationMessagePath: /dev/termination-log}
        - {name: exporter, image: exporter:1}
      volumes: [{name: out, $retainKeys: [name, hostPath], hostPath: {path: /fast}}]",
        )
        .unwrap();
        assert_eq!(
            job["metadata"]["labels"],
            json!({"app.kubernetes.io/name": "train-launch", "team": "ops"})
        );
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(job["spec"]["backoffLimit"], 4);
        assert_eq!(pod["containers"].as_array().unwrap().len(), 2);
        let train = find(&pod["containers"], "name", "train").unwrap();
        assert_eq!(find(&train["env"], "name", "SEED").unwrap()["value"], "2");
        assert_eq!(
            find(&pod["volumes"], "name", "out").unwrap()["hostPath"]["path"],
            "/fast"
        );
    }

    #[test]
    fn what_the_launcher_owns_is_refused_by_name() {
        for (template, why) in [
            (
                "metadata: {name: fraud}",
                "metadata.name is \"fraud\"; it must be \"train-1\", or left out: it comes from",
            ),
            (
                "metadata: {namespace: x}",
                "metadata.namespace is \"x\"; leave it out: --namespace gives it",
            ),
            (
                "metadata: {ownerReferences: [{uid: v}]}",
                "metadata.ownerReferences is ",
            ),
            (
                "metadata: {labels: {app.kubernetes.io/name: x}}",
                "metadata.labels.app.kubernetes.io/name is \"x\"",
            ),
            (
                "metadata: {annotations: {mlops-steps.dev/spec-digest: x}}",
                "annotations.mlops-steps.dev/spec-digest is \"x\"",
            ),
            (
                "metadata: {annotations: {mlops-steps.dev/trigger: null}}",
                "mlops-steps.dev/trigger is taken away; it must stay \"data\"",
            ),
            ("status: {active: 1}", "status is {\"active\":1}; leave it out"),
            (
                "spec: {completions: 3}",
                "spec.completions is 3; it must be 1, or left out: --completions gives it",
            ),
            (
                "spec: {completionMode: Indexed}",
                "spec.completionMode is \"Indexed\"; leave it out",
            ),
            (
                "spec: {podReplacementPolicy: TerminatingOrFailed}",
                "two trainers must never write to one run",
            ),
            (
                "spec: {podFailurePolicy: {rules: [{action: Count}]}}",
                "spec.podFailurePolicy.rules is [{\"action\":\"Count\"}]",
            ),
            (
                "spec: {template: {metadata: {labels: {$patch: delete}}}}",
                "spec.template.metadata.labels.app.kubernetes.io/name is taken away",
            ),
            ("spec: {template: {$patch: replace}}", "is taken away"),
            ("$patch: delete", "is taken away"),
        ] {
            let error = onto(template).unwrap_err();
            assert!(
                error.starts_with("--job-template job.yaml: ") && error.contains(why),
                "{template}: {error}"
            );
        }
    }

    #[test]
    fn what_the_launcher_owns_of_the_pod_is_refused_by_name() {
        for (template, why) in [
            (
                "{restartPolicy: OnFailure}",
                "spec.template.spec.restartPolicy is \"OnFailure\"; it must be \"Never\"",
            ),
            (
                "{terminationGracePeriodSeconds: 5}",
                "terminationGracePeriodSeconds is 5; at least 30",
            ),
            (
                "{terminationGracePeriodSeconds: null}",
                "terminationGracePeriodSeconds is null; at least 30",
            ),
            (
                "{initContainers: [{name: launcher, image: x}]}",
                "initContainers[launcher].image is \"x\"; it must be \"ours\"",
            ),
            (
                "{initContainers: [{$patch: replace}]}",
                "initContainers[launcher] is taken away",
            ),
            (
                "{volumes: [{name: dataset, $patch: delete}]}",
                "volumes[dataset] is taken away",
            ),
            (
                "{containers: [{name: train, $patch: delete}]}",
                "containers[train] is gone",
            ),
            (
                "{containers: [{name: train, image: x}]}",
                "containers[train].image is \"x\"; it must be \"team\", or left out: --image",
            ),
            (
                "{containers: [{name: train, command: [sh]}]}",
                "containers[train].command is [\"sh\"]; it must be ",
            ),
            (
                "{containers: [{name: train, args: [x]}]}",
                "containers[train].args is [\"x\"]; leave it out: --command",
            ),
            (
                "{containers: [{name: train, env: [{name: HOME, value: /root}]}]}",
                "env[HOME].value is \"/root\"",
            ),
            (
                "{containers: [{name: train, env: [{name: TRAIN_OUTPUT, value: /x}]}]}",
                "env[TRAIN_OUTPUT] is ",
            ),
            (
                "{containers: [{name: train, env: [{name: JOB_COMPLETION_INDEX, value: '1'}]}]}",
                "env[JOB_COMPLETION_INDEX] is ",
            ),
            (
                "{containers: [{name: train, volumeMounts: [{mountPath: /mlops, name: out}]}]}",
                "volumeMounts[/mlops].name is \"out\"",
            ),
            (
                "{initContainers: [{name: fetch, env: [{name: A, $patch: delete}]}]}",
                "$patch: there is nothing here yet",
            ),
            (
                "{securityContext: {$patch: drop}}",
                "spec.template.spec.securityContext.$patch: ",
            ),
        ] {
            let error = pod(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
        assert!(
            pod("{containers: [{name: train, volumeMounts: [{mountPath: /cache, $patch: delete}]}]}").is_ok()
        );
    }

    #[test]
    fn another_kind_of_object_is_refused() {
        for (text, why) in [
            (
                "apiVersion: v1\nkind: Pod",
                "apiVersion is v1 and kind is Pod; a Job of batch/v1 is needed",
            ),
            ("spec: {}", "apiVersion is nothing and kind is nothing"),
            ("a: [", "job.yaml"),
            ("kind: Job\nkind: Job", "job.yaml:2"),
            ("- a", "a Job of batch/v1"),
        ] {
            let error = Template::parse("job.yaml", text.as_bytes()).unwrap_err();
            assert!(
                error.starts_with("--job-template job.yaml") && error.contains(why),
                "{text}: {error}"
            );
        }
    }
}
