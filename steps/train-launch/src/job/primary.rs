//! Which of several trainings gives the model that goes on, and what is told of the others.

use std::collections::BTreeMap;

use mlflow_client::{IDEMPOTENCY_TAG, Run, quoted};
use provenance::{Digest, IndexRun, IndexState, Indexed};
use step_report::{Bound, Cell, Check, Format, Severity, Table};
use step_runtime::StepError;

use super::follow::Followed;
use super::indexed::{self, Primary};
use super::sets::Set;
use crate::tracking::{INDEXES, Tracking, of_mlflow};

/// The tag of MLflow by which a run is shown below another.
pub(crate) const PARENT: &str = "mlflow.parentRunId";
/// Of the run above: the indexes that succeeded, and that failed; there once the Job has ended well.
const SUCCEEDED: &str = "launch.indexes.succeeded";
const FAILED: &str = "launch.indexes.failed";
/// Of the run above: the index whose model goes on, and its run.
const CHOSEN: &str = "launch.primary";
const CHOSEN_RUN: &str = "launch.primary.run";
/// Metrics of an index that the report's table has room for.
const SHOWN: usize = 6;

/// All indexes of a training, as they ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Indexes(Vec<Index>);

#[derive(Debug, Clone, PartialEq)]
struct Index {
    number: u32,
    state: IndexState,
    pod: Option<String>,
    attempts: Option<u32>,
    run: Option<Run>,
}

/// The index whose model goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// Its run.
    pub run: Run,
    /// As `run.json` has it.
    pub record: Indexed,
    /// As the report has it.
    pub check: Check,
}

