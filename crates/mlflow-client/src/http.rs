//! One request, and when to send it again.

use std::path::PathBuf;
use std::time::Duration;

use artifact_store::{Again, CaBundle, RetryPolicy, again_by_status, retry, retry_after};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::options::CERT_PATH;
use crate::{Auth, MlflowError, Options};

const API: &str = "api/2.0/mlflow/";

/// A connection to an MLflow server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    options: Options,
}

/// A failed attempt: the error, and whether another attempt can help.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: MlflowError,
    pub(crate) again: Again,
    /// What the server answered, when it did.
    pub(crate) status: Option<StatusCode>,
    /// Whether the database had the row that was to be written.
    pub(crate) row_is_there: bool,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl From<MlflowError> for Failed {
    fn from(error: MlflowError) -> Self {
        Self {
            error,
            again: Again::No,
            status: None,
            row_is_there: false,
        }
    }
}

impl Client {
    /// A client by the environment, see [`Options::from_env`].
    ///
    /// # Errors
    /// The environment names no server, or something that cannot be used.
    pub fn from_env() -> Result<Self, MlflowError> {
        Self::new(Options::from_env()?)
    }

    /// A client of this server. Nothing is sent yet.
    ///
    /// # Errors
    /// A certificate file cannot be used.
    pub fn new(options: Options) -> Result<Self, MlflowError> {
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = authorities(&options)?;
        if !options.insecure_tls {
            authorities
                .check(options.tracking_uri.as_str())
                .map_err(|error| MlflowError::Invalid(error.to_string()))?;
        }
        let http = reqwest::Client::builder()
            .tls_certs_only(authorities.reqwest())
            .tls_danger_accept_invalid_certs(options.insecure_tls)
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("mlops-steps/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| MlflowError::Invalid(format!("no HTTP client: {}", chain(&error))))?;
        Ok(Self { http, options })
    }

    /// The server's address, without credentials.
    #[must_use]
    pub fn tracking_uri(&self) -> &str {
        self.options.tracking_uri.as_str().trim_end_matches('/')
    }

    /// The credentials, as MLflow's own variables: for a program that is to be let in as this one is. What another
    /// variable names (a file, the kind of authentication) is not among them.
    #[must_use]
    pub fn auth_vars(&self) -> Vec<(&'static str, String)> {
        match &self.options.auth {
            Auth::Basic { username, password } => vec![
                ("MLFLOW_TRACKING_USERNAME", username.clone()),
                ("MLFLOW_TRACKING_PASSWORD", password.clone()),
            ],
            Auth::Bearer(token) => vec![("MLFLOW_TRACKING_TOKEN", token.clone())],
            Auth::None | Auth::TokenFile(_) => Vec::new(),
        }
    }

    /// The authorities that this client trusts, as one PEM text, when flags named some of them. MLflow's own client
    /// knows no such flag, and takes the file of `MLFLOW_TRACKING_SERVER_CERT_PATH` in place of the system's.
    ///
    /// # Errors
    /// A certificate file cannot be used any more.
    pub fn authorities(&self) -> Result<Option<String>, MlflowError> {
        let by_flag = |(from, _): &(&str, PathBuf)| *from != CERT_PATH;
        if self.options.insecure_tls || !self.options.ca_files.iter().any(by_flag) {
            return Ok(None);
        }
        authorities(&self.options).map(|bundle| Some(bundle.pem()))
    }

    /// The server's version. A good first call: it tells a server from something else.
    ///
    /// # Errors
    /// No server, or none of MLflow.
    pub async fn version(&self) -> Result<String, MlflowError> {
        let call = "GET version";
        let op = || async {
            let request = self
                .http
                .get(self.url(&["version"]))
                .timeout(self.options.timeout);
            let text = self.send(call, request).await?.text().await;
            text.map_err(|error| self.no_answer(call, &error))
        };
        let version = self.again(op).await?.trim().to_owned();
        if version.is_empty() || version.len() > 40 || !version.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(MlflowError::Invalid(format!(
                "{} is not an MLflow server: its /version is not a version",
                self.tracking_uri()
            )));
        }
        Ok(version)
    }

