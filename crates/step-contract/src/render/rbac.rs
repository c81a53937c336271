//! ServiceAccount, Role and RoleBinding of a step.

use std::collections::BTreeSet;

use super::yaml::Yaml;
use crate::Contract;
use crate::render::template::PROJECT;

/// What Argo's executor needs in every pod, beside the rules of the step itself.
const EXECUTOR: (&str, &str, &[&str]) = ("argoproj.io", "workflowtaskresults", &["create", "patch"]);

pub(crate) fn render(contract: &Contract) -> String {
    let mut y = Yaml::default();
    let step = contract.step;
    y.line(&format!(
        "# Generated from the contract of `{step}` by `make generate`; do not edit."
    ));
    head(&mut y, "v1", "ServiceAccount", step);
    y.line("---");
    head(&mut y, "rbac.authorization.k8s.io/v1", "Role", step);
    y.line("rules:");
    let (group, resource, verbs) = EXECUTOR;
    rule(&mut y, group, &[resource], verbs);
    let mut seen = BTreeSet::new();
    for own in contract.commands.iter().flat_map(|command| &command.rbac) {
        if seen.insert((own.api_group, own.resources, own.verbs)) {
            rule(&mut y, own.api_group, own.resources, own.verbs);
        }
    }
    y.line("---");
    head(&mut y, "rbac.authorization.k8s.io/v1", "RoleBinding", step);
    y.line("roleRef:").nest(|y| {
        y.pair("apiGroup", "rbac.authorization.k8s.io")
            .pair("kind", "Role")
            .pair("name", step);
    });
    y.line("subjects:").nest(|y| {
        y.line("- kind: ServiceAccount").nest(|y| {
            y.pair("name", step);
        });
    });
    y.finish()
}

fn head(y: &mut Yaml, api_version: &str, kind: &str, name: &str) {
    y.pair("apiVersion", api_version)
        .pair("kind", kind)
        .line("metadata:")
        .nest(|y| {
            y.pair("name", name).line("labels:").nest(|y| {
                y.pair("app.kubernetes.io/name", name)
                    .pair("app.kubernetes.io/part-of", PROJECT);
            });
        });
}

fn rule(y: &mut Yaml, group: &str, resources: &[&str], verbs: &[&str]) {
    y.nest(|y| {
        y.line(&format!("- apiGroups: [{group:?}]")).nest(|y| {
            y.line(&format!("resources: [{}]", resources.join(", ")));
            y.line(&format!("verbs: [{}]", verbs.join(", ")));
        });
    });
}
