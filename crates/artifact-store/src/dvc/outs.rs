//! What a repository tracks: the outputs of `.dvc` files and of `dvc.lock`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::tree::{Tree, joined};
use crate::reference::Md5;

/// Something tracked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Out {
    /// From the top of the repository.
    pub path: String,
    /// Of its bytes, or of the list of its files.
    pub md5: Md5,
    /// Whether it is a directory: then the digest is of the list of its files.
    pub is_dir: bool,
    /// Bytes, of all files.
    pub size: Option<u64>,
    /// The remote that it is kept in, when not the default one.
    pub remote: Option<String>,
    /// The file that says so.
    pub by: String,
}

/// What a file says of an output. Keys that say nothing about its bytes are passed over.
#[derive(Debug, Deserialize)]
struct Written {
    path: String,
    md5: Option<String>,
    size: Option<u64>,
    hash: Option<String>,
    remote: Option<String>,
    cache: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct DotDvc {
    #[serde(default)]
    outs: Vec<Written>,
    wdir: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Lock {
    #[serde(default)]
    stages: BTreeMap<String, LockedStage>,
}

#[derive(Debug, Deserialize)]
struct LockedStage {
    #[serde(default)]
    outs: Vec<Written>,
}

#[derive(Debug, Default, Deserialize)]
struct Pipeline {
    #[serde(default)]
    stages: BTreeMap<String, serde_json::Value>,
}

/// Everything that a repository tracks, in the order of paths. Directories that are tracked are not looked into, nor are
/// repositories inside of it.
pub(super) fn all(tree: &dyn Tree) -> Result<Vec<Out>, String> {
    let mut outs = Vec::new();
    below(tree, "", &mut outs)?;
    outs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(outs)
}

fn below(tree: &dyn Tree, dir: &str, outs: &mut Vec<Out>) -> Result<(), String> {
    let entries = tree.entries(dir)?;
    if !dir.is_empty() && entries.has_dir(".dvc") {
        return Ok(());
    }
    for name in &entries.files {
        let file = joined(dir, name);
        if name == "dvc.lock" {
            locked(tree, dir, &file, outs)?;
        } else if name.len() > 4 && name.ends_with(".dvc") {
            let Some(text) = tree.text(&file)? else { continue };
            let read: DotDvc = yaml(&file, &text)?;
            let place = placed(dir, read.wdir.as_deref(), &file)?;
            for written in read.outs {
                outs.extend(out(&place, written, &file)?);
            }
        }
    }
    for name in entries
        .dirs
        .iter()
        .filter(|name| !matches!(name.as_str(), ".git" | ".dvc"))
    {
        let path = joined(dir, name);
        if !outs.iter().any(|out| out.path == path) {
            below(tree, &path, outs)?;
        }
    }
    Ok(())
}

/// The outputs of the stages of a pipeline. Where they are, and in which remote, stands in the `dvc.yaml` beside.
fn locked(tree: &dyn Tree, dir: &str, file: &str, outs: &mut Vec<Out>) -> Result<(), String> {
    let Some(text) = tree.text(file)? else {
        return Ok(());
    };
    let lock: Lock = yaml(file, &text)?;
    let beside = joined(dir, "dvc.yaml");
    let pipeline: Pipeline = match tree.text(&beside)? {
        Some(text) => yaml(&beside, &text)?,
        None => Pipeline::default(),
    };
    for (name, stage) in lock.stages {
        // A stage that is made for each of many is called `name@which`.
        let defined = pipeline
            .stages
            .get(&name)
            .or_else(|| pipeline.stages.get(name.split('@').next().unwrap_or(&name)));
        let defined = defined.map(|stage| stage.get("do").unwrap_or(stage));
        let wdir = defined.and_then(|stage| stage.get("wdir")?.as_str());
        let place = placed(dir, wdir, &beside)?;
        for mut written in stage.outs {
            if let Some(more) = defined.and_then(|stage| options(stage, &written.path)) {
                written.remote = more
                    .get("remote")
                    .and_then(|remote| Some(remote.as_str()?.to_owned()));
                written.cache = more.get("cache").and_then(serde_json::Value::as_bool);
            }
            outs.extend(out(&place, written, file)?);
        }
    }
    Ok(())
}

/// `- path: {cache: false, remote: store}` of an output of a stage.
fn options<'a>(stage: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    ["outs", "metrics", "plots"].iter().find_map(|kind| {
        let listed = stage.get(kind)?.as_array()?;
        listed.iter().find_map(|entry| entry.get(path))
    })
}

