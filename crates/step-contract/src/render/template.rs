//! The WorkflowTemplate of a step: one template for every sub-command that Argo runs.

use super::yaml::{Yaml, scalar};
use super::{served, wrap};
use crate::contract::{ArtifactOrigin, Command, Parameter};
use crate::{CommandKind, Contract, Exit, ServedSpec};

/// The project: label `app.kubernetes.io/part-of`, image prefix, default ConfigMap and Secret.
pub const PROJECT: &str = "mlops-steps";

/// What every pod of ours asks for.
const POD: &str = r#"{"enableServiceLinks": false, "terminationGracePeriodSeconds": 30}"#;
/// The restricted Pod Security level, for a container.
pub(super) const RESTRICTED: &str = "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}";

pub(crate) fn render(contract: &Contract) -> String {
    let mut y = Yaml::default();
    let step = contract.step;
    y.line(&format!(
        "# Generated from the contract of `{step}` by `make generate`; do not edit."
    ));
    y.pair("apiVersion", "argoproj.io/v1alpha1")
        .pair("kind", "WorkflowTemplate")
        .line("metadata:")
        .nest(|y| {
            y.pair("name", step).line("labels:").nest(|y| {
                y.pair("app.kubernetes.io/name", step)
                    .pair("app.kubernetes.io/part-of", PROJECT)
                    .pair("app.kubernetes.io/version", contract.version);
            });
            y.line("annotations:").nest(|y| {
                y.pair("workflows.argoproj.io/title", step);
                y.line("workflows.argoproj.io/description: >-")
                    .nest(|y| folded(y, contract.summary));
            });
        });
    y.line("spec:").nest(|y| {
        // For a workflow of this step alone; in a DAG of a team's own its workflow says so.
        let alone = contract
            .commands
            .iter()
            .find(|command| command.template.is_some());
        if let Some(command) = alone {
            y.pair("entrypoint", command.name);
            y.line("ttlStrategy: {secondsAfterCompletion: 1209600}");
            y.line("podGC: {strategy: OnPodSuccess}");
        }
        y.line("templates:");
        for command in contract
            .commands
            .iter()
            .filter(|command| command.template.is_some())
        {
            y.nest(|y| template(y, contract, command, None));
            if let Some(served) = command.template.and_then(|spec| spec.served) {
                y.nest(|y| template(y, contract, command, Some(served)));
            }
        }
    });
    y.finish()
}

fn folded(y: &mut Yaml, text: &str) {
    for line in wrap(text, 100) {
        y.line(&line);
    }
}

fn template(y: &mut Yaml, contract: &Contract, command: &Command, served: Option<ServedSpec>) {
    let Some(spec) = command.template else { return };
    let (name, summary) = match served {
        None => (command.name.to_owned(), command.summary.clone()),
        Some(_) => (
            format!("{}-served", command.name),
            format!("{}; the model servers run beside it", command.summary),
        ),
    };
    y.line(&format!("- name: {name}")).nest(|y| {
        y.line("metadata:").nest(|y| {
            y.line("annotations:").nest(|y| {
                y.line("workflows.argoproj.io/description: >-").nest(|y| folded(y, &summary));
            });
            y.line("labels:").nest(|y| {
                y.pair("app.kubernetes.io/name", contract.step).pair("app.kubernetes.io/part-of", PROJECT);
            });
        });
        inputs(y, contract, command, spec.active_deadline_seconds, served);
        outputs(y, command);
        y.pair("serviceAccountName", contract.step);
        y.pair("activeDeadlineSeconds", "{{inputs.parameters.active-deadline-seconds}}");
        y.pair("podSpecPatch", &served.map_or_else(|| POD.to_owned(), |_| served::pod()));
        y.line("securityContext:").nest(|y| {
            y.line("runAsNonRoot: true").line("runAsUser: 65532").line("runAsGroup: 65532").line("fsGroup: 65532");
            y.line("seccompProfile: {type: RuntimeDefault}");
        });
        retry(y, spec.retry_on_kill);
        y.line("volumes:").nest(|y| {
            y.line("- {name: out, emptyDir: {}}").line("- {name: tmp, emptyDir: {}}");
            if reads_config(command) {
                y.line(
                    "- {name: config, configMap: {name: \"{{inputs.parameters.config-map}}\", optional: true}}",
                );
            }
            if served.is_some() {
                served::volumes(y);
            }
        });
        if served.is_some() {
            served::init_containers(y, contract.version);
        }
        container(y, contract, command, served);
    });
}

fn reads_config(command: &Command) -> bool {
    command
        .inputs
        .iter()
        .any(|input| input.origin == ArtifactOrigin::ConfigMap)
}

