//! Runs: made once, found again, filled and ended.

use std::collections::BTreeMap;

use artifact_store::retry;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::Failed;
use crate::tags::{IDEMPOTENCY_TAG, from_pairs, pairs, quoted};
use crate::{Client, MlflowError};

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// It runs.
    Running,
    /// Made for later.
    Scheduled,
    /// Ended well.
    Finished,
    /// Ended badly.
    Failed,
    /// Stopped from outside.
    Killed,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Id.
    pub run_id: String,
    /// Name.
    pub run_name: String,
    /// The experiment's id.
    pub experiment_id: String,
    /// State.
    pub status: RunStatus,
    /// Milliseconds since 1970.
    pub start_time: i64,
    /// Milliseconds since 1970, when it has ended.
    pub end_time: Option<i64>,
    /// Root of its artifacts, see [`crate::ArtifactRoot`].
    pub artifact_uri: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// Last value of each metric; `None` for what is not a finite number.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Datasets that it read.
    pub inputs: Vec<DatasetInput>,
    /// Ids of the models that it logged (MLflow 3), in order.
    pub models: Vec<String>,
}

/// A run to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The experiment's id.
    pub experiment_id: String,
    /// Name.
    pub run_name: String,
    /// Milliseconds since 1970.
    pub start_time: i64,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// What makes this run the same run when it is asked for again: becomes [`IDEMPOTENCY_TAG`].
    pub key: String,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// Name.
    pub key: String,
    /// Value. MLflow takes no NaN as a JSON number: it is sent as text.
    #[serde(serialize_with = "number")]
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Step.
    pub step: i64,
}

fn number<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else if value.is_nan() {
        serializer.serialize_str("NaN")
    } else {
        serializer.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
    }
}

/// What is logged at once. MLflow writes it in parts: a failed batch may be half there, and may be sent again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// Parameters: they never change, another value for a known one is refused.
    pub params: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A dataset that a run read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInput {
    /// Name.
    pub name: String,
    /// Digest. MLflow keeps 36 characters of it; whole it is in the profile, and is read back from there.
    pub digest: String,
    /// Where it is. Read back, the whole description of the source when it holds no address.
    pub uri: String,
    /// What for: `training`, `validation`. Empty when it was logged without.
    pub context: String,
    /// Rows, when known.
    pub rows: Option<u64>,
}

#[derive(Deserialize)]
struct WireRun {
    info: WireInfo,
    #[serde(default)]
    data: WireData,
    #[serde(default)]
    inputs: WireInputs,
    #[serde(default)]
    outputs: WireOutputs,
}

#[derive(Deserialize)]
struct WireInfo {
    run_id: String,
    #[serde(default)]
    run_name: String,
    experiment_id: String,
    status: RunStatus,
    #[serde(default)]
    start_time: i64,
    end_time: Option<i64>,
    #[serde(default)]
    artifact_uri: String,
    #[serde(default)]
    lifecycle_stage: String,
}

#[derive(Deserialize, Default)]
struct WireData {
    #[serde(default, deserialize_with = "from_pairs")]
    tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "from_pairs")]
    params: BTreeMap<String, String>,
    #[serde(default)]
    metrics: Vec<WireMetric>,
}

#[derive(Deserialize)]
struct WireMetric {
    key: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, Default)]
struct WireInputs {
    #[serde(default)]
    dataset_inputs: Vec<WireInput>,
}

#[derive(Deserialize)]
struct WireInput {
    #[serde(default, deserialize_with = "from_pairs")]
    tags: BTreeMap<String, String>,
    dataset: WireDataset,
}

#[derive(Deserialize)]
struct WireDataset {
    name: String,
    digest: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    profile: String,
}

#[derive(Deserialize, Default)]
struct WireOutputs {
    #[serde(default)]
    model_outputs: Vec<WireOutput>,
}

#[derive(Deserialize)]
struct WireOutput {
    model_id: String,
}

#[derive(Deserialize)]
struct One {
    run: WireRun,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    runs: Vec<WireRun>,
    #[serde(default)]
    next_page_token: Option<String>,
}

impl From<WireRun> for Run {
    fn from(wire: WireRun) -> Self {
        let WireRun {
            info,
            data,
            inputs,
            outputs,
        } = wire;
        Self {
            run_id: info.run_id,
            run_name: info.run_name,
            experiment_id: info.experiment_id,
            status: info.status,
            start_time: info.start_time,
            end_time: info.end_time.filter(|at| *at > 0),
            artifact_uri: info.artifact_uri,
            deleted: info.lifecycle_stage == "deleted",
            tags: data.tags,
            params: data.params,
            metrics: data
                .metrics
                .into_iter()
                .map(|metric| (metric.key, metric.value.as_f64().filter(|value| finite(*value))))
                .collect(),
            inputs: inputs
                .dataset_inputs
                .into_iter()
                .map(DatasetInput::from)
                .collect(),
            models: outputs
                .model_outputs
                .into_iter()
                .map(|output| output.model_id)
                .collect(),
        }
    }
}

