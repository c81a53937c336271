//! A workflow under way.

use serde_json::Value;

use crate::{Lab, until};

/// How long a pipeline may take: it trains, serves and judges on two cores that it shares.
const PATIENCE: u64 = 600;

/// A workflow.
pub struct Run<'a> {
    lab: &'a Lab,
    /// Its name.
    pub name: String,
}

impl<'a> Run<'a> {
    pub(crate) fn new(lab: &'a Lab, name: &str) -> Self {
        Self {
            lab,
            name: name.to_owned(),
        }
    }

    /// A workflow that somebody else made, when it is there.
    #[must_use]
    pub fn find(lab: &'a Lab, name: &str) -> Option<Self> {
        lab.get("workflow", name).map(|_| Self::new(lab, name))
    }

    /// The object now.
    #[must_use]
    pub fn now(&self) -> Value {
        self.lab
            .get("workflow", &self.name)
            .expect("the workflow is there")
    }

    /// Its uid: reports lie below it.
    #[must_use]
    pub fn uid(&self) -> String {
        self.now()["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// Waits for the end; the phase.
    #[must_use]
    pub fn ends(&self) -> String {
        until(&format!("{} ends", self.name), PATIENCE, || {
            let now = self.now();
            let phase = now["status"]["phase"].as_str()?;
            (!matches!(phase, "Pending" | "Running")).then(|| phase.to_owned())
        })
    }

    /// Waits for the end, which has to be this.
    pub fn ends_as(&self, phase: &str) {
        let ended = self.ends();
        assert_eq!(ended, phase, "{}:\n{}", self.name, self.story());
    }

    /// The phase of a task: `Succeeded`, `Failed`, `Skipped`, `Omitted`; empty when there is none of that name.
    #[must_use]
    pub fn task(&self, name: &str) -> String {
        self.node(name)
            .and_then(|node| node["phase"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The node of a task. A task with retries is found by its parent node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<Value> {
        self.nodes().into_iter().find(|node| node["displayName"] == name)
    }

    /// Every node that there is.
    #[must_use]
    pub fn nodes(&self) -> Vec<Value> {
        self.now()["status"]["nodes"]
            .as_object()
            .map(|nodes| nodes.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The attempts of a task, first to last.
    #[must_use]
    pub fn attempts(&self, name: &str) -> Vec<Value> {
        let mut attempts: Vec<Value> = self
            .nodes()
            .into_iter()
            .filter(|node| {
                node["displayName"]
                    .as_str()
                    .is_some_and(|shown| shown.starts_with(&format!("{name}(")))
            })
            .collect();
        attempts.sort_by_key(|node| node["displayName"].as_str().map(str::to_owned));
        attempts
    }

    /// Deletes the pod of a task's last attempt at once, as a node that goes away does, and waits for the next. A
    /// controller that had not seen the pod run makes the same attempt again, under the same name; another one
    /// makes the next.
    pub fn kill(&self, task: &str) {
        let pods = || {
            let selector = format!("workflows.argoproj.io/workflow={}", self.name);
            let mut pods = self.lab.list("pods", &selector);
            let attempts = format!("{}.{task}(", self.name);
            pods.retain(|pod| {
                pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
                    .as_str()
                    .is_some_and(|node| node.contains(&attempts))
            });
            pods
        };
        let before = pods();
        // The node tells of a pod's start a little later than the pod itself is heard of.
        let ended = |pod: &&Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let running = before.iter().find(|pod| !ended(pod));
        let pod = &running.expect("it runs")["metadata"];
        _ = self.lab.kubectl(&[
            "delete",
            "pod",
            pod["name"].as_str().unwrap(),
            "--grace-period=0",
            "--force",
        ]);
        until(&format!("{}: {task} is tried again", self.name), PATIENCE, || {
            let known = |pod: &Value| {
                before
                    .iter()
                    .any(|old| old["metadata"]["uid"] == pod["metadata"]["uid"])
            };
            pods().iter().any(|pod| !known(pod)).then_some(())
        });
    }

    /// Ends it now; what it was to show is shown.
    pub fn stop(&self) {
        let shutdown = r#"{"spec": {"shutdown": "Terminate"}}"#;
        _ = self.lab.kubectl(&[
            "patch",
            "workflow",
            &self.name,
            "--type=merge",
            "--patch",
            shutdown,
        ]);
    }

    /// Waits until a task has that phase.
    pub fn reaches(&self, task: &str, phase: &str) {
        until(&format!("{}: {task} is {phase}", self.name), PATIENCE, || {
            (self.task(task) == phase).then_some(())
        });
    }

    /// The report of a step, from the artifact repository.
    #[must_use]
    pub fn report(&self, step: &str) -> Value {
        let key = format!("runs/{}/{step}/report.json", self.uid());
        let bytes = self.lab.artifact(&key).unwrap_or_else(|| panic!("no {key}"));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// What happened, for a failed assertion: every node with its phase and message.
    #[must_use]
    pub fn story(&self) -> String {
        let now = self.now();
        let mut lines = vec![format!(
            "{}: {}",
            now["status"]["phase"], now["status"]["message"]
        )];
        let mut nodes = self.nodes();
        nodes.sort_by_key(|node| node["startedAt"].as_str().map(str::to_owned));
        lines.extend(nodes.iter().map(|node| {
            format!(
                "  {:<30} {:<10} {:<10} {}",
                node["displayName"].as_str().unwrap_or_default(),
                node["type"].as_str().unwrap_or_default(),
                node["phase"].as_str().unwrap_or_default(),
                node["message"].as_str().unwrap_or_default()
            )
        }));
        lines.join("\n")
    }
}
