//! `cargo xtask e2e`: the toolkit installed on a cluster as a user would install it, and the tests of `tests/e2e` run
//! against it. The cluster is this machine's own, or that of `KUBECONFIG`.

mod services;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::build::{self, Profile, STEPS, cargo};
use crate::cluster::install::{Kubectl, argo_module};
use crate::cluster::place::HOST;
use crate::cluster::{self, Own, builds};
use crate::demo::pipeline::LAKE;
use crate::images;
use crate::lab::{self, Lab, folder, tools};
use crate::say;
use services::Services;

/// The namespace of the quick-start overlay.
const NAMESPACE: &str = "mlops";
/// Where the images of the steps are built, each with its SBOM.
const IMAGES: &str = "out/e2e/images";
/// Scenarios that need this machine's own cluster, and why.
const OWN: [(&str, &str); 5] = [
    (
        "a_controller_that_restarts_takes_up_where_it_was",
        "it restarts the workflow controller",
    ),
    (
        "a_registration_that_is_killed_before_it_hears_the_answer_registers_once",
        "pods reach a proxy on this machine",
    ),
    (
        "a_channel_hears_how_a_pipeline_ended",
        "pods reach a receiver on this machine",
    ),
    (
        "what_kueue_says_of_a_job_that_waits_is_in_the_verdict",
        "it plays Kueue, whose kinds are installed here",
    ),
    ("every_image_lists_what_is_in_it", "the images are built here"),
];

/// Options of the end-to-end tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Registry and path before the names of the steps' images, where the cluster of KUBECONFIG finds them
    #[arg(long, env = "IMAGE_PREFIX", default_value = "mlops-steps")]
    prefix: String,
    /// The image that trains and serves; on this machine's own cluster it is built
    #[arg(long, env = "E2E_TEAM_IMAGE", default_value = "lab.local/python:1")]
    team_image: String,
    /// Bring up Argo Events as well, and run its scenarios instead of the others
    #[arg(long)]
    events: bool,
    /// Only tests whose name contains this
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let given = std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
    if options.events && given {
        say::line("  NOT RUN: Argo Events and its bus are brought up on this machine's own cluster only");
        return Ok(());
    }
    let foreign = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let own = match foreign {
        Some(_) => None,
        None => Some(cluster::own()?),
    };
    let given = Kubectl {
        program: "kubectl".into(),
        kubeconfig: foreign.unwrap_or_default().into(),
    };
    let kubectl = own.as_ref().map_or(&given, |own| &own.kubectl);
    let lab = match &own {
        Some(own) => own.lab.clone(),
        None => lab::setup()?,
    };
    say::heading("Toolkit");
    if let Some(own) = &own {
        images_onto(own)?;
    } else {
        for (scenario, why) in OWN {
            say::line(&format!(
                "  NOT RUN: {scenario}: {why}, and the cluster is elsewhere"
            ));
        }
    }
    let services = match &own {
        Some(own) => Services::own(&own.kubectl)?,
        None => Services::given()?,
    };
    install(options, kubectl, &services)?;
    data(&lab, &services)?;
    let suite = if options.events { "events" } else { "e2e" };
    if let Some(own) = own.as_ref().filter(|_| options.events) {
        own.add_events(NAMESPACE)?;
    }
    let runners = Runners::install(options)?;
    say::took("installed, with data", start);

    say::heading("Scenarios");
    let mut command = cargo();
    command
        .args(["test", "--release", "--workspace", "--features=toolkit-e2e/cluster"])
        .arg(format!("--test={suite}"))
        .arg("--")
        .args(&options.filter)
        // More at once only wait for each other: a pipeline trains and serves.
        .arg("--test-threads=3")
        .env("KUBECONFIG", &kubectl.kubeconfig)
        .env("E2E_KUBECTL", &kubectl.program)
        .env("E2E_NAMESPACE", NAMESPACE)
        .env("E2E_STEPS", build::steps(Profile::Release)?)
        .env("E2E_IMAGE_PREFIX", &options.prefix)
        .env("E2E_ARGO_URL", &services.argo.here)
        .env("E2E_MLFLOW_URL", &services.mlflow.here)
        .env("E2E_ARGO_CLI", own.as_ref().map_or_else(|| PathBuf::from("argo"), |own| own.argo.clone()))
        .env(
            "E2E_ARGO_SCHEMA",
            argo_module()?.join("api/jsonschema/schema.json"),
        )
        .env("E2E_PYTHON", lab.python_bin.join("python"))
        .envs(runners.iter().flat_map(Runners::environment))
        .env("E2E_SBOMS", folder(IMAGES))
        .env("E2E_HOST", HOST.to_string())
        .envs(services.access());
    if own.is_none() {
        command.args(OWN.iter().flat_map(|(scenario, _)| ["--skip", scenario]));
    }
    let status = command.status().context("cannot run cargo")?;
    say::took("end-to-end, all", start);
    if !status.success() {
        bail!("a scenario failed");
    }
    Ok(())
}

/// What runs the CI files here as their services would.
struct Runners {
    actionlint: PathBuf,
    act: PathBuf,
    gitlab: PathBuf,
}

impl Runners {
    /// Builds and installs what is missing; none for the scenarios that do without.
    fn install(options: &Options) -> Result<Option<Self>> {
        if options.events {
            return Ok(None);
        }
        for (program, why) in [
            ("jq", "the CI files build their requests with it"),
            ("rsync", "GitLab's runner copies the checkout with it"),
        ] {
            if !tools::works(program, &["--version"]) {
                tools::debian(&[program], why)?;
            }
        }
        let cache = lab::cache()?;
        let [actionlint, act] = builds::github_actions(&cache)?;
        let gitlab = lab::node::install(&cache, "tests/e2e/gitlab")?.join("gitlab-ci-local");
        Ok(Some(Self {
            actionlint,
            act,
            gitlab,
        }))
    }

