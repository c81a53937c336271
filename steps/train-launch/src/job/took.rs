//! What a Job took, read from its pods.

use std::collections::BTreeMap;

use provenance::Compute;

use super::args::JobArgs;
use super::objects::Pod;
use crate::compute;

/// The digest of the image that trained, as the node pulled it.
const IMAGE_DIGEST: &str = "launch.image.digest";

/// The tags that say what these pods took, and of which image they were.
pub(crate) fn tags(pods: &[Pod], args: &JobArgs) -> BTreeMap<String, String> {
    let mut tags = compute::tags(&took(pods, args));
    let newest = pods.iter().max_by_key(|pod| pod.made());
    if let Some(digest) = newest.and_then(Pod::image_digest) {
        tags.insert(IMAGE_DIGEST.to_owned(), digest.to_owned());
    }
    tags
}

fn took(pods: &[Pod], args: &JobArgs) -> Compute {
    let held: f64 = pods.iter().filter_map(Pod::held).sum();
    let gpus = (args.gpu > 0).then_some(args.gpu);
    Compute {
        train_seconds: None,
        pods: u32::try_from(pods.len()).ok(),
        pod_seconds: Some(held),
        gpus,
        gpu_resource: gpus.map(|_| args.gpu_resource.clone()),
        gpu_hours: gpus.map(|gpus| f64::from(gpus) * held / 3600.0),
    }
}
