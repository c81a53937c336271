//! Digests against `sha256sum` and `hashlib` (tests/vectors/make_vectors.py).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;

use provenance::{DataObject, Dataset, Split, TreeError, digest_bytes, digest_dir};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/digests.json")).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    if let Some(length) = text.strip_prefix("i*31%251:") {
        return (0..length.parse::<u64>().unwrap())
            .map(|i| (i * 31 % 251) as u8)
            .collect();
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn files(value: &Value) -> Vec<(String, Vec<u8>)> {
    let map = value.as_object().unwrap();
    map.iter()
        .map(|(path, data)| (path.clone(), bytes(data.as_str().unwrap())))
        .collect()
}

#[test]
fn directories_as_a_shell_digests_them() {
    for tree in vectors()["trees"].as_array().unwrap() {
        let root = tempfile::tempdir().unwrap();
        for directory in tree["directories"].as_array().unwrap() {
            fs::create_dir_all(root.path().join(directory.as_str().unwrap())).unwrap();
        }
        let mut expected = Vec::new();
        for (path, data) in files(&tree["files"]) {
            let target = root.path().join(&path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, &data).unwrap();
            expected.push((path, data.len() as u64, digest_bytes(&data)));
        }
        expected.sort();
        let (digest, files) = digest_dir(root.path()).unwrap();
        assert_eq!(
            digest.to_string(),
            tree["digest"].as_str().unwrap(),
            "{}",
            tree["name"]
        );
        let found: Vec<_> = files
            .into_iter()
            .map(|file| (file.path, file.size, file.digest))
            .collect();
        assert_eq!(found, expected, "{}", tree["name"]);
    }
}

#[test]
fn a_dataset_digests_its_splits() {
    let vector = &vectors()["dataset"];
    let prefix = vector["prefix"].as_str().unwrap();
    let splits: BTreeMap<String, Split> = vector["splits"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, split)| {
            let objects = files(&split["objects"])
                .into_iter()
                .map(|(path, data)| DataObject {
                    uri: format!("{prefix}{path}"),
                    size: data.len() as u64,
                    etag: None,
                    version_id: None,
                    rows: 1,
                    digest: digest_bytes(&data),
                    reference: None,
                })
                .collect();
            let made = Split::new(prefix, objects).unwrap();
            assert_eq!(
                made.digest.to_string(),
                split["digest"].as_str().unwrap(),
                "{name}"
            );
            (name.clone(), made)
        })
        .collect();
    let dataset = Dataset::new(None, None, splits);
    assert_eq!(dataset.digest.to_string(), vector["digest"].as_str().unwrap());
    assert_eq!(dataset.version, dataset.digest.to_string());
}

#[test]
fn what_has_no_digest_is_named() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(digest_dir(root.path()), Err(TreeError::Empty { .. })));
    let missing = digest_dir(&root.path().join("model")).unwrap_err().to_string();
    assert!(
        missing.contains("cannot read") && missing.contains("/model: No such file"),
        "{missing}"
    );
    fs::write(root.path().join("MLmodel"), "x").unwrap();
    std::os::unix::fs::symlink("MLmodel", root.path().join("link")).unwrap();
    let link = digest_dir(root.path()).unwrap_err().to_string();
    assert!(link.contains("/link is a symbolic link"), "{link}");
}
