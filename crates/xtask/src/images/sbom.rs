//! What a binary is made of, as CycloneDX 1.6: every crate that is linked into it, from cargo's own resolution.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use provenance::digest_bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lab::{folder, tools};

/// The platform of an image; crates of others are not in it.
const PLATFORM: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` is a dependency of the program itself; `build` and `dev` are not linked.
    kind: Option<String>,
}

/// The crates of the workspace as cargo resolves them for this platform.
pub(crate) struct Graph {
    packages: BTreeMap<String, Package>,
    edges: BTreeMap<String, Vec<String>>,
    checksums: BTreeMap<(String, String), String>,
}

impl Graph {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let text = tools::run(
            Command::new(cargo)
                .args(["metadata", "--format-version=1", "--locked"])
                .args(["--filter-platform", PLATFORM])
                .current_dir(folder("")),
        )?;
        let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata")?;
        let linked = |node: Node| {
            let deps = node.deps.into_iter();
            let linked = deps.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            (node.id, linked.map(|dep| dep.pkg).collect())
        };
        let lock = std::fs::read_to_string(folder("Cargo.lock"))?;
        Ok(Self {
            packages: metadata
                .packages
                .into_iter()
                .map(|one| (one.id.clone(), one))
                .collect(),
            edges: metadata.resolve.nodes.into_iter().map(linked).collect(),
            checksums: checksums(&lock),
        })
    }

    /// The bill of the binary of that package.
    pub(crate) fn bill(&self, package: &str, binary: &Path) -> Result<Value> {
        let root = self
            .packages
            .values()
            .find(|one| one.name == package && one.source.is_none())
            .with_context(|| format!("no package {package}"))?;
        let mut seen = BTreeSet::from([root.id.clone()]);
        let mut todo = vec![root.id.clone()];
        while let Some(id) = todo.pop() {
            for dep in self.edges.get(&id).into_iter().flatten() {
                if seen.insert(dep.clone()) {
                    todo.push(dep.clone());
                }
            }
        }
        let of = |id: &String| self.packages.get(id).with_context(|| format!("no package {id}"));
        let mut components = Vec::new();
        let mut dependencies = Vec::new();
        for id in &seen {
            let one = of(id)?;
            if one.id != root.id {
                components.push(self.component(one));
            }
            let on: BTreeSet<String> = self
                .edges
                .get(id)
                .into_iter()
                .flatten()
                .map(|dep| of(dep).map(purl))
                .collect::<Result<_>>()?;
            dependencies.push(json!({"ref": purl(one), "dependsOn": on}));
        }
        let digest = digest_bytes(&std::fs::read(binary)?);
        let mut program = self.component(root);
        program["type"] = json!("application");
        program["hashes"] = json!([{"alg": "SHA-256", "content": digest.hex()}]);
        Ok(json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": format!("urn:uuid:{}", uuid(&digest.hex())),
            "version": 1,
            "metadata": {"component": program},
            "components": components,
            "dependencies": dependencies,
        }))
    }

    fn component(&self, one: &Package) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": purl(one),
            "name": one.name,
            "version": one.version,
            "purl": purl(one),
        });
        if let Some(license) = &one.license {
            // Old crates separate a choice of licences with a slash.
            component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
        }
        if let Some(description) = &one.description {
            component["description"] = json!(description.trim());
        }
        if let Some(checksum) = self.checksums.get(&(one.name.clone(), one.version.clone())) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        component
    }
}

fn purl(one: &Package) -> String {
    format!("pkg:cargo/{}@{}", one.name, one.version)
}

/// A serial number that follows from the binary: the same binary has the same bill. Version 8 of RFC 9562.
fn uuid(hex: &str) -> String {
    format!(
        "{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// Name and version to the checksum of the registry, from `Cargo.lock`.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_start_matches(" = ").trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            Some((
                (value(block, "name")?, value(block, "version")?),
                value(block, "checksum")?,
            ))
        })
        .collect()
}
