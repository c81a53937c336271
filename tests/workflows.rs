//! The YAML that we ship says nothing that the contracts do not know, and no order of events lets a
//! rejected model serve.

mod support {
    pub(crate) mod depends;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use support::depends::{Ended, Expr, Task, every_outcome};
use toolkit_tests::root;

fn load(path: &PathBuf) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    step_contract::load_yaml(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"))
}

fn folder(name: &str) -> Vec<(String, Value)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("workflows").join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.ends_with("kustomization.yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "workflows/{name} is empty");
    files
        .iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                load(path),
            )
        })
        .collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(|list| list.iter().collect())
        .unwrap_or_default()
}

fn name(value: &Value) -> String {
    value["name"]
        .as_str()
        .unwrap_or_else(|| panic!("no name in {value}"))
        .to_owned()
}

fn names(values: &[&Value]) -> BTreeSet<String> {
    values.iter().map(|value| name(value)).collect()
}

/// Templates by WorkflowTemplate and name.
fn templates() -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for (file, document) in folder("steps").into_iter().chain(folder("pipelines")) {
        let owner = name(&document["metadata"]);
        assert_eq!(format!("{owner}.yaml"), file, "one name everywhere");
        for template in list(&document, "/spec/templates") {
            all.insert((owner.clone(), name(template)), template.clone());
        }
    }
    all
}

/// Every DAG of the pipelines: file, template.
fn dags() -> Vec<(String, String, Value)> {
    let mut dags = Vec::new();
    for (file, document) in folder("pipelines") {
        for template in list(&document, "/spec/templates") {
            if template.get("dag").is_some() {
                dags.push((file.clone(), name(&document["metadata"]), template.clone()));
            }
        }
    }
    assert!(!dags.is_empty());
    dags
}

fn target(task: &Value, owner: &str) -> (String, String) {
    match task.get("templateRef") {
        Some(reference) => (
            name(reference),
            reference["template"].as_str().unwrap().to_owned(),
        ),
        None => (
            owner.to_owned(),
            task["template"]
                .as_str()
                .unwrap_or_else(|| panic!("{task}"))
                .to_owned(),
        ),
    }
}

fn depends(task: &Value) -> Expr {
    match (task.get("depends"), task.get("dependencies")) {
        (Some(text), None) => Expr::parse(text.as_str().unwrap()).unwrap(),
        (None, Some(list)) => list
            .as_array()
            .unwrap()
            .iter()
            .map(|name| Expr::Task(name.as_str().unwrap().to_owned(), None))
            .reduce(|a, b| Expr::And(Box::new(a), Box::new(b)))
            .unwrap_or(Expr::True),
        (None, None) => Expr::True,
        (Some(_), Some(_)) => panic!("{}: depends and dependencies", name(task)),
    }
}

/// The tasks of a DAG in topological order.
fn ordered(dag: &Value) -> Vec<Task> {
    let mut open: Vec<Task> = list(dag, "/dag/tasks")
        .into_iter()
        .map(|task| Task {
            name: name(task),
            depends: depends(task),
            // Over an empty list a fan-out is skipped too.
            conditional: task.get("when").is_some() || task.get("withParam").is_some(),
        })
        .collect();
    let mut done: Vec<Task> = Vec::new();
    while !open.is_empty() {
        let next = open
            .iter()
            .position(|task| {
                task.depends
                    .tasks()
                    .iter()
                    .all(|before| done.iter().any(|task| task.name == *before))
            })
            .unwrap_or_else(|| panic!("a cycle or an unknown task among {open:?}"));
        done.push(open.remove(next));
    }
    done
}

fn ancestors(tasks: &[Task], of: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![of.to_owned()];
    while let Some(name) = open.pop() {
        let task = tasks.iter().find(|task| task.name == name).unwrap();
        for before in task.depends.tasks() {
            if seen.insert(before.to_owned()) {
                open.push(before.to_owned());
            }
        }
    }
    seen
}

