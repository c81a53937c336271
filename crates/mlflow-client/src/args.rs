//! The server as a step's command line names it.

use std::path::Path;

use step_contract::Secret;

use crate::{Client, MlflowError, Options};

/// The MLflow server, by MLflow's own variables. Flatten it into the arguments of a sub-command that talks to MLflow:
/// its template then takes the credentials from a Kubernetes Secret.
#[derive(Debug, Clone, clap::Args)]
pub struct MlflowArgs {
    /// MLflow server, such as http://mlflow:5000.
    #[arg(
        long,
        env = "MLFLOW_TRACKING_URI",
        value_name = "URL",
        help_heading = "MLflow"
    )]
    pub tracking_uri: Option<String>,
    /// Bearer token for MLflow.
    #[arg(
        long,
        env = "MLFLOW_TRACKING_TOKEN",
        hide_env_values = true,
        help_heading = "MLflow"
    )]
    pub tracking_token: Option<Secret>,
    /// User for MLflow.
    #[arg(long, env = "MLFLOW_TRACKING_USERNAME", help_heading = "MLflow")]
    pub tracking_username: Option<String>,
    /// Password for MLflow.
    #[arg(
        long,
        env = "MLFLOW_TRACKING_PASSWORD",
        hide_env_values = true,
        help_heading = "MLflow"
    )]
    pub tracking_password: Option<Secret>,
}

impl MlflowArgs {
    /// All that a client needs; what the flags do not say comes from the environment.
    ///
    /// # Errors
    /// See [`Options::from_vars`].
    pub fn options(&self, ca_file: Option<&Path>) -> Result<Options, MlflowError> {
        let exposed = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let lookup = |name: &str| match name {
            "MLFLOW_TRACKING_TOKEN" => exposed(&self.tracking_token),
            "MLFLOW_TRACKING_USERNAME" => self.tracking_username.clone(),
            "MLFLOW_TRACKING_PASSWORD" => exposed(&self.tracking_password),
            other => std::env::var(other).ok(),
        };
        Ok(Options::from_vars(self.tracking_uri.as_deref(), lookup)?.with_ca_file(ca_file))
    }

    /// A client of that server.
    ///
    /// # Errors
    /// See [`MlflowArgs::options`] and [`Client::new`].
    pub fn client(&self, ca_file: Option<&Path>) -> Result<Client, MlflowError> {
        Client::new(self.options(ca_file)?)
    }
}
