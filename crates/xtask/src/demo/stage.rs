//! One stage: a real step binary, run to its end, with the verdict that the story expects.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use step_report::Report;

use super::processes::{Processes, wait};
use crate::lab::tools::tail;
use crate::say;

/// No stage of the demo takes a fraction of this.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs steps as a workflow would, and keeps what they leave.
pub(crate) struct Stages<'a> {
    /// The folder of the step binaries.
    pub(crate) bin: &'a Path,
    /// Where each stage gets a folder of its own.
    pub(crate) out: &'a Path,
    /// Keeps the processes.
    pub(crate) processes: &'a Processes,
    /// Where the services are.
    pub(crate) environment: Vec<(String, String)>,
}

/// What a stage is expected to say.
pub(crate) struct Expect {
    /// Any of these words.
    pub(crate) verdicts: &'static [&'static str],
    /// This exit code.
    pub(crate) exit: i32,
}

/// A stage that ended as expected.
pub(crate) struct Ended {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Its report.
    pub(crate) report: Report,
}

impl Stages<'_> {
    /// Runs `step command` with its reports in the folder `name`, and prints its line.
    pub(crate) fn run(&self, name: &str, step: &str, args: &[String], expect: &Expect) -> Result<Ended> {
        let start = Instant::now();
        let folder = self.out.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let at = |file: &str| folder.join(file).display().to_string();
        let (log, word) = (folder.join("step.log"), folder.join("stdout"));
        let mut command = Command::new(self.bin.join(step));
        command
            .args(args)
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        for (flag, file) in [
            ("--report", "report.json"),
            ("--report-md", "report.md"),
            ("--report-html", "report.html"),
            ("--report-junit", "report.junit.xml"),
            ("--statement", "statement.json"),
            ("--verdict", "verdict"),
            ("--termination-log", "termination.log"),
        ] {
            command.arg(flag).arg(at(file));
        }
        command
            .stdout(File::create(&word)?)
            .stderr(Stdio::from(File::create(&log)?));
        let status = self
            .processes
            .start_with(name, &mut command)
            .and_then(|mut child| wait(&mut child, LIMIT))
            .with_context(|| format!("stage {name}"))?;
        let verdict = std::fs::read_to_string(&word)?.trim().to_owned();
        let read = || -> Result<Report> {
            Ok(serde_json::from_slice(&std::fs::read(
                folder.join("report.json"),
            )?)?)
        };
        let report = read()
            .with_context(|| format!("stage {name} left no report; its last lines:\n{}", tail(&log)))?;
        say::line(&format!(
            "  {name:<34} {} {:>5.1} s  {}",
            say::bold(&format!(
                "{:<13}",
                if verdict.is_empty() { "-" } else { &verdict }
            )),
            start.elapsed().as_secs_f64(),
            in_short(&report.reason),
        ));
        if status.code() != Some(expect.exit) || !expect.verdicts.contains(&verdict.as_str()) {
            bail!(
                "stage {name}: expected {} with exit {}, got `{verdict}` with {status}; see {}\n{}",
                expect.verdicts.join(" or "),
                expect.exit,
                folder.display(),
                tail(&log),
            );
        }
        Ok(Ended { folder, report })
    }
}

impl Stages<'_> {
    /// Runs a sub-command that makes something and decides nothing.
    pub(crate) fn print(&self, name: &str, step: &str, args: &[String]) -> Result<()> {
        let start = Instant::now();
        let log = self.out.join(format!("{}.log", name.replace(' ', "-")));
        std::fs::create_dir_all(self.out)?;
        let mut command = Command::new(self.bin.join(step));
        command
            .args(args)
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        let status = self
            .processes
            .start(name, &mut command, &log)
            .and_then(|mut child| wait(&mut child, LIMIT))
            .with_context(|| format!("stage {name}"))?;
        if !status.success() {
            bail!("stage {name}: {status}; its last lines:\n{}", tail(&log));
        }
        say::line(&format!(
            "  {name:<34} {:<13} {:>5.1} s",
            "",
            start.elapsed().as_secs_f64()
        ));
        Ok(())
    }
}

impl Ended {
    /// A file that the stage left.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// The beginning of a reason: the whole is in the report.
fn in_short(reason: &str) -> String {
    const MOST: usize = 110;
    if reason.chars().count() <= MOST {
        return reason.to_owned();
    }
    let start: String = reason.chars().take(MOST).collect();
    let whole_words = start.rsplit_once(' ').map_or(start.as_str(), |(words, _)| words);
    format!("{whole_words} …")
}
