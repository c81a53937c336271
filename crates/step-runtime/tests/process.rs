//! A whole step process: this test starts itself as a step and looks at what comes out.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "a harness of its own, and a step that misbehaves when asked"
)]

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use step_contract::{CommandKind, CommandSpec, Exit, OutArtifact, OutParameter, StepSpec, VerdictSpec};
use step_runtime::{CommonArgs, Context, DecisionArgs, Finished, StepError};

static SPEC: StepSpec = StepSpec {
    name: "weigh",
    version: "1.2.3",
    summary: "Weighs things.",
    description: "",
    commands: &[
        CommandSpec {
            name: "check",
            kind: CommandKind::Decides,
            verdicts: &[
                VerdictSpec {
                    word: "PASS",
                    exit: Exit::Yes,
                    meaning: "light enough",
                },
                VerdictSpec {
                    word: "FAIL",
                    exit: Exit::No,
                    meaning: "too heavy",
                },
            ],
            rbac: &[],
            template: None,
        },
        CommandSpec {
            name: "list",
            kind: CommandKind::Prints,
            verdicts: &[],
            rbac: &[],
            template: None,
        },
    ],
    default_command: "check",
    configs: &[],
};

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Weighs.
    Check(Box<Check>),
    /// Lists.
    List,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// What to do: a verdict, or a way to end.
    #[arg(long)]
    how: String,
    /// An output.
    #[arg(long, default_value = "/out/weights.txt")]
    weights: OutArtifact,
    /// A value for the workflow.
    #[arg(long, default_value = "/out/heaviest")]
    heaviest: OutParameter,
    /// How much at most.
    #[arg(long)]
    most: Option<u32>,
    #[command(flatten)]
    decision: DecisionArgs,
    #[command(flatten)]
    common: CommonArgs,
}

async fn run(args: Args, cx: Context) -> Result<Finished, StepError> {
    let Sub::Check(check) = args.command else {
        return Ok(Finished::text("a\nb"));
    };
    _ = (check.decision.on_reject, &check.common.report, check.most);
    let mut report = cx.report();
    report.reason = "12 kg, at most 10 kg".to_owned();
    match check.how.as_str() {
        "usage" => Err(StepError::usage("suite.yaml:3: max is NaN")),
        "unavailable" => Err(StepError::unavailable("the scales do not answer")),
        "panic" => panic!("out of cheese"),
        "wait" => {
            // The signal handlers are in place before the step's future is first polled.
            eprintln!("on the scales");
            cx.cancel.cancelled().await;
            Err(StepError::terminated())
        }
        verdict => Ok(Finished::decision(verdict, report, cx.statement())
            .with_output(&check.weights, b"12\n".to_vec())
            .with_parameter(&check.heaviest, "12 kg")),
    }
}

const CHILD: &str = "WEIGH_CHILD";

fn main() -> ExitCode {
    if std::env::var_os(CHILD).is_some() {
        return step_runtime::main(&SPEC, run);
    }
    let tests: [(&str, fn(&Path)); 8] = [
        ("says one word and keeps everything", says_one_word),
        ("a no exits 3, or 0 when asked to report", a_no),
        ("an error leaves an ERROR report and nothing else", errors),
        ("arguments that cannot be read leave a report", bad_arguments),
        ("SIGTERM ends with 143 and no outputs", sigterm),
        ("an earlier verdict does not outlive a stopped run", stale),
        ("text goes to standard output", text),
        ("the contract is described", described),
    ];
    let chosen = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let mut passed = 0;
    for (name, test) in tests
        .into_iter()
        .filter(|(name, _)| chosen.as_ref().is_none_or(|word| name.contains(word)))
    {
        let folder = tempfile::tempdir().unwrap();
        test(folder.path());
        println!("test {name} ... ok");
        passed += 1;
    }
    println!("\ntest result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}

fn command(folder: &Path, how: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(CHILD, "1")
        .current_dir(folder)
        .arg("check")
        .arg(format!("--how={how}"));
    for (flag, file) in [
        ("weights", "weights.txt"),
        ("heaviest", "values/heaviest"),
        ("report", "report.json"),
        ("report-md", "report.md"),
        ("report-html", "report.html"),
        ("report-junit", "junit.xml"),
        ("statement", "statement.json"),
        ("verdict", "verdict"),
        ("termination-log", "termination-log"),
    ] {
        command.arg(format!("--{flag}={file}"));
    }
    std::fs::write(folder.join("termination-log"), "").unwrap();
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn report(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn says_one_word(folder: &Path) {
    let output = command(folder, "PASS").output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(stdout(&output), "PASS\n");
    assert_eq!(read(folder, "verdict"), "PASS");
    assert_eq!(read(folder, "weights.txt"), "12\n");
    assert_eq!(read(folder, "values/heaviest"), "12 kg");
    assert_eq!(read(folder, "termination-log"), "PASS: 12 kg, at most 10 kg");
    let report = report(folder);
    assert_eq!(report["verdict"], "PASS");
    assert_eq!(report["step"], "weigh");
    let statement: serde_json::Value = serde_json::from_str(&read(folder, "statement.json")).unwrap();
    let subjects = statement["subject"].as_array().unwrap();
    let weights = subjects
        .iter()
        .find(|subject| subject["name"] == "weights.txt")
        .unwrap();
    assert_eq!(weights["digest"]["sha256"], sha256sum(folder, "weights.txt"));
    assert!(subjects.iter().any(|subject| subject["name"] == "report.json"));
    for file in ["report.md", "report.html", "junit.xml"] {
        assert!(read(folder, file).contains("weigh"), "{file}");
    }
}

/// The digest by another program.
fn sha256sum(folder: &Path, file: &str) -> String {
    let output = Command::new("sha256sum").arg(folder.join(file)).output().unwrap();
    stdout(&output).split_whitespace().next().unwrap().to_owned()
}

fn a_no(folder: &Path) {
    let output = command(folder, "FAIL").output().unwrap();
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(3), "FAIL\n")
    );
    assert_eq!(report(folder)["verdict"], "FAIL");
    let output = command(folder, "FAIL")
        .arg("--on-reject=report")
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "FAIL\n")
    );
    assert_eq!(read(folder, "verdict"), "FAIL");
    // A word that is not in the contract is a bug, not a verdict.
    let output = command(folder, "MAYBE").output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
}

