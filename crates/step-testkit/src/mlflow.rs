//! A real MLflow tracking server (SQLite, artifact proxy) for the time of a test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Guarded, free_port, from_setup};

/// The server. It stops when dropped, and its data goes with it.
#[derive(Debug)]
pub struct MlflowServer {
    process: Option<Guarded>,
    dir: TempDir,
    port: u16,
}

impl MlflowServer {
    /// Starts `mlflow server` on a free port and waits until it is healthy.
    ///
    /// # Errors
    /// When `make setup` has not been run, or the server does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let mut server = Self {
            process: None,
            dir: TempDir::new()?,
            port: free_port()?,
        };
        server.resume()?;
        Ok(server)
    }

    /// Kills the server; its data and its port stay for [`MlflowServer::resume`].
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts the server again, on the same port and data.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let binary = from_setup("venv/bin/mlflow")?;
        let root = self.dir.path();
        let mut command = Command::new(binary);
        command
            .current_dir(root)
            .args(["server", "--host", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--workers", "1", "--serve-artifacts"])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", root.join("mlflow.db").display()))
            .arg("--artifacts-destination")
            .arg(root.join("artifacts"))
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            // Eight processes that start with the server, and that nothing here asks for anything.
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("DO_NOT_TRACK", "true")
            // The tests' own settings must not reach the server.
            .env_remove("MLFLOW_TRACKING_URI")
            .env_remove("MLFLOW_RUN_ID");
        let mut process = Guarded::start(&mut command, &root.join("mlflow.log"))?;
        let port = self.port;
        process.wait_until("mlflow server", Duration::from_secs(120), || healthy(port))?;
        self.process = Some(process);
        Ok(())
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the proxied artifacts are on disk; to look at, not to write to.
    pub fn artifacts(&self) -> PathBuf {
        self.dir.path().join("artifacts")
    }
}

/// `GET /health` answers 200.
fn healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(300))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"))
}
