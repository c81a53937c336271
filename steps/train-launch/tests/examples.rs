//! The trainings that the repository shows, run as their reader would.

#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::{Place, until};
use provenance::{DataObject, Dataset, Record as _, Split, digest_bytes};
use step_testkit::MlflowServer;
use step_testkit::process::from_setup;

/// Two splits of one problem, with missing values in it.
const DATA: &str = "
import numpy as np, pandas as pd
rng = np.random.default_rng(11)
for split, rows in (('train', 4000), ('validation', 1000)):
    x = rng.normal(size=(rows, 5))
    label = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + rng.normal(size=rows) > 0).astype('int64')
    x[rng.random(x.shape) < 0.05] = np.nan
    frame = pd.DataFrame(x, columns=[f'x{n}' for n in range(5)]).assign(city='a', late=label)
    frame.to_parquet(f'{split}.parquet', index=False)
";

/// Whether both models answer the same, bit by bit.
const SAME: &str = "
import cloudpickle, pandas as pd
frame = pd.read_parquet('validation.parquet').drop(columns=['late', 'city'])
killed, whole = (cloudpickle.load(open(f'{name}.out/model/model.pkl', 'rb')) for name in ('killed', 'whole'))
assert killed.n_iter_ == whole.n_iter_ == 60
assert (killed.predict_proba(frame) == whole.predict_proba(frame)).all()
";

fn dataset(place: &Place, python: &Path) {
    let made = Command::new(python)
        .args(["-c", DATA])
        .current_dir(place.dir.path())
        .status();
    assert!(made.unwrap().success());
    let splits: BTreeMap<String, Split> = [("train", 4000), ("validation", 1000)]
        .into_iter()
        .map(|(name, rows)| {
            let path = place.path(&format!("{name}.parquet"));
            let bytes = std::fs::read(&path).unwrap();
            let object = DataObject {
                uri: path.display().to_string(),
                size: bytes.len() as u64,
                etag: None,
                version_id: None,
                reference: None,
                rows,
                digest: digest_bytes(&bytes),
            };
            (name.to_owned(), Split::new(name, vec![object]).unwrap())
        })
        .collect();
    std::fs::write(
        place.path("dataset.json"),
        Dataset::new(None, None, splits).to_json(),
    )
    .unwrap();
}

/// Killed after a checkpoint, scikit-learn's training goes on from it, and its model is the one that it would have been.
#[test]
fn scikit_learn_goes_on_from_its_checkpoint() {
    let server = MlflowServer::start().unwrap();
    let place = Place::new(&server.url());
    let python = from_setup("venv/bin/python").unwrap();
    dataset(&place, &python);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../workflows/examples/training/train_sklearn.py"
    );
    let launch = |name: &str| {
        let mut command = place.command(name, &format!("exec {} {script}", python.display()));
        command
            .envs([("LABEL", "late"), ("ROUNDS", "60"), ("OMP_NUM_THREADS", "1")])
            .env("ARGO_PROGRESS_FILE", place.path(&format!("{name}.progress")));
        command.spawn().unwrap()
    };
    let mut first = launch("killed");
    until("a checkpoint", || {
        place.path("killed.out/checkpoints/model.pickle").exists()
    });
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!place.path("killed.out/model").exists());
    for name in ["killed", "whole"] {
        let ran = place.finish(name, launch(name));
        assert_eq!(ran.stdout, "TRAINED\n", "{name}: {}", ran.stderr);
        assert_eq!(
            ran.stderr.contains("going on after round"),
            name == "killed",
            "{}",
            ran.stderr
        );
        let progress = std::fs::read_to_string(place.path(&format!("{name}.progress")));
        assert_eq!(progress.unwrap(), "60/60\n", "{name}");
        let record = place.json(&format!("{name}.run.json"));
        assert_eq!(record["params"]["rounds"], "60");
        assert!(
            record["metrics"]["auc"].as_f64().unwrap() > 0.7,
            "{}",
            record["metrics"]
        );
    }
    let same = Command::new(&python)
        .args(["-c", SAME])
        .current_dir(place.dir.path())
        .status();
    assert!(
        same.unwrap().success(),
        "the model that went on answers otherwise"
    );
}