impl Indexes {
    /// As the Job says and MLflow holds them.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn of(
        followed: &Followed,
        key: Digest,
        completions: u32,
        above: &Tracking,
    ) -> Result<Self, StepError> {
        let (succeeded, failed) = (followed.job.completed(), followed.job.failed());
        let mut all = Self::read(&succeeded, &failed, key, completions, above).await?;
        for index in &mut all.0 {
            let pods = followed
                .pods
                .iter()
                .filter(|pod| pod.index() == Some(index.number));
            let pods: Vec<_> = pods.collect();
            // None at all is one that the cluster has forgotten.
            index.attempts = u32::try_from(pods.len()).ok().filter(|pods| *pods > 0);
            let last = pods.iter().max_by_key(|pod| pod.made());
            index.pod = last.map(|pod| pod.name().to_owned());
        }
        Ok(all)
    }

    /// As an earlier attempt noted them once the Job had ended well; none when none has.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn before(
        key: Digest,
        completions: u32,
        above: &Tracking,
    ) -> Result<Option<Self>, StepError> {
        let set = |tag: &str| -> Option<Set> { above.run.tags.get(tag)?.parse().ok() };
        let Some(succeeded) = set(SUCCEEDED) else {
            return Ok(None);
        };
        let failed = set(FAILED).unwrap_or_default();
        Self::read(&succeeded, &failed, key, completions, above)
            .await
            .map(Some)
    }

    async fn read(
        succeeded: &Set,
        failed: &Set,
        key: Digest,
        completions: u32,
        above: &Tracking,
    ) -> Result<Self, StepError> {
        let parent = quoted(&above.run.run_id).map_err(of_mlflow)?;
        let filter = format!("tags.`{PARENT}` = {parent}");
        let experiment = [above.experiment.experiment_id.as_str()];
        let client = above.server.mlflow().ok_or_else(|| StepError::usage(INDEXES))?;
        let found = client.search_runs(&experiment, &filter).await;
        let mut runs: BTreeMap<String, Run> = BTreeMap::new();
        for run in found.map_err(of_mlflow)? {
            if let Some(key) = run.tags.get(IDEMPOTENCY_TAG) {
                // The oldest is the one that every pod of the index settles on.
                runs.entry(key.clone()).or_insert(run);
            }
        }
        let index = |number| Index {
            number,
            state: match (succeeded.contains(number), failed.contains(number)) {
                (true, _) => IndexState::Succeeded,
                (_, true) => IndexState::Failed,
                _ => IndexState::Stopped,
            },
            pod: None,
            attempts: None,
            run: runs.remove(&indexed::key(key, number).to_string()),
        };
        Ok(Self((0..completions).map(index).collect()))
    }

    /// Notes that the Job has ended well, so that a retry chooses among what is there without it.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn note(&self, above: &Tracking) -> Result<(), StepError> {
        let those = |state| -> Set {
            let of = self.0.iter().filter(|index| index.state == state);
            of.map(|index| index.number).collect()
        };
        above.tag(FAILED, &those(IndexState::Failed).to_string()).await?;
        above
            .tag(SUCCEEDED, &those(IndexState::Succeeded).to_string())
            .await
    }

    /// The index that `--primary` asks for, of those below the run `above`.
    ///
    /// # Errors
    /// It did not succeed, or nothing that succeeded has the metric: a sentence.
    pub(crate) fn choose(&self, by: &Primary, above: &str) -> Result<Chosen, String> {
        let (index, check) = match by {
            Primary::Index(number) => self.by_number(*number)?,
            Primary::Metric { name, is_max } => self.by_metric(name, *is_max)?,
        };
        let run = index.run.clone().ok_or_else(|| {
            format!(
                "index {} succeeded, and MLflow has no run of it below {above}",
                index.number
            )
        })?;
        Ok(Chosen {
            record: Indexed {
                parent_run_id: above.to_owned(),
                primary: index.number,
                chosen_by: by.to_string(),
                indexes: self.0.iter().map(Index::record).collect(),
            },
            run,
            check,
        })
    }

    fn by_number(&self, number: u32) -> Result<(&Index, Check), String> {
        let index = self.0.iter().find(|index| index.number == number);
        match index {
            Some(index) if index.state == IndexState::Succeeded => {
                let why = format!(
                    "the model is that of index {number}, as --primary names it; {} of {} indexes succeeded",
                    self.succeeded().count(),
                    self.0.len()
                );
                Ok((index, check(number).pass(why)))
            }
            Some(index) => Err(format!(
                "--primary names index {number}, and that index {}: {} of {} succeeded",
                match index.state {
                    IndexState::Failed => "failed",
                    _ => "was stopped before it had ended, for the Job had succeeded without it",
                },
                self.succeeded().count(),
                self.0.len()
            )),
            None => Err(format!(
                "--primary names index {number}, and there are {}",
                self.0.len()
            )),
        }
    }

    fn by_metric(&self, name: &str, is_max: bool) -> Result<(&Index, Check), String> {
        let value = |index: &Index| -> Option<f64> { *index.run.as_ref()?.metrics.get(name)? };
        let mut best: Option<(&Index, f64)> = None;
        let mut without = Vec::new();
        for index in self.succeeded() {
            let Some(value) = value(index) else {
                without.push(index.number);
                continue;
            };
            // The first of equals: the same evidence gives the same model.
            let is_better = best.is_none_or(|(_, best)| if is_max { value > best } else { value < best });
            if is_better {
                best = Some((index, value));
            }
        }
        let without: Set = without.into_iter().collect();
        let Some((index, value)) = best else {
            return Err(format!(
                "--primary chooses by the metric `{name}`, and no index that succeeded logged a finite number of that name; \
                 they logged: {}",
                self.logged()
            ));
        };
        let which = if is_max { "largest" } else { "smallest" };
        let why = format!(
            "the model is that of index {}: {name} = {value}, the {which} of {} that succeeded",
            index.number,
            self.succeeded().count()
        );
        let check = check(index.number);
        Ok((
            index,
            if without.is_empty() {
                check.pass(why)
            } else {
                let mut check = check;
                check.severity = Severity::Warn;
                check.warn(format!(
                    "{why}; without that metric, and left aside: index {without}"
                ))
            },
        ))
    }

    fn succeeded(&self) -> impl Iterator<Item = &Index> {
        self.0.iter().filter(|index| index.state == IndexState::Succeeded)
    }

    /// The names of the metrics that there are.
    fn logged(&self) -> String {
        let runs = self.succeeded().filter_map(|index| index.run.as_ref());
        let names: std::collections::BTreeSet<&str> = runs
            .flat_map(|run| run.metrics.keys())
            .map(String::as_str)
            .collect();
        if names.is_empty() {
            return "no metric at all".to_owned();
        }
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// Every index, for the report.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(
            "Indexes of the Job",
            ["index", "state", "pod", "pods", "run", "metrics"],
        );
        for index in &self.0 {
            let attempts = index.attempts.map(f64::from);
            let run = index.run.as_ref();
            table.push([
                Cell::number(f64::from(index.number), Format::default()),
                Cell::text(index.state.as_str()),
                index.pod.clone().map_or_else(Cell::empty, Cell::text),
                attempts.map_or_else(Cell::empty, |n| Cell::number(n, Format::default())),
                run.map_or_else(Cell::empty, |run| Cell::text(run.run_id.clone())),
                run.map_or_else(Cell::empty, |run| Cell::text(metrics(run))),
            ]);
        }
        table
    }
}

impl Index {
    fn record(&self) -> IndexRun {
        IndexRun {
            index: self.number,
            state: self.state,
            run_id: self.run.as_ref().map(|run| run.run_id.clone()),
            pod: self.pod.clone(),
            attempts: self.attempts,
            metrics: self
                .run
                .as_ref()
                .map(|run| run.metrics.clone())
                .unwrap_or_default(),
        }
    }
}

