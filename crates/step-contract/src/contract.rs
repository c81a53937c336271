//! The contract of a step, read from its clap command and its [`StepSpec`].

use std::any::TypeId;

use clap::builder::ValueParser;
use serde::Serialize;

use crate::spec::{CommandKind, StepSpec, TemplateSpec, VerdictSpec};
use crate::{Exit, InArtifact, OutArtifact, OutParameter, Rbac, Secret};

/// The help heading of flags that tune the process (logs, certificates). They have environment
/// variables, and are no parameters of a template.
pub(crate) const PROCESS_HEADING: &str = "Process";

/// Everything a caller may rely on.
#[derive(Debug, Serialize)]
pub struct Contract {
    /// Version of this form.
    pub schema: &'static str,
    /// The step's name.
    pub step: &'static str,
    /// Its release.
    pub version: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Markdown.
    pub description: &'static str,
    /// The sub-command that is meant when none is named.
    pub default_command: &'static str,
    /// The sub-commands.
    pub commands: Vec<Command>,
    /// Exit codes.
    pub exits: Vec<ExitRow>,
    /// Configuration files: schema name, flag, summary.
    pub configs: Vec<ConfigRow>,
}

/// An exit code as data.
#[derive(Debug, Serialize)]
pub struct ExitRow {
    /// The process's exit code.
    pub code: u8,
    /// Its name.
    pub name: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// Whether the shipped templates try again.
    pub retried: bool,
}

/// A configuration file as data.
#[derive(Debug, Serialize)]
pub struct ConfigRow {
    /// Schema name.
    pub name: &'static str,
    /// Flag that names the file.
    pub flag: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

/// One sub-command of a contract.
#[derive(Debug, Serialize)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What standard output carries.
    pub kind: CommandKind,
    /// One sentence, from the doc comment.
    pub summary: String,
    /// The whole doc comment.
    pub description: String,
    /// Verdict words.
    pub verdicts: Vec<VerdictSpec>,
    /// What it reads.
    pub inputs: Vec<Artifact>,
    /// What it writes.
    pub outputs: Vec<Artifact>,
    /// Small values for the workflow.
    pub output_parameters: Vec<OutputParameter>,
    /// Plain values.
    pub parameters: Vec<Parameter>,
    /// Values that come from Secrets.
    pub secrets: Vec<EnvSecret>,
    /// Rights in the namespace.
    pub rbac: Vec<Rbac>,
    /// How Argo runs it.
    #[serde(skip)]
    pub template: Option<TemplateSpec>,
}

/// Where a template takes an input file from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactOrigin {
    /// An Argo artifact, placed under `/in`.
    Artifact,
    /// The team's ConfigMap, mounted at `/config`.
    ConfigMap,
    /// Written by the step, under `/out`.
    Step,
}

/// A file of the step.
#[derive(Debug, Serialize)]
pub struct Artifact {
    /// Its name: the flag's.
    pub name: String,
    /// Where it lies in the container.
    pub path: String,
    /// Whether the step runs without it.
    pub optional: bool,
    /// Where it comes from.
    pub origin: ArtifactOrigin,
    /// Its environment variable.
    pub env: Option<String>,
    /// The doc comment.
    pub doc: String,
}

/// A small value that the step leaves for the workflow.
#[derive(Debug, Serialize)]
pub struct OutputParameter {
    /// Its name: the flag's.
    pub name: String,
    /// The file it is written to.
    pub path: String,
    /// The doc comment.
    pub doc: String,
}

/// A plain value.
#[derive(Debug, Serialize)]
pub struct Parameter {
    /// The flag's name, or the positional's.
    pub name: String,
    /// Whether it is given by place and not by flag.
    pub positional: bool,
    /// Its environment variable.
    pub env: Option<String>,
    /// The default, as text.
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be given many times (one a line, in a template).
    pub repeated: bool,
    /// Whether it is a switch (`true` or `false`, in a template).
    pub switch: bool,
    /// The words allowed, when they are few.
    pub choices: Vec<String>,
    /// Whether it only tunes the process and stays out of templates.
    pub process: bool,
    /// The doc comment.
    pub doc: String,
}

/// A value that comes from a Secret.
#[derive(Debug, Serialize)]
pub struct EnvSecret {
    /// The flag's name.
    pub name: String,
    /// The environment variable.
    pub env: String,
    /// The doc comment.
    pub doc: String,
}

