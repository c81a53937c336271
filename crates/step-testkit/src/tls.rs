//! An authority that only a test trusts, and a certificate of this machine's loopback by it.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

/// The authority with the certificate that it gave. The files go with it.
#[derive(Debug)]
pub struct TestCa {
    dir: TempDir,
    authority: CertificateDer<'static>,
}

impl TestCa {
    /// Makes an authority, and a server's certificate for `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn new() -> anyhow::Result<Self> {
        let dir = TempDir::new()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params
            .distinguished_name
            .push(DnType::CommonName, "mlops-steps test authority");
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);

        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        params
            .distinguished_name
            .push(DnType::CommonName, "mlops-steps test server");
        // OpenSSL, by which Python looks at it, wants the authority named.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        for (file, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", certificate.pem()),
            ("server.key", key.serialize_pem()),
        ] {
            std::fs::write(dir.path().join(file), text)?;
        }
        Ok(Self {
            authority: authority.der().clone(),
            dir,
        })
    }

    /// The authority's certificate, PEM: what a client is to trust.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The server's certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    /// The server's key, PEM.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("server.key")
    }

    /// A client that trusts this authority and no other.
    pub(crate) fn client(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}
