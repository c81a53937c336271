//! The images of what runs in the cluster beside the steps: each one program of another project, or the Python
//! that trains and serves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::builds::{Events, Programs};
use crate::images::base;
use crate::images::buildah::{Builder, Recipe, emptied, place};
use crate::lab::{self, Lab, folder, key, tools};
use crate::say;

/// The Python image: MLflow's server, training, model servers.
const PYTHON: &str = "python";
/// Of every image here.
const DOCKERFILE: &str = "tests/cluster/images/Dockerfile";
/// Debian packages of the Python image.
const PYTHON_PACKAGES: &str = "python3,ca-certificates,libgomp1,tzdata";
/// The team's training code: in a team's own image it would be the same.
const TRAINING: &str = "workflows/examples/flight-delays/train.py";

/// Every image is an archive in the cache, named after what went into it.
pub(crate) struct Images {
    builder: Builder,
    cache: PathBuf,
}

impl Images {
    /// Finds what builds.
    pub(crate) fn new(cache: &Path) -> Result<Self> {
        let images = Self {
            builder: Builder::find(cache)?,
            cache: cache.join("cluster-images"),
        };
        std::fs::create_dir_all(&images.cache)?;
        Ok(images)
    }

    /// Makes what is missing; the archives.
    pub(crate) fn make(&self, programs: &Programs, lab: &Lab) -> Result<Vec<PathBuf>> {
        let mut archives = Vec::new();
        for (name, home) in [
            ("pause", &programs.pause),
            ("coredns", &programs.coredns),
            ("workflow-controller", &programs.argo),
            ("argoexec", &programs.argo),
            ("argo", &programs.argo),
            ("prometheus", &programs.prometheus),
        ] {
            archives.push(self.program(name, &home.join(name))?);
        }
        archives.push(self.program("versitygw", &lab.versitygw)?);
        archives.push(self.python(lab)?);
        Ok(archives)
    }

    /// The images of Argo Events.
    pub(crate) fn events(&self, programs: &Events) -> Result<Vec<PathBuf>> {
        Ok(vec![
            self.program("nats-server", &programs.nats.join("nats-server"))?,
            self.program("argo-events", &programs.argo_events.join("argo-events"))?,
        ])
    }

    /// One static program on the base, at `/bin`.
    fn program(&self, name: &str, binary: &Path) -> Result<PathBuf> {
        let start = Instant::now();
        // The folder of a program is named after its pins.
        let archive = self.archive(name, &key(&[folder(DOCKERFILE)], &binary.display().to_string())?);
        if archive.exists() {
            return Ok(archive);
        }
        let root = self.cache.join(format!("{name}.root"));
        emptied(&root)?;
        base::lay_out(&root)?;
        let at = format!("bin/{name}");
        place(&root, &at, binary)?;
        std::os::unix::fs::symlink(&at, root.join("entrypoint"))?;
        self.commit(name, &root, &archive)?;
        say::took(&format!("image {name}"), start);
        Ok(archive)
    }

    /// A Debian with Python, the packages of the lab's environment, and the team's code.
    fn python(&self, lab: &Lab) -> Result<PathBuf> {
        let start = Instant::now();
        let environment = lab.python_bin.parent().context("the environment has no folder")?;
        let script = folder("tests/cluster/images/python-image.sh");
        let archive = self.archive(
            PYTHON,
            &key(
                &[script.clone(), folder(DOCKERFILE), folder(TRAINING)],
                &format!("{} {PYTHON_PACKAGES}", environment.display()),
            )?,
        );
        if archive.exists() {
            return Ok(archive);
        }
        if !tools::works("mmdebstrap", &["--version"]) {
            tools::debian(&["mmdebstrap"], "the Python image is a Debian")?;
        }
        let root = self.cache.join("python.root");
        emptied(&root)?;
        tools::run(
            Command::new("sh")
                .arg(&script)
                .arg(&root)
                .arg(environment)
                .env("PACKAGES", PYTHON_PACKAGES),
        )?;
        place(&root, "app/train.py", &folder(TRAINING))?;
        self.commit(PYTHON, &root, &archive)?;
        say::took("image python", start);
        Ok(archive)
    }

    fn commit(&self, name: &str, root: &Path, archive: &Path) -> Result<()> {
        let file = folder(DOCKERFILE);
        let image = format!("lab.local/{name}:1");
        self.builder.build(&Recipe {
            name: &image,
            file: &file,
            context: root,
            arguments: &[],
            labels: &[],
        })?;
        self.forget_older(name)?;
        self.builder.save(&image, archive, false)?;
        self.builder.remove(&image)?;
        std::fs::remove_dir_all(root).context("cannot remove the files of an image")
    }

    fn archive(&self, name: &str, key: &str) -> PathBuf {
        self.cache.join(format!("{name}@{key}.tar"))
    }

    /// An image that was made of something else is not wanted again.
    fn forget_older(&self, name: &str) -> Result<()> {
        let prefix = format!("{name}@");
        for entry in self.cache.read_dir()?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Whether every image is in the cache: the Python one takes longest, and is made last.
pub(crate) fn are_there() -> Result<bool> {
    let cache = lab::cache()?.join("cluster-images");
    let entries = cache.read_dir().into_iter().flatten().flatten();
    Ok(entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python@"))
        .count()
        > 0)
}
