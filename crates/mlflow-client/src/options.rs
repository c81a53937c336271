//! Where the server is and how to be let in, from MLflow's own environment variables.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact_store::RetryPolicy;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::MlflowError;

/// Where Kubernetes mounts the pod's own token.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// MLflow's own variable for the authority of its server.
pub(crate) const CERT_PATH: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";

/// How requests are signed. `Debug` shows the kind only.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A bearer token.
    Bearer(String),
    /// User and password.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: String,
    },
    /// A bearer token in a file, read for each request, because Kubernetes rotates it.
    TokenFile(PathBuf),
}

impl Auth {
    /// The text without these credentials: a gateway may tell what it was given.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        match self {
            Self::Bearer(secret) | Self::Basic { password: secret, .. } if !secret.is_empty() => {
                text.replace(secret.as_str(), "***")
            }
            _ => text.to_owned(),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Auth::None",
            Self::Bearer(_) => "Auth::Bearer(***)",
            Self::Basic { .. } => "Auth::Basic(***)",
            Self::TokenFile(_) => "Auth::TokenFile",
        })
    }
}

/// All that a [`crate::Client`] needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server, `http://` or `https://`, without credentials.
    pub tracking_uri: Url,
    /// How requests are signed.
    pub auth: Auth,
    /// Files with certificates to trust besides the system's, and what named each.
    pub ca_files: Vec<(&'static str, PathBuf)>,
    /// Trust any certificate.
    pub insecure_tls: bool,
    /// MLflow workspace.
    pub workspace: Option<String>,
    /// Bound on one metadata request.
    pub timeout: Duration,
    /// When to try again.
    pub retry: RetryPolicy,
}

impl Options {
    /// A server by its address; credentials in the address become [`Auth::Basic`].
    ///
    /// # Errors
    /// It is not an `http` address.
    pub fn new(tracking_uri: &str) -> Result<Self, MlflowError> {
        let (tracking_uri, auth) = address(tracking_uri)?;
        Ok(Self {
            tracking_uri,
            auth,
            ca_files: Vec::new(),
            insecure_tls: false,
            workspace: None,
            timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
        })
    }

    /// From `MLFLOW_TRACKING_URI`, `_USERNAME` and `_PASSWORD`, `_TOKEN`, `_AUTH=kubernetes`,
    /// `_INSECURE_TLS`, `_SERVER_CERT_PATH`, `MLFLOW_WORKSPACE`, `MLFLOW_HTTP_REQUEST_TIMEOUT` and, for the
    /// whole time of all attempts of a call, `MLFLOW_RETRY_SECONDS` (60).
    ///
    /// # Errors
    /// No address, or a value that cannot be used.
    pub fn from_env() -> Result<Self, MlflowError> {
        Self::from_vars(None, |name| std::env::var(name).ok())
    }

