//! What the model needs to run: from the environment files that MLflow puts beside it.

use std::collections::{BTreeMap, BTreeSet};

use provenance::{Digest, digest_bytes};
use serde::{Deserialize, Serialize};
use step_contract::load_foreign_yaml;

/// The dependency manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Dependencies {
    schema: &'static str,
    /// Version of Python, when a file says it.
    pub(crate) python: Option<String>,
    /// The files that were read, with their digests.
    sources: BTreeMap<String, Digest>,
    /// What is needed, in the order of the files.
    pub(crate) packages: Vec<Package>,
    /// Lines of the files that could not be read as a package.
    pub(crate) unread: Vec<String>,
}

/// One needed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Package {
    /// Name, as written.
    pub(crate) name: String,
    /// Its version, when it is pinned to one.
    pub(crate) version: Option<String>,
    /// Whether every install gives the same version.
    pub(crate) pinned: bool,
    /// `pip` or `conda`.
    manager: &'static str,
    /// The file that says so.
    source: String,
    /// As written there.
    pub(crate) line: String,
}

impl Default for Dependencies {
    fn default() -> Self {
        Self {
            schema: "mlops-steps/dependencies/v1",
            python: None,
            sources: BTreeMap::new(),
            packages: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// `conda.yaml`, the part of it that we read.
#[derive(Deserialize)]
struct Conda {
    #[serde(default)]
    dependencies: Vec<serde_json::Value>,
}

/// `python_env.yaml`, the part of it that we read.
#[derive(Deserialize)]
struct PythonEnv {
    python: Option<serde_json::Value>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Dependencies {
    /// From the texts of the files, by name. A file that cannot be read is named among the unread.
    pub(crate) fn read(texts: &BTreeMap<String, String>) -> Self {
        let mut found = Self::default();
        for name in ["requirements.txt", "python_env.yaml", "conda.yaml"] {
            let Some(text) = texts.get(name) else { continue };
            found.sources.insert(name.to_owned(), digest_bytes(text));
            match name {
                "requirements.txt" => found.requirements(name, text.lines()),
                "python_env.yaml" => match load_foreign_yaml::<PythonEnv>(name, text) {
                    Ok(env) => {
                        found.python = env.python.map(plain);
                        found.requirements(name, env.dependencies.iter().map(String::as_str));
                    }
                    Err(error) => found.unread.push(error.to_string()),
                },
                _ => match load_foreign_yaml::<Conda>(name, text) {
                    Ok(conda) => found.conda(name, &conda.dependencies),
                    Err(error) => found.unread.push(error.to_string()),
                },
            }
        }
        // MLflow writes the same list into more than one file.
        let mut seen = BTreeSet::new();
        found
            .packages
            .retain(|package| seen.insert((normal(&package.name), package.version.clone())));
        found
    }

    fn requirements<'a>(&mut self, source: &str, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            // A comment begins at ` #`, as pip reads it; a `#` inside of an address is no comment.
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('-') {
                // Other files and indexes. An index may have a password in its address: only the flag is kept.
                if !line.starts_with("-r requirements.txt") {
                    let flag = line.split([' ', '=']).next().unwrap_or(line);
                    self.unread.push(format!("{source}: {flag} …"));
                }
                continue;
            }
            match requirement(line) {
                Some((name, version, pinned)) => self.packages.push(Package {
                    name,
                    version,
                    pinned,
                    manager: "pip",
                    source: source.to_owned(),
                    line: line.to_owned(),
                }),
                None => self.unread.push(format!("{source}: {line}")),
            }
        }
    }

    fn conda(&mut self, source: &str, entries: &[serde_json::Value]) {
        for entry in entries {
            if let Some(text) = entry.as_str() {
                // `name=1.2`, `name==1.2`, `name=1.2=build`; the channel may stand before `::`.
                let spec = text.rsplit("::").next().unwrap_or(text).trim();
                let (name, version) = match spec.split_once('=') {
                    Some((name, rest)) => {
                        let version = rest.trim_start_matches('=').split('=').next().unwrap_or_default();
                        let exact = !version.is_empty() && !version.contains(['*', '<', '>', ',', '|']);
                        (name.trim(), exact.then(|| version.to_owned()))
                    }
                    None => (spec.split(['<', '>', '!', ' ']).next().unwrap_or(spec), None),
                };
                let name = name.trim_end_matches(['<', '>', '!', '~', ' ']);
                let version = version.filter(|_| !spec.contains(['<', '>', '!', '~']));
                if name == "python" {
                    self.python = self.python.take().or_else(|| version.clone());
                }
                // pip is there to install the rest.
                if matches!(name, "python" | "pip") {
                    continue;
                }
                self.packages.push(Package {
                    name: name.to_owned(),
                    pinned: version.is_some(),
                    version,
                    manager: "conda",
                    source: source.to_owned(),
                    line: text.to_owned(),
                });
            } else if let Some(list) = entry.get("pip").and_then(|list| list.as_array()) {
                let lines: Vec<&str> = list.iter().filter_map(|line| line.as_str()).collect();
                self.requirements(source, lines.into_iter());
            } else {
                self.unread.push(format!("{source}: {entry}"));
            }
        }
    }
}

/// Name, version when pinned, whether pinned.
fn requirement(line: &str) -> Option<(String, Option<String>, bool)> {
    let spec = line.split(';').next()?.split(" --hash").next()?.trim();
    let end = spec
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    if name.is_empty() {
        return None;
    }
    let mut rest = rest.trim();
    if let Some(after) = rest.strip_prefix('[') {
        rest = after.split_once(']')?.1.trim();
    }
    if let Some(address) = rest.strip_prefix('@') {
        // An address is pinned when it names bytes: a digest, or a commit.
        let commit = address.rsplit('@').next().is_some_and(|end| {
            end.len() >= 40 && end.bytes().take(40).all(|digit| digit.is_ascii_hexdigit())
        });
        return Some((name.to_owned(), None, commit || address.contains("#sha256=")));
    }
    let rest = rest.trim_start_matches('(').trim_end_matches(')');
    let exact = rest
        .strip_prefix("===")
        .or_else(|| rest.strip_prefix("=="))
        .map(str::trim)
        .filter(|version| !version.is_empty() && !version.contains([',', '*', ' ', '<', '>']));
    if exact.is_none() && !rest.is_empty() && !rest.starts_with(['=', '<', '>', '!', '~']) {
        return None;
    }
    Some((name.to_owned(), exact.map(str::to_owned), exact.is_some()))
}

/// As PyPI compares names.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// A YAML scalar as text: `python: 3.11` is a number there.
fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Dependencies {
        let texts = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Dependencies::read(&texts)
    }

    #[test]
    fn only_one_exact_version_is_pinned() {
        let pinned = |line: &str| requirement(line).map(|(_, version, pinned)| (version, pinned));
        let exact = |version: &str| Some((Some(version.to_owned()), true));
        assert_eq!(pinned("numpy==2.3.1"), exact("2.3.1"));
        assert_eq!(
            pinned("scikit-learn[a,b] == 1.9.1 ; python_version > '3'"),
            exact("1.9.1")
        );
        assert_eq!(pinned("torch===2.0+cu118"), exact("2.0+cu118"));
        assert_eq!(pinned("x==1.0 --hash=sha256:ab"), exact("1.0"));
        for loose in [
            "numpy",
            "numpy>=2",
            "numpy==2.*",
            "numpy==2,!=2.1",
            "numpy~=2.3",
            "a @ https://x/a.whl",
        ] {
            assert_eq!(pinned(loose), Some((None, false)), "{loose}");
        }
        let commit = format!("a @ git+https://x/a@{}", "0f".repeat(20));
        assert_eq!(pinned(&commit), Some((None, true)));
        assert_eq!(pinned("./local/wheel.whl"), None);
        assert_eq!(pinned("https://x/a.whl"), None);
    }

    #[test]
    fn the_files_of_a_model_are_one_manifest() {
        let found = read(&[
            (
                "requirements.txt",
                "# made by MLflow\nmlflow==3.18.0\nlightgbm==4.7.0  # boosting\nscikit_learn\n",
            ),
            (
                "python_env.yaml",
                "python: 3.11.7\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n",
            ),
            (
                "conda.yaml",
                "channels: [conda-forge]\ndependencies:\n- python=3.11.7\n- pip<=24\n- conda-forge::libgomp=14.2=h77\n- libomp>=14\n- pip:\n  - mlflow==3.18.0\n  - scikit-learn\nname: mlflow-env\n",
            ),
        ]);
        assert_eq!(found.python.as_deref(), Some("3.11.7"));
        let names: Vec<(&str, Option<&str>)> = found
            .packages
            .iter()
            .map(|package| (package.name.as_str(), package.version.as_deref()))
            .collect();
        assert_eq!(
            names,
            [
                ("mlflow", Some("3.18.0")),
                ("lightgbm", Some("4.7.0")),
                ("scikit_learn", None),
                ("libgomp", Some("14.2")),
                ("libomp", None)
            ]
        );
        assert!(found.unread.is_empty(), "{:?}", found.unread);
    }

    #[test]
    fn what_cannot_be_read_is_named_without_its_secrets() {
        let found = read(&[
            (
                "requirements.txt",
                "--index-url https://ann:s3cret@pypi/simple\n./wheel.whl\n",
            ),
            ("conda.yaml", "dependencies: [\n"),
        ]);
        assert_eq!(found.unread.len(), 3, "{:?}", found.unread);
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}
