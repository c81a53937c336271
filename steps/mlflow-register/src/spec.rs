//! What clap cannot say about the step.

use step_contract::{CommandKind, CommandSpec, ConfigSpec, Exit, StepSpec, TemplateSpec, VerdictSpec};

use crate::config::CardConfig;

/// The contract of the step.
pub static SPEC: StepSpec = StepSpec {
    name: "mlflow-register",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Registers a proven model with card, lineage and deployment metadata",
    description: DESCRIPTION,
    commands: &[REGISTER, PROMOTE, ROLLBACK, FETCH, RESOLVE],
    default_command: "register",
    configs: &[ConfigSpec {
        name: "card",
        flag: "card-config",
        summary: "The team's part of the model card.",
        schema: || schemars::schema_for!(CardConfig),
    }],
};

const DESCRIPTION: &str = "\
`register` lets a model into the MLflow registry when a chain of evidence holds, each link of it a check of \
the report: both reports are of the right step and say PASS or WARN; no check in them contradicts that; the \
evaluation is bound to this run and this model digest; validation, training and evaluation name one dataset \
digest; the evaluation is on a split that did not train the model; the model answered for itself \
(`scored_by: endpoint`); the run ended well in MLflow, and says of itself what `run.json` says; and the files in \
MLflow have the digest of `run.json`. With statements given, the records are proven to be as they were \
written. A link that does not hold is REFUSED, with exit 3 and the whole report.

It registers once: the version carries the tag `mlops.idempotency_key`, which is searched for before a \
version is made. A step that is killed at any moment and retried ends with one version.

`promote` moves an alias when it is where it was at registration (or where `--expect` says; one that was evaluated \
against another model than the champion needs that), and writes what \
it replaced into the tag `mlops.previous.<alias>`; `rollback` moves it back, and the stages with it. Both change \
nothing when run again, and refuse when somebody else moved the alias. A version that was rolled back is promoted \
again only with `--after-rollback`.

`fetch` downloads, verifies the digest against the version's tag `mlops.model_digest` and `--digest`, and \
only then lets the files appear. It is meant for init containers; a second run finds the model and is done, and \
one at the same time waits. It removes nothing that it did not bring.

`resolve` says which version an alias points to, by number and digest, so that what is compared against is \
settled once and does not move under the comparison.";

const REGISTER: CommandSpec = CommandSpec {
    name: "register",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "REGISTERED",
            exit: Exit::Yes,
            meaning: "The chain holds; the version, its stage and its alias are there.",
        },
        VerdictSpec {
            word: "REFUSED",
            exit: Exit::No,
            meaning: "A link of the chain does not hold; nothing was registered.",
        },
    ],
    rbac: &[],
    template: Some(TemplateSpec {
        active_deadline_seconds: 1800,
        memory: "256Mi",
        ..TemplateSpec::DEFAULT
    }),
};

const PROMOTE: CommandSpec = CommandSpec {
    name: "promote",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "PROMOTED",
            exit: Exit::Yes,
            meaning: "The alias points to the version.",
        },
        VerdictSpec {
            word: "REFUSED",
            exit: Exit::No,
            meaning: "The version is not the one that was registered, was rolled back before, or somebody else moved the alias; nothing was moved.",
        },
    ],
    rbac: &[],
    template: Some(TemplateSpec {
        active_deadline_seconds: 600,
        memory: "128Mi",
        ..TemplateSpec::DEFAULT
    }),
};

const ROLLBACK: CommandSpec = CommandSpec {
    name: "rollback",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "ROLLED_BACK",
            exit: Exit::Yes,
            meaning: "The alias points to the version before, or is gone when there was none.",
        },
        VerdictSpec {
            word: "UNCHANGED",
            exit: Exit::Yes,
            meaning: "The version was never promoted: there is nothing to take back.",
        },
        VerdictSpec {
            word: "REFUSED",
            exit: Exit::No,
            meaning: "The alias points to a third version, or the version before is gone; nothing was moved.",
        },
    ],
    rbac: &[],
    template: Some(TemplateSpec {
        active_deadline_seconds: 600,
        memory: "128Mi",
        ..TemplateSpec::DEFAULT
    }),
};

const FETCH: CommandSpec = CommandSpec {
    name: "fetch",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "FETCHED",
            exit: Exit::Yes,
            meaning: "The model is there, every byte verified.",
        },
        VerdictSpec {
            word: "REFUSED",
            exit: Exit::No,
            meaning: "The files do not have the digest that they must have, or no digest is on record; nothing was put there.",
        },
    ],
    rbac: &[],
    template: None,
};

const RESOLVE: CommandSpec = CommandSpec {
    name: "resolve",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "FOUND",
            exit: Exit::Yes,
            meaning: "The alias points to a version with a digest; URI, digest and number are output parameters.",
        },
        VerdictSpec {
            word: "NONE",
            exit: Exit::Yes,
            meaning: "There is no such model or alias; the output parameters are empty.",
        },
        VerdictSpec {
            word: "REFUSED",
            exit: Exit::No,
            meaning: "The version has no digest on record, or `--required` and there is no such alias.",
        },
    ],
    rbac: &[],
    template: Some(TemplateSpec {
        active_deadline_seconds: 600,
        memory: "128Mi",
        ..TemplateSpec::DEFAULT
    }),
};
