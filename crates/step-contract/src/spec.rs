//! What clap cannot say about a step.

use serde::Serialize;

use crate::Exit;

/// A step: its name, its sub-commands, its configuration files.
#[derive(Debug)]
pub struct StepSpec {
    /// Directory, crate, binary, image, WorkflowTemplate, ServiceAccount and page all bear this name.
    pub name: &'static str,
    /// The release, from the crate.
    pub version: &'static str,
    /// One sentence: what the step decides or does.
    pub summary: &'static str,
    /// A few paragraphs of Markdown for the reference page.
    pub description: &'static str,
    /// The sub-commands.
    pub commands: &'static [CommandSpec],
    /// The sub-command that is meant when none is named.
    pub default_command: &'static str,
    /// The configuration files that the step reads.
    pub configs: &'static [ConfigSpec],
}

impl StepSpec {
    /// The sub-command of that name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&'static CommandSpec> {
        self.commands.iter().find(|command| command.name == name)
    }
}

/// What a sub-command's standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Exactly one word, the verdict; a report goes with it.
    Decides,
    /// Text for a person or a pipe.
    Prints,
}

/// One sub-command.
#[derive(Debug)]
pub struct CommandSpec {
    /// Its name on the command line, and the name of its template.
    pub name: &'static str,
    /// What standard output carries.
    pub kind: CommandKind,
    /// The words it may say, with their exits.
    pub verdicts: &'static [VerdictSpec],
    /// What it may do in its namespace.
    pub rbac: &'static [Rbac],
    /// How Argo runs it; `None` when it is for people only.
    pub template: Option<TemplateSpec>,
}

/// A verdict word.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VerdictSpec {
    /// The word on standard output.
    pub word: &'static str,
    /// The exit that goes with it.
    pub exit: Exit,
    /// When it is said.
    pub meaning: &'static str,
}

/// A rule of the Role that the step's ServiceAccount needs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rbac {
    /// The API group; empty for the core group.
    pub api_group: &'static str,
    /// Plural resource names.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
}

/// How the generated template runs the sub-command.
#[derive(Debug, Clone, Copy)]
pub struct TemplateSpec {
    /// Default of the template's deadline, seconds.
    pub active_deadline_seconds: u32,
    /// Whether a SIGKILL (exit 137: eviction, out of memory) is worth another try.
    pub retry_on_kill: bool,
    /// CPU request, as Kubernetes writes it.
    pub cpu: &'static str,
    /// Memory request and limit.
    pub memory: &'static str,
    /// A further template, `<command>-served`, with the model servers beside the step.
    pub served: Option<ServedSpec>,
    /// Whether what it writes is of use to its own workflow only: then it goes below `tmp/`, and with the workflow.
    pub temporary: bool,
}

/// A template in which the model servers of challenger and champion run beside the step, as native sidecars of its
/// pod: both models are put there by digest before anything starts, and the champion's server is left out where
/// there is no champion. The challenger answers on port 8080, the champion on 8081.
#[derive(Debug, Clone, Copy)]
pub struct ServedSpec {
    /// Flags whose value the template sets itself; `{{=…}}` is Argo's to evaluate.
    pub fixed: &'static [(&'static str, &'static str)],
}

impl TemplateSpec {
    /// Suits a step that streams: a quarter of a core, 512 MiB, an hour.
    pub const DEFAULT: Self = Self {
        active_deadline_seconds: 3600,
        retry_on_kill: false,
        cpu: "250m",
        memory: "512Mi",
        served: None,
        temporary: false,
    };
}

/// A configuration file and the JSON Schema of its content.
#[derive(Debug)]
pub struct ConfigSpec {
    /// File name of the schema: `<name>.schema.json`.
    pub name: &'static str,
    /// The flag that names the file, without dashes.
    pub flag: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The schema.
    pub schema: fn() -> schemars::Schema,
}
