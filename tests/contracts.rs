//! Every step keeps the contract that DESIGN and ARCHITECTURE promise.

use std::collections::BTreeSet;

use step_contract::{CommandKind, Exit};
use toolkit_tests::steps;

#[test]
fn clap_and_the_spec_name_the_same_sub_commands() {
    for step in steps() {
        let clap: BTreeSet<_> = step
            .command
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .collect();
        let spec: BTreeSet<_> = step
            .spec
            .commands
            .iter()
            .map(|command| command.name.to_owned())
            .collect();
        assert_eq!(clap, spec, "{}", step.spec.name);
        assert!(spec.contains(step.spec.default_command), "{}", step.spec.name);
    }
}

#[test]
fn one_name_everywhere() {
    let root = toolkit_tests::root();
    for step in steps() {
        let name = step.spec.name;
        assert!(
            root.join("steps").join(name).join("Cargo.toml").is_file(),
            "{name}"
        );
        for generated in [
            format!("workflows/steps/{name}.yaml"),
            format!("kustomize/base/rbac/{name}.yaml"),
            format!("docs/reference/{name}.md"),
        ] {
            assert!(root.join(&generated).is_file(), "{generated}");
        }
        assert_eq!(step.command.get_name(), name);
    }
}

/// Argo counts `maxDuration` from the start of the first attempt and makes it the deadline of the next: a step that worked
/// for longer would never be tried again.
#[test]
fn a_retry_is_bounded_by_number_and_not_by_the_time_of_work() {
    for step in steps() {
        let file = format!("workflows/steps/{}.yaml", step.spec.name);
        let template = std::fs::read_to_string(toolkit_tests::root().join(&file)).unwrap();
        assert!(
            template.contains("retryStrategy:") && template.contains("cap: 10m"),
            "{file}"
        );
        assert!(!template.contains("maxDuration"), "{file}");
    }
}

