//! Several trainings of one kind at once, as one Indexed Job: seeds, folds. What may be asked of them.

use std::fmt;
use std::str::FromStr;

use provenance::{Digest, digest_bytes};
use serde_json::{Value, json};

use super::args::JobArgs;
use super::sets::Set;

/// Which index gives the model that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Primary {
    /// This one.
    Index(u32),
    /// The one with the best last value of a metric that training logged.
    Metric {
        /// Its name.
        name: String,
        /// Whether the largest is the best, or the smallest.
        is_max: bool,
    },
}

impl fmt::Display for Primary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index={index}"),
            Self::Metric { name, is_max: true } => write!(f, "metric={name}:max"),
            Self::Metric { name, is_max: false } => write!(f, "metric={name}:min"),
        }
    }
}

impl FromStr for Primary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = || format!("`{text}`: index=NUMBER, metric=NAME:max or metric=NAME:min is needed");
        match text.split_once('=').ok_or_else(no)? {
            ("index", number) => number.parse().map(Self::Index).map_err(|_| no()),
            ("metric", rest) => {
                let (name, best) = rest.rsplit_once(':').ok_or_else(no)?;
                let is_max = match best {
                    "max" => true,
                    "min" => false,
                    _ => return Err(no()),
                };
                if name.trim().is_empty() {
                    return Err(no());
                }
                Ok(Self::Metric {
                    name: name.to_owned(),
                    is_max,
                })
            }
            _ => Err(no()),
        }
    }
}

/// When enough indexes have ended well: some, so many, or so many of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessRule {
    indexes: Option<Set>,
    count: Option<u32>,
}

impl FromStr for SuccessRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = |why: &str| {
            format!(
                "`{text}`: {why}; succeededCount=NUMBER, succeededIndexes=0,2-4 or both with `;` between them is needed"
            )
        };
        let mut rule = Self {
            indexes: None,
            count: None,
        };
        for part in text.split(';') {
            match part.trim().split_once('=') {
                Some(("succeededCount", number)) if rule.count.is_none() => {
                    let count: u32 = number.parse().map_err(|_| no("that is no number"))?;
                    if count == 0 {
                        return Err(no("0 indexes are no success"));
                    }
                    rule.count = Some(count);
                }
                Some(("succeededIndexes", set)) if rule.indexes.is_none() => {
                    rule.indexes = Some(set.parse().map_err(|why: String| no(&why))?);
                }
                Some((known @ ("succeededCount" | "succeededIndexes"), _)) => {
                    return Err(no(&format!("{known} is there twice")));
                }
                _ => return Err(no(&format!("`{part}` is not known"))),
            }
        }
        Ok(rule)
    }
}

impl SuccessRule {
    fn check(&self, completions: u32) -> Result<(), String> {
        let most = self.indexes.as_ref().map_or(completions, Set::len);
        let last = self.indexes.as_ref().and_then(Set::last);
        if let Some(last) = last.filter(|last| *last >= completions) {
            return Err(format!(
                "--success-policy names index {last}, and --completions {completions} has 0 to {}",
                completions - 1
            ));
        }
        match self.count {
            Some(count) if count > most => Err(format!(
                "--success-policy asks for {count} indexes that succeed, of {most}"
            )),
            _ => Ok(()),
        }
    }

    fn rule(&self) -> Value {
        let mut rule = json!({});
        if let Some(indexes) = &self.indexes {
            rule["succeededIndexes"] = json!(indexes.to_string());
        }
        if let Some(count) = self.count {
            rule["succeededCount"] = json!(count);
        }
        rule
    }
}

