//! Volumes of the training pod beside those that every one has.

use std::str::FromStr;

use serde_json::{Value, json};

/// Names that the launcher gives itself.
pub(super) const OWN_NAMES: [&str; 5] = ["launcher", "dataset", "out", "tmp", "shm"];
/// Where its own volumes are.
const OWN_PATHS: [&str; 5] = ["/mlops", "/in", "/out", "/tmp", "/dev/shm"];

/// A volume: `NAME=KIND:SOURCE:/PATH[:ro]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    name: String,
    source: Source,
    path: String,
    is_read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Claim(String),
    ConfigMap(String),
    Secret(String),
    /// A directory that goes with the pod, of this size.
    Empty(String),
}

impl FromStr for Volume {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "NAME=pvc|configmap|secret|emptydir:SOURCE:/PATH[:ro] is needed";
        let wrong = |why: String| Err(format!("`{text}`: {why}; {form}"));
        let Some((name, rest)) = text.split_once('=') else {
            return wrong("no name".to_owned());
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let (kind, source, path, is_read_only) = match *parts.as_slice() {
            [kind, source, path] => (kind, source.to_owned(), path, false),
            [kind, source, path, "ro"] => (kind, source.to_owned(), path, true),
            _ => return wrong(format!("{} parts behind the name", parts.len())),
        };
        if name.is_empty()
            || name.len() > 63
            || !name
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        {
            return wrong(format!(
                "`{name}` is no name of a volume (lower case letters, digits, `-`)"
            ));
        }
        if OWN_NAMES.contains(&name) {
            return wrong(format!("`{name}` is a volume of the launcher's"));
        }
        let lies_in = |own: &str| path == own || path.starts_with(&format!("{own}/"));
        // Below its own output a claim may keep what training wants to find again.
        let is_taken = |own: &&str| lies_in(own) && (path == *own || *own != "/out");
        if let Some(own) = OWN_PATHS.into_iter().find(is_taken) {
            return wrong(format!("{own} is a directory of the launcher's"));
        }
        if !path.starts_with('/') || path.contains("..") {
            return wrong(format!("`{path}` is no absolute path"));
        }
        if source.is_empty() {
            return wrong("no source".to_owned());
        }
        let (source, is_read_only) = match kind {
            "pvc" => (Source::Claim(source), is_read_only),
            "configmap" => (Source::ConfigMap(source), true),
            "secret" => (Source::Secret(source), true),
            "emptydir" => (Source::Empty(super::quantity::quantity(&source)?), is_read_only),
            other => return wrong(format!("`{other}` is no kind of volume")),
        };
        Ok(Self {
            name: name.to_owned(),
            source,
            path: path.to_owned(),
            is_read_only,
        })
    }
}

impl Volume {
    /// As the pod's spec names it.
    pub(crate) fn volume(&self) -> Value {
        let name = &self.name;
        match &self.source {
            Source::Claim(claim) => {
                json!({ "name": name, "persistentVolumeClaim": { "claimName": claim, "readOnly": self.is_read_only } })
            }
            Source::ConfigMap(map) => json!({ "name": name, "configMap": { "name": map } }),
            Source::Secret(secret) => json!({ "name": name, "secret": { "secretName": secret } }),
            Source::Empty(size) => json!({ "name": name, "emptyDir": { "sizeLimit": size } }),
        }
    }

    /// As the container mounts it.
    pub(crate) fn mount(&self) -> Value {
        json!({ "name": self.name, "mountPath": self.path, "readOnly": self.is_read_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_read_as_it_is_written() {
        let volume: Volume = "checkpoints=pvc:fraud-checkpoints:/out/training/checkpoints"
            .parse()
            .unwrap();
        assert_eq!(
            volume.volume()["persistentVolumeClaim"]["claimName"],
            "fraud-checkpoints"
        );
        assert_eq!(volume.mount()["readOnly"], false);
        let volume: Volume = "ca=configmap:bank-ca:/etc/ca".parse().unwrap();
        assert_eq!(
            volume.mount(),
            json!({"name": "ca", "mountPath": "/etc/ca", "readOnly": true})
        );
        let volume: Volume = "scratch=emptydir:50Gi:/scratch".parse().unwrap();
        assert_eq!(volume.volume()["emptyDir"]["sizeLimit"], "50Gi");
        assert!("data=pvc:d:/data:ro".parse::<Volume>().unwrap().is_read_only);
    }

    #[test]
    fn what_is_no_volume_is_refused() {
        for (text, why) in [
            ("pvc:a:/b", "no name"),
            ("x=pvc:a", "2 parts"),
            ("x=nfs:a:/b", "`nfs` is no kind"),
            ("x=pvc::/b", "no source"),
            ("x=pvc:a:b", "no absolute path"),
            ("x=pvc:a:/b/../in", "no absolute path"),
            ("X=pvc:a:/b", "no name of a volume"),
            ("out=pvc:a:/b", "a volume of the launcher's"),
            ("x=pvc:a:/in/data", "/in is a directory of the launcher's"),
            ("x=pvc:a:/out", "/out is a directory of the launcher's"),
            ("x=emptydir:much:/b", "much"),
        ] {
            let error = text.parse::<Volume>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