    pub(crate) fn policy(&self) -> &RetryPolicy {
        &self.options.retry
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Runs an operation that can be repeated, by the policy.
    pub(crate) async fn again<T, F>(&self, op: impl FnMut() -> F) -> Result<T, MlflowError>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        retry(self.policy(), op, |failed: &Failed| failed.again)
            .await
            .map_err(|failed| failed.error)
    }

    /// A call that can be repeated without harm.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, MlflowError> {
        self.again(|| self.call_once(method.clone(), path, body)).await
    }

    /// One attempt. For GET the fields of `body` become the query.
    pub(crate) async fn call_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Failed> {
        let call = format!("{method} {path}");
        let segments: Vec<&str> = API
            .split('/')
            .filter(|part| !part.is_empty())
            .chain(path.split('/'))
            .collect();
        let mut url = self.url(&segments);
        let request = if method == Method::GET {
            if let Some(fields) = body.as_object().filter(|fields| !fields.is_empty()) {
                let mut query = url.query_pairs_mut();
                for (key, value) in fields {
                    match value {
                        Value::Null => {}
                        Value::String(text) => {
                            query.append_pair(key, text);
                        }
                        other => {
                            query.append_pair(key, &other.to_string());
                        }
                    }
                }
            }
            self.request(method, url)
        } else {
            self.request(method, url).json(body)
        };
        let request = request.timeout(self.options.timeout);
        let bytes = self.answer(&call, request).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            // A login page of a proxy in front of the server answers 200 too.
            MlflowError::Invalid(format!(
                "the answer to {call} is not MLflow's ({error}): is {} the tracking server?",
                self.tracking_uri()
            ))
            .into()
        })
    }

    /// The whole body of an answer.
    fn answer<'a>(&'a self, call: &'a str, request: RequestBuilder) -> BoxFuture<'a, Result<Bytes, Failed>> {
        async move {
            let response = self.send(call, request).await?;
            let bytes = response.bytes().await;
            bytes.map_err(|error| self.no_answer(call, &error))
        }
        .boxed()
    }

    /// Sends it signed; anything but 2xx is an error. Boxed: what polls a future compiles it, and this one is to
    /// be compiled here, not again for each type of answer and in every binary.
    pub(crate) fn send<'a>(
        &'a self,
        call: &'a str,
        request: RequestBuilder,
    ) -> BoxFuture<'a, Result<Response, Failed>> {
        self.send_signed(call, request).boxed()
    }

    async fn send_signed(&self, call: &str, request: RequestBuilder) -> Result<Response, Failed> {
        let mut request = match &self.options.auth {
            Auth::None => request,
            Auth::Bearer(token) => request.bearer_auth(token),
            Auth::Basic { username, password } => request.basic_auth(username, Some(password)),
            Auth::TokenFile(path) => {
                let token = tokio::fs::read_to_string(path).await.map_err(|error| {
                    MlflowError::Invalid(format!("cannot read the token in {}: {error}", path.display()))
                })?;
                request.bearer_auth(token.trim())
            }
        };
        if let Some(workspace) = &self.options.workspace {
            let value = HeaderValue::from_str(workspace)
                .map_err(|_| MlflowError::Invalid("MLFLOW_WORKSPACE cannot be sent in a header".into()))?;
            request = request.header("X-MLFLOW-WORKSPACE", value);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.no_answer(call, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let pause = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(retry_after);
        let body = response.bytes().await.unwrap_or_default();
        Err(refused(call, &self.options.auth, status, pause, &body))
    }

    /// An address below the server's, each segment escaped.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.options.tracking_uri.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) fn no_answer(&self, call: &str, error: &reqwest::Error) -> Failed {
        let at = self.tracking_uri();
        let mut why = chain(error);
        if let Some(url) = error.url() {
            why = why.replace(url.as_str(), at);
        }
        if why.to_lowercase().contains("certificate") {
            return MlflowError::Invalid(format!(
                "{at} is not trusted: {why}; name its authority with --ca-file or MLFLOW_TRACKING_SERVER_CERT_PATH"
            ))
            .into();
        }
        if error.is_builder() || error.is_redirect() {
            return MlflowError::Invalid(format!("{call} to {at}: {why}")).into();
        }
        let why = if error.is_timeout() {
            format!("no answer from {at} in time")
        } else {
            format!("{at}: {why}")
        };
        Failed {
            error: MlflowError::Unavailable {
                call: call.to_owned(),
                why,
            },
            again: Again::Yes,
            status: None,
            row_is_there: false,
        }
    }
}

