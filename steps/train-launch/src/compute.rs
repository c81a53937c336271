//! What a training took, kept in the tags of its run: the retry of an attempt that was killed writes the same record.

use std::collections::BTreeMap;

use mlflow_client::Run;
use provenance::Compute;

const TRAIN_SECONDS: &str = "compute.train_seconds";
const PODS: &str = "compute.pods";
const POD_SECONDS: &str = "compute.pod_seconds";
const GPUS: &str = "compute.gpus";
const GPU_RESOURCE: &str = "compute.gpu_resource";
const GPU_HOURS: &str = "compute.gpu_hours";

/// The tags of what is known.
pub(crate) fn tags(compute: &Compute) -> BTreeMap<String, String> {
    // Milliseconds; of hours what three and a half seconds are.
    let figure = |value: Option<f64>| value.map(|value| format!("{value:.3}"));
    let count = |value: Option<u32>| value.map(|value| value.to_string());
    [
        (TRAIN_SECONDS, figure(compute.train_seconds)),
        (PODS, count(compute.pods)),
        (POD_SECONDS, figure(compute.pod_seconds)),
        (GPUS, count(compute.gpus)),
        (GPU_RESOURCE, compute.gpu_resource.clone()),
        (GPU_HOURS, figure(compute.gpu_hours)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// What the tags of a run say; `None` when nothing.
pub(crate) fn of_tags(tags: &BTreeMap<String, String>) -> Option<Compute> {
    fn number<T: std::str::FromStr>(tags: &BTreeMap<String, String>, name: &str) -> Option<T> {
        tags.get(name)?.parse().ok()
    }
    let seconds = |name| number::<f64>(tags, name).filter(|value| value.is_finite());
    let compute = Compute {
        train_seconds: seconds(TRAIN_SECONDS),
        pods: number(tags, PODS),
        pod_seconds: seconds(POD_SECONDS),
        gpus: number(tags, GPUS),
        gpu_resource: tags.get(GPU_RESOURCE).cloned(),
        gpu_hours: seconds(GPU_HOURS),
    };
    (compute != Compute::default()).then_some(compute)
}

/// What the Job of a run took, with the time of the one index whose model goes on, where it had several.
pub(crate) fn of_indexes(run: &Run, chosen: Option<&Run>) -> Option<Compute> {
    let train_seconds = chosen.and_then(|chosen| of_tags(&chosen.tags)?.train_seconds);
    let mut compute = of_tags(&run.tags).or(train_seconds.map(|_| Compute::default()))?;
    compute.train_seconds = train_seconds.or(compute.train_seconds);
    Some(compute)
}

/// Whether the tags say what pods took.
pub(crate) fn knows_pods(tags: &BTreeMap<String, String>) -> bool {
    tags.contains_key(POD_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let took = Compute {
            train_seconds: Some(12.5),
            pods: Some(2),
            pod_seconds: Some(5400.0),
            gpus: Some(4),
            gpu_resource: Some("nvidia.com/gpu".to_owned()),
            gpu_hours: Some(6.0),
        };
        assert_eq!(of_tags(&tags(&took)), Some(took));
        assert_eq!(of_tags(&BTreeMap::new()), None);
        let odd = BTreeMap::from([(TRAIN_SECONDS.to_owned(), "NaN".to_owned())]);
        assert_eq!(of_tags(&odd), None);
    }
}
