//! From the raw arguments of a container to what clap reads.
//!
//! An Argo template passes every parameter as `--flag={{…}}` and has no shell to leave one out. So an
//! empty value means "not given", a switch may say `=true` or `=false`, and an optional artifact that
//! Argo did not place is not there.

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use step_contract::{InArtifact, OutArtifact, OutParameter, Secret, StepSpec};

/// Attaches `<STEP>_<FLAG>` to every flag that names no variable of its own, and the flags of the process.
pub(crate) fn prepare(command: Command, spec: &StepSpec) -> Command {
    let prefix = spec.name.replace('-', "_").to_uppercase();
    let command = <crate::ProcessArgs as clap::Args>::augment_args(command)
        .name(spec.name)
        .bin_name(spec.name)
        .version(spec.version)
        .about(spec.summary)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "A sub-command comes first; without one, `{}` is meant. `--describe json|template|rbac|markdown` prints the contract.",
            spec.default_command
        ));
    with_env(command, &prefix)
}

fn with_env(command: Command, prefix: &str) -> Command {
    let command = command.mut_args(|arg| {
        let Some(long) = arg.get_long() else { return arg };
        if matches!(arg.get_id().as_str(), "help" | "version") {
            return arg;
        }
        let name = match arg.get_env() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => format!("{prefix}_{}", long.replace('-', "_").to_uppercase()),
        };
        // An empty variable is what a template leaves when a value is not set.
        let empty = std::env::var_os(&name).is_some_and(|value| value.is_empty());
        let arg = if empty {
            arg.env(clap::builder::Resettable::Reset)
        } else {
            arg.env(name)
        };
        arg.hide_env_values(true)
    });
    command.mut_subcommands(|sub| with_env(sub, prefix))
}

/// The arguments as clap shall see them: the default sub-command put in, empty values taken out.
///
/// A sub-command is meant only where it comes first: further back the same word may be a value (`--model gate`).
pub(crate) fn normalise(raw: Vec<OsString>, command: &Command, spec: &StepSpec) -> Vec<OsString> {
    let mut args = raw.into_iter();
    let mut out: Vec<OsString> = args.next().into_iter().collect();
    let mut rest = args.peekable();
    let first = rest.peek().and_then(|arg| arg.to_str()).unwrap_or_default();
    let asks_top = matches!(first, "-h" | "--help" | "-V" | "--version");
    // A word that is no sub-command is left for clap, which names the nearest one.
    let word = !first.is_empty() && !first.starts_with('-');
    let leaf = if word || asks_top {
        command.find_subcommand(first).unwrap_or(command)
    } else {
        out.push(spec.default_command.into());
        command.find_subcommand(spec.default_command).unwrap_or(command)
    };
    let known = |flag: &str| find(leaf, flag).or_else(|| find(command, flag));
    while let Some(arg) = rest.next() {
        let Some(text) = arg.to_str() else {
            out.push(arg);
            continue;
        };
        if text == "--" {
            out.push(arg);
            out.extend(rest);
            break;
        }
        let Some(flag) = text.strip_prefix("--") else {
            out.extend(given(text).map(OsString::from));
            continue;
        };
        if let Some((flag, value)) = flag.split_once('=') {
            match known(flag) {
                Some(known) => out.extend(joined(known, flag, value)),
                None => out.push(arg),
            }
            continue;
        }
        match known(flag).filter(|known| known.get_action().takes_values()) {
            // A word of another command line. It stays as it is, and on its flag: nobody takes it for a flag of ours.
            Some(known) if known.is_allow_hyphen_values_set() => {
                let mut joined = arg;
                if let Some(value) = rest.next() {
                    joined.push("=");
                    joined.push(value);
                }
                out.push(joined);
            }
            Some(_) if rest.peek().is_some_and(|value| value.is_empty()) => drop(rest.next()),
            _ => out.push(arg),
        }
    }
    out
}

/// A value without the line break that a file in a template leaves; nothing when it is empty.
fn given(value: &str) -> Option<&str> {
    Some(value.trim_end_matches(['\n', '\r'])).filter(|value| !value.is_empty())
}

/// The flags of a sub-command that were given, as `--flag=value`: not the defaults, no secret, no output.
pub(crate) fn flags_given(command: &Command, matches: &ArgMatches) -> Vec<String> {
    use std::any::TypeId;
    let left_out = [
        TypeId::of::<Secret>(),
        TypeId::of::<OutArtifact>(),
        TypeId::of::<OutParameter>(),
    ];
    let mut flags = Vec::new();
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let by_hand = matches!(
            matches
                .try_contains_id(id)
                .ok()
                .and_then(|_| matches.value_source(id)),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        );
        let kind = arg.get_value_parser().type_id();
        let (Some(long), true, false) = (
            arg.get_long(),
            by_hand,
            left_out.iter().any(|left_out| kind == *left_out),
        ) else {
            continue;
        };
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            flags.extend(matches.get_flag(id).then(|| format!("--{long}")));
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten();
        flags.extend(values.map(|value| format!("--{long}={}", value.to_string_lossy())));
    }
    flags
}

/// `--flag=value` as clap shall see it, if at all.
fn joined(known: &Arg, flag: &str, value: &str) -> Option<OsString> {
    let value = given(value)?;
    if matches!(known.get_action(), ArgAction::SetTrue) {
        match value {
            "true" => return Some(format!("--{flag}").into()),
            "false" => return None,
            _ => {}
        }
    }
    (!is_absent_artifact(known, value)).then(|| format!("--{flag}={value}").into())
}

fn find<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(flag))
}

