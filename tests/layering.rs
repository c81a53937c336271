//! The layers of ARCHITECTURE.md, held over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Crates that decide and compute: no network, no runtime, no clouds.
const PURE: [&str; 5] = [
    "step-contract",
    "step-report",
    "drift-stats",
    "tabular",
    "provenance",
];

/// What a pure crate must never reach.
const IMPURE: [&str; 8] = [
    "tokio",
    "reqwest",
    "hyper",
    "kube",
    "aws-config",
    "aws-sdk-s3",
    "rustls",
    "k8s-openapi",
];

/// What nothing may reach: one TLS stack, rustls on ring.
const BANNED: [&str; 5] = ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "openssl", "native-tls"];

struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, Vec<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    fn read() -> Self {
        let cargo = std::env::var("CARGO").unwrap();
        let output = Command::new(cargo)
            // What ships is for this platform; crates of others need not be here, and are not on a new machine.
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(env!("MLOPS_STEPS_ROOT"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let names = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut edges = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let normal = node["deps"].as_array().unwrap().iter().filter(|dep| {
                // `null` is a normal dependency; build and dev dependencies do not ship.
                dep["dep_kinds"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|kind| kind["kind"].is_null())
            });
            edges.insert(text(&node["id"]), normal.map(|dep| text(&dep["pkg"])).collect());
        }
        let members = metadata["workspace_members"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        Self {
            names,
            edges,
            members,
        }
    }

    fn member(&self, name: &str) -> &str {
        self.members
            .iter()
            .find(|id| self.names[*id] == name)
            .unwrap_or_else(|| panic!("no crate {name}"))
    }

    /// Names of all packages that `name` depends on, however far.
    fn reach(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.member(name)];
        while let Some(id) = open.pop() {
            for next in &self.edges[id] {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.names[id].as_str()).collect()
    }

    fn member_names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|id| self.names[id].as_str())
    }
}

#[test]
fn pure_crates_reach_no_network_and_no_runtime() {
    let graph = Graph::read();
    for name in PURE {
        let reach = graph.reach(name);
        let found: Vec<_> = IMPURE.iter().filter(|impure| reach.contains(**impure)).collect();
        assert!(found.is_empty(), "{name} is pure and reaches {found:?}");
    }
}

#[test]
fn there_is_one_tls_stack() {
    let graph = Graph::read();
    for name in graph.member_names() {
        let reach = graph.reach(name);
        let found: Vec<_> = BANNED.iter().filter(|banned| reach.contains(**banned)).collect();
        assert!(found.is_empty(), "{name} reaches {found:?}");
    }
}

#[test]
fn no_library_depends_on_a_step_and_no_step_on_another() {
    let graph = Graph::read();
    let steps = [
        "data-validate",
        "train-launch",
        "evaluate",
        "mlflow-register",
        "kserve-canary",
        "enroll-drift",
    ];
    for name in graph
        .member_names()
        .filter(|name| !matches!(*name, "xtask" | "toolkit-tests"))
    {
        let reach = graph.reach(name);
        let found: Vec<_> = steps
            .iter()
            .filter(|step| **step != name && reach.contains(**step))
            .collect();
        assert!(found.is_empty(), "{name} depends on {found:?}");
    }
}

#[test]
fn the_checks_can_fail() {
    let graph = Graph::read();
    assert!(graph.reach("artifact-store").contains("tokio"));
    assert!(graph.reach("xtask").contains("data-validate"));
}
