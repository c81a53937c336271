//! The schedule, applied to the cluster: a model has one, and a new enrolment replaces it.

use kubernetes::{Cluster, ClusterError, Kind};
use serde_json::Value;
use step_contract::load_yaml;
use step_runtime::{Context, StepError};

use crate::cli::{Apply, EnrollArgs};
use crate::manifest::name;

/// The owner of the fields that an enrolment sets: what others set beside them (`suspend`, labels) stays.
const MANAGER: &str = "enroll-drift";

/// Applies the CronWorkflow where that is asked for; the sentence that says so.
///
/// # Errors
/// There is no cluster, or it refuses; or the live data is not named.
pub(crate) async fn apply(
    args: &EnrollArgs,
    model: &str,
    manifest: &str,
    cx: &Context,
) -> Result<Option<String>, StepError> {
    let wanted = match args.apply {
        Apply::Never => false,
        Apply::Always => true,
        Apply::Auto => Cluster::is_here(),
    };
    if !wanted {
        return Ok(None);
    }
    if args.live.is_none() {
        return Err(StepError::usage(
            "the scheduled check needs --live, the place of the live data; or write the schedule only, with \
             --apply never",
        ));
    }
    let object: Value = load_yaml("the CronWorkflow", manifest)?;
    let failed = |error: ClusterError| StepError::caused(error.exit(), &error);
    let cluster = Cluster::connect(None, &cx.cancel).await.map_err(failed)?;
    cluster
        .apply(Kind::CRON_WORKFLOW, object, MANAGER)
        .await
        .map_err(failed)?;
    Ok(Some(format!(
        "the CronWorkflow {} is applied in namespace {}",
        name(model),
        cluster.namespace()
    )))
}
