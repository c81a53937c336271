//! `cargo xtask images`: the image of every step, offline, with its SBOM beside it.

pub(crate) mod base;
pub(crate) mod buildah;
mod sbom;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::build::{self, Profile, STEPS};
use crate::lab::{self, folder, tools};
use crate::say;
use buildah::{Builder, Recipe, emptied, place};

/// What an image may weigh, its layers compressed.
const MOST_BYTES: u64 = 30_000_000;

/// How the images are built, and where they go.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Registry and path before the name of each step.
    #[arg(long, env = "IMAGE_PREFIX", default_value = "mlops-steps")]
    pub(crate) prefix: String,
    /// The tag.
    #[arg(long, env = "IMAGE_TAG", default_value = env!("CARGO_PKG_VERSION"))]
    pub(crate) tag: String,
    /// `dist` is optimised across crates; `release` is what the tests run.
    #[arg(long, env = "IMAGE_PROFILE", value_enum, default_value_t = Profile::Dist)]
    pub(crate) profile: Profile,
    /// The base image; without it one is made of this machine's certificates and time zones, with no registry.
    #[arg(long, env = "IMAGE_BASE")]
    pub(crate) base: Option<String>,
    /// Push to the registry in the prefix.
    #[arg(long)]
    pub(crate) push: bool,
}

/// An image that was built.
pub(crate) struct Built {
    /// Its name with the tag.
    pub(crate) name: String,
    /// The archive.
    pub(crate) archive: PathBuf,
}

/// Builds all, and says what each weighs.
pub(crate) fn run(options: &Options) -> Result<()> {
    let out = folder("out/images");
    let start = Instant::now();
    let built = build(options, &out)?;
    let builder = Builder::find(&lab::cache()?)?;
    for image in &built {
        let bytes = std::fs::metadata(&image.archive)?.len();
        say::line(&format!(
            "  {:<40} {:>6.1} MB compressed  {}",
            image.name,
            bytes as f64 / 1e6,
            image.archive.display()
        ));
        if options.push {
            builder.push(&image.name)?;
        }
    }
    say::took("images, all", start);
    Ok(())
}

/// Builds the image of every step into archives in `out`.
pub(crate) fn build(options: &Options, out: &Path) -> Result<Vec<Built>> {
    say::heading("Images");
    let start = Instant::now();
    let binaries = build::steps(options.profile)?;
    say::took(&format!("six step binaries, {}", name(options.profile)), start);
    let builder = Builder::find(&lab::cache()?)?;
    std::fs::create_dir_all(out)?;
    let base = match &options.base {
        Some(base) => base.clone(),
        None => {
            base::build(&builder, out)?;
            base::BASE.to_owned()
        }
    };
    let kitchen = Kitchen {
        options,
        binaries: &binaries,
        base: &base,
        builder: &builder,
        graph: &sbom::Graph::read()?,
        out,
    };
    STEPS.iter().map(|step| kitchen.make(step)).collect()
}

/// What all images have in common.
struct Kitchen<'a> {
    options: &'a Options,
    binaries: &'a Path,
    base: &'a str,
    builder: &'a Builder,
    graph: &'a sbom::Graph,
    out: &'a Path,
}

impl Kitchen<'_> {
    fn make(&self, step: &str) -> Result<Built> {
        let start = Instant::now();
        let context = self.out.join(step);
        emptied(&context)?;
        let at = format!("usr/local/bin/{step}");
        place(&context, &at, &self.binaries.join(step))?;
        let binary = context.join(&at);
        tools::run(Command::new("strip").arg("--strip-all").arg(&binary))?;
        std::os::unix::fs::symlink(&at, context.join("entrypoint")).context("cannot link the entry point")?;
        let bill = serde_json::to_vec_pretty(&self.graph.bill(step, &binary)?)?;
        std::fs::write(self.out.join(format!("{step}.cdx.json")), bill)?;
        let name = format!("{}/{step}:{}", self.options.prefix, self.options.tag);
        self.builder.build(&Recipe {
            name: &name,
            file: &folder("images/Dockerfile"),
            context: &context,
            arguments: &[("STEP", step.to_owned()), ("BASE", self.base.to_owned())],
            labels: &[
                ("org.opencontainers.image.title", step.to_owned()),
                (
                    "org.opencontainers.image.version",
                    env!("CARGO_PKG_VERSION").to_owned(),
                ),
                ("org.opencontainers.image.revision", build::revision()?),
                ("org.opencontainers.image.licenses", "Apache-2.0".to_owned()),
                ("org.opencontainers.image.base.name", self.base.to_owned()),
            ],
        })?;
        let archive = self.out.join(format!("{step}.tar"));
        self.builder.save(&name, &archive, true)?;
        let bytes = std::fs::metadata(&archive)?.len();
        // Docker writes its layers as they are.
        if bytes > MOST_BYTES && matches!(self.builder, Builder::Buildah { .. }) {
            bail!("{name} is larger than {} MB", MOST_BYTES / 1_000_000);
        }
        say::took(&name, start);
        Ok(Built { name, archive })
    }
}

fn name(profile: Profile) -> String {
    profile
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
