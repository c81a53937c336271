//! What the accounts of the steps may do.

use toolkit_e2e::Lab;

#[test]
fn an_account_may_do_what_its_step_does_and_nothing_else() {
    let lab = Lab::new();
    // What Argo needs of every step's pod, and what each step needs beside it.
    let common = [
        ("create", "workflowtaskresults.argoproj.io"),
        ("patch", "workflowtaskresults.argoproj.io"),
    ];
    let own: [(&str, &[(&str, &str)]); 7] = [
        ("data-validate", &[]),
        ("evaluate", &[]),
        ("mlflow-register", &[]),
        ("kserve-canary", &[]),
        (
            "train-launch",
            &[
                ("create", "jobs.batch"),
                ("get", "jobs.batch"),
                // A watch begins with a list.
                ("list", "jobs.batch"),
                ("delete", "jobs.batch"),
                ("watch", "jobs.batch"),
                ("create", "configmaps"),
                ("get", "configmaps"),
                ("get", "pods"),
                ("list", "pods"),
                ("watch", "pods"),
                ("get", "pods/log"),
                ("get", "workflows.argoproj.io"),
            ],
        ),
        (
            "enroll-drift",
            &[
                ("create", "cronworkflows.argoproj.io"),
                ("get", "cronworkflows.argoproj.io"),
                ("patch", "cronworkflows.argoproj.io"),
                // As the caller of the event endpoint.
                ("list", "workfloweventbindings.argoproj.io"),
                ("get", "workflowtemplates.argoproj.io"),
                ("create", "workflows.argoproj.io"),
            ],
        ),
        (
            "mlops-pipeline",
            &[
                ("list", "workflowtasksets.argoproj.io"),
                ("watch", "workflowtasksets.argoproj.io"),
                ("patch", "workflowtasksets.argoproj.io/status"),
            ],
        ),
    ];
    let asked: std::collections::BTreeSet<(&str, &str)> = own
        .iter()
        .flat_map(|(_, rights)| rights.iter().copied())
        .chain(common)
        .chain([
            ("get", "secrets"),
            ("list", "secrets"),
            ("create", "pods"),
            ("create", "pods/exec"),
            ("delete", "pods"),
            ("delete", "workflows.argoproj.io"),
            ("patch", "workflowtemplates.argoproj.io"),
            ("delete", "cronworkflows.argoproj.io"),
            ("create", "rolebindings.rbac.authorization.k8s.io"),
            ("create", "serviceaccounts/token"),
            ("patch", "jobs.batch"),
            ("update", "configmaps"),
            ("delete", "configmaps"),
        ])
        .collect();
    for (account, rights) in own {
        let user = format!("--as=system:serviceaccount:{}:{account}", lab.namespace);
        for (verb, resource) in &asked {
            let may = lab.can(&user, verb, resource);
            let should = rights.contains(&(verb, resource)) || common.contains(&(verb, resource));
            assert_eq!(may, should, "{account}: {verb} {resource}");
        }
    }
}