#[test]
fn every_task_calls_a_template_with_what_it_takes() {
    let templates = templates();
    for (file, owner, dag) in dags() {
        for task in list(&dag, "/dag/tasks") {
            let place = format!("{file}: {}", name(task));
            let target = target(task, &owner);
            let template = templates
                .get(&target)
                .unwrap_or_else(|| panic!("{place}: no template {target:?}"));
            let known = list(template, "/inputs/parameters");
            let given = names(&list(task, "/arguments/parameters"));
            let unknown: Vec<_> = given.difference(&names(&known)).cloned().collect();
            assert!(unknown.is_empty(), "{place}: unknown parameters {unknown:?}");
            for parameter in known {
                // A value of the model's ConfigMap is one as well.
                let has_default = ["default", "value", "valueFrom"]
                    .iter()
                    .any(|key| parameter.get(key).is_some());
                assert!(
                    has_default || given.contains(&name(parameter)),
                    "{place}: {} is missing",
                    name(parameter)
                );
            }
            let known = list(template, "/inputs/artifacts");
            let given = names(&list(task, "/arguments/artifacts"));
            let unknown: Vec<_> = given.difference(&names(&known)).cloned().collect();
            assert!(unknown.is_empty(), "{place}: unknown artifacts {unknown:?}");
            for artifact in known {
                let optional = artifact["optional"].as_bool().unwrap_or(false);
                assert!(
                    optional || given.contains(&name(artifact)),
                    "{place}: {} is missing",
                    name(artifact)
                );
            }
        }
    }
}

/// The references `tasks.<task>.outputs.<kind>[.<name>]` of a text.
fn references(text: &str) -> Vec<(String, String, String)> {
    text.match_indices("tasks.")
        .filter_map(|(at, _)| {
            let end = text[at..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
                .unwrap_or(text.len() - at);
            let parts: Vec<&str> = text[at..at + end].split('.').collect();
            (parts.get(2) == Some(&"outputs")).then(|| {
                let name = parts.get(4).copied().unwrap_or_default();
                (parts[1].to_owned(), parts[3].to_owned(), name.to_owned())
            })
        })
        .collect()
}

#[test]
fn every_reference_names_an_output_of_an_earlier_task() {
    let templates = templates();
    let mut seen = 0;
    for (file, owner, dag) in dags() {
        let tasks = ordered(&dag);
        for task in list(&dag, "/dag/tasks") {
            let before = ancestors(&tasks, &name(task));
            for (from, kind, output) in references(&task.to_string()) {
                seen += 1;
                let place = format!("{file}: {}: tasks.{from}.outputs.{kind}.{output}", name(task));
                assert!(before.contains(&from), "{place}: not an earlier task");
                let source = list(&dag, "/dag/tasks")
                    .into_iter()
                    .find(|task| name(task) == from)
                    .unwrap();
                let template = &templates[&target(source, &owner)];
                match kind.as_str() {
                    "result" => {}
                    "parameters" | "artifacts" => {
                        let known = names(&list(template, &format!("/outputs/{kind}")));
                        assert!(known.contains(&output), "{place}: known are {known:?}");
                    }
                    _ => panic!("{place}: unknown kind"),
                }
            }
        }
    }
    assert!(
        seen > 5,
        "the pipelines pass hardly anything on: {seen} references"
    );
}

/// The tasks of a DAG that call a template of that step.
fn calling<'a>(dag: &'a Value, step: &str, template: &str) -> Vec<&'a Value> {
    list(dag, "/dag/tasks")
        .into_iter()
        .filter(|task| {
            let (of, called) = target(task, "");
            // With the model servers beside it, it is the same step.
            of == step && called.strip_suffix("-served").unwrap_or(&called) == template
        })
        .collect()
}

