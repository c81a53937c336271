//! Kubernetes' strategic merge of one object into another, as `kubectl patch` does it: objects field by field, lists of
//! things with a name by that name, all other lists as a whole.
//!
//! After `k8s.io/apimachinery/pkg/util/strategicpatch` (`mergeMap` and what it calls), and held to it by vectors. Its
//! directives `$patch` and `$retainKeys` are what a person writes and are honoured; `$setElementOrder/…` and
//! `$deleteFromPrimitiveList/…` are what kubectl computes, and are refused.

use serde_json::{Map, Value};

/// The lists below a Job that are merged, and by which field of their elements; the vectors say that these are all, and
/// that the name of a list is enough to know it.
const MERGED: [(&str, &str); 15] = [
    ("containers", "name"),
    ("env", "name"),
    ("ephemeralContainers", "name"),
    ("finalizers", ""),
    ("hostAliases", "ip"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("ownerReferences", "uid"),
    ("ports", "containerPort"),
    ("resourceClaims", "name"),
    ("schedulingGates", "name"),
    ("topologySpreadConstraints", "topologyKey"),
    ("volumeDevices", "devicePath"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];
const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";

/// Merges `patch` into `original`; both are objects, or what is no object takes the place.
///
/// # Errors
/// A directive that is none, or an element of a merged list without its key; the sentence names the field.
pub(crate) fn merge(original: Value, patch: Value) -> Result<Value, String> {
    field("", "", original, patch).map(|merged| merged.unwrap_or(Value::Null))
}

/// What a field becomes that is there on both sides; nothing when it goes.
fn field(at: &str, name: &str, original: Value, patch: Value) -> Result<Option<Value>, String> {
    match (original, patch) {
        (Value::Object(original), Value::Object(patch)) => object(at, original, patch).map(Some),
        (Value::Array(original), Value::Array(patch)) => {
            let key = MERGED.iter().find(|(list, _)| *list == name);
            key.map_or(Ok(Value::Array(patch.clone())), |(_, key)| {
                list(at, key, original, patch).map(Value::Array)
            })
            .map(Some)
        }
        // Of another type, or plain: it takes the place.
        (_, patch) => whole(at, patch),
    }
}

fn object(
    at: &str,
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Value, String> {
    match directive(at, &patch)? {
        Some(Directive::Replace) => {
            patch.shift_remove(PATCH);
            return Ok(Value::Object(patch));
        }
        Some(Directive::Delete) => return Ok(Value::Object(Map::new())),
        None => {}
    }
    if let Some(kept) = patch.shift_remove(RETAIN) {
        let kept = words(&kept).ok_or_else(|| format!("{}: a list of names is needed", below(at, RETAIN)))?;
        let named = |name: &String| kept.contains(&name.as_str());
        if let Some((left_out, _)) = patch
            .iter()
            .find(|(name, value)| !value.is_null() && !named(name))
        {
            return Err(format!(
                "{}: `{left_out}` is beside it and not in its list",
                below(at, RETAIN)
            ));
        }
        original.retain(|name, _| named(name));
    }
    for (name, value) in patch {
        if name.starts_with('$') {
            return Err(format!(
                "{}: is not known; `$patch` (replace or delete) and `$retainKeys` are",
                below(at, &name)
            ));
        }
        let place = below(at, &name);
        if value.is_null() {
            original.shift_remove(&name);
            continue;
        }
        let merged = match original.get_mut(&name) {
            Some(there) => field(&place, &name, there.take(), value)?,
            None => whole(&place, value)?,
        };
        match merged {
            Some(merged) => _ = original.insert(name, merged),
            None => _ = original.shift_remove(&name),
        }
    }
    Ok(Value::Object(original))
}

fn list(at: &str, key: &str, original: Vec<Value>, patch: Vec<Value>) -> Result<Vec<Value>, String> {
    if key.is_empty() {
        let mut all = original.clone();
        all.extend(patch.iter().filter(|word| !original.contains(word)).cloned());
        return Ok(ordered(all, &patch, &original, |word| word.clone()));
    }
    let (mut there, mut new, mut is_replaced) = (original, Vec::new(), false);
    for (number, element) in patch.into_iter().enumerate() {
        let place = format!("{at}[{number}]");
        let Value::Object(fields) = &element else {
            return Err(format!("{place}: an object is needed, not {element}"));
        };
        match directive(&place, fields)? {
            Some(Directive::Replace) => is_replaced = true,
            Some(Directive::Delete) => {
                let value = keyed(&place, key, &element)?;
                there.retain(|known| known.get(key) != Some(value));
            }
            None => {
                keyed(&place, key, &element)?;
                new.push(element);
            }
        }
    }
    if is_replaced {
        return Ok(new);
    }
    let before = there.clone();
    for (number, element) in new.iter().enumerate() {
        let value = &element[key];
        match there.iter_mut().find(|known| known.get(key) == Some(value)) {
            Some(known) => {
                let place = format!("{at}[{}]", shown(value, number));
                *known = field(&place, "", known.take(), element.clone())?.unwrap_or_default();
            }
            None => there.push(element.clone()),
        }
    }
    Ok(ordered(there, &new, &before, |element| element[key].clone()))
}

/// The elements of the patch as it has them, and the others between them where both knew each other.
fn ordered(
    all: Vec<Value>,
    patch: &[Value],
    original: &[Value],
    key: impl Fn(&Value) -> Value,
) -> Vec<Value> {
    let place = |list: &[Value], element: &Value| list.iter().position(|known| key(known) == key(element));
    let (mut named, others): (Vec<Value>, Vec<Value>) = all
        .into_iter()
        .partition(|element| place(patch, element).is_some());
    named.sort_by_key(|element| place(patch, element));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut sorted = Vec::new();
    loop {
        let other_is_next = match (others.peek(), named.peek()) {
            (None, None) => return sorted,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(one)) => match (place(original, other), place(original, one)) {
                (Some(other), Some(one)) => other < one,
                _ => false,
            },
        };
        let next = if other_is_next {
            others.next()
        } else {
            named.next()
        };
        sorted.extend(next);
    }
}

/// A value that merges with nothing: without its nulls, and without what is to be deleted. Kubernetes drops an object that is
/// to replace nothing; that is a mistake here.
fn whole(at: &str, value: Value) -> Result<Option<Value>, String> {
    Ok(Some(match value {
        Value::Object(fields) => {
            match directive(at, &fields)? {
                Some(Directive::Delete) => return Ok(None),
                Some(Directive::Replace) if fields.len() > 1 => {
                    return Err(format!(
                        "{}: there is nothing here yet to replace",
                        below(at, PATCH)
                    ));
                }
                Some(Directive::Replace) => return Ok(None),
                None => {}
            }
            let mut kept = Map::new();
            for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
                let value = whole(&below(at, &name), value)?;
                kept.extend(value.map(|value| (name, value)));
            }
            Value::Object(kept)
        }
        Value::Array(elements) => {
            let kept = elements.into_iter().enumerate();
            let kept =
                kept.filter_map(|(number, element)| whole(&format!("{at}[{number}]"), element).transpose());
            Value::Array(kept.collect::<Result<_, _>>()?)
        }
        plain => plain,
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Replace,
    Delete,
}

fn directive(at: &str, fields: &Map<String, Value>) -> Result<Option<Directive>, String> {
    match fields.get(PATCH).map(|word| (word, word.as_str())) {
        None => Ok(None),
        Some((_, Some("replace"))) => Ok(Some(Directive::Replace)),
        Some((_, Some("delete"))) => Ok(Some(Directive::Delete)),
        Some((word, _)) => Err(format!(
            "{}: {word} is not known; replace or delete",
            below(at, PATCH)
        )),
    }
}

fn keyed<'a>(at: &str, key: &str, element: &'a Value) -> Result<&'a Value, String> {
    element
        .get(key)
        .ok_or_else(|| format!("{at}: `{key}` is missing, by which this list is merged"))
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn shown(key: &Value, number: usize) -> String {
    key.as_str().map_or_else(|| number.to_string(), str::to_owned)
}

fn words(list: &Value) -> Option<Vec<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Made by Kubernetes' own library: tests/vectors/strategic-merge.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/strategic-merge-1.34.json")).unwrap()
    }

    #[test]
    fn merges_as_kubernetes_does() {
        let all = vectors();
        let mut refused = 0;
        for vector in all["vectors"].as_array().unwrap() {
            let original = vector.get("job").unwrap_or(&all["job"]).clone();
            let name = vector["name"].as_str().unwrap();
            match (merge(original, vector["template"].clone()), vector.get("merged")) {
                (Ok(merged), Some(expected)) => assert_eq!(merged, *expected, "{name}"),
                (Err(_), None) => refused += 1,
                (ours, theirs) => panic!("{name}: {ours:?}, Kubernetes: {theirs:?} {}", vector["error"]),
            }
        }
        assert_eq!(refused, 6);
    }

    #[test]
    fn the_lists_that_are_merged_are_those_of_the_api() {
        let all = vectors();
        let theirs: Vec<(&str, &str)> = all["lists"]
            .as_array()
            .unwrap()
            .iter()
            .map(|list| (list["field"].as_str().unwrap(), list["key"].as_str().unwrap()))
            .collect();
        assert_eq!(theirs, MERGED);
    }

    #[test]
    fn what_cannot_be_merged_is_named() {
        let merge = |patch| merge(json!({"spec": {"volumes": [{"name": "a"}], "x": {}}}), patch).unwrap_err();
        for (patch, why) in [
            (
                json!({"spec": {"x": {"$patch": "drop"}}}),
                "spec.x.$patch: \"drop\" is not known; replace or delete",
            ),
            (
                json!({"spec": {"volumes": [{"emptyDir": {}}]}}),
                "spec.volumes[0]: `name` is missing",
            ),
            (
                json!({"spec": {"volumes": ["a"]}}),
                "spec.volumes[0]: an object is needed, not \"a\"",
            ),
            (
                json!({"spec": {"volumes": [{"name": "a", "$retainKeys": ["name"], "b": 1}]}}),
                "volumes[a].$retainKeys: `b` is",
            ),
            (
                json!({"spec": {"volumes": [{"name": "a", "$retainKeys": "name"}]}}),
                "$retainKeys: a list of names",
            ),
            (
                json!({"spec": {"y": {"$patch": "replace", "b": 1}}}),
                "spec.y.$patch: there is nothing here yet to replace",
            ),
            (
                json!({"spec": {"$setElementOrder/volumes": []}}),
                "spec.$setElementOrder/volumes: is not known",
            ),
        ] {
            let error = merge(patch);
            assert!(error.contains(why), "{error}");
        }
    }
}
