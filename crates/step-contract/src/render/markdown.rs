//! The reference page of a step.

use std::fmt::Write as _;

use crate::contract::{Artifact, Command, Parameter};
use crate::{CommandKind, Contract};

pub(crate) fn render(contract: &Contract) -> String {
    let mut page = String::new();
    let step = contract.step;
    // Writing into a String cannot fail: the results are dropped on purpose.
    _ = writeln!(
        page,
        "<!-- Generated from the contract of `{step}` by `make generate`; do not edit. -->"
    );
    _ = writeln!(page, "# {step}\n\n{}\n", contract.summary);
    if !contract.description.is_empty() {
        _ = writeln!(page, "{}\n", contract.description.trim());
    }
    _ = writeln!(
        page,
        "Without a sub-command, `{step}` means `{step} {}`.\n",
        contract.default_command
    );
    for command in &contract.commands {
        section(&mut page, step, command);
    }
    exits(&mut page, contract);
    if !contract.configs.is_empty() {
        _ = writeln!(page, "## Configuration files\n");
        for config in &contract.configs {
            _ = writeln!(
                page,
                "- `--{}`: {} ([JSON Schema](../schemas/{}.schema.json))",
                config.flag, config.summary, config.name
            );
        }
        _ = writeln!(page);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn section(page: &mut String, step: &str, command: &Command) {
    _ = writeln!(
        page,
        "## `{step} {}`\n\n{}\n",
        command.name,
        command.description.trim()
    );
    _ = match command.kind {
        CommandKind::Decides => writeln!(page, "Standard output: the verdict, one word.\n"),
        CommandKind::Prints => writeln!(page, "Standard output: text.\n"),
    };
    if !command.verdicts.is_empty() {
        _ = writeln!(page, "| verdict | exit | when |\n|---|---|---|");
        for verdict in &command.verdicts {
            _ = writeln!(
                page,
                "| `{}` | {} | {} |",
                verdict.word,
                verdict.exit.code(),
                cell(verdict.meaning)
            );
        }
        _ = writeln!(page);
    }
    artifacts(page, "Reads", &command.inputs);
    artifacts(page, "Writes", &command.outputs);
    if !command.output_parameters.is_empty() {
        _ = writeln!(
            page,
            "**Output parameters**\n\n| flag | default | |\n|---|---|---|"
        );
        for parameter in &command.output_parameters {
            _ = writeln!(
                page,
                "| `--{}` | `{}` | {} |",
                parameter.name,
                parameter.path,
                cell(&parameter.doc)
            );
        }
        _ = writeln!(page);
    }
    let (process, own): (Vec<_>, Vec<_>) = command.parameters.iter().partition(|parameter| parameter.process);
    parameters(page, "Parameters", &own);
    parameters(page, "Process", &process);
    if !command.secrets.is_empty() {
        _ = writeln!(
            page,
            "**Secrets** (from the environment only)\n\n| variable | |\n|---|---|"
        );
        for secret in &command.secrets {
            _ = writeln!(page, "| `{}` | {} |", secret.env, cell(&secret.doc));
        }
        _ = writeln!(page);
    }
    if !command.rbac.is_empty() {
        _ = writeln!(
            page,
            "**Rights**\n\n| API group | resources | verbs |\n|---|---|---|"
        );
        for rule in &command.rbac {
            let group = if rule.api_group.is_empty() {
                "core"
            } else {
                rule.api_group
            };
            _ = writeln!(
                page,
                "| {group} | {} | {} |",
                rule.resources.join(", "),
                rule.verbs.join(", ")
            );
        }
        _ = writeln!(page);
    }
}

fn artifacts(page: &mut String, title: &str, artifacts: &[Artifact]) {
    if artifacts.is_empty() {
        return;
    }
    _ = writeln!(
        page,
        "**{title}**\n\n| flag | in a template | environment | |\n|---|---|---|---|"
    );
    for artifact in artifacts {
        let optional = if artifact.optional { "" } else { "Required. " };
        _ = writeln!(
            page,
            "| `--{}` | `{}` | {} | {}{} |",
            artifact.name,
            artifact.path,
            code(artifact.env.as_deref()),
            optional,
            cell(&artifact.doc)
        );
    }
    _ = writeln!(page);
}

fn parameters(page: &mut String, title: &str, parameters: &[&Parameter]) {
    if parameters.is_empty() {
        return;
    }
    _ = writeln!(
        page,
        "**{title}**\n\n| flag | default | environment | |\n|---|---|---|---|"
    );
    for parameter in parameters {
        let name = if parameter.positional {
            format!("`{}`", parameter.name.to_uppercase())
        } else {
            format!("`--{}`", parameter.name)
        };
        let default = match &parameter.default {
            Some(default) => format!("`{default}`"),
            None if parameter.required => "required".to_owned(),
            None => String::new(),
        };
        let mut doc = cell(&parameter.doc);
        if !parameter.choices.is_empty() {
            let choices: Vec<_> = parameter
                .choices
                .iter()
                .map(|choice| format!("`{choice}`"))
                .collect();
            _ = write!(doc, " One of {}.", choices.join(", "));
        }
        if parameter.repeated {
            doc.push_str(" May be repeated; in one value, one a line.");
        }
        _ = writeln!(
            page,
            "| {name} | {default} | {} | {doc} |",
            code(parameter.env.as_deref())
        );
    }
    _ = writeln!(page);
}

fn exits(page: &mut String, contract: &Contract) {
    _ = writeln!(
        page,
        "## Exit codes\n\n| code | meaning | tried again by the template |\n|---|---|---|"
    );
    for exit in &contract.exits {
        let retried = if exit.retried { "yes" } else { "no" };
        _ = writeln!(page, "| {} | {} | {retried} |", exit.code, cell(exit.meaning));
    }
    _ = writeln!(page);
}

fn code(text: Option<&str>) -> String {
    text.map(|text| format!("`{text}`")).unwrap_or_default()
}

/// Text that fits a table cell.
fn cell(text: &str) -> String {
    let mut text = text.replace('\n', " ").replace('|', "\\|");
    if !text.is_empty() && !text.ends_with(['.', ')', ':', '?']) {
        text.push('.');
    }
    text
}