#[test]
fn every_flag_is_documented_and_has_a_variable() {
    for step in steps() {
        let prefix = step.spec.name.replace('-', "_").to_uppercase();
        for sub in step.command.get_subcommands() {
            assert!(sub.get_about().is_some(), "{} {}", step.spec.name, sub.get_name());
            for arg in sub.get_arguments() {
                let id = arg.get_id().as_str();
                if matches!(id, "help" | "version") {
                    continue;
                }
                let place = format!("{} {} {id}", step.spec.name, sub.get_name());
                assert!(arg.get_help().is_some(), "{place} has no help");
                if arg.is_positional() {
                    continue;
                }
                let env = arg
                    .get_env()
                    .unwrap_or_else(|| panic!("{place} has no variable"))
                    .to_string_lossy();
                let standard = [
                    "MLFLOW_",
                    "AWS_",
                    "GITHUB_",
                    "SLACK_",
                    "LOG_",
                    "ARGO_",
                    // Kubernetes gives it to the pods of an Indexed Job.
                    "JOB_COMPLETION_INDEX",
                    "CA_FILE",
                    &prefix,
                ];
                assert!(
                    standard.iter().any(|known| env.starts_with(known)),
                    "{place}: {env}"
                );
                let long = arg.get_long().unwrap();
                assert!(
                    long.chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn what_decides_leaves_a_report_a_statement_and_a_verdict() {
    for step in steps() {
        for command in step
            .contract
            .commands
            .iter()
            .filter(|command| command.kind == CommandKind::Decides)
        {
            let place = format!("{} {}", step.spec.name, command.name);
            let outputs: BTreeSet<_> = command
                .outputs
                .iter()
                .map(|output| output.name.as_str())
                .collect();
            for name in ["report", "report-md", "report-html", "report-junit", "statement"] {
                assert!(outputs.contains(name), "{place} lacks --{name}");
            }
            assert!(
                command
                    .output_parameters
                    .iter()
                    .any(|parameter| parameter.name == "verdict"),
                "{place}"
            );
            assert!(!command.verdicts.is_empty(), "{place}");
            for verdict in &command.verdicts {
                assert!(
                    matches!(verdict.exit, Exit::Yes | Exit::No),
                    "{place}: {}",
                    verdict.word
                );
                let shape = verdict.word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                assert!(shape && !verdict.meaning.is_empty(), "{place}: {}", verdict.word);
            }
            let may_refuse = command.verdicts.iter().any(|verdict| verdict.exit == Exit::No);
            let on_reject = command
                .parameters
                .iter()
                .any(|parameter| parameter.name == "on-reject");
            assert!(
                !may_refuse || on_reject,
                "{place} may say no and has no --on-reject"
            );
        }
    }
}

#[test]
fn verdicts_and_exits_are_those_of_the_design() {
    let table: &[(&str, &str, &[&str], &[&str])] = &[
        ("data-validate", "check", &["PASS", "WARN"], &["FAIL"]),
        ("train-launch", "run", &["TRAINED"], &["FAILED"]),
        ("evaluate", "gate", &["PASS", "WARN"], &["FAIL"]),
        ("evaluate", "load", &["PASS"], &["FAIL", "INCONCLUSIVE"]),
        ("mlflow-register", "register", &["REGISTERED"], &["REFUSED"]),
        (
            "kserve-canary",
            "judge",
            &["PROMOTE"],
            &["INCONCLUSIVE", "ROLLBACK"],
        ),
        (
            "enroll-drift",
            "check",
            &["ALERT", "DATA_QUALITY", "INSUFFICIENT", "OK", "RETRAIN"],
            &[],
        ),
    ];
    let steps = steps();
    for (name, command, yes, no) in table {
        let step = steps.iter().find(|step| step.spec.name == *name).unwrap();
        let known = step
            .contract
            .commands
            .iter()
            .find(|known| known.name == *command)
            .unwrap();
        let words = |exit: Exit| -> BTreeSet<&str> {
            known
                .verdicts
                .iter()
                .filter(|verdict| verdict.exit == exit)
                .map(|verdict| verdict.word)
                .collect()
        };
        let yes: BTreeSet<_> = yes.iter().copied().collect();
        assert!(
            words(Exit::Yes).is_superset(&yes),
            "{name} {command}: {:?}",
            words(Exit::Yes)
        );
        assert_eq!(words(Exit::No), no.iter().copied().collect(), "{name} {command}");
    }
}

#[test]
fn no_secret_is_a_parameter() {
    for step in steps() {
        for command in &step.contract.commands {
            for parameter in &command.parameters {
                let name = &parameter.name;
                let secret = ["token", "password", "secret"]
                    .iter()
                    .any(|word| name.ends_with(word));
                // The name of a Kubernetes Secret is no secret.
                let secret = secret && !name.ends_with("-from-secret") && !name.ends_with("-pull-secret");
                assert!(
                    !secret,
                    "{} {} --{name} must be of type Secret",
                    step.spec.name, command.name
                );
            }
        }
    }
}

/// Where a server is named, so are the credentials for it: in a Secret, which the template mounts.
#[test]
fn who_talks_to_mlflow_takes_its_credentials_from_a_secret() {
    let mut found = 0;
    for step in steps() {
        for command in &step.contract.commands {
            let names_server = |env: &Option<String>| env.as_deref() == Some("MLFLOW_TRACKING_URI");
            if !command
                .parameters
                .iter()
                .any(|parameter| names_server(&parameter.env))
            {
                continue;
            }
            let secrets: BTreeSet<_> = command.secrets.iter().map(|secret| secret.env.as_str()).collect();
            for needed in ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"] {
                assert!(
                    secrets.contains(needed),
                    "{} {}: {needed}",
                    step.spec.name,
                    command.name
                );
            }
            found += 1;
        }
    }
    assert!(
        found >= 5,
        "train-launch and the four of mlflow-register, and not {found}"
    );
}
