//! What of a Job the launcher must own for a training to be one training, held against what a template made of it.

use serde_json::Value;

use super::manifest::{GRACE_SECONDS, OURS};
use super::objects::CONTAINER;

/// The init container that brings this program.
const LAUNCHER: &str = "launcher";
/// Volumes that nobody else may fill.
const OWN_VOLUMES: [&str; 2] = [LAUNCHER, "dataset"];

/// What the launcher gives the Job itself, and which flag or reason stands behind it.
const OWN_SPEC: [(&str, &str); 11] = [
    ("completions", "--completions gives it"),
    ("parallelism", "--parallelism gives it"),
    ("completionMode", "--completions gives it"),
    ("backoffLimitPerIndex", "--backoff-limit-per-index gives it"),
    ("maxFailedIndexes", "--max-failed-indexes gives it"),
    ("successPolicy", "--success-policy gives it"),
    ("podReplacementPolicy", "two trainers must never write to one run"),
    (
        "podFailurePolicy",
        "it says which exit codes of the training contract are tried again",
    ),
    ("managedBy", "the launcher follows the Job's own controller"),
    ("selector", "the cluster makes it"),
    ("manualSelector", "the cluster makes the selector"),
];
const OWN_CONTAINER: [(&str, &str); 5] = [
    ("image", "--image gives it, and it is part of the training's key"),
    ("command", "--command gives it, wrapped by the launcher"),
    ("args", "--command gives them"),
    ("terminationMessagePath", "the launcher leaves its sentence there"),
    (
        "terminationMessagePolicy",
        "the launcher's sentence, else the log's end, is the reason",
    ),
];
/// What leaving a field out means, where a template may as well write it.
const DEFAULTS: [(&str, &str); 3] = [
    ("completionMode", "\"NonIndexed\""),
    ("manualSelector", "false"),
    ("terminationMessagePath", "\"/dev/termination-log\""),
];

/// Holds what came out to what the launcher relies on.
///
/// # Errors
/// A field is otherwise than it must be, by its name.
pub(super) fn hold(ours: &Value, merged: &Value) -> Result<(), String> {
    same(ours, merged, "", "status", "the cluster writes it")?;
    for (field, why) in [
        (
            "name",
            "it comes from the training's key, by which a retry finds the Job",
        ),
        ("generateName", "the name comes from the training's key"),
        ("namespace", "--namespace gives it"),
        ("ownerReferences", "--workflow-name and --workflow-uid give them"),
    ] {
        same(&ours["metadata"], &merged["metadata"], "metadata", field, why)?;
    }
    for part in ["labels", "annotations"] {
        names(&ours["metadata"], &merged["metadata"], "metadata", part)?;
    }
    let (our_spec, spec) = (&ours["spec"], &merged["spec"]);
    for (field, why) in OWN_SPEC {
        same(our_spec, spec, "spec", field, why)?;
    }
    let (our_template, template) = (&our_spec["template"], &spec["template"]);
    names(
        &our_template["metadata"],
        &template["metadata"],
        "spec.template.metadata",
        "labels",
    )?;
    pod(&our_template["spec"], &template["spec"])
}

fn pod(ours: &Value, merged: &Value) -> Result<(), String> {
    const AT: &str = "spec.template.spec";
    same(
        ours,
        merged,
        AT,
        "restartPolicy",
        "a pod that is lost is replaced by the Job",
    )?;
    let grace = merged["terminationGracePeriodSeconds"].as_u64();
    if grace.is_none_or(|seconds| seconds < GRACE_SECONDS) {
        return Err(format!(
            "{AT}.terminationGracePeriodSeconds is {}; at least {GRACE_SECONDS} are needed, for the launcher to stop \
             training and to mark its run",
            merged["terminationGracePeriodSeconds"]
        ));
    }
    element(
        ours,
        merged,
        AT,
        ("initContainers", "name", LAUNCHER),
        "it brings the launcher",
    )?;
    for volume in OWN_VOLUMES {
        element(
            ours,
            merged,
            AT,
            ("volumes", "name", volume),
            "it is the launcher's",
        )?;
    }
    let at = format!("{AT}.containers[{CONTAINER}]");
    let (Some(our_container), Some(container)) = (
        find(&ours["containers"], "name", CONTAINER),
        find(&merged["containers"], "name", CONTAINER),
    ) else {
        return Err(format!("{at} is gone; it trains"));
    };
    for (field, why) in OWN_CONTAINER {
        same(our_container, container, &at, field, why)?;
    }
    let mounts = our_container["volumeMounts"].as_array();
    let paths = mounts.into_iter().flatten().filter_map(|mount| {
        let name = mount["name"].as_str()?;
        let is_own = super::volume::OWN_NAMES.contains(&name);
        mount["mountPath"].as_str().filter(|_| is_own)
    });
    for path in paths {
        let mount = ("volumeMounts", "mountPath", path);
        element(
            our_container,
            container,
            &at,
            mount,
            "the training contract names it",
        )?;
    }
    variables(our_container, container, &at)
}