#[test]
fn nothing_after_registration_runs_for_a_model_that_was_not_registered() {
    let mut pipelines = 0;
    for (file, _, dag) in dags() {
        let registers = calling(&dag, "mlflow-register", "register");
        if registers.is_empty() {
            continue;
        }
        pipelines += 1;
        let tasks = ordered(&dag);
        let guarded: Vec<String> = [
            ("kserve-canary", "judge"),
            ("kserve-canary", "rollout"),
            ("mlflow-register", "promote"),
            ("enroll-drift", "enroll"),
        ]
        .iter()
        .flat_map(|(step, template)| calling(&dag, step, template))
        .map(name)
        .collect();
        assert!(
            !guarded.is_empty(),
            "{file} registers and does nothing with the model"
        );
        let needed: Vec<String> = [
            ("data-validate", "check"),
            ("train-launch", "run"),
            ("evaluate", "gate"),
            ("mlflow-register", "register"),
        ]
        .iter()
        .flat_map(|(step, template)| calling(&dag, step, template))
        .map(name)
        .collect();
        assert_eq!(needed.len(), 4, "{file}");
        let mut ran = 0_u64;
        every_outcome(&tasks, &mut |ended| {
            for task in guarded
                .iter()
                .filter(|task| matches!(ended[*task], Ended::Succeeded | Ended::Failed | Ended::Errored))
            {
                ran += 1;
                for before in &needed {
                    assert_eq!(
                        ended[before],
                        Ended::Succeeded,
                        "{file}: {task} ran although {before} was {:?}",
                        ended[before]
                    );
                }
            }
        });
        assert!(ran > 0, "{file}: the guarded tasks never run at all");
    }
    assert!(pipelines > 0);
}

#[test]
fn the_dag_as_commonly_written_is_caught() {
    // `register` behind a `when`, `canary` after it by plain `dependencies`: a skipped register counts as done.
    let tasks = [
        Task {
            name: "register".into(),
            depends: Expr::True,
            conditional: true,
        },
        Task {
            name: "canary".into(),
            depends: Expr::parse("register").unwrap(),
            conditional: false,
        },
    ];
    let mut deployed_unregistered = false;
    every_outcome(&tasks, &mut |ended| {
        deployed_unregistered |= ended["register"] == Ended::Skipped && ended["canary"] == Ended::Succeeded;
    });
    assert!(deployed_unregistered);
}

#[test]
fn a_fan_out_over_nothing_is_noticed() {
    let mut fans = 0;
    for (file, _, dag) in dags() {
        let tasks = ordered(&dag);
        for fan in list(&dag, "/dag/tasks")
            .into_iter()
            .filter(|task| task.get("withParam").is_some())
        {
            fans += 1;
            let fan = name(fan);
            // A task that reads what the fan-out should have left: it runs, and finds nothing.
            let readers: Vec<&Task> = tasks
                .iter()
                .filter(|task| task.depends.tasks().contains(&fan.as_str()))
                .collect();
            every_outcome(&tasks, &mut |ended| {
                let ran = |task: &&Task| {
                    matches!(
                        ended[&task.name],
                        Ended::Succeeded | Ended::Failed | Ended::Errored
                    )
                };
                assert!(
                    ended[&fan] != Ended::Skipped || readers.iter().any(ran),
                    "{file}: {fan}"
                );
            });
        }
    }
    assert!(fans > 0);
}

#[test]
fn a_data_validation_that_fails_spends_no_gpu() {
    for (file, _, dag) in dags() {
        for train in calling(&dag, "train-launch", "run") {
            let (tasks, train) = (ordered(&dag), name(train));
            let validate = name(calling(&dag, "data-validate", "check")[0]);
            every_outcome(&tasks, &mut |ended| {
                let ran = matches!(ended[&train], Ended::Succeeded | Ended::Failed | Ended::Errored);
                assert!(!ran || ended[&validate] == Ended::Succeeded, "{file}");
            });
        }
    }
}

#[test]
fn templates_run_as_restricted_pods() {
    for (file, document) in folder("steps") {
        for template in list(&document, "/spec/templates") {
            let place = format!("{file}: {}", name(template));
            assert_eq!(template["securityContext"]["runAsNonRoot"], true, "{place}");
            assert_eq!(
                template["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
                "{place}"
            );
            let container = &template["container"]["securityContext"];
            assert_eq!(container["allowPrivilegeEscalation"], false, "{place}");
            assert_eq!(container["readOnlyRootFilesystem"], true, "{place}");
            assert_eq!(container["capabilities"]["drop"][0], "ALL", "{place}");
            assert!(template["container"]["command"][0].is_string(), "{place}");
            for kind in ["parameters", "artifacts"] {
                let inputs = list(template, &format!("/inputs/{kind}"));
                assert_eq!(
                    names(&inputs).len(),
                    inputs.len(),
                    "{place}: a name stands twice among {kind}"
                );
            }
            for artifact in list(template, "/outputs/artifacts") {
                assert_eq!(artifact["optional"], true, "{place}: {}", name(artifact));
            }
        }
    }
}