/// The parameters of a template: those that it does not set itself, and that do not tune the process.
fn open_parameters(command: &Command, served: Option<ServedSpec>) -> impl Iterator<Item = &Parameter> {
    let fixed = served.map_or(&[][..], |served| served.fixed);
    command
        .parameters
        .iter()
        .filter(move |parameter| !parameter.process && !fixed.iter().any(|(flag, _)| *flag == parameter.name))
}

fn inputs(y: &mut Yaml, contract: &Contract, command: &Command, deadline: u32, served: Option<ServedSpec>) {
    y.line("inputs:").nest(|y| {
        y.line("parameters:").nest(|y| {
            for parameter in open_parameters(command, served) {
                y.pair("- name", &parameter.name).nest(|y| {
                    let mut doc = parameter.doc.clone();
                    if parameter.repeated {
                        doc.push_str(". One a line.");
                    }
                    y.pair("description", &doc.replace('\n', " "));
                    if !parameter.choices.is_empty() {
                        y.line(&format!("enum: [{}]", enumeration(parameter)));
                    } else if parameter.switch {
                        y.line("enum: [\"true\", \"false\"]");
                    }
                    if !parameter.required {
                        let default = parameter.default.as_deref().unwrap_or(if parameter.switch {
                            "false"
                        } else {
                            ""
                        });
                        y.line(&format!("default: {}", quoted(default)));
                    }
                });
            }
            for input in command
                .inputs
                .iter()
                .filter(|input| input.origin == ArtifactOrigin::ConfigMap)
            {
                y.pair("- name", &input.name).nest(|y| {
                    y.pair("description", &input.doc.replace('\n', " "));
                    y.line(&format!("default: {}", quoted(&input.path)));
                });
            }
            if reads_config(command) {
                y.line("- name: config-map").nest(|y| {
                    y.pair(
                        "description",
                        "The ConfigMap with the team's configuration files, mounted at /config.",
                    );
                    y.line(&format!("default: \"{PROJECT}\""));
                });
            }
            if served.is_some() {
                served::parameters(y);
            }
            if !command.outputs.is_empty() {
                y.line("- name: s3-prefix").nest(|y| {
                    y.pair("description", "Where the outputs go in the artifact repository.");
                    let is_temporary = command.template.is_some_and(|spec| spec.temporary);
                    let place = if is_temporary { "tmp" } else { "runs" };
                    y.line(&format!(
                        "default: \"{place}/{{{{workflow.uid}}}}/{}\"",
                        contract.step
                    ));
                });
            }
            y.line("- name: active-deadline-seconds").nest(|y| {
                y.pair("description", "The pod is stopped after so many seconds.");
                y.line(&format!("default: \"{deadline}\""));
            });
        });
        let artifacts: Vec<_> = command
            .inputs
            .iter()
            .filter(|input| input.origin == ArtifactOrigin::Artifact)
            .collect();
        if !artifacts.is_empty() {
            y.line("artifacts:").nest(|y| {
                for input in artifacts {
                    comment(y, &input.doc);
                    y.pair("- name", &input.name).nest(|y| {
                        y.pair("path", &input.path);
                        if input.optional {
                            y.line("optional: true");
                        }
                    });
                }
            });
        }
    });
}

/// Argo's artifacts have no description, and it refuses fields that it does not know.
fn comment(y: &mut Yaml, doc: &str) {
    y.line(&format!("# {}", doc.replace('\n', " ")));
}

/// Argo takes a value for an enum parameter only when it is listed: "not given" is the empty one.
fn enumeration(parameter: &Parameter) -> String {
    let mut choices: Vec<String> = parameter.choices.iter().map(|choice| quoted(choice)).collect();
    if !parameter.required && parameter.default.is_none() {
        choices.insert(0, "\"\"".to_owned());
    }
    choices.join(", ")
}

pub(super) fn quoted(text: &str) -> String {
    let scalar = scalar(text);
    if scalar.starts_with('"') {
        scalar
    } else {
        format!("\"{scalar}\"")
    }
}

fn outputs(y: &mut Yaml, command: &Command) {
    let is_temporary = command.template.is_some_and(|spec| spec.temporary);
    if command.outputs.is_empty() && command.output_parameters.is_empty() {
        return;
    }
    y.line("outputs:").nest(|y| {
        if !command.output_parameters.is_empty() {
            y.line("parameters:").nest(|y| {
                for parameter in &command.output_parameters {
                    y.pair("- name", &parameter.name).nest(|y| {
                        y.pair("description", &parameter.doc.replace('\n', " "));
                        y.line("valueFrom:").nest(|y| {
                            y.pair("path", &parameter.path);
                            // A step that was stopped leaves none; without a default Argo would call that an Error.
                            if command.kind == CommandKind::Decides {
                                y.line("default: \"\"");
                            }
                        });
                    });
                }
            });
        }
        if !command.outputs.is_empty() {
            y.line("artifacts:").nest(|y| {
                for output in &command.outputs {
                    comment(y, &output.doc);
                    y.pair("- name", &output.name).nest(|y| {
                        let file = output.path.rsplit('/').next().unwrap_or(&output.path);
                        y.pair("path", &output.path)
                            .line("optional: true")
                            .line("archive: {none: {}}")
                            .line(&format!(
                                "s3: {{key: \"{{{{inputs.parameters.s3-prefix}}}}/{file}\"}}"
                            ));
                        if is_temporary {
                            y.line("artifactGC: {strategy: OnWorkflowDeletion, serviceAccountName: mlops-artifact-gc}");
                        }
                    });
                }
            });
        }
    });
}