fn authorities(options: &Options) -> Result<CaBundle, MlflowError> {
    let named = options.ca_files.iter();
    named
        .fold(CaBundle::load(None), |bundle, (from, path)| {
            bundle?.and(from, path)
        })
        .map_err(|error| MlflowError::Invalid(error.to_string()))
}

/// What to look at when the server does not let these credentials in, or not everywhere.
fn locked_out(auth: &Auth, status: StatusCode, text: &str) -> String {
    let (given, look) = match auth {
        Auth::None => (
            "no credentials",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN".to_owned(),
        ),
        Auth::Basic { .. } => (
            "this user and password",
            "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or those in the address".to_owned(),
        ),
        Auth::Bearer(_) => ("this token", "check MLFLOW_TRACKING_TOKEN".to_owned()),
        Auth::TokenFile(path) => ("this token", format!("check the one in {}", path.display())),
    };
    if status == StatusCode::UNAUTHORIZED {
        return format!("it does not let in who comes with {given}; {look}");
    }
    // MLflow 3 looks at the name that it is called by before it looks at anything else.
    if text.starts_with("Invalid Host header") {
        return format!("{text}: the server's --allowed-hosts does not have this name of it");
    }
    let said = if text.is_empty() {
        String::new()
    } else {
        format!("{text}: ")
    };
    format!("{said}who comes with {given} may not do that; {look}")
}

fn refused(call: &str, auth: &Auth, status: StatusCode, pause: Option<Duration>, body: &[u8]) -> Failed {
    let (code, message) = said(body);
    let message = auth.hidden_in(&message);
    let row_is_there = row_is_there(&code, &message);
    let again = if row_is_there {
        Again::Yes
    } else {
        again_by_status(status.as_u16(), pause)
    };
    let call = call.to_owned();
    if again == Again::No {
        let message = match (status, message) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, text) => locked_out(auth, status, &text),
            (_, text) if text.is_empty() => status.canonical_reason().unwrap_or("no reason given").to_owned(),
            (_, text) => text,
        };
        MlflowError::Api {
            call,
            status: status.as_u16(),
            code,
            message,
        }
        .into()
    } else {
        let why = if message.is_empty() {
            format!("answer {status}")
        } else {
            format!("answer {status}: {message}")
        };
        Failed {
            error: MlflowError::Unavailable { call, why },
            again,
            status: Some(status),
            row_is_there,
        }
    }
}

/// Whether somebody else wrote the same row first. MLflow reads before it writes, and tells of the write that
/// came too late with a 400 and the words of the database's driver (psycopg has a word of its own): nothing was
/// written, and the next attempt finds the row.
fn row_is_there(code: &str, message: &str) -> bool {
    code == "BAD_REQUEST" && (message.contains("IntegrityError") || message.contains("UniqueViolation"))
}

/// Code and message of an error body. Only the first line: the rest is SQL or HTML.
fn said(body: &[u8]) -> (String, String) {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(default)]
        error_code: String,
        #[serde(default)]
        message: String,
    }
    let body = match serde_json::from_slice::<Body>(body) {
        Ok(body) => body,
        // What MLflow says before it knows what it is asked is plain text. A page is somebody else's.
        Err(_) => match std::str::from_utf8(body).map(str::trim) {
            Ok(text) if !text.starts_with(['<', '{', '[']) => Body {
                error_code: String::new(),
                message: text.to_owned(),
            },
            _ => return Default::default(),
        },
    };
    // What SQLAlchemy says before it comes to the point.
    let aside = |line: &&str| !line.starts_with("(raised as a result of");
    let line = body.message.lines().find(aside).unwrap_or_default();
    let line = line.split(" Error: (").next().unwrap_or_default();
    (body.error_code, line.chars().take(400).collect())
}

/// An error and what it came from, without repeating itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}