impl Contract {
    /// Reads the contract of `spec` from the built `command` (with environment names attached).
    /// Sub-commands in the spec that clap does not know are left out; the tests of the workspace
    /// compare both lists.
    #[must_use]
    pub fn read(command: &clap::Command, spec: &StepSpec) -> Self {
        let commands = spec
            .commands
            .iter()
            .filter_map(|known| {
                let clap_command = command.find_subcommand(known.name)?;
                Some(Command::read(clap_command, known, spec.configs))
            })
            .collect();
        let exits = Exit::ALL
            .into_iter()
            .map(|exit| ExitRow {
                code: exit.code(),
                name: exit.name(),
                meaning: exit.meaning(),
                retried: exit.is_retried(),
            })
            .collect();
        let configs = spec
            .configs
            .iter()
            .map(|config| ConfigRow {
                name: config.name,
                flag: config.flag,
                summary: config.summary,
            })
            .collect();
        Self {
            schema: "mlops-steps/contract/v1",
            step: spec.name,
            version: spec.version,
            summary: spec.summary,
            description: spec.description,
            default_command: spec.default_command,
            commands,
            exits,
            configs,
        }
    }

    /// The contract as JSON.
    ///
    /// # Errors
    /// None in practice: every field is text or number.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The WorkflowTemplate, as YAML.
    #[must_use]
    pub fn to_template(&self) -> String {
        crate::render::template::render(self)
    }

    /// ServiceAccount, Role and RoleBinding, as YAML.
    #[must_use]
    pub fn to_rbac(&self) -> String {
        crate::render::rbac::render(self)
    }

    /// The reference page, as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        crate::render::markdown::render(self)
    }
}

impl Command {
    fn read(command: &clap::Command, spec: &crate::CommandSpec, configs: &[crate::ConfigSpec]) -> Self {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let mut read = Self {
            name: spec.name,
            kind: spec.kind,
            description: command
                .get_long_about()
                .map_or_else(|| about.clone(), ToString::to_string),
            summary: about,
            verdicts: spec.verdicts.to_vec(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            output_parameters: Vec::new(),
            parameters: Vec::new(),
            secrets: Vec::new(),
            rbac: spec.rbac.to_vec(),
            template: spec.template,
        };
        for arg in command.get_arguments() {
            // clap's own, told by what they do: a step may have a `--version` that means a model's.
            use clap::ArgAction::{Help, HelpLong, HelpShort, Version};
            let is_claps = matches!(arg.get_action(), Help | HelpLong | HelpShort | Version);
            if is_claps || arg.get_id() == "describe" {
                continue;
            }
            read.take(arg, configs);
        }
        read
    }

    fn take(&mut self, arg: &clap::Arg, configs: &[crate::ConfigSpec]) {
        let name = arg
            .get_long()
            .map_or_else(|| arg.get_id().as_str().replace('_', "-"), ToOwned::to_owned);
        let doc = arg
            .get_long_help()
            .or_else(|| arg.get_help())
            .map(ToString::to_string)
            .unwrap_or_default();
        let env = arg.get_env().map(|env| env.to_string_lossy().into_owned());
        let default = arg
            .get_default_values()
            .first()
            .map(|value| value.to_string_lossy().into_owned());
        let parser = arg.get_value_parser();
        if is::<InArtifact>(parser) {
            // What the team wrote comes from its ConfigMap; one that is not there is dropped where it may be.
            let config = configs.iter().find(|config| config.flag == name);
            let (origin, place) = match config {
                Some(config) => (ArtifactOrigin::ConfigMap, format!("/config/{}.yaml", config.name)),
                None => (ArtifactOrigin::Artifact, format!("/in/{name}")),
            };
            self.inputs.push(Artifact {
                path: default.unwrap_or(place),
                optional: !arg.is_required_set() && arg.get_default_values().is_empty(),
                origin,
                name,
                env,
                doc,
            });
        } else if is::<OutArtifact>(parser) {
            self.outputs.push(Artifact {
                path: default.unwrap_or_else(|| format!("/out/{name}")),
                optional: true,
                origin: ArtifactOrigin::Step,
                name,
                env,
                doc,
            });
        } else if is::<OutParameter>(parser) {
            let path = default.unwrap_or_else(|| format!("/out/{name}"));
            self.output_parameters.push(OutputParameter { name, path, doc });
        } else if is::<Secret>(parser) {
            if let Some(env) = env {
                self.secrets.push(EnvSecret { name, env, doc });
            }
        } else {
            self.parameters.push(Parameter {
                positional: arg.is_positional(),
                env,
                required: arg.is_required_set(),
                repeated: matches!(arg.get_action(), clap::ArgAction::Append)
                    || arg.get_num_args().is_some_and(|range| range.max_values() > 1),
                switch: matches!(arg.get_action(), clap::ArgAction::SetTrue),
                choices: arg
                    .get_possible_values()
                    .iter()
                    .map(|value| value.get_name().to_owned())
                    .filter(|_| !matches!(arg.get_action(), clap::ArgAction::SetTrue))
                    .collect(),
                process: arg.get_help_heading() == Some(PROCESS_HEADING),
                default: default.filter(|_| !matches!(arg.get_action(), clap::ArgAction::SetTrue)),
                name,
                doc,
            });
        }
    }
}

/// Whether a value parser yields `T`: clap keeps the type of the field.
fn is<T: 'static>(parser: &ValueParser) -> bool {
    parser.type_id() == TypeId::of::<T>()
}
