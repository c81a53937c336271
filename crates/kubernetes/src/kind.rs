//! The kinds of objects that steps touch.

use kube::core::ApiResource;

/// A kind of object: its group, version, and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core.
    pub group: &'static str,
    /// Version in the group.
    pub version: &'static str,
    /// `Job`.
    pub kind: &'static str,
    /// `jobs`.
    pub plural: &'static str,
}

impl Kind {
    /// `batch/v1` Jobs.
    pub const JOB: Self = Self::new("batch", "v1", "Job", "jobs");
    /// ConfigMaps.
    pub const CONFIG_MAP: Self = Self::new("", "v1", "ConfigMap", "configmaps");
    /// Pods.
    pub const POD: Self = Self::new("", "v1", "Pod", "pods");
    /// Events.
    pub const EVENT: Self = Self::new("", "v1", "Event", "events");
    /// Argo's Workflows.
    pub const WORKFLOW: Self = Self::new("argoproj.io", "v1alpha1", "Workflow", "workflows");
    /// Argo's CronWorkflows.
    pub const CRON_WORKFLOW: Self = Self::new("argoproj.io", "v1alpha1", "CronWorkflow", "cronworkflows");

    /// Any other kind.
    #[must_use]
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
        }
    }

    /// `v1`, `batch/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    pub(crate) fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}
