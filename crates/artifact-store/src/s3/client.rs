//! The client: rustls with ring, our trust store, path style when an endpoint is named.

use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::Credentials;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use crate::error::StoreError;
use crate::options::{StoreOptions, env};
use crate::reference::Access;
use crate::tls::CaBundle;

/// A range of 8 MiB over a slow link still fits; a server that hangs is left after this.
const ATTEMPT: Duration = Duration::from_secs(60);

pub(super) async fn build(
    options: &StoreOptions,
    ca: &CaBundle,
    access: &Access,
) -> Result<(aws_sdk_s3::Client, String), StoreError> {
    let endpoint = access.endpoint.clone().or_else(|| options.s3_endpoint());
    ca.check(endpoint.as_deref().unwrap_or("https://s3.amazonaws.com"))?;
    let mut trust = TrustStore::empty();
    for pem in ca.pems() {
        trust = trust.with_pem_certificate(pem);
    }
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|e| StoreError::Invalid {
            location: "CA certificates".into(),
            what: e.to_string(),
        })?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https();
    // With an endpoint of one's own the region is only part of the signature: asking the
    // machine's metadata service for it would cost seconds where there is none.
    let named = access.region.clone();
    let region = match named
        .or_else(|| env("AWS_REGION"))
        .or_else(|| env("AWS_DEFAULT_REGION"))
    {
        Some(region) => RegionProviderChain::first_try(Region::new(region)),
        None if endpoint.is_some() => RegionProviderChain::first_try(Region::new("us-east-1")),
        None => RegionProviderChain::default_provider().or_else(Region::new("us-east-1")),
    };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(ATTEMPT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(endpoint) = &endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(keys) = access.keys.as_ref().or(options.keys.as_ref()) {
        loader = loader.credentials_provider(Credentials::new(
            &keys.access,
            &keys.secret,
            None,
            None,
            "options",
        ));
    }
    let shared = loader.load().await;
    let path_style = endpoint.is_some();
    let config = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(path_style)
        .build();
    let shown = endpoint.unwrap_or_else(|| "AWS S3".to_owned());
    Ok((aws_sdk_s3::Client::from_conf(config), shown))
}
