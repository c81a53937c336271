//! The real services of the demo: MLflow, an S3 server, model servers, each on a free loopback port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::processes::Processes;
use crate::lab::Lab;
use crate::lab::tools::tail;
use crate::probe::answers;

/// How long a service may take to answer: imports from a cold disk, with both cores busy.
const READY: Duration = Duration::from_secs(120);
/// The S3 credentials of this machine's loopback; not a secret.
const ACCESS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "demo"),
    ("AWS_SECRET_ACCESS_KEY", "demo-loopback"),
    ("AWS_REGION", "us-east-1"),
];

/// A service that was started.
pub(crate) struct Service {
    name: String,
    child: Child,
    port: u16,
    probe: String,
    log: PathBuf,
}

/// Starts services.
pub(crate) struct Services<'a> {
    /// Where the programs are.
    pub(crate) lab: &'a Lab,
    /// Keeps the processes.
    pub(crate) processes: &'a Processes,
    /// Databases, buckets, configurations and logs.
    pub(crate) home: &'a Path,
}

impl Services<'_> {
    /// MLflow over SQLite that hands artifacts through itself.
    pub(crate) fn mlflow(&self) -> Result<Service> {
        let home = self.folder("mlflow")?;
        let db = home.join("mlflow.db");
        std::fs::copy(&self.lab.mlflow_db, &db).context("cannot copy the empty MLflow database")?;
        let [port] = free_ports()?;
        let mut command = Command::new(self.lab.python_bin.join("mlflow"));
        command
            .args([
                "server",
                "--host",
                "127.0.0.1",
                "--workers",
                "1",
                "--serve-artifacts",
            ])
            .args(["--port", &port.to_string()])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", db.display()))
            .arg("--artifacts-destination")
            .arg(home.join("artifacts"))
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
        self.start("mlflow", &mut command, port, "/health")
    }

    /// An S3 server whose buckets are folders.
    pub(crate) fn s3(&self, bucket: &str) -> Result<Service> {
        let (data, meta) = (self.folder("s3/data")?, self.folder("s3/meta")?);
        self.folder(&format!("s3/data/{bucket}"))?;
        let [port] = free_ports()?;
        let mut command = Command::new(&self.lab.versitygw);
        // Metadata beside the objects and not in extended attributes, which not every file system has.
        command
            .args([
                "--quiet",
                "--health",
                "/health",
                "--port",
                &format!("127.0.0.1:{port}"),
                "posix",
                "--sidecar",
            ])
            .args([meta, data])
            .env("ROOT_ACCESS_KEY_ID", ACCESS[0].1)
            .env("ROOT_SECRET_ACCESS_KEY", ACCESS[1].1);
        self.start("versitygw", &mut command, port, "/health")
    }

    /// MLServer with the LightGBM model of an MLflow model folder.
    pub(crate) fn model_server(
        &self,
        name: &str,
        model: &str,
        folder: &Path,
        features: usize,
    ) -> Result<Service> {
        let home = self.folder(&format!("mlserver/{name}"))?;
        let [http, grpc, metrics] = free_ports()?;
        let settings = json!({
            "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics,
            // Inference in the one process: starts sooner, and nothing is left when it ends.
            "parallel_workers": 0, "debug": false, "metrics_dir": self.folder(&format!("mlserver/{name}/metrics"))?,
        });
        let model_settings = json!({
            "name": model, "implementation": "mlserver_lightgbm.LightGBMModel",
            "parameters": { "uri": folder.join("model.lgb") },
            "inputs": [{ "name": "features", "datatype": "FP64", "shape": [-1, features] }],
            "outputs": [{ "name": "predict", "datatype": "FP64", "shape": [-1, 1] }],
        });
        for (file, content) in [
            ("settings.json", settings),
            ("model-settings.json", model_settings),
        ] {
            std::fs::write(home.join(file), content.to_string())
                .context("cannot write MLServer's settings")?;
        }
        let mut command = Command::new(self.lab.python_bin.join("mlserver"));
        command
            .arg("start")
            .arg(&home)
            .current_dir(&home)
            .env("OMP_NUM_THREADS", "1");
        self.start(
            &format!("mlserver-{name}"),
            &mut command,
            http,
            &format!("/v2/models/{model}/ready"),
        )
    }

    fn start(&self, name: &str, command: &mut Command, port: u16, probe: &str) -> Result<Service> {
        let log = self.folder("logs")?.join(format!("{name}.log"));
        let child = self.processes.start(name, command, &log)?;
        Ok(Service {
            name: name.to_owned(),
            child,
            port,
            probe: probe.to_owned(),
            log,
        })
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.home.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Service {
    /// Waits until the service answers.
    pub(crate) fn ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while !answers(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), &self.probe) {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended at its start ({status}); its last lines:\n{}",
                    self.name,
                    tail(&self.log)
                );
            }
            if start.elapsed() > READY {
                bail!(
                    "{} does not answer after {} s; its last lines:\n{}",
                    self.name,
                    READY.as_secs(),
                    tail(&self.log)
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it.
    pub(crate) fn stop(mut self, processes: &Processes) -> Result<()> {
        processes.stop(&mut self.child)
    }
}

/// The environment in which steps find the services.
pub(crate) fn environment(mlflow: &Service, s3: &Service) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = ACCESS
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    all.push(("AWS_ENDPOINT_URL".to_owned(), s3.url()));
    all.push(("MLFLOW_TRACKING_URI".to_owned(), mlflow.url()));
    all
}

/// Ports that are free now, all different. Nothing holds them until the service binds, which is soon.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let held = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<std::io::Result<Vec<_>>>()
        .context("no free port on the loopback")?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
