//! Part four: what is refused, and the proof that nothing came after it.

use anyhow::{Result, bail};

use super::pipeline::{Data, NO};
use super::registry::{Counted, count};
use super::stage::Expect;
use super::story::{Story, WINTER};
use crate::say;

const CORRUPTED: Data = Data {
    splits: [
        ("train", "corrupt/2013-03.parquet"),
        WINTER.splits[1],
        WINTER.splits[2],
    ],
    window_to: None,
    version: "flights-2013-q1-bad-release",
};
const SHUFFLED: Data = Data {
    splits: [
        ("train", "shuffled/2013-0[1-3].parquet"),
        WINTER.splits[1],
        WINTER.splits[2],
    ],
    window_to: None,
    version: "flights-2013-q1-shuffled",
};

impl Story<'_> {
    /// Part four.
    pub(super) fn refusals(&self) -> Result<()> {
        say::heading("4. What is refused");
        let p = &self.pipeline;
        let before = self.count()?;
        p.validate("4-refused/corrupted-data", &CORRUPTED, Some(&NO))?;
        self.not_run("train, evaluate, register", before, self.count()?)?;

        let round = "4-refused/shuffled-labels";
        let validated = p.validate(round, &SHUFFLED, None)?;
        let trained = p.train(round, &validated, "manual", &SHUFFLED)?;
        let mut candidate = p.candidate("shuffled", validated, trained)?;
        candidate.server.ready()?;
        let evaluated = p.evaluate(round, &candidate, None, Some(&NO))?;
        let trained_only = Counted {
            runs: before.runs + 1,
            ..before
        };
        self.not_run("register, promote", trained_only, self.count()?)?;
        // Somebody who calls the step all the same gets no further.
        let refused = Expect {
            verdicts: &["REFUSED"],
            exit: 3,
        };
        p.register(round, &candidate, &evaluated, Some(&refused))?;
        candidate.server.stop(self.processes)?;
        self.not_run("promote", trained_only, self.count()?)
    }

    fn count(&self) -> Result<Counted> {
        count(
            &self.pipeline.services.lab.python_bin,
            &self.place.services().join("mlflow/mlflow.db"),
        )
    }

    fn not_run(&self, stages: &str, expected: Counted, found: Counted) -> Result<()> {
        if found != expected {
            bail!("{stages} should not have run, but MLflow holds {found:?} where {expected:?} was expected");
        }
        say::line(&format!(
            "    {stages}: not run; MLflow still holds {} runs and {} versions",
            found.runs, found.versions
        ));
        Ok(())
    }
}
