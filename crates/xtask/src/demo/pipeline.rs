//! The stages as the pipeline of `workflows/pipelines` runs them, each with its flags.

use std::path::PathBuf;

use anyhow::{Context, Result};
use provenance::TrainingRun;

use super::facts::{features, git_sha, words};
use super::services::{Service, Services};
use super::stage::{Ended, Expect, Stages};

/// The registered model, and its name on the model servers.
pub(crate) const MODEL: &str = "flight-delays";
/// Where the flights are.
pub(crate) const LAKE: &str = "s3://lake/flights-2013";
/// A yes; whether it warns depends on slices that are too thin to judge.
const YES: Expect = Expect {
    verdicts: &["PASS", "WARN"],
    exit: 0,
};
/// A no.
pub(crate) const NO: Expect = Expect {
    verdicts: &["FAIL"],
    exit: 3,
};

/// The stages, with what all rounds share.
pub(crate) struct Pipeline<'a> {
    /// Runs the steps.
    pub(crate) stages: Stages<'a>,
    /// Starts model servers.
    pub(crate) services: Services<'a>,
    /// `workflows/examples/flight-delays`.
    pub(crate) example: PathBuf,
    /// Models on the disk.
    pub(crate) models: PathBuf,
}

/// The data of one round: names of tables and where they are.
pub(crate) struct Data {
    /// `train`, `validation` and `test`, below the lake.
    pub(crate) splits: [(&'static str, &'static str); 3],
    /// The end of a window of 90 days over the splits that are trained on.
    pub(crate) window_to: Option<&'static str>,
    /// What the team calls it.
    pub(crate) version: &'static str,
}

/// A trained model that is served.
pub(crate) struct Candidate {
    /// What data-validate left.
    pub(super) validated: Ended,
    /// What train-launch left.
    trained: Ended,
    /// Its files.
    pub(super) folder: PathBuf,
    /// Its server.
    pub(crate) server: Service,
}

