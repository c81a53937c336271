//! What clap cannot say about this step.

use step_contract::{CommandKind, CommandSpec, ConfigSpec, Exit, Rbac, StepSpec, TemplateSpec, VerdictSpec};

const RUN: CommandSpec = CommandSpec {
    name: "run",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "TRAINED",
            exit: Exit::Yes,
            meaning: "Training ended well, and the run holds its model.",
        },
        VerdictSpec {
            word: "FAILED",
            exit: Exit::No,
            meaning: "Training ended with an error or at the deadline, or left no model.",
        },
    ],
    rbac: &[
        Rbac {
            api_group: "batch",
            resources: &["jobs"],
            verbs: &["create", "get", "list", "watch", "delete"],
        },
        Rbac {
            api_group: "",
            resources: &["configmaps"],
            verbs: &["create", "get", "delete"],
        },
        Rbac {
            api_group: "",
            resources: &["pods"],
            verbs: &["get", "list", "watch"],
        },
        Rbac {
            api_group: "",
            resources: &["pods/log"],
            verbs: &["get"],
        },
        // Why a pod of a Job could not be made.
        Rbac {
            api_group: "",
            resources: &["events"],
            verbs: &["list"],
        },
        // Why a queue holds a Job back; where there is no Kueue nothing comes of it.
        Rbac {
            api_group: "kueue.x-k8s.io",
            resources: &["workloads"],
            verbs: &["list"],
        },
        // For `--kind trainjob`.
        Rbac {
            api_group: "trainer.kubeflow.org",
            resources: &["trainjobs"],
            verbs: &["create", "get", "list", "watch", "delete"],
        },
        // Whether the Workflow is being stopped, for `--on-terminate auto`.
        Rbac {
            api_group: "argoproj.io",
            resources: &["workflows"],
            verbs: &["get"],
        },
    ],
    template: Some(TemplateSpec {
        active_deadline_seconds: 24 * 3600,
        retry_on_kill: true,
        ..TemplateSpec::DEFAULT
    }),
};

/// The contract's other half.
pub static SPEC: StepSpec = StepSpec {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Trains on validated data, in one MLflow run, and hands on the model by digest",
    description: "\
Starts the team's own training code, as a child process or as a Kubernetes Job (one, an Indexed one for seeds and folds, or a `TrainJob` of Kubeflow Trainer for several nodes), on exactly the bytes that \
`data-validate` accepted: every object of `dataset.json` is held against its record before training and again \
after it.

One training is one MLflow run. The run carries an idempotency key made of the workflow's uid, the step and the \
inputs; an attempt that was killed at any moment is continued by its retry in the same run, and training that has \
ended well is not repeated. The model that training leaves in `TRAIN_OUTPUT/model` is named by the digest of its \
files, and the step ends well only when the server holds exactly these bytes.

What an image gets and what it must leave is the training contract: docs/guides/training-contract.md.",
    commands: &[
        RUN,
        CommandSpec {
            name: "reproduce",
            kind: CommandKind::Decides,
            verdicts: RUN.verdicts,
            rbac: RUN.rbac,
            template: None,
        },
        CommandSpec { name: "plan", kind: CommandKind::Prints, verdicts: &[], rbac: &[], template: None },
        CommandSpec { name: "install", kind: CommandKind::Prints, verdicts: &[], rbac: &[], template: None },
        CommandSpec { name: "verify-output", kind: CommandKind::Prints, verdicts: &[], rbac: &[], template: None },
    ],
    default_command: "run",
    configs: &[ConfigSpec {
        name: "job",
        flag: "job-template",
        summary: "The team's own Job, merged into ours.",
        schema: crate::job::template_schema,
    }],
};
