//! What the repository ships, read by those who will read it.

use serde_json::json;
use toolkit_e2e::{Lab, STEPS, said, until};

#[test]
fn every_image_describes_itself_in_a_restricted_pod() {
    let lab = Lab::new();
    for step in STEPS.into_iter().chain(["kserve-canary"]) {
        let pod = format!("describe-{step}");
        _ = lab.kubectl(&["delete", "pod", &pod, "--ignore-not-found", "--wait=true"]);
        // No command: the image's own entry point, and its own user.
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod},
            "spec": {
                "restartPolicy": "Never",
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "main",
                    "image": format!("{}/{step}:{}", said("E2E_IMAGE_PREFIX"), env!("CARGO_PKG_VERSION")),
                    "args": ["--describe", "json"],
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }],
            },
        });
        _ = lab.kubectl_with(
            &["create", "--filename=-", "--output=json"],
            &manifest.to_string(),
        );
        let phase = until(&format!("{pod} ends"), 120, || {
            let now = lab.get("pod", &pod)?;
            let phase = now["status"]["phase"].as_str()?.to_owned();
            matches!(phase.as_str(), "Succeeded" | "Failed").then_some(phase)
        });
        let said = lab.kubectl(&["logs", &pod]);
        assert_eq!(phase, "Succeeded", "{step}: {said}");
        let contract: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(contract["step"], step);
        _ = lab.kubectl(&["delete", "pod", &pod, "--wait=false"]);
    }
}

#[test]
fn every_file_passes_argos_lint_its_schema_and_hera() {
    let lab = Lab::new();
    let files = lab.workflow_files();
    assert!(files.len() > 10, "{files:?}");
    lab.run(
        &said("E2E_ARGO_CLI"),
        &["lint", "--offline", "--no-color"],
        &files,
    );
    let script = concat!(env!("MLOPS_STEPS_ROOT"), "/tests/e2e/schema.py");
    lab.run(&said("E2E_PYTHON"), &[script, &said("E2E_ARGO_SCHEMA")], &files);
}

#[test]
fn the_api_server_takes_every_overlay_strictly() {
    let lab = Lab::new();
    for overlay in ["quick-start", "namespace-install", "staging", "production"] {
        let folder = format!("{}/kustomize/overlays/{overlay}", env!("MLOPS_STEPS_ROOT"));
        // Nothing goes into a namespace that is not there, not even to see whether it would.
        let namespace = format!("{folder}/namespace.yaml");
        let has_one = std::path::Path::new(&namespace).exists();
        if has_one {
            _ = lab.kubectl(&["apply", "--server-side", "--filename", &namespace, "--namespace="]);
        }
        let taken = lab.kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--dry-run=server",
            "--kustomize",
            &folder,
            if has_one {
                "--namespace="
            } else {
                "--namespace=default"
            },
        ]);
        assert!(taken.lines().count() > 25, "{overlay}: {taken}");
        if has_one && overlay != "quick-start" {
            _ = lab.kubectl(&["delete", "--wait=false", "--filename", &namespace, "--namespace="]);
        }
    }
}

#[test]
fn every_image_lists_what_is_in_it() {
    let lab = Lab::new();
    let folder = said("E2E_SBOMS");
    let lists: Vec<String> = STEPS
        .into_iter()
        .chain(["kserve-canary"])
        .map(|step| format!("{folder}/{step}.cdx.json"))
        .collect();
    let script = concat!(env!("MLOPS_STEPS_ROOT"), "/tests/e2e/sbom.py");
    lab.run(&said("E2E_PYTHON"), &[script], &lists);
}