/// The tag that says what a dataset was read for.
const CONTEXT: &str = "mlflow.data.context";

impl From<WireInput> for DatasetInput {
    /// What training code logs itself has sources and profiles of other forms; they are taken as far as they go.
    fn from(WireInput { mut tags, dataset }: WireInput) -> Self {
        let source: Value = serde_json::from_str(&dataset.source).unwrap_or_default();
        let profile: Value = serde_json::from_str(&dataset.profile).unwrap_or_default();
        let uri = ["uri", "url", "path"]
            .iter()
            .find_map(|field| source.get(field)?.as_str().map(str::to_owned));
        let digest = profile.get("digest").and_then(Value::as_str).map(str::to_owned);
        Self {
            name: dataset.name,
            digest: digest.unwrap_or(dataset.digest),
            uri: uri.unwrap_or(dataset.source),
            context: tags.remove(CONTEXT).unwrap_or_default(),
            rows: profile.get("num_rows").and_then(Value::as_u64),
        }
    }
}

/// The SQL stores of MLflow keep an infinity as the largest double of its sign.
fn finite(value: f64) -> bool {
    value.is_finite() && value.abs() < f64::MAX
}

/// MLflow's bounds on one `log-batch`.
const BATCH_METRICS: usize = 900;
const BATCH_PAIRS: usize = 100;

