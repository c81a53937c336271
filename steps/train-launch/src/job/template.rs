//! The team's own Job: merged into ours, and held to what ours must be for a training to be one training.

use artifact_store::Location;
use provenance::{Digest, digest_bytes};
use serde_json::Value;
use step_contract::InArtifact;
use step_runtime::{Context, StepError};

use super::merge::merge;
use super::owned::hold;

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

    use super::super::owned::find;
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
