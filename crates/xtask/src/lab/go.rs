//! Programs of other projects, built from their Go modules.
//!
//! Each project has a folder with a `go.mod` and a `go.sum` of ours that pin it. The binaries live in a folder of
//! the cache that is named after these files and the flags, so a changed pin makes a new folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{folder, key, tools};
use crate::say;

/// What is built from one `go.mod`.
pub(crate) struct Project {
    /// What is said of it.
    pub(crate) name: &'static str,
    /// Its folder in this repository.
    pub(crate) folder: &'static str,
    /// The programs: name of the binary, package.
    pub(crate) programs: &'static [(&'static str, &'static str)],
    /// Set at link time, `path=value`.
    pub(crate) variables: &'static [&'static str],
    /// Build tags.
    pub(crate) tags: &'static str,
    /// What its zip from the module proxy lacks.
    pub(crate) mend: Option<Mend>,
}

/// A module that does not build as the proxy serves it: the build uses a mended copy.
pub(crate) struct Mend {
    /// Path of the module.
    pub(crate) module: &'static str,
    /// Mends the copy.
    pub(crate) with: fn(&Path) -> Result<()>,
}

impl Project {
    /// Builds what is missing; the folder with the binaries.
    pub(crate) fn install(&self, cache: &Path) -> Result<PathBuf> {
        let start = Instant::now();
        let home = self.home(cache)?;
        if self.is_there(cache)? {
            say::took(&format!("{}: in the cache", self.name), start);
            return Ok(home);
        }
        if !tools::works("go", &["version"]) {
            bail!(
                "{} is built from source and `go` is not on the PATH: install Go 1.25 or newer",
                self.name
            );
        }
        std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let sources = home.join(format!("src-{}", std::process::id()));
        let built = self.build(&home, &sources);
        if sources.exists() {
            std::fs::remove_dir_all(&sources).context("cannot remove the copied sources")?;
        }
        built?;
        say::took(&format!("{}: built", self.name), start);
        Ok(home)
    }

    /// Whether every binary is in the cache.
    pub(crate) fn is_there(&self, cache: &Path) -> Result<bool> {
        let home = self.home(cache)?;
        Ok(self.programs.iter().all(|(name, _)| home.join(name).exists()))
    }

    fn home(&self, cache: &Path) -> Result<PathBuf> {
        let pins = folder(self.folder);
        let files: Vec<PathBuf> = ["go.mod", "go.sum", "main.go"]
            .into_iter()
            .map(|file| pins.join(file))
            .filter(|file| file.exists())
            .collect();
        let flags = format!("{:?} {:?} {}", self.programs, self.variables, self.tags);
        Ok(cache.join("tools").join(key(&files, &flags)?))
    }

    fn build(&self, home: &Path, sources: &Path) -> Result<()> {
        let pins = folder(self.folder);
        let mut common = vec!["-trimpath".to_owned(), "-buildvcs=false".to_owned()];
        let variables: String = self.variables.iter().map(|set| format!(" -X {set}")).collect();
        common.push(format!("-ldflags=-s -w{variables}"));
        if !self.tags.is_empty() {
            common.push(format!("-tags={}", self.tags));
        }
        match &self.mend {
            None => common.push("-mod=readonly".to_owned()),
            Some(mend) => common.push(format!("-modfile={}", mend.copy(&pins, sources)?.display())),
        }
        for (name, package) in self.programs {
            let fresh = home.join(format!("{name}.new-{}", std::process::id()));
            tools::run(
                Command::new("go")
                    .arg("build")
                    .args(&common)
                    .arg("-o")
                    .arg(&fresh)
                    .arg(package)
                    .env("CGO_ENABLED", "0")
                    .current_dir(&pins),
            )?;
            std::fs::rename(&fresh, home.join(name))
                .with_context(|| format!("cannot put {name} in place"))?;
        }
        Ok(())
    }
}

impl Mend {
    /// Copies the module, mends it, and writes a `go.mod` that uses the copy.
    fn copy(&self, pins: &Path, sources: &Path) -> Result<PathBuf> {
        tools::run(
            Command::new("go")
                .args(["mod", "download", self.module])
                .current_dir(pins),
        )?;
        let listed = tools::run(
            Command::new("go")
                .args(["list", "-m", "-f", "{{.Dir}}", self.module])
                .current_dir(pins),
        )?;
        std::fs::create_dir_all(sources)?;
        let copy = sources.join("module");
        // The module cache is read-only, and so would its copy be.
        tools::run(
            Command::new("cp")
                .args(["--recursive", "--no-preserve=mode", listed.trim()])
                .arg(&copy),
        )?;
        (self.with)(&copy).with_context(|| format!("cannot mend {}", self.module))?;
        let pinned = std::fs::read_to_string(pins.join("go.mod"))?;
        let modfile = sources.join("go.mod");
        std::fs::write(
            &modfile,
            format!("{pinned}\nreplace {} => {}\n", self.module, copy.display()),
        )?;
        std::fs::copy(pins.join("go.sum"), sources.join("go.sum"))?;
        Ok(modfile)
    }
}
