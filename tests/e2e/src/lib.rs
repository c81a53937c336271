//! A cluster as the tests of `tests/` see it: what was submitted, how it goes, what it left.

mod lab;
mod run;

use serde_json::Value;

pub use lab::{Lab, said, until};
pub use run::Run;

/// The steps of a pipeline that goes to its end without a canary.
pub const STEPS: [&str; 5] = [
    "data-validate",
    "train-launch",
    "evaluate",
    "mlflow-register",
    "enroll-drift",
];

/// The training Jobs of a workflow.
#[must_use]
pub fn jobs(lab: &Lab, run: &Run<'_>) -> Vec<String> {
    let uid = run.uid();
    lab.list("jobs", "app.kubernetes.io/name=train-launch")
        .iter()
        .filter(|job| job["metadata"]["ownerReferences"][0]["uid"] == uid.as_str())
        .map(|job| job["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits for a good end: one training, one run.
pub fn succeeded(lab: &Lab, model: &str, run: &Run<'_>) {
    run.ends_as("Succeeded");
    assert_eq!(jobs(lab, run).len(), 1, "one training");
    assert_eq!(lab.runs(model, &run.uid()).len(), 1, "one run");
}

/// A template of a workflow's specification.
pub fn template<'a>(spec: &'a mut Value, name: &str) -> &'a mut Value {
    named(&mut spec["templates"], name)
}

/// A task of the entry point's DAG.
pub fn task<'a>(spec: &'a mut Value, name: &str) -> &'a mut Value {
    let entry = spec["entrypoint"].as_str().unwrap().to_owned();
    named(&mut template(spec, &entry)["dag"]["tasks"], name)
}

fn named<'a>(list: &'a mut Value, name: &str) -> &'a mut Value {
    let mut items = list.as_array_mut().unwrap().iter_mut();
    items
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("nothing is called {name}"))
}