    fn environment(&self) -> [(&'static str, &Path); 3] {
        [
            ("E2E_ACTIONLINT", &self.actionlint),
            ("E2E_ACT", &self.act),
            ("E2E_GITLAB_CI_LOCAL", &self.gitlab),
        ]
    }
}

/// The images of the steps, as `make images` builds them, onto the node.
fn images_onto(own: &Own) -> Result<()> {
    let options = images::Options {
        // As a node completes the short name of the templates.
        prefix: "docker.io/mlops-steps".to_owned(),
        tag: env!("CARGO_PKG_VERSION").to_owned(),
        profile: Profile::Release,
        base: None,
        push: false,
    };
    let built = images::build(&options, &folder(IMAGES))?;
    let start = Instant::now();
    let archives: Vec<PathBuf> = built.into_iter().map(|image| image.archive).collect();
    own.import(&archives)?;
    say::took("images of the steps on the node", start);
    Ok(())
}

/// The quick start, with what is this cluster's own in an overlay on top.
fn install(options: &Options, kubectl: &Kubectl, services: &Services) -> Result<()> {
    let start = Instant::now();
    let overlay = folder("out/e2e/overlay");
    std::fs::create_dir_all(&overlay)?;
    let write = |name: &str, text: String| {
        std::fs::write(overlay.join(name), text)
            .with_context(|| format!("cannot write {name} of the overlay"))
    };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mlops-steps-env", "namespace": NAMESPACE},
        "stringData": services.access_inside().collect::<std::collections::BTreeMap<_, _>>(),
    });
    let environment = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mlops-steps-env", "namespace": NAMESPACE},
        "data": {"MLFLOW_TRACKING_URI": services.mlflow.inside},
    });
    write("access.yaml", format!("{secret}\n---\n{environment}\n"))?;
    write("repository.yaml", services.repository())?;
    let drift = std::fs::read_to_string(folder("workflows/examples/flight-delays/drift.yaml"))?;
    let door = format!("{}/api/v1/events/{NAMESPACE}/mlops-retrain", services.argo.inside);
    let drift: Vec<String> = drift
        .lines()
        .map(|line| match line.split_once("webhook: ") {
            Some((before, _)) => format!("{before}webhook: \"{door}\""),
            None => line.to_owned(),
        })
        .collect();
    write("drift.yaml", drift.join("\n") + "\n")?;
    let team = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flight-delays-mlops", "namespace": NAMESPACE},
        // Two cores carry three pipelines at once.
        "data": {"train-image": options.team_image, "server-image": options.team_image, "train-cpu": "300m"},
    });
    write("team.yaml", format!("{team}\n"))?;
    let fields = std::fs::read_to_string(folder("kustomize/components/images/fields.yaml"))?;
    write("fields.yaml", fields)?;
    let images: Vec<_> = STEPS
        .iter()
        .map(|step| json!({"name": format!("mlops-steps/{step}"), "newName": format!("{}/{step}", options.prefix)}))
        .collect();
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": NAMESPACE,
        "resources": ["../../../kustomize/overlays/quick-start", "access.yaml"],
        "images": images,
        "configurations": ["fields.yaml"],
        "configMapGenerator": [
            {"name": "artifact-repositories", "behavior": "merge", "files": ["default=repository.yaml"]},
            {"name": "flight-delays-mlops", "behavior": "merge", "files": ["drift.yaml"]},
        ],
        "patches": [{"path": "team.yaml"}],
    });
    write("kustomization.yaml", format!("{kustomization}\n"))?;
    apply(kubectl, &overlay)?;
    say::took("the quick start, applied strictly", start);
    Ok(())
}

fn apply(kubectl: &Kubectl, overlay: &Path) -> Result<()> {
    // The namespace first: nothing goes into one that is not there.
    kubectl.run(&[
        "apply",
        "--server-side",
        "--filename",
        &folder("kustomize/overlays/quick-start/namespace.yaml")
            .display()
            .to_string(),
    ])?;
    kubectl
        .run(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--kustomize",
            &overlay.display().to_string(),
        ])
        .map(|_| ())
}

/// The team's feature pipeline, and scores that a team made itself, into S3; left alone where they are.
fn data(lab: &Lab, services: &Services) -> Result<()> {
    let start = Instant::now();
    let python = lab.python_bin.join("python");
    let run = |script: PathBuf, args: &[&str]| {
        tools::run(
            Command::new(&python)
                .arg(script)
                .args(args)
                .envs(services.access()),
        )
    };
    let (scores, requests) = (
        "s3://mlops/scores/flights-2013-04.parquet",
        "s3://mlops/requests.parquet",
    );
    let there = "import sys, pyarrow.fs as f; found = [f.FileSystem.from_uri(at) for at in sys.argv[1:]]; \
                 sys.exit(any(s.get_file_info(p).type != f.FileType.File for s, p in found))";
    let mut look = Command::new(&python);
    look.args(["-c", there, scores, requests]).envs(services.access());
    if look.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    run(
        folder("workflows/examples/flight-delays/prepare.py"),
        &[LAKE, requests],
    )?;
    run(folder("tests/e2e/score.py"), &[LAKE, scores])?;
    say::took("the flights of 2013 in S3", start);
    Ok(())
}
