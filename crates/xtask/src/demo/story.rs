//! The story: a first model, drift, a better model, and what is refused.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::pipeline::{Candidate, Data, LAKE, MODEL, Pipeline};
use super::place::Place;
use super::processes::{Processes, wait};
use super::services::{Service, Services, environment};
use super::stage::{Ended, Expect, Stages};
use super::traffic::Drive;
use crate::lab::tools::tail;
use crate::lab::{self, Lab};
use crate::say;

pub(super) const WINTER: Data = Data {
    splits: [
        ("train", "flights/2013-0[1-3].parquet"),
        ("validation", "holdout/2013-0[1-3].parquet"),
        ("test", "flights/2013-04.parquet"),
    ],
    window_to: None,
    version: "flights-2013-q1",
};
const SPRING: Data = Data {
    splits: [
        ("train", "flights/2013-0[4-6].parquet"),
        ("validation", "holdout/2013-0[4-6].parquet"),
        ("test", "flights/2013-07.parquet"),
    ],
    window_to: Some("2013-07-01"),
    version: "flights-90d-to-2013-07-01",
};
/// Tells all four parts.
pub(crate) fn tell(lab: &Lab, bin: &Path, place: &Place, processes: &Processes, keep: bool) -> Result<()> {
    say::heading("Services and data");
    let start = Instant::now();
    let services = Services {
        lab,
        processes,
        home: &place.services(),
    };
    let (mut mlflow, mut s3) = (services.mlflow()?, services.s3("lake")?);
    s3.ready()?;
    let environment = environment(&mlflow, &s3);
    prepare(lab, place, processes, &environment)?;
    mlflow.ready()?;
    say::took(
        &format!("MLflow {} and S3 {} are up", mlflow.url(), s3.url()),
        start,
    );
    let story = Story {
        pipeline: Pipeline {
            stages: Stages {
                bin,
                out: &place.reports(),
                processes,
                environment,
            },
            services,
            example: lab::folder("workflows/examples/flight-delays"),
            models: place.models(),
        },
        place,
        processes,
    };
    let start = Instant::now();
    let First {
        champion,
        promoted,
        enrolled,
    } = story.first_model()?;
    story.drift(&enrolled)?;
    let challenger = story.better_model(&champion, &promoted)?;
    champion.stop(processes)?;
    story.refusals()?;
    say::took("the four parts", start);
    story.list_reports()?;
    if keep {
        say::line(&format!(
            "\nstill running: MLflow at {}, S3 at {}, the new champion at {}",
            mlflow.url(),
            s3.url(),
            challenger.url()
        ));
        say::line("`make demo-down` stops them.");
    }
    Ok(())
}

/// Runs the team's feature pipeline into the bucket.
fn prepare(lab: &Lab, place: &Place, processes: &Processes, environment: &[(String, String)]) -> Result<()> {
    let start = Instant::now();
    let log = place.services().join("logs/prepare.log");
    let mut command = Command::new(lab.python_bin.join("python"));
    command
        .arg(lab::folder("workflows/examples/flight-delays/prepare.py"))
        .arg(LAKE);
    let mut child = processes.start(
        "prepare.py",
        command.envs(environment.iter().map(|(k, v)| (k, v))),
        &log,
    )?;
    if !wait(&mut child, Duration::from_secs(180))
        .context("prepare.py")?
        .success()
    {
        bail!("prepare.py failed:\n{}", tail(&log));
    }
    say::took("the flights of 2013, prepared into the bucket", start);
    Ok(())
}

/// What the first part leaves for those after it.
struct First {
    /// The server of the model that was promoted.
    champion: Service,
    /// What `promote` left.
    promoted: Ended,
    /// What `enroll` left.
    enrolled: Ended,
}

/// The pipeline and what it stands on.
pub(super) struct Story<'a> {
    pub(super) pipeline: Pipeline<'a>,
    pub(super) place: &'a Place,
    pub(super) processes: &'a Processes,
}

