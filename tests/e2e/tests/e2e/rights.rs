//! What the accounts of the steps may do.

use std::collections::BTreeSet;

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
                ("delete", "configmaps"),
                ("get", "pods"),
                ("list", "pods"),
                ("watch", "pods"),
                ("get", "pods/log"),
                ("list", "events"),
                ("list", "workloads.kueue.x-k8s.io"),
                ("create", "trainjobs.trainer.kubeflow.org"),
                ("get", "trainjobs.trainer.kubeflow.org"),
                ("list", "trainjobs.trainer.kubeflow.org"),
                ("watch", "trainjobs.trainer.kubeflow.org"),
                ("delete", "trainjobs.trainer.kubeflow.org"),
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
    for (account, rights) in own {
        let expected: BTreeSet<String> = rights
            .iter()
            .chain(&common)
            .map(|(verb, resource)| format!("{verb} {resource}"))
            .chain((account == "mlops-pipeline").then(|| "get secrets mlops-slack".to_owned()))
            .collect();
        assert_eq!(lab.rights(account), expected, "{account}");
    }
    assert_eq!(lab.rights("mlops-training"), BTreeSet::new());
    let gc = [
        "list workflowartifactgctasks.argoproj.io",
        "patch workflowartifactgctasks.argoproj.io/status",
        "watch workflowartifactgctasks.argoproj.io",
    ];
    assert_eq!(lab.rights("mlops-artifact-gc"), gc.map(str::to_owned).into());
}
