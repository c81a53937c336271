//! What stands beside the toolkit: S3, MLflow and the Argo server, as this machine and as a pod reach them.

use std::env::var;

use anyhow::{Context, Result, bail};

use crate::cluster::install::Kubectl;

/// A service by its two addresses.
pub(super) struct Door {
    /// From this machine.
    pub(super) here: String,
    /// From a pod.
    pub(super) inside: String,
}

/// Where everything is.
pub(super) struct Services {
    pub(super) s3: Door,
    pub(super) mlflow: Door,
    pub(super) argo: Door,
    /// The environment that opens the S3, besides its address.
    keys: Vec<(&'static str, String)>,
}

impl Services {
    /// Those of this machine's own cluster.
    pub(super) fn own(kubectl: &Kubectl) -> Result<Self> {
        let door = |namespace: &str, name: &str, port: u16| -> Result<Door> {
            let address = kubectl.run(&[
                "get",
                "service",
                name,
                "--namespace",
                namespace,
                "--output=jsonpath={.spec.clusterIP}",
            ])?;
            Ok(Door {
                here: format!("http://{address}:{port}"),
                inside: format!("http://{name}.{namespace}.svc.cluster.local:{port}"),
            })
        };
        Ok(Self {
            s3: door("lab", "s3", 80)?,
            mlflow: door("lab", "mlflow", 5000)?,
            argo: door("argo", "argo-server", 2746)?,
            keys: vec![
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_ACCESS_KEY_ID", "lab".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "lab-in-this-machine".to_owned()),
            ],
        })
    }

    /// Those that the environment names, for a cluster that is elsewhere.
    pub(super) fn given() -> Result<Self> {
        let said = |name: &str| {
            var(name).with_context(|| {
                format!("{name} is not set: a cluster of yours needs it, see docs/guides/install.md")
            })
        };
        let door = |name: &str| -> Result<Door> {
            let here = said(name)?;
            if !here.starts_with("http://") && !here.starts_with("https://") {
                bail!("{name} is `{here}`: it must begin with http:// or https://");
            }
            let here = here.trim_end_matches('/').to_owned();
            let inside = var(format!("{name}_INSIDE")).unwrap_or_else(|_| here.clone());
            Ok(Door { here, inside })
        };
        let mut keys = vec![
            (
                "AWS_REGION",
                var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned()),
            ),
            ("AWS_ACCESS_KEY_ID", said("AWS_ACCESS_KEY_ID")?),
            ("AWS_SECRET_ACCESS_KEY", said("AWS_SECRET_ACCESS_KEY")?),
        ];
        keys.extend(
            var("AWS_SESSION_TOKEN")
                .ok()
                .map(|token| ("AWS_SESSION_TOKEN", token)),
        );
        Ok(Self {
            s3: door("E2E_S3_URL")?,
            mlflow: door("E2E_MLFLOW_URL")?,
            argo: door("E2E_ARGO_URL")?,
            keys,
        })
    }

    /// The environment in which S3 is reached from here.
    pub(super) fn access(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.keys().chain([("AWS_ENDPOINT_URL", self.s3.here.as_str())])
    }

    /// The environment in which a pod reaches it.
    pub(super) fn access_inside(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.keys().chain([("AWS_ENDPOINT_URL", self.s3.inside.as_str())])
    }

    fn keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.keys.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Argo's artifact repository on it.
    pub(super) fn repository(&self) -> String {
        let (scheme, host) = self
            .s3
            .inside
            .split_once("://")
            .unwrap_or(("http", &self.s3.inside));
        let region = self
            .keys()
            .find(|(name, _)| *name == "AWS_REGION")
            .map_or("us-east-1", |(_, region)| region);
        format!(
            "s3:\n  endpoint: {host}\n  bucket: mlops\n  region: {region}\n  insecure: {}\n  \
             accessKeySecret: {{name: mlops-steps-env, key: AWS_ACCESS_KEY_ID}}\n  \
             secretKeySecret: {{name: mlops-steps-env, key: AWS_SECRET_ACCESS_KEY}}\n",
            scheme == "http",
        )
    }
}