impl Story<'_> {
    /// Part one. There is no champion yet: the gates say what becomes of a first model.
    fn first_model(&self) -> Result<First> {
        say::heading("1. A first model: January to March, judged on April");
        let round = "1-first-model";
        let p = &self.pipeline;
        let validated = p.validate(round, &WINTER, None)?;
        let trained = p.train(round, &validated, "manual", &WINTER)?;
        let mut candidate = p.candidate("version-1", validated, trained)?;
        candidate.server.ready()?;
        let evaluated = p.evaluate(round, &candidate, None, None)?;
        let registered = p.register(round, &candidate, &evaluated, None)?;
        let promoted = p.promote(round, &registered)?;
        // What serves from now on is what the registry calls champion, checked against its digest.
        let (_, mut champion) = p.serve("champion", &format!("models:/{MODEL}@champion"), None)?;
        let enrolled = p.enroll(round, &candidate, &promoted)?;
        candidate.server.stop(self.processes)?;
        champion.ready()?;
        Ok(First {
            champion,
            promoted,
            enrolled,
        })
    }

    /// Part two.
    fn drift(&self, enrolled: &Ended) -> Result<()> {
        say::heading("2. The traffic of July comes");
        let retrain = Expect {
            verdicts: &["RETRAIN"],
            exit: 0,
        };
        let check = self
            .pipeline
            .check_drift("2-drift/check", enrolled, "live/2013-07.parquet", &retrain)?;
        for moved in largest(&check, 5) {
            say::line(&format!("    {moved}"));
        }
        let event: Value = serde_json::from_slice(&std::fs::read(check.file("event.json"))?)?;
        let shown: String = event.to_string().chars().take(160).collect();
        say::line(&format!(
            "    would be posted: {shown}…\n    whole: {}",
            check.file("event.json")
        ));
        Ok(())
    }

    /// Part three.
    fn better_model(&self, champion: &Service, promoted: &Ended) -> Result<Service> {
        say::heading("3. A better model: the 90 days to July, against the champion on July");
        let round = "3-better-model";
        let p = &self.pipeline;
        let validated = p.validate(round, &SPRING, None)?;
        let trained = p.train(round, &validated, "drift", &SPRING)?;
        let mut challenger = p.candidate("version-2", validated, trained)?;
        challenger.server.ready()?;
        let evaluated = p.evaluate(round, &challenger, Some((champion, promoted)), None)?;
        let registered = p.register(round, &challenger, &evaluated, None)?;
        self.canary(round, champion, &challenger)?;
        let promoted = p.promote(round, &registered)?;
        let enrolled = p.enroll(round, &challenger, &promoted)?;
        let ok = Expect {
            verdicts: &["OK"],
            exit: 0,
        };
        p.check_drift(
            &format!("{round}/check-held-out"),
            &enrolled,
            SPRING.splits[1].1,
            &ok,
        )?;
        Ok(challenger.server)
    }

    /// The same rows to both, and a judgement on what they answered; the load is extended once, as it said it needs.
    fn canary(&self, round: &str, champion: &Service, challenger: &Candidate) -> Result<()> {
        let p = &self.pipeline;
        let load = |name: &str, drive: &Drive, expect: &Expect| {
            p.load(&format!("{round}/{name}"), champion, challenger, drive, expect)
        };
        let too_few = Expect {
            verdicts: &["INCONCLUSIVE"],
            exit: 3,
        };
        let held = Expect {
            verdicts: &["PASS"],
            exit: 0,
        };
        // A hundred requests to each cannot be enough, however well they are answered.
        let first = load(
            "load",
            &Drive {
                rate: 25,
                seconds: 4,
                seed: 1,
            },
            &too_few,
        )?;
        let judged = p.judge(&format!("{round}/judge"), &[&first], &too_few)?;
        let more = load(
            "load-more",
            &Drive {
                rate: MORE,
                seconds: seconds_of_load(&judged)?,
                seed: 2,
            },
            &held,
        )?;
        let promote = Expect {
            verdicts: &["PROMOTE"],
            exit: 0,
        };
        p.judge(&format!("{round}/judge-again"), &[&first, &more], &promote)?;
        Ok(())
    }

    fn list_reports(&self) -> Result<()> {
        say::heading("Reports");
        let mut folders = vec![self.place.reports()];
        let mut pages = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir()?.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if entry.file_name() == "report.html" {
                    pages.push(path);
                }
            }
        }
        pages.sort();
        for page in pages {
            say::line(&format!("  {}", page.display()));
        }
        Ok(())
    }
}

/// Requests a second to each model server, the second time.
const MORE: u32 = 50;

/// How long the load is driven again: as many requests as the judge asked for and half as many again, for what a
/// hundred requests say of the tail is rough; and no fewer than a latency gate needs to bound a 99th percentile.
fn seconds_of_load(judged: &Ended) -> Result<u32> {
    let plan = judged
        .report
        .checks
        .iter()
        .find(|check| check.id == "sample_size");
    let needed = plan
        .and_then(|check| check.details.get("needed_canary")?.as_u64())
        .context("the judge does not say how many requests it needs")?;
    let seconds = (needed * 3 / 2).div_ceil(u64::from(MORE));
    Ok(u32::try_from(seconds.clamp(14, 60))?)
}

/// The columns that moved most.
fn largest(check: &Ended, most: usize) -> Vec<String> {
    let checks = check.report.checks.iter();
    let mut moved: Vec<_> = checks
        .filter_map(|one| Some((one.observed.as_ref()?.number()?, one.target.column.as_ref()?)))
        .collect();
    moved.sort_by(|a, b| b.0.total_cmp(&a.0));
    moved
        .into_iter()
        .take(most)
        .map(|(value, column)| format!("PSI {value:>7.3}  {column}"))
        .collect()
}