fn retry(y: &mut Yaml, on_kill: bool) {
    let mut codes: Vec<String> = Exit::ALL
        .into_iter()
        .filter(|exit| exit.is_retried())
        .map(|exit| exit.code().to_string())
        .collect();
    if on_kill {
        codes.push("137".to_owned());
    }
    y.line("retryStrategy:").nest(|y| {
        y.line("limit: \"3\"").line("retryPolicy: Always");
        y.line("backoff: {duration: 15s, factor: \"2\", cap: 10m}");
        y.pair(
            "expression",
            &format!(
                "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [{}]",
                codes.join(", ")
            ),
        );
    });
}

fn container(y: &mut Yaml, contract: &Contract, command: &Command, served: Option<ServedSpec>) {
    let Some(spec) = command.template else { return };
    y.line("container:").nest(|y| {
        // Literal: kustomize's `images` is the one place where a registry and a tag are set.
        y.pair(
            "image",
            &format!("{PROJECT}/{}:{}", contract.step, contract.version),
        );
        // Argo cannot see the entry point of an image it cannot look up: always named.
        y.line(&format!("command: [/usr/local/bin/{}]", contract.step));
        y.line("args:").nest(|y| {
            y.line(&format!("- {}", command.name));
            for (flag, value) in served.map_or(&[][..], |served| served.fixed) {
                y.line(&format!("- {}", quoted(&format!("--{flag}={value}"))));
            }
            for parameter in open_parameters(command, served) {
                let value = format!("{{{{inputs.parameters.{}}}}}", parameter.name);
                let arg = if parameter.positional {
                    value
                } else {
                    format!("--{}={value}", parameter.name)
                };
                y.line(&format!("- {}", quoted(&arg)));
            }
            for input in &command.inputs {
                let value = match input.origin {
                    ArtifactOrigin::ConfigMap => format!("{{{{inputs.parameters.{}}}}}", input.name),
                    ArtifactOrigin::Artifact | ArtifactOrigin::Step => input.path.clone(),
                };
                y.line(&format!("- {}", quoted(&format!("--{}={value}", input.name))));
            }
            for output in &command.outputs {
                y.line(&format!(
                    "- {}",
                    quoted(&format!("--{}={}", output.name, output.path))
                ));
            }
            for parameter in &command.output_parameters {
                y.line(&format!(
                    "- {}",
                    quoted(&format!("--{}={}", parameter.name, parameter.path))
                ));
            }
        });
        env(y, command);
        y.line("volumeMounts:").nest(|y| {
            y.line("- {name: out, mountPath: /out}")
                .line("- {name: tmp, mountPath: /tmp}");
            if reads_config(command) {
                y.line("- {name: config, mountPath: /config, readOnly: true}");
            }
        });
        y.line("resources:").nest(|y| {
            y.line(&format!(
                "requests: {{cpu: {}, memory: {}}}",
                spec.cpu, spec.memory
            ));
            y.line(&format!("limits: {{memory: {}}}", spec.memory));
        });
        y.line(RESTRICTED);
    });
}

fn env(y: &mut Yaml, command: &Command) {
    // The names of the workflow and the pod bind reports, runs and retries together.
    y.line("env:").nest(|y| {
        y.line("- {name: ARGO_WORKFLOW_UID, value: \"{{workflow.uid}}\"}");
        y.line("- {name: ARGO_WORKFLOW_NAME, value: \"{{workflow.name}}\"}");
        y.line("- {name: ARGO_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}");
        for secret in &command.secrets {
            y.line(&format!("- name: {}", secret.env)).nest(|y| {
                y.line(&format!(
                    "valueFrom: {{secretKeyRef: {{name: {PROJECT}, key: {}, optional: true}}}}",
                    secret.env
                ));
            });
        }
    });
    env_from(y);
}

/// What every container of a pod of ours knows: addresses and credentials of S3 and MLflow.
pub(super) fn env_from(y: &mut Yaml) {
    y.line("envFrom:").nest(|y| {
        y.line(&format!(
            "- configMapRef: {{name: {PROJECT}-env, optional: true}}"
        ));
        y.line(&format!("- secretRef: {{name: {PROJECT}-env, optional: true}}"));
    });
}