impl Client {
    /// The run, when it exists.
    ///
    /// # Errors
    /// The server's.
    pub async fn run(&self, run_id: &str) -> Result<Option<Run>, MlflowError> {
        match self
            .call::<One>(Method::GET, "runs/get", &json!({ "run_id": run_id }))
            .await
        {
            Ok(found) => Ok(Some(found.run.into())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All runs of these experiments that the filter finds, oldest first.
    ///
    /// # Errors
    /// The server's.
    pub async fn search_runs(&self, experiment_ids: &[&str], filter: &str) -> Result<Vec<Run>, MlflowError> {
        let mut runs = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut body = json!({
                "experiment_ids": experiment_ids,
                "filter": filter,
                "max_results": 1000,
                "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
            });
            if let Some(token) = &token {
                body["page_token"] = json!(token);
            }
            let page: Page = self.call(Method::POST, "runs/search", &body).await?;
            runs.extend(page.runs.into_iter().map(Run::from));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(runs);
            }
        }
    }

    /// The run with this key, made when it is not there. `true` when it was there.
    ///
    /// The key is searched for before every attempt, and once more after the run was made: an attempt whose answer
    /// got lost, or another program with the same key, may have made one too. Everybody settles on the one that
    /// started first; others that have not ended are marked as killed and deleted.
    ///
    /// # Errors
    /// The server's.
    pub async fn ensure_run(&self, new: &NewRun) -> Result<(Run, bool), MlflowError> {
        let filter = format!("tags.`{IDEMPOTENCY_TAG}` = {}", quoted(&new.key)?);
        let mut tags = new.tags.clone();
        tags.insert(IDEMPOTENCY_TAG.to_owned(), new.key.clone());
        let body = json!({
            "experiment_id": new.experiment_id,
            "run_name": new.run_name,
            "start_time": new.start_time,
            "tags": pairs(&tags),
        });
        let experiment = [new.experiment_id.as_str()];
        let op = || async {
            if !self.search_runs(&experiment, &filter).await?.is_empty() {
                return Ok::<_, Failed>(None);
            }
            let made: One = self.call_once(Method::POST, "runs/create", &body).await?;
            Ok(Some(made.run.info.run_id))
        };
        let made = retry(self.policy(), op, |failed: &Failed| failed.again)
            .await
            .map_err(|failed| failed.error)?;
        let mut found = self.search_runs(&experiment, &filter).await?.into_iter();
        let first = found.next().ok_or_else(|| {
            MlflowError::Invalid(format!(
                "the run `{}` that was made cannot be found",
                new.run_name
            ))
        })?;
        for extra in found.filter(|run| matches!(run.status, RunStatus::Running | RunStatus::Scheduled)) {
            tracing::warn!(run = %extra.run_id, stays = %first.run_id, "taking back a second run of the same key");
            self.take_back(&extra, new.start_time).await?;
        }
        let was_there = made.is_none_or(|made| made != first.run_id);
        Ok((first, was_there))
    }

    async fn take_back(&self, run: &Run, at: i64) -> Result<(), MlflowError> {
        let end = async {
            self.update_run(&run.run_id, RunStatus::Killed, Some(at.max(run.start_time)))
                .await?;
            self.call::<Value>(Method::POST, "runs/delete", &json!({ "run_id": run.run_id }))
                .await
        };
        match end.await {
            // MLflow refuses to touch a deleted run: whoever shares the key was faster.
            Err(error @ MlflowError::Api { .. }) => match self.run(&run.run_id).await? {
                Some(run) if !run.deleted => Err(error),
                _ => Ok(()),
            },
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// Logs a batch, in as many calls as MLflow's bounds ask for.
    ///
    /// # Errors
    /// The server's.
    pub async fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<(), MlflowError> {
        let send = |body: Value| async move {
            self.call::<Value>(Method::POST, "runs/log-batch", &body)
                .await
                .map(|_| ())
        };
        let (nans, numbers): (Vec<&Metric>, Vec<&Metric>) =
            batch.metrics.iter().partition(|metric| metric.value.is_nan());
        for metrics in numbers.chunks(BATCH_METRICS) {
            send(json!({ "run_id": run_id, "metrics": metrics })).await?;
        }
        for metric in nans {
            self.log_nan(run_id, metric).await?;
        }
        for params in pairs(&batch.params).chunks(BATCH_PAIRS) {
            send(json!({ "run_id": run_id, "params": params })).await?;
        }
        for tags in pairs(&batch.tags).chunks(BATCH_PAIRS) {
            send(json!({ "run_id": run_id, "tags": tags })).await?;
        }
        Ok(())
    }

    /// MLflow 2 does not know a NaN again, which is not equal to itself, and stumbles over the row that a first
    /// attempt has made. Sent alone, that says that it is logged.
    async fn log_nan(&self, run_id: &str, metric: &Metric) -> Result<(), MlflowError> {
        let body = json!({ "run_id": run_id, "metrics": [metric] });
        self.again(|| async {
            match self
                .call_once::<Value>(Method::POST, "runs/log-batch", &body)
                .await
            {
                Err(failed) if failed.row_is_there => Ok(()),
                answer => answer.map(|_| ()),
            }
        })
        .await
    }

    /// Notes which datasets the run read. The same input again changes nothing.
    ///
    /// # Errors
    /// The server's.
    pub async fn log_inputs(&self, run_id: &str, inputs: &[DatasetInput]) -> Result<(), MlflowError> {
        let datasets: Vec<Value> = inputs
            .iter()
            .map(|input| {
                let hex = input.digest.strip_prefix("sha256:").unwrap_or(&input.digest);
                json!({
                    "tags": [{ "key": CONTEXT, "value": input.context }],
                    "dataset": {
                        "name": input.name,
                        "digest": hex.chars().take(36).collect::<String>(),
                        "source_type": "uri",
                        "source": json!({ "uri": input.uri }).to_string(),
                        "profile": json!({ "digest": input.digest, "num_rows": input.rows }).to_string(),
                    },
                })
            })
            .collect();
        let body = json!({ "run_id": run_id, "datasets": datasets });
        self.call::<Value>(Method::POST, "runs/log-inputs", &body)
            .await
            .map(|_| ())
    }

    /// Sets one tag.
    ///
    /// # Errors
    /// The server's.
    pub async fn set_run_tag(&self, run_id: &str, key: &str, value: &str) -> Result<(), MlflowError> {
        let body = json!({ "run_id": run_id, "key": key, "value": value });
        self.call::<Value>(Method::POST, "runs/set-tag", &body)
            .await
            .map(|_| ())
    }

    /// Sets the state, and the end with it.
    ///
    /// # Errors
    /// The server's.
    pub async fn update_run(
        &self,
        run_id: &str,
        status: RunStatus,
        end_time: Option<i64>,
    ) -> Result<(), MlflowError> {
        let mut body = json!({ "run_id": run_id, "status": status });
        if let Some(at) = end_time {
            body["end_time"] = json!(at);
        }
        self.call::<Value>(Method::POST, "runs/update", &body)
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::{Pair, map};

    #[test]
    fn not_a_number_is_sent_as_text() {
        let metric = |value| {
            let metric = Metric {
                key: "m".into(),
                value,
                timestamp: 0,
                step: 0,
            };
            serde_json::to_value(metric).unwrap()["value"].clone()
        };
        assert_eq!(metric(0.5), json!(0.5));
        assert_eq!(metric(f64::NAN), json!("NaN"));
        assert_eq!(metric(f64::NEG_INFINITY), json!("-Infinity"));
    }

    /// As `mlflow.log_input` of a table from the web sends it.
    #[test]
    fn inputs_of_other_programs_are_read() {
        let read = |source: &str, profile: &str| {
            let wire = json!({
                "tags": [{ "key": "mlflow.data.context", "value": "eval" }],
                "dataset": { "name": "d", "digest": "0f3c", "source": source, "profile": profile },
            });
            DatasetInput::from(serde_json::from_value::<WireInput>(wire).unwrap())
        };
        let input = read(
            r#"{"url": "https://x/y.csv"}"#,
            r#"{"num_rows": 5, "num_elements": 10}"#,
        );
        assert_eq!((input.digest.as_str(), input.rows), ("0f3c", Some(5)));
        assert_eq!(
            (input.uri.as_str(), input.context.as_str()),
            ("https://x/y.csv", "eval")
        );
        let input = read("by hand", "");
        assert_eq!((input.uri.as_str(), input.rows), ("by hand", None));
    }

    #[test]
    fn pairs_and_maps_are_the_same() {
        let tags = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(map(pairs(&tags)), tags);
        let bare: Vec<Pair> = serde_json::from_value(json!([{ "key": "b" }])).unwrap();
        assert_eq!(map(bare)["b"], "");
    }
}