impl Chosen {
    /// Notes it on the run above.
    ///
    /// # Errors
    /// MLflow is away, or refuses.
    pub(crate) async fn note(&self, above: &Tracking) -> Result<(), StepError> {
        let chosen = format!("index={} by {}", self.record.primary, self.record.chosen_by);
        above.tag(CHOSEN, &chosen).await?;
        above.tag(CHOSEN_RUN, &self.run.run_id).await
    }
}

fn check(index: u32) -> Check {
    Check::new("primary", "primary")
        .observed(f64::from(index))
        .bound(Bound::text("an index that succeeded, chosen by --primary"))
}

fn metrics(run: &Run) -> String {
    let shown = run.metrics.iter().take(SHOWN);
    let mut shown: Vec<String> = shown
        .map(|(name, value)| match value {
            Some(value) => format!("{name} = {}", Format::default().show(*value)),
            None => format!("{name} is not a finite number"),
        })
        .collect();
    if run.metrics.len() > SHOWN {
        shown.push(format!("and {} more", run.metrics.len() - SHOWN));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use mlflow_client::RunStatus;
    use step_report::Outcome;

    use super::*;

    fn run(number: u32, metrics: &[(&str, Option<f64>)]) -> Run {
        Run {
            run_id: format!("r{number}"),
            run_name: String::new(),
            experiment_id: "1".to_owned(),
            status: RunStatus::Finished,
            start_time: 0,
            end_time: Some(1),
            artifact_uri: String::new(),
            deleted: false,
            tags: BTreeMap::new(),
            params: BTreeMap::new(),
            metrics: metrics
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            models: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// Indexes with the metric `auc`, of which those without a state succeeded.
    fn indexes(auc: &[Option<f64>], others: &[(usize, IndexState)]) -> Indexes {
        let mut all: Vec<Index> = (0..)
            .zip(auc)
            .map(|(number, auc)| Index {
                number,
                state: IndexState::Succeeded,
                pod: None,
                attempts: Some(1),
                run: Some(run(number, &[("auc", *auc)])),
            })
            .collect();
        for (number, state) in others {
            all[*number].state = *state;
        }
        Indexes(all)
    }

    fn by(text: &str) -> Primary {
        text.parse().unwrap()
    }

    #[test]
    fn the_best_by_a_metric_goes_on() {
        let all = indexes(&[Some(0.8), Some(0.9), Some(0.9), Some(0.7)], &[]);
        for (primary, expected) in [("metric=auc:max", 1), ("metric=auc:min", 3), ("index=2", 2)] {
            let chosen = all.choose(&by(primary), "above").unwrap();
            assert_eq!(chosen.record.primary, expected, "{primary}");
            assert_eq!(chosen.run.run_id, format!("r{expected}"));
            assert_eq!(
                (
                    chosen.record.chosen_by.as_str(),
                    chosen.record.parent_run_id.as_str()
                ),
                (primary, "above")
            );
            assert_eq!(
                (chosen.record.indexes.len(), chosen.check.outcome),
                (4, Outcome::Pass)
            );
        }
        let why = all.choose(&by("metric=auc:max"), "above").unwrap().check.why;
        assert_eq!(
            why,
            "the model is that of index 1: auc = 0.9, the largest of 4 that succeeded"
        );
    }

    #[test]
    fn what_did_not_succeed_and_what_is_no_number_is_not_chosen() {
        let all = indexes(
            &[None, Some(0.5), Some(0.9), Some(0.95)],
            &[(2, IndexState::Failed), (3, IndexState::Stopped)],
        );
        let chosen = all.choose(&by("metric=auc:max"), "above").unwrap();
        assert_eq!((chosen.record.primary, chosen.check.outcome), (1, Outcome::Warn));
        assert!(
            chosen
                .check
                .why
                .ends_with("the largest of 2 that succeeded; without that metric, and left aside: index 0"),
            "{}",
            chosen.check.why
        );
        for (primary, why) in [
            (
                "index=2",
                "--primary names index 2, and that index failed: 2 of 4 succeeded",
            ),
            (
                "index=3",
                "that index was stopped before it had ended, for the Job had succeeded without it",
            ),
            ("index=9", "--primary names index 9, and there are 4"),
            (
                "metric=acu:max",
                "no index that succeeded logged a finite number of that name; they logged: auc",
            ),
        ] {
            let error = all.choose(&by(primary), "above").unwrap_err();
            assert!(error.contains(why), "{primary}: {error}");
        }
        let mut none = indexes(&[Some(0.5)], &[]);
        none.0[0].run = None;
        let error = none.choose(&by("index=0"), "above").unwrap_err();
        assert_eq!(
            error,
            "index 0 succeeded, and MLflow has no run of it below above"
        );
        let error = none.choose(&by("metric=auc:max"), "above").unwrap_err();
        assert!(error.ends_with("they logged: no metric at all"), "{error}");
    }
}
