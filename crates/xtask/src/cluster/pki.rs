//! The certificates of the cluster, and the kubeconfig files that use them. Made anew at every start.

use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use super::place::{API_PORT, API_SERVICE, NODE, NODE_NAME, Place};

/// The bus of Argo Events, as its clients call it.
pub(crate) const BUS: &str = "nats.argo-events.svc.cluster.local";
/// Names under which the API server is called.
const API_NAMES: [&str; 5] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
];

/// Writes all keys, certificates and kubeconfig files.
pub(crate) fn write(place: &Place) -> Result<()> {
    let folder = place.folder("pki")?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name = name("mlops-steps-ca", None);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    std::fs::write(folder.join("ca.crt"), certificate.pem())?;
    let authority = Authority {
        folder: &folder,
        issuer: Issuer::new(params, key),
    };

    let addresses = [API_SERVICE.to_string(), NODE.to_string(), "127.0.0.1".to_owned()];
    let names = API_NAMES.into_iter().map(str::to_owned).chain(addresses);
    authority.issue("apiserver", name("kube-apiserver", None), names.collect())?;
    authority.issue("bus", name("nats", None), vec![BUS.to_owned()])?;
    for (file, common, group) in [
        ("admin", "admin".to_owned(), "system:masters"),
        ("kubelet", format!("system:node:{NODE_NAME}"), "system:nodes"),
        (
            "controller-manager",
            "system:kube-controller-manager".to_owned(),
            "",
        ),
        ("scheduler", "system:kube-scheduler".to_owned(), ""),
        ("proxy", "system:kube-proxy".to_owned(), ""),
        (
            "apiserver-kubelet",
            "kube-apiserver-kubelet".to_owned(),
            "system:masters",
        ),
    ] {
        authority.issue(file, name(&common, Some(group)), Vec::new())?;
        if file != "apiserver-kubelet" {
            kubeconfig(place, file)?;
        }
    }
    std::fs::copy(place.at("admin.kubeconfig"), place.kubeconfig())?;
    // Service account tokens are signed with a key of its own.
    let tokens = KeyPair::generate()?;
    std::fs::write(folder.join("service-account.key"), tokens.serialize_pem())?;
    std::fs::write(folder.join("service-account.pub"), tokens.public_key_pem())?;
    Ok(())
}

struct Authority<'a> {
    folder: &'a Path,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority<'_> {
    fn issue(&self, file: &str, subject: DistinguishedName, names: Vec<String>) -> Result<()> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        std::fs::write(self.folder.join(format!("{file}.crt")), certificate.pem())
            .and_then(|()| std::fs::write(self.folder.join(format!("{file}.key")), key.serialize_pem()))
            .with_context(|| format!("cannot write the certificate of {file}"))
    }
}

fn name(common: &str, group: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        name.push(DnType::OrganizationName, group);
    }
    name
}

/// JSON is YAML.
fn kubeconfig(place: &Place, user: &str) -> Result<()> {
    let pki = |file: &str| place.at("pki").join(file);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "mlops-steps", "cluster": {
            "server": format!("https://{NODE}:{API_PORT}"), "certificate-authority": pki("ca.crt"),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate": pki(&format!("{user}.crt")), "client-key": pki(&format!("{user}.key")),
        }}],
        "contexts": [{"name": "mlops-steps", "context": {"cluster": "mlops-steps", "user": user}}],
        "current-context": "mlops-steps",
    });
    std::fs::write(place.at(&format!("{user}.kubeconfig")), format!("{config:#}\n"))
        .with_context(|| format!("cannot write the kubeconfig of {user}"))
}
