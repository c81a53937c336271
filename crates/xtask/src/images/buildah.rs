//! Building images with what is there: buildah, in a storage of our own, or docker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::lab::tools;

/// A program that builds images.
pub(crate) enum Builder {
    /// Needs no daemon.
    Buildah {
        /// Where its images are.
        storage: PathBuf,
    },
    /// Needs its daemon.
    Docker,
}

/// One image to build.
pub(crate) struct Recipe<'a> {
    /// Its name with a tag.
    pub(crate) name: &'a str,
    /// The Dockerfile.
    pub(crate) file: &'a Path,
    /// The folder that `COPY` sees.
    pub(crate) context: &'a Path,
    /// Build arguments.
    pub(crate) arguments: &'a [(&'a str, String)],
    /// Labels.
    pub(crate) labels: &'a [(&'a str, String)],
}

impl Builder {
    /// buildah where it is or can be installed, else docker with its daemon.
    pub(crate) fn find(cache: &Path) -> Result<Self> {
        if !tools::works("buildah", &["--version"]) {
            if tools::works("docker", &["info"]) {
                return Ok(Self::Docker);
            }
            tools::debian(
                &["buildah"],
                "images are built with buildah or docker, and neither runs here",
            )?;
        }
        Ok(Self::Buildah {
            storage: cache.join("buildah"),
        })
    }

    /// Builds an image.
    pub(crate) fn build(&self, recipe: &Recipe<'_>) -> Result<()> {
        let mut command = match self {
            Self::Buildah { .. } => {
                let mut command = self.command(&["build"]);
                // Nothing is run in an image, so nothing needs the isolation of a container.
                command.args([
                    "--isolation=chroot",
                    // A base of a registry is fetched when it is not there; ours is.
                    "--pull=false",
                    "--layers=false",
                    "--timestamp=0",
                ]);
                command
            }
            Self::Docker => self.command(&["build"]),
        };
        for (name, value) in recipe.arguments {
            command.arg(format!("--build-arg={name}={value}"));
        }
        for (name, value) in recipe.labels {
            command.arg(format!("--label={name}={value}"));
        }
        command.arg("--tag").arg(recipe.name);
        command.arg("--file").arg(recipe.file).arg(recipe.context);
        tools::run(&mut command)
            .map(|_| ())
            .with_context(|| format!("cannot build {}", recipe.name))
    }

    /// Writes an image as an archive that `docker load` and containerd read; its layers compressed when `small`.
    pub(crate) fn save(&self, name: &str, to: &Path, small: bool) -> Result<()> {
        let fresh = to.with_extension(format!("new-{}", std::process::id()));
        let mut command = match self {
            Self::Buildah { .. } => {
                let form = if small { "oci-archive" } else { "docker-archive" };
                let mut command = self.command(&["push", name]);
                command.arg(format!("{form}:{}:{name}", fresh.display()));
                command
            }
            Self::Docker => {
                let mut command = self.command(&["save", name, "--output"]);
                command.arg(&fresh);
                command
            }
        };
        tools::run(&mut command).with_context(|| format!("cannot save {name}"))?;
        std::fs::rename(&fresh, to).with_context(|| format!("cannot write {}", to.display()))
    }

    /// Pushes an image to the registry in its name.
    pub(crate) fn push(&self, name: &str) -> Result<()> {
        tools::run(&mut self.command(&["push", name]))
            .map(|_| ())
            .with_context(|| format!("cannot push {name}"))
    }

    /// Forgets an image.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let what = match self {
            Self::Buildah { .. } => self.command(&["rmi", "--force", name]),
            Self::Docker => self.command(&["image", "rm", "--force", name]),
        };
        let mut what = what;
        tools::run(&mut what).map(|_| ())
    }

    fn command(&self, args: &[&str]) -> Command {
        match self {
            Self::Buildah { storage } => {
                let mut command = Command::new("buildah");
                command
                    .args(["--storage-driver", "vfs", "--root"])
                    .arg(storage.join("root"))
                    .arg("--runroot")
                    .arg(storage.join("run"))
                    .args(args);
                command
            }
            Self::Docker => {
                let mut command = Command::new("docker");
                command.args(args);
                command
            }
        }
    }
}

/// An empty folder.
pub(crate) fn emptied(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path).with_context(|| format!("cannot empty {}", path.display()))?;
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

/// Copies a file to a place below `root`, with the folders that lead there.
pub(crate) fn place(root: &Path, at: &str, from: &Path) -> Result<()> {
    let to = root.join(at);
    let Some(parent) = to.parent() else {
        bail!("{at} is no place for a file")
    };
    std::fs::create_dir_all(parent)?;
    std::fs::copy(from, &to)
        .map(|_| ())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
