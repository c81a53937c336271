//! A real S3 server (versitygw over a temporary directory) for the time of a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Guarded, free_port, from_setup, listens};

/// The server. It stops when dropped, and its data goes with it.
#[derive(Debug)]
pub struct S3Server {
    _process: Guarded,
    dir: TempDir,
    port: u16,
    scheme: &'static str,
}

impl S3Server {
    /// The access key; `SECRET_KEY` goes with it.
    pub const ACCESS_KEY: &'static str = "test-access";
    /// The secret key.
    pub const SECRET_KEY: &'static str = "test-secret-key";

    /// Starts the server on a free port, with these buckets.
    ///
    /// # Errors
    /// When `make setup` has not been run, or the server does not come up.
    pub fn start(buckets: &[&str]) -> anyhow::Result<Self> {
        Self::start_as(buckets, None)
    }

    /// As [`S3Server::start`], over TLS with this certificate and key (PEM files).
    ///
    /// # Errors
    /// As [`S3Server::start`].
    pub fn start_tls(buckets: &[&str], cert: &Path, key: &Path) -> anyhow::Result<Self> {
        Self::start_as(buckets, Some((cert, key)))
    }

    fn start_as(buckets: &[&str], tls: Option<(&Path, &Path)>) -> anyhow::Result<Self> {
        let binary = from_setup("bin/versitygw")?;
        let dir = TempDir::new()?;
        let root = dir.path().join("buckets");
        std::fs::create_dir(&root)?;
        // A folder below the root is a bucket of the root account.
        for bucket in buckets {
            std::fs::create_dir(root.join(bucket))?;
        }
        // Who loses a race for the port tries another one.
        let mut last = None;
        for _ in 0..3 {
            let port = free_port()?;
            match Self::serve(&binary, dir.path(), tls, port) {
                Ok(process) => {
                    let scheme = if tls.is_some() { "https" } else { "http" };
                    return Ok(Self {
                        _process: process,
                        dir,
                        port,
                        scheme,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("no port")))
    }

    fn serve(binary: &Path, dir: &Path, tls: Option<(&Path, &Path)>, port: u16) -> anyhow::Result<Guarded> {
        let (sidecar, versions) = (dir.join("metadata"), dir.join("versions"));
        std::fs::create_dir_all(&sidecar)?;
        std::fs::create_dir_all(&versions)?;
        let mut command = Command::new(binary);
        command
            .env("ROOT_ACCESS_KEY", Self::ACCESS_KEY)
            .env("ROOT_SECRET_KEY", Self::SECRET_KEY)
            .args(["--port", &format!("127.0.0.1:{port}"), "--region", "us-east-1"]);
        if let Some((cert, key)) = tls {
            command.arg("--cert").arg(cert).arg("--key").arg(key);
        }
        command
            .arg("posix")
            // Attributes beside the data: not every file system has extended ones.
            .arg("--sidecar")
            .arg(&sidecar)
            .arg("--versioning-dir")
            .arg(&versions)
            .arg(dir.join("buckets"));
        let mut process = Guarded::start(&mut command, &dir.join("versitygw.log"))?;
        process.wait_until("versitygw", Duration::from_secs(30), || listens(port))?;
        Ok(process)
    }

    /// `http://127.0.0.1:PORT`, or `https://`.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// The environment that makes a step use this server.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        self.env_through(&self.url())
    }

    /// As [`S3Server::env`], with requests going to `url`: a fault proxy before the server.
    pub fn env_through(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_S3", url.to_owned()),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Where the server keeps an object; to look at, not to write to.
    pub fn file_of(&self, bucket: &str, key: &str) -> PathBuf {
        self.dir.path().join("buckets").join(bucket).join(key)
    }
}