/// An optional artifact that Argo was not given is not placed, and a template still names its path.
fn is_absent_artifact(arg: &Arg, value: &str) -> bool {
    let placed = value.starts_with("/in/") || value.starts_with("/config/");
    let optional = !arg.is_required_set() && arg.get_default_values().is_empty();
    placed
        && optional
        && arg.get_value_parser().type_id() == std::any::TypeId::of::<InArtifact>()
        && !Path::new(value).exists()
}

/// The value of a flag in arguments that clap could not read.
pub(crate) fn raw_value(args: &[OsString], flag: &str) -> Option<String> {
    let mut texts = args.iter().filter_map(|arg| arg.to_str());
    while let Some(text) = texts.next() {
        let Some(rest) = text.strip_prefix("--").and_then(|text| text.strip_prefix(flag)) else {
            continue;
        };
        if let Some(value) = rest.strip_prefix('=') {
            return Some(value.to_owned());
        }
        if rest.is_empty() {
            return texts.next().map(ToOwned::to_owned);
        }
    }
    None
}

/// Where the report goes when the arguments cannot be read: as written, or the default.
pub(crate) fn report_location(args: &[OsString], spec: &StepSpec) -> String {
    if let Some(value) = raw_value(args, "report") {
        return value;
    }
    let variable = format!("{}_REPORT", spec.name.replace('-', "_").to_uppercase());
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| "/out/report.json".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use step_contract::{CommandKind, CommandSpec};

    static SPEC: StepSpec = StepSpec {
        name: "weigh",
        version: "1.0.0",
        summary: "Weighs.",
        description: "",
        commands: &[CommandSpec {
            name: "check",
            kind: CommandKind::Decides,
            verdicts: &[],
            rbac: &[],
            template: None,
        }],
        default_command: "check",
        configs: &[],
    };

    fn command() -> Command {
        let check = Command::new("check")
            .arg(Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue))
            .arg(Arg::new("model").long("model"))
            .arg(
                Arg::new("command")
                    .long("command")
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true),
            )
            .arg(
                Arg::new("champion")
                    .long("champion")
                    .value_parser(clap::value_parser!(InArtifact)),
            );
        prepare(Command::new("weigh").subcommand(check), &SPEC)
    }

    fn normal(args: &[&str]) -> Vec<String> {
        let raw = std::iter::once("weigh")
            .chain(args.iter().copied())
            .map(OsString::from)
            .collect();
        let out = normalise(raw, &command(), &SPEC);
        out.into_iter()
            .skip(1)
            .map(|arg| arg.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_default_sub_command_is_put_in() {
        assert_eq!(normal(&["--model=a"]), ["check", "--model=a"]);
        assert_eq!(normal(&["check", "--model", "a"]), ["check", "--model", "a"]);
        assert_eq!(normal(&["--help"]), ["--help"]);
        assert_eq!(normal(&["chekc"]), ["chekc"]);
    }

    #[test]
    fn a_template_can_leave_a_value_out() {
        assert_eq!(
            normal(&[
                "check",
                "--model=",
                "--dry-run=false",
                "--champion=/in/none.parquet"
            ]),
            ["check"]
        );
        assert_eq!(
            normal(&["check", "--model=a\n", "--dry-run=true"]),
            ["check", "--model=a", "--dry-run"]
        );
        assert_eq!(
            normal(&["check", "--champion=here.parquet"]),
            ["check", "--champion=here.parquet"]
        );
    }

    #[test]
    fn a_value_is_no_sub_command() {
        assert_eq!(normal(&["--model", "check"]), ["check", "--model", "check"]);
        assert_eq!(
            normal(&["check", "--model", "check"]),
            ["check", "--model", "check"]
        );
        assert_eq!(normal(&["--model", "", "--dry-run"]), ["check", "--dry-run"]);
    }

    #[test]
    fn what_is_meant_for_another_command_stays_as_it_is() {
        assert_eq!(
            normal(&[
                "--command",
                "train",
                "--command",
                "--gpu=",
                "--command",
                "--model="
            ]),
            [
                "check",
                "--command=train",
                "--command=--gpu=",
                "--command=--model="
            ]
        );
        assert_eq!(
            normal(&[
                "--command",
                "check",
                "--command",
                "",
                "--command",
                "--dry-run=false"
            ]),
            [
                "check",
                "--command=check",
                "--command=",
                "--command=--dry-run=false"
            ]
        );
        assert_eq!(
            normal(&[
                "--command",
                "--report",
                "--command",
                "x\n",
                "--model=a",
                "--",
                "--model="
            ]),
            [
                "check",
                "--command=--report",
                "--command=x\n",
                "--model=a",
                "--",
                "--model="
            ]
        );
        // In one value, as a template passes it: empty is not given.
        assert_eq!(normal(&["check", "--command="]), ["check"]);
        // Nothing of it is taken for a place of ours when the arguments cannot be read.
        let args = normal(&["--command", "--report=theirs.json", "--bogus"])
            .into_iter()
            .map(OsString::from);
        assert_eq!(raw_value(&args.collect::<Vec<_>>(), "report"), None);
    }

    #[test]
    fn every_flag_has_its_variable() {
        let command = command();
        let check = command.find_subcommand("check").unwrap();
        let model = check.get_arguments().find(|arg| arg.get_id() == "model").unwrap();
        assert_eq!(model.get_env().unwrap(), "WEIGH_MODEL");
    }

    #[test]
    fn the_report_is_found_in_arguments_that_cannot_be_read() {
        let args = ["weigh", "--bogus", "--report", "r.json"].map(OsString::from);
        assert_eq!(report_location(&args, &SPEC), "r.json");
        assert_eq!(
            report_location(&["weigh".into(), "--report=s3://b/r.json".into()], &SPEC),
            "s3://b/r.json"
        );
        assert_eq!(report_location(&["weigh".into()], &SPEC), "/out/report.json");
    }
}