/// Variables that the launcher sets or reads.
fn variables(ours: &Value, merged: &Value, at: &str) -> Result<(), String> {
    let list = |container: &Value| container["env"].as_array().cloned().unwrap_or_default();
    let named = |variable: &Value| variable["name"].as_str().unwrap_or_default().to_owned();
    let own = [list(ours), list(merged)].concat();
    for name in own.iter().map(named).filter(|name| is_launchers(name)) {
        element(
            ours,
            merged,
            at,
            ("env", "name", &name),
            "the launcher sets it; see the training contract",
        )?;
    }
    Ok(())
}

/// Whether a variable of the training container is the launcher's to set.
pub(crate) fn is_launchers(name: &str) -> bool {
    name.starts_with("TRAIN_")
        || ["HOME", "TMPDIR", "MLFLOW_TRACKING_URI", "JOB_COMPLETION_INDEX"].contains(&name)
}

/// Our labels or annotations: all there as they are, and none under our prefix beside them.
fn names(ours: &Value, merged: &Value, at: &str, part: &str) -> Result<(), String> {
    let all = [&ours[part], &merged[part]].map(|part| part.as_object().cloned().unwrap_or_default());
    let own = |name: &&String| all[0].contains_key(*name) || name.starts_with(&format!("{OURS}/"));
    for name in all.iter().flat_map(|part| part.keys()).filter(own) {
        let at = format!("{at}.{part}");
        same(&ours[part], &merged[part], &at, name, "it tells whose the Job is")?;
    }
    Ok(())
}

/// An element of a list is as ours.
fn element(
    ours: &Value,
    merged: &Value,
    at: &str,
    (list, key, value): (&str, &str, &str),
    why: &str,
) -> Result<(), String> {
    let place = |object: &Value| find(&object[list], key, value).cloned();
    differs(
        &format!("{at}.{list}[{value}]"),
        place(ours).as_ref(),
        place(merged).as_ref(),
        why,
    )
}

pub(super) fn find<'a>(list: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|element| element[key] == *value)
}

/// A field is as ours, or left at what is the same.
fn same(ours: &Value, merged: &Value, at: &str, field: &str, why: &str) -> Result<(), String> {
    let (expected, found) = (ours.get(field), merged.get(field));
    let is_default = expected.is_none()
        && found.map(Value::to_string).is_some_and(|found| {
            DEFAULTS
                .iter()
                .any(|(name, text)| *name == field && found == *text)
        });
    if is_default {
        return Ok(());
    }
    let at = if at.is_empty() {
        field.to_owned()
    } else {
        format!("{at}.{field}")
    };
    differs(&at, expected, found, why)
}

fn differs(at: &str, expected: Option<&Value>, found: Option<&Value>, why: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    match (expected, found) {
        (None, None) => Ok(()),
        (None, Some(found)) => Err(format!("{at} is {}; leave it out: {why}", brief(found))),
        (Some(expected), None) => Err(format!(
            "{at} is taken away; it must stay {}: {why}",
            brief(expected)
        )),
        (Some(expected), Some(found)) => {
            let (at, expected, found) = innermost(at, expected, found);
            Err(format!(
                "{at} is {}; it must be {}, or left out: {why}",
                brief(found),
                brief(expected)
            ))
        }
    }
}

/// A value in a sentence.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The first place below where two values differ.
fn innermost<'a>(at: &str, expected: &'a Value, found: &'a Value) -> (String, &'a Value, &'a Value) {
    static NONE: Value = Value::Null;
    if let (Value::Object(ours), Value::Object(theirs)) = (expected, found) {
        let names = ours.keys().chain(theirs.keys());
        for name in names {
            let [ours, theirs] = [ours, theirs].map(|side| side.get(name).unwrap_or(&NONE));
            if ours != theirs {
                return innermost(&format!("{at}.{name}"), ours, theirs);
            }
        }
    }
    (at.to_owned(), expected, found)
}
