//! `promote` and `rollback`: an alias moves only from where it is expected to be.
//!
//! MLflow has no compare-and-set. The order is: read, decide, note what is replaced on the version, read again, set,
//! read again. Killed between any two of these and run again, the result is the same; two pipelines that promote
//! one model at once are kept apart by the workflow's mutex, and the last read tells of what is left.

mod bound;
mod decide;
mod promote;
mod rollback;

pub(crate) use promote::promote;
pub(crate) use rollback::rollback;

use mlflow_client::{Client, ModelVersion};
use provenance::ModelVersionRecord;
use step_report::{Input, Report, Table};
use step_runtime::{Context, Finished};

use crate::act::NO_VERSION;
use crate::cli::Expected;
use crate::error::Error;
use crate::gather::Given;

/// The tag that holds what a promotion replaced.
fn previous_tag(alias: &str) -> String {
    format!("mlops.previous.{alias}")
}

/// The tag that holds the stage that a promotion gave.
fn stage_tag(alias: &str) -> String {
    format!("mlops.stage.{alias}")
}

/// The tag that holds when a promotion was taken back.
fn rolled_back_tag(alias: &str) -> String {
    format!("mlops.rolled_back.{alias}")
}

/// A version and an alias as MLflow has them now.
struct Now {
    version: Option<ModelVersion>,
    /// Where the alias points.
    alias: Option<String>,
}

impl Now {
    async fn read(client: &Client, record: &ModelVersionRecord, alias: &str) -> Result<Self, Error> {
        Ok(Self {
            version: client.model_version(&record.name, &record.version).await?,
            alias: target(client, record, alias).await?,
        })
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.version.as_ref()?.tags.get(key).map(String::as_str)
    }

    /// A tag that names a version, or none.
    fn version_tag(&self, key: &str) -> Option<Expected> {
        Some(match self.tag(key)? {
            NO_VERSION => Expected::Nothing,
            version => Expected::Version(version.to_owned()),
        })
    }
}

/// Where an alias points now.
async fn target(client: &Client, record: &ModelVersionRecord, alias: &str) -> Result<Option<String>, Error> {
    let found = client.alias(&record.name, alias).await?;
    Ok(found.map(|version| version.version))
}

fn begin(cx: &Context, given: &Given<ModelVersionRecord>, alias: &str) -> Report {
    let record = &given.value;
    cx.report()
        .with_input(Input::new("model-version", &given.uri).digest(&given.digest))
        .with_binding("model.name", &record.name)
        .with_binding("model.version", &record.version)
        .with_binding("model.digest", &record.digest)
        .with_binding("run_id", &record.run_id)
        .with_parameter("alias", alias)
}

fn statement(cx: &Context, given: &Given<ModelVersionRecord>) -> provenance::StatementBuilder {
    let record = &given.value;
    cx.statement()
        .material(&given.uri, &given.digest)
        .material(&record.model_uri, &record.digest)
}

fn refused(mut report: Report, cx: &Context, given: &Given<ModelVersionRecord>) -> Finished {
    report.reason = crate::report::refusal(&report.checks);
    Finished::decision("REFUSED", report, statement(cx, given))
}

fn shown(version: Option<&str>) -> String {
    version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"))
}

fn moved(alias: &str, before: Option<&str>, after: Option<&str>) -> Table {
    Table::new("Alias", ["Alias", "Before", "After"]).row([
        alias.into(),
        shown(before).into(),
        shown(after).into(),
    ])
}