/// Adds to a Job's spec what makes it Indexed.
///
/// # Errors
/// Flags that contradict each other, by name.
pub(crate) fn extend(spec: &mut Value, job: &JobArgs) -> Result<(), String> {
    let completions = job.completions;
    if completions == 1 {
        let asked = [
            ("--parallelism", job.parallelism != 1),
            ("--backoff-limit-per-index", job.backoff_limit_per_index.is_some()),
            ("--max-failed-indexes", job.max_failed_indexes.is_some()),
            ("--success-policy", !job.success_policy.is_empty()),
            ("--primary", job.primary != Primary::Index(0)),
        ];
        return match asked.iter().find(|(_, is_asked)| *is_asked) {
            Some((flag, _)) => Err(format!(
                "{flag} is about several indexes: it needs --completions of 2 or more, and that is 1"
            )),
            None => Ok(()),
        };
    }
    if job.parallelism > completions {
        return Err(format!(
            "--parallelism {} is more than --completions {completions}: no more pods than indexes can run",
            job.parallelism
        ));
    }
    if let Primary::Index(index) = job.primary
        && index >= completions
    {
        return Err(format!(
            "--primary index={index} is none of --completions {completions}: 0 to {}",
            completions - 1
        ));
    }
    spec["completionMode"] = json!("Indexed");
    spec["completions"] = json!(completions);
    spec["parallelism"] = json!(job.parallelism);
    match (job.backoff_limit_per_index, job.max_failed_indexes) {
        (None, Some(_)) => {
            return Err(
                "--max-failed-indexes needs --backoff-limit-per-index: without it the first index that fails ends the Job"
                    .to_owned(),
            );
        }
        (_, Some(most)) if most > completions => {
            return Err(format!(
                "--max-failed-indexes {most} is more than --completions {completions}"
            ));
        }
        (None, None) => {}
        (Some(limit), most) => {
            spec["backoffLimitPerIndex"] = json!(limit);
            if let Some(most) = most {
                spec["maxFailedIndexes"] = json!(most);
            }
            // One bound on all indexes together would end them for the failures of one.
            spec.as_object_mut()
                .and_then(|spec| spec.shift_remove("backoffLimit"));
            // What is wrong for one index is wrong for all; what training came to is its own.
            spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] = json!([2]);
            let fail_index = json!({
                "action": "FailIndex",
                "onExitCodes": { "containerName": super::objects::CONTAINER, "operator": "In", "values": [3, 137] },
            });
            if let Some(rules) = spec["podFailurePolicy"]["rules"].as_array_mut() {
                rules.push(fail_index);
            }
        }
    }
    for rule in &job.success_policy {
        rule.check(completions)?;
    }
    if !job.success_policy.is_empty() {
        let rules: Vec<Value> = job.success_policy.iter().map(SuccessRule::rule).collect();
        spec["successPolicy"] = json!({ "rules": rules });
    }
    Ok(())
}

/// How many trainings may follow each other before the Job is over, in the worst case: what its deadline has to bear.
pub(crate) fn rounds(job: &JobArgs) -> u64 {
    let rounds = u64::from(job.completions.div_ceil(job.parallelism.max(1)));
    match job.backoff_limit_per_index {
        Some(limit) => rounds * (u64::from(limit) + 1),
        None => rounds + u64::from(job.backoff_limit),
    }
}

/// The index that this process trains, as a pod of an Indexed Job; none where one training is all.
///
/// # Errors
/// It is not said which, or there is no such index.
pub(crate) fn own(job: &JobArgs) -> Result<Option<u32>, String> {
    match (job.completions, job.completion_index) {
        (1, _) => Ok(None),
        (completions, None) => Err(format!(
            "--completions {completions} with --executor process is one pod of an Indexed Job, which has its number in \
             JOB_COMPLETION_INDEX, and that is not set; --executor job makes such a Job"
        )),
        (completions, Some(index)) if index >= completions => Err(format!(
            "JOB_COMPLETION_INDEX is {index}, and --completions {completions} has 0 to {}",
            completions - 1
        )),
        (_, Some(index)) => Ok(Some(index)),
    }
}

