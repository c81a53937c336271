//! The stages that watch traffic: drift, load, canary.

use anyhow::Result;

use super::facts::{features, words};
use super::pipeline::{Candidate, LAKE, MODEL, Pipeline};
use super::services::Service;
use super::stage::{Ended, Expect};

/// How hard both model servers are driven.
pub(crate) struct Drive {
    /// Requests a second at each.
    pub(crate) rate: u32,
    /// For so long.
    pub(crate) seconds: u32,
    /// Which rows, and when.
    pub(crate) seed: u32,
}

impl Pipeline<'_> {
    /// `enroll-drift enroll`, on what the model was trained on.
    pub(crate) fn enroll(&self, round: &str, candidate: &Candidate, promoted: &Ended) -> Result<Ended> {
        let mut args = words(&["enroll", "--split", "train", "--config"]);
        args.push(self.config("drift.yaml"));
        args.extend(["--dataset".to_owned(), candidate.validated.file("dataset.json")]);
        args.extend(["--model-version".to_owned(), promoted.file("model-version.json")]);
        let name = format!("{round}/enroll");
        args.extend(self.out(
            &name,
            &[("--baseline", "baseline.json"), ("--manifest", "cron.yaml")],
        ));
        self.stages.run(
            &name,
            "enroll-drift",
            &args,
            &Expect {
                verdicts: &["ENROLLED"],
                exit: 0,
            },
        )
    }

    /// `enroll-drift check` of some traffic; nothing is posted from here.
    pub(crate) fn check_drift(
        &self,
        name: &str,
        enrolled: &Ended,
        data: &str,
        expect: &Expect,
    ) -> Result<Ended> {
        let mut args = words(&["check", "--dry-run", "--baseline"]);
        args.extend([
            enrolled.file("baseline.json"),
            "--config".to_owned(),
            self.config("drift.yaml"),
        ]);
        args.extend(["--data".to_owned(), format!("{LAKE}/{data}")]);
        args.extend(self.out(name, &[("--event", "event.json")]));
        self.stages.run(name, "enroll-drift", &args, expect)
    }

    /// `evaluate load` of champion and challenger at once.
    pub(crate) fn load(
        &self,
        name: &str,
        champion: &Service,
        challenger: &Candidate,
        drive: &Drive,
        expect: &Expect,
    ) -> Result<Ended> {
        let mut args = words(&["load", "--model", MODEL, "--p99-ms", "500"]);
        for (flag, value) in [
            ("--endpoint", format!("champion={}", champion.url())),
            ("--endpoint", format!("challenger={}", challenger.server.url())),
            ("--data", format!("{LAKE}/live/2013-07.parquet")),
            ("--feature-columns", features(&challenger.folder)?.join(",")),
            ("--rate", drive.rate.to_string()),
            ("--duration", format!("{}s", drive.seconds)),
            ("--seed", drive.seed.to_string()),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        args.extend(self.out(
            name,
            &[
                ("--record", "champion.parquet"),
                ("--record2", "challenger.parquet"),
            ],
        ));
        self.stages.run(name, "evaluate", &args, expect)
    }

    /// `kserve-canary judge`, on one or more loads as if they were one.
    pub(crate) fn judge(&self, name: &str, loads: &[&Ended], expect: &Expect) -> Result<Ended> {
        let mut args = words(&["judge", "--config"]);
        args.push(self.config("canary.yaml"));
        for load in loads {
            args.extend(["--champion".to_owned(), load.file("champion.parquet")]);
            args.extend(["--canary".to_owned(), load.file("challenger.parquet")]);
        }
        self.stages.run(name, "kserve-canary", &args, expect)
    }
}
