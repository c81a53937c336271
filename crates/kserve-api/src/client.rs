//! The HTTP client: one connection pool an endpoint, reads with retries, one call without.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::endpoint::without_credentials;
use crate::error::shorten;
use crate::v2::{ModelMetadata, ServerMetadata};
use crate::{AnswerShape, Endpoint, InferenceError, Protocol};

/// How long to wait and how often to ask again.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// One request, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// Opening a connection.
    pub connect_timeout: Duration,
    /// How long reads are tried again for, with exponential backoff. Zero means one attempt.
    pub retry_for: Duration,
    /// PEM text of certificate authorities to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Sent as `Host`, for a model behind a gateway that routes by host name.
    pub host: Option<String>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            retry_for: Duration::from_secs(60),
            ca_pem: None,
            host: None,
        }
    }
}

/// An answer of any status, unread.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl RawAnswer {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The server's own words on one line: MLServer and KServe put them under `error`.
    #[must_use]
    pub fn words(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let said = json
            .as_ref()
            .and_then(|value| ["error", "detail"].iter().find_map(|key| value.get(key)));
        match said.and_then(serde_json::Value::as_str) {
            Some(words) => shorten(words),
            None => shorten(&String::from_utf8_lossy(&self.body)),
        }
    }
}

/// One model behind one URL. Cheap to clone: clones share the connections.
#[derive(Debug, Clone)]
pub struct InferenceClient {
    http: reqwest::Client,
    endpoint: Endpoint,
    retry_for: Duration,
    host: Option<String>,
}

impl InferenceClient {
    /// Prepares the client; nothing is sent.
    ///
    /// # Errors
    /// When a certificate cannot be read or the TLS stack cannot start.
    pub fn new(endpoint: Endpoint, options: &ClientOptions) -> Result<Self, InferenceError> {
        let broken = |why: reqwest::Error| {
            InferenceError::Request(format!("the HTTP client cannot be made: {}", chain(&why)))
        };
        let mut builder = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(1024)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mlops-steps/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &options.ca_pem {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(broken)?);
        }
        Ok(Self {
            http: builder.build().map_err(broken)?,
            endpoint,
            retry_for: options.retry_for,
            host: options.host.clone(),
        })
    }

    /// Whom it calls.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// One inference call, no retry, any status. This is what a load test measures.
    ///
    /// # Errors
    /// With the transport's words when no answer came.
    pub async fn post_once(&self, body: Bytes) -> Result<RawAnswer, String> {
        self.send(
            self.http
                .post(self.endpoint.infer_url())
                .header(CONTENT_TYPE, "application/json")
                .body(body),
        )
        .await
    }

    /// Asks for the predictions of `rows` rows, again when the server is away.
    ///
    /// # Errors
    /// Unavailable, refused or malformed.
    pub async fn infer(
        &self,
        body: Bytes,
        rows: usize,
        answer: &AnswerShape,
    ) -> Result<Vec<f64>, InferenceError> {
        let url = self.endpoint.infer_url();
        let raw = self.with_retries(&url, || self.post_once(body.clone())).await?;
        answer
            .predictions(self.endpoint.protocol(), &raw.body, rows)
            .map_err(|why| InferenceError::Malformed {
                url: without_credentials(&url),
                why: why.to_string(),
            })
    }

    /// Waits until the server is up and the model loaded, for at most the client's retry time.
    ///
    /// # Errors
    /// Unavailable after that time; refused when the server does not know the model.
    pub async fn wait_ready(&self) -> Result<(), InferenceError> {
        if self.endpoint.protocol() == Protocol::V2 {
            let url = self.endpoint.server_ready_url();
            let asked = self.with_retries(&url, || self.send(self.http.get(&url))).await;
            // Some servers speak V2 for models only: the model's own readiness, asked next, decides.
            if let Err(error @ InferenceError::Unavailable { .. }) = asked {
                return Err(error);
            }
        }
        let url = self.endpoint.ready_url();
        self.with_retries(&url, || async {
            // While a model loads, MLServer answers 400 here, KServe's Python server 503.
            let raw = self.send(self.http.get(&url)).await?;
            if raw.status == 400 {
                Err(format!("HTTP 400: {}", raw.words()))
            } else {
                Ok(raw)
            }
        })
        .await
        .map(drop)
    }

    /// What the server says of itself (V2).
    ///
    /// # Errors
    /// Unavailable, refused or malformed.
    pub async fn server_metadata(&self) -> Result<ServerMetadata, InferenceError> {
        self.read(self.endpoint.server_metadata_url()).await
    }

    /// What the server says of the model.
    ///
    /// # Errors
    /// Unavailable, refused or malformed.
    pub async fn model_metadata(&self) -> Result<ModelMetadata, InferenceError> {
        self.read(self.endpoint.metadata_url()).await
    }

    async fn read<T: DeserializeOwned>(&self, url: String) -> Result<T, InferenceError> {
        let raw = self.with_retries(&url, || self.send(self.http.get(&url))).await?;
        serde_json::from_slice(&raw.body).map_err(|why| InferenceError::Malformed {
            url,
            why: why.to_string(),
        })
    }

    /// Boxed: what polls a future compiles it, and this one is to be compiled here, once.
    fn send(&self, mut request: reqwest::RequestBuilder) -> BoxFuture<'_, Result<RawAnswer, String>> {
        if let Some(host) = &self.host {
            request = request.header(reqwest::header::HOST, host);
        }
        async move {
            // The URL is in our own messages already; reqwest's copy could carry credentials.
            let answer = request.send().await.map_err(|why| chain(&why.without_url()))?;
            let status = answer.status().as_u16();
            let body = answer.bytes().await.map_err(|why| chain(&why.without_url()))?;
            Ok(RawAnswer { status, body })
        }
        .boxed()
    }

    /// Repeats what may pass by itself (no answer, 429, 502, 503, 504, and 500 is not among them: a model
    /// that raises on a row raises again).
    async fn with_retries<F, Fut>(&self, url: &str, call: F) -> Result<RawAnswer, InferenceError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<RawAnswer, String>>,
    {
        let attempts = std::sync::atomic::AtomicUsize::new(0);
        let shown = without_credentials(url);
        let once = || async {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            let unavailable = |why| InferenceError::Unavailable {
                url: shown.clone(),
                why,
                attempts: attempt,
            };
            let raw = call().await.map_err(unavailable)?;
            match StatusCode::from_u16(raw.status) {
                Ok(status) if status.is_success() => Ok(raw),
                Ok(
                    StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT,
                ) => Err(unavailable(format!("HTTP {}: {}", raw.status, raw.words()))),
                _ => Err(InferenceError::Refused {
                    url: shown.clone(),
                    status: raw.status,
                    message: raw.words(),
                }),
            }
        };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times()
            .with_total_delay(Some(self.retry_for));
        once.retry(backoff)
            .when(InferenceError::is_unavailable)
            .notify(|why, pause| tracing::warn!(%why, ?pause, "asking the model server again"))
            .await
    }
}

/// An error with its causes: reqwest's own text stops at "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