fn errors(folder: &Path) {
    for (how, code, word) in [
        ("usage", 2, "suite.yaml:3: max is NaN"),
        ("unavailable", 4, "the scales"),
        ("panic", 1, "panicked"),
    ] {
        let output = command(folder, how).output().unwrap();
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(code), ""),
            "{how}"
        );
        let report = report(folder);
        assert_eq!(report["verdict"], "ERROR");
        assert!(report["reason"].as_str().unwrap().contains(word), "{report}");
        assert!(read(folder, "termination-log").contains(word));
        for file in ["weights.txt", "values/heaviest", "statement.json"] {
            assert!(!folder.join(file).exists(), "{how}: {file}");
        }
    }
}

fn bad_arguments(folder: &Path) {
    let output = command(folder, "PASS").arg("--bogus=1").output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    assert!(
        report(folder)["reason"].as_str().unwrap().contains("--bogus"),
        "{}",
        report(folder)
    );
    // The report stands alone: it does not send its reader to the help.
    let output = command(folder, "PASS").arg("--most=much").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        report(folder)["reason"],
        "invalid value 'much' for '--most <MOST>': invalid digit found in string"
    );
}

/// Starts the step, sends SIGTERM once it says that it is under way, and waits.
fn stopped(folder: &Path, how: &str) -> (Option<i32>, Duration) {
    let mut child = command(folder, how)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("on the scales")),
        "the step never said that it is under way"
    );
    let sent = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let code = child.wait().unwrap().code();
    (code, sent.elapsed())
}

fn sigterm(folder: &Path) {
    let (code, took) = stopped(folder, "wait");
    assert_eq!(code, Some(143));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!folder.join("weights.txt").exists() && !folder.join("report.json").exists());
}

fn stale(folder: &Path) {
    assert!(command(folder, "PASS").output().unwrap().status.success());
    assert!(folder.join("report.json").exists());
    let (code, _) = stopped(folder, "wait");
    assert_eq!(code, Some(143));
    for file in [
        "report.json",
        "report.md",
        "verdict",
        "statement.json",
        "values/heaviest",
        "weights.txt",
    ] {
        assert!(!folder.join(file).exists(), "{file}");
    }
    assert!(command(folder, "PASS").output().unwrap().status.success());
    assert_eq!(
        command(folder, "PASS")
            .arg("--bogus")
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
    assert_eq!(report(folder)["verdict"], "ERROR");
    for file in ["verdict", "statement.json", "values/heaviest", "weights.txt"] {
        assert!(!folder.join(file).exists(), "{file}");
    }
    // A file that the environment names is as much an output as one that a flag names.
    std::fs::write(folder.join("of-env.txt"), "7").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .env("WEIGH_WEIGHTS", "of-env.txt")
        .current_dir(folder)
        .args(["check", "--bogus", "--report=report.json"])
        .output();
    assert_eq!(output.unwrap().status.code(), Some(2));
    assert!(!folder.join("of-env.txt").exists());
}

fn text(folder: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .current_dir(folder)
        .arg("list")
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "a\nb\n")
    );
}

fn described(folder: &Path) {
    let describe_at = |args: &[&str]| {
        let output = Command::new(std::env::current_exe().unwrap())
            .env(CHILD, "1")
            .current_dir(folder)
            .args(args)
            .output()
            .unwrap();
        (output.status.code(), stdout(&output))
    };
    let describe = |form: &str| describe_at(&["--describe", form]);
    let (code, json) = describe("json");
    let contract: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &contract["step"]), (Some(0), &"weigh".into()));
    assert_eq!(contract["commands"][0]["verdicts"][1]["exit"], "no");
    assert_eq!(describe("nonsense").0, Some(2));
    assert!(describe("markdown").1.contains("| `FAIL` | 3 | too heavy. |"));
    assert_eq!(describe_at(&["check", "--describe", "json"]), (Some(0), json));
    assert_eq!(describe_at(&["check", "--how=PASS", "--describe"]).0, Some(2));
}