impl Pipeline<'_> {
    /// `data-validate check`.
    pub(crate) fn validate(&self, round: &str, data: &Data, expect: Option<&Expect>) -> Result<Ended> {
        let mut args = words(&["check", "--suite"]);
        args.push(self.config("validation.yaml"));
        let tables = ["airlines", "airports", "planes"].map(|table| (table, format!("{table}.parquet")));
        let splits = data.splits.map(|(name, path)| (name, path.to_owned()));
        for (name, path) in splits.into_iter().chain(tables) {
            args.extend(["--data".to_owned(), format!("{name}={LAKE}/{path}")]);
        }
        if let Some(to) = data.window_to {
            args.extend(words(&[
                "--window",
                "90d",
                "--as-of",
                to,
                "--time-column",
                "time_hour",
            ]));
        }
        args.extend(words(&["--data-version", data.version]));
        let name = format!("{round}/validate");
        args.extend(self.out(
            &name,
            &[("--dataset", "dataset.json"), ("--profile", "profile.json")],
        ));
        self.stages
            .run(&name, "data-validate", &args, expect.unwrap_or(&YES))
    }

    /// `train-launch run`, on this machine.
    pub(crate) fn train(&self, round: &str, validated: &Ended, trigger: &str, data: &Data) -> Result<Ended> {
        let mut args = words(&["run", "--executor", "process", "--experiment", MODEL, "--git-sha"]);
        args.extend([git_sha(), "--dataset".to_owned(), validated.file("dataset.json")]);
        args.extend(words(&[
            "--trigger",
            trigger,
            "--data-version",
            data.version,
            "--command",
        ]));
        let python = self.services.lab.python_bin.join("python");
        args.push(format!("{} {}", python.display(), self.config("train.py")));
        let name = format!("{round}/train");
        args.extend(self.out(&name, &[("--run", "run.json"), ("--output-dir", "training")]));
        self.stages.run(
            &name,
            "train-launch",
            &args,
            &Expect {
                verdicts: &["TRAINED"],
                exit: 0,
            },
        )
    }

    /// Fetches a model by its digest and serves it.
    pub(crate) fn serve(&self, name: &str, uri: &str, digest: Option<&str>) -> Result<(PathBuf, Service)> {
        let folder = self.models.join(name);
        std::fs::create_dir_all(&self.models)?;
        let mut args = words(&["fetch", uri]);
        args.push(folder.display().to_string());
        args.extend(digest.iter().flat_map(|digest| words(&["--digest", digest])));
        self.stages
            .print(&format!("fetch {name}"), "mlflow-register", &args)?;
        let features = features(&folder)?.len();
        let server = self.services.model_server(name, MODEL, &folder, features)?;
        Ok((folder, server))
    }

    /// Serves what was just trained, as the evaluation has to see it.
    pub(crate) fn candidate(&self, name: &str, validated: Ended, trained: Ended) -> Result<Candidate> {
        let run: TrainingRun = serde_json::from_slice(&std::fs::read(trained.file("run.json"))?)
            .context("run.json of train-launch is not what provenance reads")?;
        let (folder, server) = self.serve(name, &run.model.uri, Some(&run.model.digest.to_string()))?;
        Ok(Candidate {
            validated,
            trained,
            folder,
            server,
        })
    }

    /// `evaluate gate`, on the answers of the running servers.
    pub(crate) fn evaluate(
        &self,
        round: &str,
        candidate: &Candidate,
        champion: Option<(&Service, &Ended)>,
        expect: Option<&Expect>,
    ) -> Result<Ended> {
        let mut args = words(&["gate", "--model", MODEL]);
        for (flag, value) in [
            ("--gates", self.config("quality_gates.yaml")),
            ("--behaviour", self.config("behaviour.yaml")),
            ("--endpoint", candidate.server.url()),
            ("--feature-columns", features(&candidate.folder)?.join(",")),
            ("--run", candidate.trained.file("run.json")),
            ("--dataset", candidate.validated.file("dataset.json")),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        args.extend(words(&[
            "--split",
            "test",
            "--id-column",
            "flight_id",
            "--label-column",
            "late",
        ]));
        if let Some((champion, promoted)) = champion {
            args.extend(["--champion-endpoint".to_owned(), champion.url()]);
            args.extend([
                "--champion-version".to_owned(),
                promoted.file("model-version.json"),
            ]);
        }
        self.stages.run(
            &format!("{round}/evaluate"),
            "evaluate",
            &args,
            expect.unwrap_or(&YES),
        )
    }

    /// `mlflow-register register`.
    pub(crate) fn register(
        &self,
        round: &str,
        candidate: &Candidate,
        evaluated: &Ended,
        expect: Option<&Expect>,
    ) -> Result<Ended> {
        let Candidate {
            validated, trained, ..
        } = candidate;
        let mut args = words(&[
            "register",
            "--name",
            MODEL,
            "--stage",
            "Staging",
            "--alias",
            "challenger",
        ]);
        // MLServer loads LightGBM's own file here and not the MLflow flavour, which `mlserver` stands for.
        args.extend(words(&["--runtime", "other", "--require-statements"]));
        for (flag, value) in [
            ("--run", trained.file("run.json")),
            ("--validation", validated.file("report.json")),
            ("--evaluation", evaluated.file("report.json")),
            ("--dataset", validated.file("dataset.json")),
            ("--validation-statement", validated.file("statement.json")),
            ("--training-statement", trained.file("statement.json")),
            ("--evaluation-statement", evaluated.file("statement.json")),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        let name = format!("{round}/register");
        args.extend(self.out(
            &name,
            &[
                ("--model-version", "model-version.json"),
                ("--card", "card.md"),
                ("--dependencies", "dependencies.json"),
                ("--deployment", "deployment.json"),
            ],
        ));
        let registered = Expect {
            verdicts: &["REGISTERED"],
            exit: 0,
        };
        self.stages
            .run(&name, "mlflow-register", &args, expect.unwrap_or(&registered))
    }

    /// `mlflow-register promote`.
    pub(crate) fn promote(&self, round: &str, registered: &Ended) -> Result<Ended> {
        let mut args = words(&[
            "promote",
            "--alias",
            "champion",
            "--stage",
            "Production",
            "--archive-previous",
        ]);
        args.extend([
            "--model-version".to_owned(),
            registered.file("model-version.json"),
        ]);
        let name = format!("{round}/promote");
        args.extend(self.out(&name, &[("--promoted", "model-version.json")]));
        self.stages.run(
            &name,
            "mlflow-register",
            &args,
            &Expect {
                verdicts: &["PROMOTED", "REGISTERED"],
                exit: 0,
            },
        )
    }

    /// Flags for files in the folder of a stage.
    pub(super) fn out(&self, stage: &str, flags: &[(&str, &str)]) -> Vec<String> {
        let folder = self.stages.out.join(stage);
        let flags = flags.iter();
        flags
            .flat_map(|(flag, file)| [(*flag).to_owned(), folder.join(file).display().to_string()])
            .collect()
    }

    /// A file of the team's, beside train.py.
    pub(super) fn config(&self, file: &str) -> String {
        self.example.join(file).display().to_string()
    }
}
