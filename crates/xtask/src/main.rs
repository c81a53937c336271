//! Repository tasks: what a shell script would do elsewhere, typed and tested.

mod bench;
mod build;
mod cluster;
mod demo;
mod e2e;
mod generate;
mod images;
mod lab;
mod probe;
mod procs;
mod say;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository tasks")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the demo and the component tests stand on: Python packages by hash, an S3 server
    Setup,
    /// Write templates, RBAC, reference pages and schemas from the contracts
    Generate {
        /// Only say which files differ, and fail when any does
        #[arg(long)]
        check: bool,
    },
    /// Run the whole pipeline on real data with real services, on this machine
    Demo(demo::Options),
    /// Stop every process that a demo left running
    DemoDown(demo::Options),
    /// Build the image of every step, with its SBOM
    Images(images::Options),
    /// Bring up a Kubernetes with Argo Workflows, S3, MLflow and Prometheus on this machine
    Cluster {
        /// Only say whether all that it needs is built, and fail when it is not
        #[arg(long)]
        check: bool,
    },
    /// Take the cluster down, and all that it left
    ClusterDown,
    /// Install the toolkit on the cluster, and run the pipelines there (KUBECONFIG names another cluster)
    E2e(e2e::Options),
    /// Time the steps beside the tools that people use instead
    Bench(bench::Options),
    /// Be the node of the cluster: started by `cluster` in namespaces of its own
    #[command(hide = true)]
    ClusterNode {
        /// The folder of the cluster
        root: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Setup => lab::setup().map(|lab| lab.show()),
        Task::Generate { check } => generate::run(check),
        Task::Demo(options) => demo::run(&options),
        Task::DemoDown(options) => demo::down(&options),
        Task::Images(options) => images::run(&options),
        Task::Cluster { check: false } => cluster::up(),
        Task::Cluster { check: true } => cluster::check(),
        Task::ClusterDown => cluster::down(),
        Task::E2e(options) => e2e::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::ClusterNode { root } => cluster::be_node(&root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