    /// As [`Options::from_env`]; `tracking_uri` goes before the environment, `lookup` stands for it.
    ///
    /// # Errors
    /// No address, or a value that cannot be used.
    pub fn from_vars(
        tracking_uri: Option<&str>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, MlflowError> {
        let var = |name: &str| {
            lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let uri = tracking_uri
            .map(str::to_owned)
            .or_else(|| var("MLFLOW_TRACKING_URI"))
            .ok_or_else(|| {
                invalid("no MLflow server is named: set MLFLOW_TRACKING_URI, such as http://mlflow:5000")
            })?;
        let mut options = Self::new(&uri)?;
        // The order of MLflow's own client: user and password first.
        match (
            var("MLFLOW_TRACKING_USERNAME"),
            var("MLFLOW_TRACKING_PASSWORD"),
            var("MLFLOW_TRACKING_TOKEN"),
        ) {
            (Some(username), Some(password), _) => options.auth = Auth::Basic { username, password },
            (_, _, Some(token)) => options.auth = Auth::Bearer(token),
            _ => {}
        }
        match var("MLFLOW_TRACKING_AUTH").as_deref() {
            None => {}
            Some("kubernetes") => options.auth = Auth::TokenFile(SERVICE_ACCOUNT_TOKEN.into()),
            Some(other) => {
                return Err(invalid(format!(
                    "MLFLOW_TRACKING_AUTH is `{other}`: only `kubernetes` is known here"
                )));
            }
        }
        options.ca_files = var(CERT_PATH)
            .map(|path| (CERT_PATH, PathBuf::from(path)))
            .into_iter()
            .collect();
        options.insecure_tls = match var("MLFLOW_TRACKING_INSECURE_TLS").as_deref() {
            None | Some("false" | "False" | "0") => false,
            Some("true" | "True" | "1") => true,
            Some(other) => {
                return Err(invalid(format!(
                    "MLFLOW_TRACKING_INSECURE_TLS is `{other}`: true or false"
                )));
            }
        };
        options.workspace = var("MLFLOW_WORKSPACE");
        if let Some(timeout) = seconds("MLFLOW_HTTP_REQUEST_TIMEOUT", var)? {
            options.timeout = timeout;
        }
        if let Some(bound) = seconds("MLFLOW_RETRY_SECONDS", var)? {
            options.retry = RetryPolicy::within(bound);
        }
        Ok(options)
    }

    /// With another authority to trust besides: `--ca-file` may be there for the data's store alone.
    #[must_use]
    pub fn with_ca_file(mut self, ca_file: Option<&Path>) -> Self {
        self.ca_files
            .extend(ca_file.map(|path| ("--ca-file", path.to_owned())));
        self
    }
}

fn seconds(name: &str, var: impl Fn(&str) -> Option<String>) -> Result<Option<Duration>, MlflowError> {
    let Some(text) = var(name) else { return Ok(None) };
    text.parse::<f64>()
        .ok()
        .and_then(|value| Duration::try_from_secs_f64(value).ok())
        .map(Some)
        .ok_or_else(|| {
            invalid(format!(
                "{name} is `{text}`: a number of seconds, 0 or more, is needed"
            ))
        })
}

/// The text is not repeated in the error: it may hold a password.
fn address(text: &str) -> Result<(Url, Auth), MlflowError> {
    let bad = |why: &str| {
        invalid(format!(
            "the MLflow tracking URI {why}: an address such as http://mlflow:5000 is needed"
        ))
    };
    let mut url = Url::parse(text.trim()).map_err(|error| bad(&format!("cannot be read ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad(&format!("has the scheme `{}`", url.scheme())));
    }
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let auth = match (url.username(), url.password()) {
        ("", None) => Auth::None,
        (username, password) => Auth::Basic {
            username: plain(username),
            password: plain(password.unwrap_or_default()),
        },
    };
    // Neither can fail on an address that has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Ok((url, auth))
}

fn invalid(what: impl Into<String>) -> MlflowError {
    MlflowError::Invalid(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<Options, MlflowError> {
        Options::from_vars(None, |name| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    const URI: (&str, &str) = ("MLFLOW_TRACKING_URI", "http://mlflow:5000");

    #[test]
    fn credentials_come_in_the_order_of_mlflow() {
        let token = ("MLFLOW_TRACKING_TOKEN", "t0ken");
        let user = ("MLFLOW_TRACKING_USERNAME", "ann");
        let password = ("MLFLOW_TRACKING_PASSWORD", "s3cret");
        assert_eq!(from(&[URI]).unwrap().auth, Auth::None);
        assert_eq!(from(&[URI, token]).unwrap().auth, Auth::Bearer("t0ken".into()));
        assert!(matches!(
            from(&[URI, token, user, password]).unwrap().auth,
            Auth::Basic { .. }
        ));
        let in_address = from(&[("MLFLOW_TRACKING_URI", "https://ann:s3c%40ret+@mlflow/base")]).unwrap();
        assert_eq!(in_address.tracking_uri.as_str(), "https://mlflow/base");
        let Auth::Basic { password, .. } = &in_address.auth else {
            panic!("{:?}", in_address.auth)
        };
        assert_eq!(password, "s3c@ret+");
        assert!(!format!("{in_address:?}").contains("s3c"));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_no_secret_is_shown() {
        let said = |vars: &[(&str, &str)]| from(vars).unwrap_err().to_string();
        assert!(said(&[]).contains("set MLFLOW_TRACKING_URI"));
        assert!(said(&[("MLFLOW_TRACKING_URI", " ")]).contains("set MLFLOW_TRACKING_URI"));
        assert!(said(&[("MLFLOW_TRACKING_URI", "./mlruns")]).contains("http://mlflow:5000"));
        let port = said(&[("MLFLOW_TRACKING_URI", "http://ann:s3cret@mlflow:notaport")]);
        assert!(
            port.contains("invalid port") && !port.contains("s3cret"),
            "{port}"
        );
        assert!(said(&[("MLFLOW_TRACKING_URI", "sqlite:///x.db")]).contains("scheme `sqlite`"));
        assert!(said(&[URI, ("MLFLOW_TRACKING_INSECURE_TLS", "yes")]).contains("true or false"));
        assert!(said(&[URI, ("MLFLOW_RETRY_SECONDS", "-1")]).contains("MLFLOW_RETRY_SECONDS is `-1`"));
        assert!(said(&[URI, ("MLFLOW_TRACKING_AUTH", "aws-sigv4")]).contains("only `kubernetes`"));
    }
}