/// The directory that paths are relative to.
fn placed(dir: &str, wdir: Option<&str>, file: &str) -> Result<String, String> {
    let wdir = wdir.unwrap_or(".");
    if wdir.contains("${") {
        return Err(format!(
            "{file}: wdir is `{wdir}`: templates of DVC are not filled in here; write the directory out"
        ));
    }
    within(dir, wdir).ok_or_else(|| format!("{file}: wdir `{wdir}` leads out of the repository"))
}

/// `../b` from `a/x` is `a/b`; none beyond the top.
fn within(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// None for what Git keeps (`cache: false`) and what lies outside of the repository.
fn out(place: &str, written: Written, file: &str) -> Result<Option<Out>, String> {
    let is_outside = written.path.starts_with('/') || written.path.contains("://");
    if written.cache == Some(false) || is_outside {
        return Ok(None);
    }
    let Some(path) = within(place, &written.path) else {
        return Ok(None);
    };
    // A stage that was not run yet, and what a remote keeps by its own versions, have no digest.
    let Some(digest) = written.md5 else {
        return Ok(None);
    };
    let (hex, is_dir) = match digest.strip_suffix(".dir") {
        Some(hex) => (hex, true),
        None => (digest.as_str(), false),
    };
    let is_text_alike = match written.hash.as_deref() {
        Some("md5") => false,
        // Before DVC 3 there was no such key, and line ends of text did not count.
        None | Some("md5-dos2unix") => true,
        Some(other) => {
            return Err(format!(
                "{file}: {path}: hash is `{other}`; only md5 is read here"
            ));
        }
    };
    let md5 = Md5::new(hex, is_text_alike)
        .ok_or_else(|| format!("{file}: {path}: md5 is `{digest}`; it must be 32 hexadecimal digits"))?;
    Ok(Some(Out {
        path,
        md5,
        is_dir,
        size: written.size,
        remote: written.remote,
        by: file.to_owned(),
    }))
}

fn yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, String> {
    step_contract::load_foreign_yaml(file, text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dvc::tree::Checkout;

    const A: &str = "0123456789abcdef0123456789abcdef";

    fn found(files: &[(&str, &str)]) -> Result<Vec<Out>, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let at = dir.path().join(name);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(at, text.replace("$A", A)).unwrap();
        }
        all(&Checkout(dir.path().to_owned()))
    }

    #[test]
    fn outputs_of_files_and_of_stages() {
        let outs = found(&[
            ("data/train.dvc", "outs:\n- md5: $A.dir\n  size: 9\n  nfiles: 2\n  hash: md5\n  path: train\n  desc: x\n"),
            ("data/train/deep.dvc", "not: [read"),
            ("data/old.csv.dvc", "wdir: ..\nouts:\n- md5: $A\n  path: old.csv\n  remote: old\n"),
            ("sub/.dvc/config", ""),
            ("sub/x.dvc", "not: [read"),
            (
                "p/dvc.lock",
                "schema: '2.0'\nstages:\n  a@1:\n    cmd: x\n    outs:\n    - {path: m.json, md5: $A, hash: md5}\n    - {path: k, md5: $A, hash: md5}\n",
            ),
            (
                "p/dvc.yaml",
                "stages:\n  a:\n    foreach: [1]\n    do:\n      wdir: ../q\n      outs: [k: {remote: b}]\n      metrics: [m.json: {cache: false}]\n",
            ),
        ])
        .unwrap();
        let shown: Vec<_> = outs
            .iter()
            .map(|out| {
                (
                    out.path.as_str(),
                    out.is_dir,
                    out.md5.text_alike(),
                    out.remote.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("data/train", true, false, None),
                ("old.csv", false, true, Some("old")),
                ("q/k", false, false, Some("b")),
            ]
        );
    }

    #[test]
    fn says_what_cannot_be_read() {
        for (text, why) in [
            (
                "outs:\n- {path: a, md5: xyz}",
                "x.dvc: a: md5 is `xyz`; it must be 32 hexadecimal digits",
            ),
            (
                "outs:\n- {path: a, md5: $A, hash: blake3}",
                "x.dvc: a: hash is `blake3`; only md5 is read here",
            ),
            (
                "wdir: ../..\nouts: []",
                "x.dvc: wdir `../..` leads out of the repository",
            ),
            ("outs: 3", "x.dvc:1"),
        ] {
            let said = found(&[("x.dvc", text)]).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
    }
}
