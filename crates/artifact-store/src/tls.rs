//! Which certificates to trust. Read by ourselves, for both HTTP stacks below us take a missing
//! or damaged store badly: one fails every client, the other panics.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::error::StoreError;
use crate::options::env;

/// Where distributions and base images keep the bundle.
const SYSTEM: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates to trust: the system's and those of `--ca-file`.
#[derive(Debug, Clone, Default)]
pub struct CaBundle {
    certs: Vec<CertificateDer<'static>>,
}

impl CaBundle {
    /// Reads the system's bundle (`SSL_CERT_FILE`, `AWS_CA_BUNDLE`, or the usual places) and
    /// adds `ca_file`. No system bundle is not an error here: plain `http://` needs none.
    ///
    /// # Errors
    /// When `ca_file` (or a file that the environment names) cannot be read or has no
    /// certificate in it.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, StoreError> {
        let mut bundle = Self::default();
        let named: Vec<(&str, PathBuf)> = ["SSL_CERT_FILE", "AWS_CA_BUNDLE"]
            .into_iter()
            .filter_map(|name| env(name).map(|path| (name, PathBuf::from(path))))
            .chain(ca_file.map(|path| ("--ca-file", path.to_owned())))
            .collect();
        if !named.iter().any(|(from, _)| *from == "SSL_CERT_FILE")
            && let Some(bytes) = SYSTEM.iter().find_map(|path| std::fs::read(path).ok())
        {
            bundle.certs.extend(parse(&bytes));
        }
        for (from, path) in named {
            bundle = bundle.and(from, &path)?;
        }
        Ok(bundle)
    }

    /// With the certificates of another file, which `from` (a flag, a variable) has named.
    ///
    /// # Errors
    /// It cannot be read, or has no certificate in it.
    pub fn and(mut self, from: &str, path: &Path) -> Result<Self, StoreError> {
        let bytes = std::fs::read(path).map_err(|e| StoreError::local(&path.display(), &e))?;
        let certs = parse(&bytes);
        if certs.is_empty() {
            return Err(StoreError::Invalid {
                location: path.display().to_string(),
                what: format!("no usable certificate in it ({from}); PEM is needed"),
            });
        }
        self.certs.extend(certs);
        Ok(self)
    }

    /// All of it as one PEM text, for a program that takes a file in place of the system's bundle.
    #[must_use]
    pub fn pem(&self) -> String {
        self.pems().collect()
    }

    /// Whether there is nothing to trust.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certs.is_empty()
    }

    /// Refuses `https://` when there is nothing to trust, in one sentence.
    ///
    /// # Errors
    /// When `url` is `https://` and the bundle is empty.
    pub fn check(&self, url: &str) -> Result<(), StoreError> {
        if self.is_empty() && url.starts_with("https:") {
            return Err(StoreError::Invalid {
                location: url.to_owned(),
                what: "no CA certificates on this system, so no https server can be trusted; \
                       use an image with ca-certificates, or give --ca-file"
                    .into(),
            });
        }
        Ok(())
    }

    /// Each certificate as PEM.
    pub(crate) fn pems(&self) -> impl Iterator<Item = String> + '_ {
        self.certs.iter().map(|der| {
            let body = base64::engine::general_purpose::STANDARD.encode(der);
            let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
            let mut rest = body.as_str();
            while !rest.is_empty() {
                let (line, tail) = rest.split_at(rest.len().min(64));
                pem.push_str(line);
                pem.push('\n');
                rest = tail;
            }
            pem.push_str("-----END CERTIFICATE-----\n");
            pem
        })
    }

    /// Each certificate as reqwest takes it, for clients that need options of their own.
    #[must_use]
    pub fn reqwest(&self) -> Vec<reqwest::Certificate> {
        self.certs
            .iter()
            .filter_map(|der| reqwest::Certificate::from_der(der).ok())
            .collect()
    }
}

/// The certificates that rustls accepts as trust anchors; stores hold odd ones too.
fn parse(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut roots = rustls::RootCertStore::empty();
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .filter(|cert| roots.add(cert.clone()).is_ok())
        .collect()
}

/// Makes ring the process's provider unless one is set: reqwest panics without.
pub(crate) fn install_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, "not a certificate").unwrap();
        let said = CaBundle::load(Some(&path)).unwrap_err().to_string();
        assert!(
            said.contains("ca.pem: no usable certificate in it (--ca-file)"),
            "{said}"
        );
        let said = CaBundle::load(Some(&dir.path().join("none.pem")))
            .unwrap_err()
            .to_string();
        assert!(said.contains("none.pem: no such file"), "{said}");
    }

    #[test]
    fn nothing_to_trust_is_one_sentence() {
        let none = CaBundle::default();
        assert!(none.check("http://127.0.0.1:9000").is_ok());
        let said = none.check("https://s3.example").unwrap_err().to_string();
        assert!(said.contains("no CA certificates on this system"), "{said}");
    }
}
