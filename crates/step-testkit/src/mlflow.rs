//! A real MLflow tracking server (SQLite, artifact proxy) for the time of a test.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tempfile::TempDir;

use crate::process::{Guarded, free_port, from_setup};
use crate::tls::TestCa;

/// Which MLflow: the lab has the last of the older line too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MlflowVersion {
    /// 2.22.
    Two,
    /// 3.
    #[default]
    Three,
}

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MlflowAccess {
    /// Anybody.
    #[default]
    Anybody,
    /// [`MlflowServer::USER`] with [`MlflowServer::PASSWORD`]: MLflow's basic authentication as it comes.
    Password,
    /// These, and whoever sends [`MlflowServer::TOKEN`]: with a function of ours, `bearer_auth.py`.
    Token,
}

/// How a server is to be.
#[derive(Debug, Clone, Default)]
pub struct MlflowKind {
    /// Which MLflow.
    pub version: MlflowVersion,
    /// Who is let in.
    pub access: MlflowAccess,
    /// Its certificate: it then speaks TLS only.
    pub tls: Option<Arc<TestCa>>,
    /// Where runs keep their artifacts (`s3://…`): the server then hands none through.
    pub artifact_root: Option<String>,
}

/// The server. It stops when dropped, and its data goes with it.
#[derive(Debug)]
pub struct MlflowServer {
    process: Option<Guarded>,
    dir: TempDir,
    port: u16,
    kind: MlflowKind,
}

/// How long it may take to answer: imports from a cold disk, with both cores busy with other servers.
const READY: Duration = Duration::from_secs(240);

impl MlflowServer {
    /// The user who may do everything.
    pub const USER: &'static str = "admin";
    /// The user's password.
    pub const PASSWORD: &'static str = "s3cr3t-password";
    /// A token that stands for the user.
    pub const TOKEN: &'static str = "s3cr3t-token";

    /// Starts `mlflow server` on a free port and waits until it is healthy.
    ///
    /// # Errors
    /// When `make setup` has not been run, or the server does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(MlflowKind::default())
    }

    /// As [`MlflowServer::start`], a server of this kind.
    ///
    /// # Errors
    /// As [`MlflowServer::start`].
    pub fn start_as(kind: MlflowKind) -> anyhow::Result<Self> {
        let mut server = Self {
            process: None,
            dir: TempDir::new()?,
            port: free_port()?,
            kind,
        };
        // Making the tables takes MLflow ten seconds: set-up has made them once.
        let empty = from_setup(server.venv())?.join("mlflow-empty.db");
        std::fs::copy(empty, server.dir.path().join("mlflow.db"))?;
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
        let root = self.dir.path();
        let mut command = Command::new(self.program("mlflow")?);
        command
            .current_dir(root)
            .args(["server", "--host", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--workers", "1"])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", root.join("mlflow.db").display()))
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("DO_NOT_TRACK", "true")
            // Six processes for what only evaluations of language models are queued to.
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            // The tests' own settings must not reach the server.
            .env_remove("MLFLOW_TRACKING_URI")
            .env_remove("MLFLOW_RUN_ID");
        match &self.kind.artifact_root {
            None => {
                command.arg("--serve-artifacts").arg("--artifacts-destination");
                command.arg(root.join("artifacts"));
            }
            Some(place) => {
                command.args(["--no-serve-artifacts", "--default-artifact-root", place]);
            }
        }
        self.access(&mut command)?;
        self.options_of_http(&mut command);
        let tls = self.kind.tls.as_ref().map(|ca| ca.client()).transpose()?;
        let mut process = Guarded::start(&mut command, &root.join("mlflow.log"))?;
        let port = self.port;
        process.wait_until("mlflow server", READY, || healthy(port, tls.as_ref()))?;
        self.process = Some(process);
        Ok(())
    }

    /// `http://127.0.0.1:PORT`, or `https://`.
    pub fn url(&self) -> String {
        let scheme = if self.kind.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Where the proxied artifacts are on disk; to look at, not to write to.
    pub fn artifacts(&self) -> PathBuf {
        self.dir.path().join("artifacts")
    }

    /// A program of the environment that it runs in, which has MLflow's own client.
    ///
    /// # Errors
    /// When `make setup` has not been run.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        Ok(from_setup(self.venv())?.join("bin").join(name))
    }

    fn venv(&self) -> &'static str {
        match self.kind.version {
            MlflowVersion::Two => "venv-mlflow2",
            MlflowVersion::Three => "venv",
        }
    }

    fn access(&self, command: &mut Command) -> io::Result<()> {
        let root = self.dir.path();
        let function = match self.kind.access {
            MlflowAccess::Anybody => return Ok(()),
            MlflowAccess::Password => "",
            MlflowAccess::Token => "authorization_function = bearer_auth:authenticate\n",
        };
        let config = format!(
            "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{}\nadmin_username = {}\n\
             admin_password = {}\n{function}",
            root.join("auth.db").display(),
            Self::USER,
            Self::PASSWORD,
        );
        std::fs::write(root.join("basic_auth.ini"), config)?;
        std::fs::write(root.join("bearer_auth.py"), include_str!("bearer_auth.py"))?;
        command
            .args(["--app-name", "basic-auth"])
            .env("MLFLOW_AUTH_CONFIG_PATH", root.join("basic_auth.ini"))
            .env("MLFLOW_FLASK_SERVER_SECRET_KEY", "of this test")
            .env("PYTHONPATH", root)
            .env("TEST_BEARER_TOKEN", Self::TOKEN)
            .env("TEST_BEARER_USER", Self::USER);
        Ok(())
    }

    /// MLflow 2 stands on gunicorn, MLflow 3 on uvicorn.
    fn options_of_http(&self, command: &mut Command) {
        let file = |path: &Path| format!("'{}'", path.display());
        let tls = self
            .kind
            .tls
            .as_ref()
            .map(|ca| (file(&ca.certificate()), file(&ca.key())));
        match (self.kind.version, tls) {
            // Gunicorn kills a worker that imports for longer than half a minute.
            (MlflowVersion::Two, None) => command.args(["--gunicorn-opts", "--timeout 240"]),
            (MlflowVersion::Two, Some((certificate, key))) => command.args([
                "--gunicorn-opts",
                &format!("--timeout 240 --certfile {certificate} --keyfile {key}"),
            ]),
            (MlflowVersion::Three, None) => command,
            (MlflowVersion::Three, Some((certificate, key))) => command.args([
                "--uvicorn-opts",
                &format!("--ssl-certfile {certificate} --ssl-keyfile {key}"),
            ]),
        };
    }
}

/// `GET /health` answers 200.
fn healthy(port: u16, tls: Option<&Arc<ClientConfig>>) -> bool {
    let ask = || -> io::Result<String> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, Duration::from_millis(300))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let Some(tls) = tls else {
            return health(stream);
        };
        let name = ServerName::from(address.ip());
        let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        health(StreamOwned::new(connection, stream))
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"))
}

fn health(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    stream.flush()?;
    // The head is enough: not every server says farewell at the end of a TLS connection.
    let mut answer = vec![0; 64];
    let count = stream.read(&mut answer)?;
    answer.truncate(count);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
