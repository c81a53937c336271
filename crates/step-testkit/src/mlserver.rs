//! A real MLServer with one LightGBM model, for the time of a test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tempfile::TempDir;

use crate::process::{Guarded, free_port, from_setup};

/// The server. It stops when dropped, and its folder goes with it.
#[derive(Debug)]
pub struct MlServer {
    process: Guarded,
    dir: TempDir,
    port: u16,
}

impl MlServer {
    /// Serves a LightGBM model file (text form) under `name` on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// When `make setup` has not been run, or the server does not come up.
    pub fn lightgbm(name: &str, model_file: &Path) -> anyhow::Result<Self> {
        let binary = from_setup("venv/bin/mlserver")?;
        let dir = TempDir::new()?;
        let root = dir.path();
        std::fs::copy(model_file, root.join("model.bst"))
            .with_context(|| format!("{}", model_file.display()))?;
        let (port, grpc, metrics) = (free_port()?, free_port()?, free_port()?);
        let settings = json!({
            "host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_port": metrics,
            // In this process: workers would cost a second each and change nothing that is tested.
            "parallel_workers": 0, "debug": false,
        });
        let model = json!({
            "name": name,
            "implementation": "mlserver_lightgbm.LightGBMModel",
            "parameters": {"uri": "./model.bst", "version": "1"},
        });
        std::fs::write(root.join("settings.json"), settings.to_string())?;
        std::fs::write(root.join("model-settings.json"), model.to_string())?;
        let mut command = Command::new(binary);
        command
            .current_dir(root)
            .args(["start", "."])
            // One row a request: threads would only fight over two cores.
            .env("OMP_NUM_THREADS", "1");
        let mut process = Guarded::start(&mut command, &root.join("mlserver.log"))?;
        let path = format!("/v2/models/{name}/ready");
        process.wait_until("mlserver", Duration::from_secs(120), || answers_200(port, &path))?;
        Ok(Self { process, dir, port })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("mlserver.log")).unwrap_or_default()
    }

    /// Kills it now; the port then refuses connections.
    pub fn stop(self) {
        drop(self.process);
    }
}

fn answers_200(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(300))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"))
}
