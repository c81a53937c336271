//! Where a model is served: base URL, model name, protocol.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::InferenceError;

/// The two HTTP inference protocols of KServe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Open Inference Protocol: `/v2/models/NAME/infer`, named and typed tensors.
    #[default]
    V2,
    /// TensorFlow-Serving style: `/v1/models/NAME:predict`, `instances` and `predictions`.
    V1,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::V1 => "v1",
        })
    }
}

impl FromStr for Protocol {
    type Err = InferenceError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "v2" => Ok(Self::V2),
            "v1" => Ok(Self::V1),
            other => Err(InferenceError::Request(format!(
                "protocol `{other}` is unknown: v1 or v2"
            ))),
        }
    }
}

/// A model behind a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    model: String,
    version: Option<String>,
    protocol: Protocol,
}

impl Endpoint {
    /// Takes the base URL (`http://host:port`, a path prefix is kept), or a whole inference URL as people
    /// paste it; then its model must be the one that is named.
    ///
    /// # Errors
    /// When the URL is not http(s) or names another model.
    ///
    /// ```
    /// use kserve_api::{Endpoint, Protocol};
    /// let pasted = Endpoint::new("http://h:8080/v2/models/delay/infer", "delay", None, Protocol::V2).unwrap();
    /// assert_eq!(pasted.infer_url(), "http://h:8080/v2/models/delay/infer");
    /// assert!(Endpoint::new("http://h:8080/v2/models/other/infer", "delay", None, Protocol::V2).is_err());
    /// ```
    pub fn new(
        url: &str,
        model: &str,
        version: Option<&str>,
        protocol: Protocol,
    ) -> Result<Self, InferenceError> {
        let refuse = |why: String| InferenceError::Request(format!("endpoint `{url}`: {why}"));
        let mut base = Url::parse(url.trim())
            .map_err(|why| refuse(format!("{why}; give a base URL such as http://host:8080")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(refuse("only http:// and https:// can be called".to_owned()));
        }
        if model.is_empty() {
            return Err(InferenceError::Request("the model name is empty".to_owned()));
        }
        let path = base.path().to_owned();
        let kept = match ["/v2/models/", "/v1/models/"]
            .iter()
            .find_map(|mark| path.split_once(mark))
        {
            None => path.as_str(),
            Some((prefix, rest)) => {
                let named = rest.split(['/', ':']).next().unwrap_or_default();
                if named != model {
                    return Err(refuse(format!(
                        "its path names model `{named}`, but the model is `{model}`"
                    )));
                }
                prefix
            }
        };
        base.set_path(kept.trim_end_matches('/'));
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            base,
            model: model.to_owned(),
            version: version.map(str::to_owned),
            protocol,
        })
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The protocol spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The base URL without credentials, for messages and reports.
    #[must_use]
    pub fn shown(&self) -> String {
        without_credentials(self.base.as_str())
    }

    /// Where requests go, without credentials, for messages.
    #[must_use]
    pub fn infer_url_shown(&self) -> String {
        without_credentials(&self.infer_url())
    }

    /// Where requests go.
    #[must_use]
    pub fn infer_url(&self) -> String {
        match self.protocol {
            Protocol::V2 => self.at(&format!("{}/infer", self.model_path())),
            Protocol::V1 => self.at(&format!("/v1/models/{}:predict", self.model)),
        }
    }

    /// Where the model says whether it is loaded.
    #[must_use]
    pub fn ready_url(&self) -> String {
        match self.protocol {
            Protocol::V2 => self.at(&format!("{}/ready", self.model_path())),
            Protocol::V1 => self.at(&format!("/v1/models/{}", self.model)),
        }
    }

    /// Where the server says whether it is up (V2 only).
    #[must_use]
    pub fn server_ready_url(&self) -> String {
        self.at("/v2/health/ready")
    }

    /// Where the server describes itself (V2 only).
    #[must_use]
    pub fn server_metadata_url(&self) -> String {
        self.at("/v2")
    }

    /// Where the model describes its tensors.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        match self.protocol {
            Protocol::V2 => self.at(&self.model_path()),
            Protocol::V1 => self.at(&format!("/v1/models/{}/metadata", self.model)),
        }
    }

    fn model_path(&self) -> String {
        match &self.version {
            Some(version) => format!("/v2/models/{}/versions/{version}", self.model),
            None => format!("/v2/models/{}", self.model),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }
}

/// A URL as it may be shown.
pub(crate) fn without_credentials(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return String::new();
    };
    // Both only fail on URLs that cannot have credentials, and then there is nothing to hide.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_protocols() {
        let v2 = Endpoint::new("http://h:1/prefix/", "m", Some("3"), Protocol::V2).unwrap();
        assert_eq!(v2.infer_url(), "http://h:1/prefix/v2/models/m/versions/3/infer");
        assert_eq!(v2.ready_url(), "http://h:1/prefix/v2/models/m/versions/3/ready");
        assert_eq!(v2.server_ready_url(), "http://h:1/prefix/v2/health/ready");
        let v1 = Endpoint::new("http://h:1", "m", None, Protocol::V1).unwrap();
        assert_eq!(v1.infer_url(), "http://h:1/v1/models/m:predict");
        assert_eq!(v1.ready_url(), "http://h:1/v1/models/m");
    }

    #[test]
    fn credentials_are_not_shown() {
        let endpoint = Endpoint::new("http://user:secret@h:1", "m", None, Protocol::V2).unwrap();
        assert_eq!(endpoint.shown(), "http://h:1");
        assert!(endpoint.infer_url().contains("secret"), "but they are sent");
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        for url in ["", "localhost:8080", "ftp://h", "file:///tmp"] {
            let error = Endpoint::new(url, "m", None, Protocol::V2)
                .unwrap_err()
                .to_string();
            assert!(error.contains("endpoint"), "{error}");
        }
    }
}