/// The key of one index, from that of all: its MLflow run and its output are found by it.
pub(crate) fn key(all: Digest, index: u32) -> Digest {
    digest_bytes(format!("{all}#{index}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn spec(flags: &[&str]) -> Result<Value, String> {
        let needed = [
            "train-launch",
            "run",
            "--command=x",
            "--experiment=e",
            "--git-sha=0123abcd",
        ];
        let Command::Run(args) = Cli::parse_from(needed.iter().chain(flags)).command else {
            panic!("it is a run");
        };
        let mut spec = json!({"backoffLimit": 2, "completions": 1, "podFailurePolicy": {"rules": [
            {"action": "Ignore"}, {"action": "FailJob", "onExitCodes": {"values": [2, 3, 137]}}]}});
        extend(&mut spec, &args.job).map(|()| spec)
    }

    #[test]
    fn several_indexes_are_an_indexed_job() {
        let folds = spec(&[
            "--completions=5",
            "--parallelism=2",
            "--success-policy=succeededCount=3",
            "--success-policy=succeededIndexes=0, 2-3;succeededCount=2",
        ])
        .unwrap();
        assert_eq!(
            (&folds["completionMode"], &folds["parallelism"]),
            (&json!("Indexed"), &json!(2))
        );
        assert_eq!(folds["backoffLimit"], 2);
        assert_eq!(
            folds["successPolicy"]["rules"],
            json!([{"succeededCount": 3}, {"succeededIndexes": "0,2,3", "succeededCount": 2}])
        );
        assert!(folds.get("backoffLimitPerIndex").is_none());
    }

    #[test]
    fn an_index_fails_alone_where_it_may() {
        let seeds = spec(&[
            "--completions=4",
            "--backoff-limit-per-index=1",
            "--max-failed-indexes=2",
        ])
        .unwrap();
        assert!(seeds.get("backoffLimit").is_none(), "it would bound all together");
        assert_eq!(
            (&seeds["backoffLimitPerIndex"], &seeds["maxFailedIndexes"]),
            (&json!(1), &json!(2))
        );
        let rules = &seeds["podFailurePolicy"]["rules"];
        assert_eq!(
            rules[1]["onExitCodes"]["values"],
            json!([2]),
            "bad flags are bad for all"
        );
        assert_eq!(
            (&rules[2]["action"], &rules[2]["onExitCodes"]["values"]),
            (&json!("FailIndex"), &json!([3, 137]))
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_named() {
        for (flags, why) in [
            (
                &["--parallelism=2"][..],
                "--parallelism is about several indexes: it needs --completions",
            ),
            (
                &["--primary=metric=auc:max"],
                "--primary is about several indexes",
            ),
            (
                &["--success-policy=succeededCount=1"],
                "--success-policy is about several indexes",
            ),
            (
                &["--completions=2", "--parallelism=3"],
                "--parallelism 3 is more than --completions 2",
            ),
            (
                &["--completions=2", "--primary=index=2"],
                "--primary index=2 is none of --completions 2: 0 to 1",
            ),
            (
                &["--completions=2", "--max-failed-indexes=1"],
                "--max-failed-indexes needs --backoff-limit-per-index",
            ),
            (
                &[
                    "--completions=2",
                    "--backoff-limit-per-index=0",
                    "--max-failed-indexes=3",
                ],
                "--max-failed-indexes 3 is more",
            ),
            (
                &["--completions=2", "--success-policy=succeededCount=3"],
                "asks for 3 indexes that succeed, of 2",
            ),
            (
                &[
                    "--completions=5",
                    "--success-policy=succeededIndexes=1-2;succeededCount=3",
                ],
                "asks for 3 indexes that succeed, of 2",
            ),
            (
                &["--completions=2", "--success-policy=succeededIndexes=0-2"],
                "names index 2, and --completions 2 has 0 to 1",
            ),
        ] {
            let error = spec(flags).unwrap_err();
            assert!(error.contains(why), "{flags:?}: {error}");
        }
        assert_eq!(spec(&[]).unwrap()["completions"], 1);
    }

    #[test]
    fn what_is_primary_is_written_as_it_is_read() {
        for text in ["index=0", "index=7", "metric=auc:max", "metric=valid/loss:1:min"] {
            assert_eq!(text.parse::<Primary>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "0",
            "index=",
            "index=-1",
            "index=a",
            "metric=auc",
            "metric=auc:best",
            "metric=:max",
            "best=1",
        ] {
            let error = text.parse::<Primary>().unwrap_err();
            assert!(error.contains("index=NUMBER, metric=NAME:max"), "{text}: {error}");
        }
    }

    #[test]
    fn a_rule_that_is_none_is_refused() {
        for (text, why) in [
            ("", "`` is not known"),
            ("3", "`3` is not known"),
            ("succeededCount=0", "0 indexes are no success"),
            ("succeededCount=x", "that is no number"),
            (
                "succeededCount=1;succeededCount=2",
                "succeededCount is there twice",
            ),
            ("succeededIndexes=3-1", "3-1"),
            ("succeededIndexes=", "no index"),
        ] {
            let error = text.parse::<SuccessRule>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
