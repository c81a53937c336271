//! The part of a template that serves models beside the step.

use super::template::{PROJECT, RESTRICTED, env_from, quoted};
use super::yaml::Yaml;

/// The arms, and the ports of each: inference, gRPC, metrics.
const ARMS: [(&str, [u16; 3]); 2] = [
    ("challenger", [8080, 9080, 9180]),
    ("champion", [8081, 9081, 9181]),
];

/// Seconds that a server has for imports from a cold image, and a large model.
const STARTS_WITHIN: u32 = 120;

/// Kubernetes takes lists, quantities and ports that are numbers (which Argo's schema and Hera's disagree about), a
/// parameter is text: what the team gives is put in by a patch of the pod, which also takes the champion's containers
/// out where there is no champion. (`} }` apart: two of them end an expression.)
pub(super) fn pod() -> String {
    let server = |(arm, ports): (&str, [u16; 3])| {
        // Kubernetes puts in `$(PORT)` what stands before it in the list.
        let known: Vec<String> = variables(arm, ports)
            .iter()
            .map(|(name, value)| format!("{{'name': '{name}', 'value': {value}}}"))
            .collect();
        format!(
            "{{'name': '{arm}', 'command': fromJSON(inputs.parameters['server-command']), \
             'env': concat([{}], fromJSON(inputs.parameters['server-env'])), \
             'startupProbe': {{'httpGet': {{'path': inputs.parameters['server-ready-path'], 'port': {} }}, \
             'periodSeconds': 1, 'failureThreshold': {STARTS_WITHIN} }}, \
             'resources': {{'requests': {{'memory': inputs.parameters['server-memory']}}, \
             'limits': {{'memory': inputs.parameters['server-memory']}} }} }}",
            known.join(", "),
            ports[0],
        )
    };
    let [(_, _), (champion, _)] = ARMS;
    let [challenger, served] = ARMS.map(server);
    format!(
        "{{{{=toJSON({{'enableServiceLinks': false, 'terminationGracePeriodSeconds': 30, \
         'initContainers': inputs.parameters['{champion}-uri'] == '' \
         ? [{challenger}, {{'name': 'fetch-{champion}', '$patch': 'delete'}}, {{'name': '{champion}', '$patch': 'delete'}}] \
         : [{challenger}, {served}] }})}}}}"
    )
}

/// What a server finds in its environment: names, and expressions for the values.
fn variables(arm: &str, [http, grpc, metrics]: [u16; 3]) -> [(&'static str, String); 5] {
    [
        ("MODEL_DIR", format!("'/models/{arm}'")),
        ("MODEL_NAME", "inputs.parameters.model".to_owned()),
        ("PORT", format!("'{http}'")),
        ("GRPC_PORT", format!("'{grpc}'")),
        ("METRICS_PORT", format!("'{metrics}'")),
    ]
}

/// What the template asks for beside the step's own parameters: name, description, default.
const PARAMETERS: [(&str, &str, Option<&str>); 9] = [
    (
        "challenger-uri",
        "MLflow URI of the challenger, such as `runs:/<run id>/model`",
        None,
    ),
    (
        "challenger-digest",
        "Digest that the challenger's files must have",
        None,
    ),
    (
        "champion-uri",
        "MLflow URI of the champion; empty when there is none",
        Some(""),
    ),
    (
        "champion-digest",
        "Digest that the champion's files must have",
        Some(""),
    ),
    ("server-image", "The team's model server", None),
    (
        "server-command",
        "Its command as a JSON list. MODEL_DIR, MODEL_NAME, PORT, GRPC_PORT and METRICS_PORT are in its environment",
        Some(r#"["mlserver", "start", "$(MODEL_DIR)"]"#),
    ),
    (
        "server-env",
        "Further variables as a JSON list of name and value",
        Some(
            r#"[{"name": "MLSERVER_HTTP_PORT", "value": "$(PORT)"}, {"name": "MLSERVER_GRPC_PORT", "value": "$(GRPC_PORT)"}, {"name": "MLSERVER_METRICS_PORT", "value": "$(METRICS_PORT)"}, {"name": "MLSERVER_MODEL_NAME", "value": "$(MODEL_NAME)"}]"#,
        ),
    ),
    (
        "server-ready-path",
        "Path that answers 200 once the model is loaded",
        Some("/v2/health/ready"),
    ),
    (
        "server-memory",
        "Memory request and limit of each server",
        Some("1Gi"),
    ),
];

pub(super) fn parameters(y: &mut Yaml) {
    for (name, description, default) in PARAMETERS {
        y.pair("- name", name).nest(|y| {
            y.pair("description", description);
            if let Some(default) = default {
                y.line(&format!("default: {}", quoted(default)));
            }
        });
    }
}

pub(super) fn volumes(y: &mut Yaml) {
    y.line("- {name: models, emptyDir: {}}");
}

/// The models are put there first, by digest; the servers start one after the other, and the step after both.
pub(super) fn init_containers(y: &mut Yaml, version: &str) {
    y.line("initContainers:").nest(|y| {
        for (arm, _) in ARMS {
            y.line(&format!("- name: fetch-{arm}"))
                .nest(|y| fetch(y, arm, version));
        }
        for (arm, _) in ARMS {
            y.line(&format!("- name: {arm}")).nest(|y| server(y, arm));
        }
    });
}

fn fetch(y: &mut Yaml, arm: &str, version: &str) {
    y.pair("image", &format!("{PROJECT}/mlflow-register:{version}"));
    y.line("command: [/usr/local/bin/mlflow-register]");
    y.line("args:").nest(|y| {
        y.line("- fetch");
        for argument in [
            format!("{{{{inputs.parameters.{arm}-uri}}}}"),
            format!("/models/{arm}"),
            format!("--digest={{{{inputs.parameters.{arm}-digest}}}}"),
        ] {
            y.line(&format!("- {}", quoted(&argument)));
        }
    });
    y.line("env:").nest(|y| {
        for secret in ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"] {
            y.line(&format!("- name: {secret}")).nest(|y| {
                y.line(&format!(
                    "valueFrom: {{secretKeyRef: {{name: {PROJECT}, key: {secret}, optional: true}}}}"
                ));
            });
        }
    });
    env_from(y);
    y.line("volumeMounts:").nest(|y| {
        y.line("- {name: models, mountPath: /models}")
            .line(&format!("- {{name: tmp, mountPath: /tmp, subPath: fetch-{arm}}}"))
            .line(&format!("- {{name: out, mountPath: /out, subPath: fetch-{arm}}}"));
    });
    y.line("resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 256Mi}}");
    y.line(RESTRICTED);
}

fn server(y: &mut Yaml, arm: &str) {
    y.pair("image", "{{inputs.parameters.server-image}}");
    y.line("restartPolicy: Always");
    y.line("volumeMounts:").nest(|y| {
        y.line("- {name: models, mountPath: /models, readOnly: true}")
            .line(&format!("- {{name: tmp, mountPath: /tmp, subPath: {arm}}}"));
    });
    y.line("resources:").nest(|y| {
        y.line("requests: {cpu: 250m}");
    });
    y.line(RESTRICTED);
}
