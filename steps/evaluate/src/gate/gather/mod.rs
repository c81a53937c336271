//! All reads of `evaluate gate`: records, rows, scores. Returns plain evidence.

mod behaviour;
mod columns;
mod endpoint;
mod latency;
mod pair;
mod records;
mod table;
mod tables;

use std::collections::BTreeMap;

use provenance::Digest;
use step_report::{Input, Note};
use step_runtime::{Context, StepError};

use super::cli::{GateArgs, names};
use crate::config::Gates;
use crate::config::behaviour::Test;
use crate::evidence::Evidence;
use records::Records;
use table::{Blob, Want};
use tables::{Read, Tables};

/// Evidence, and where it came from.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What the gates are held against.
    pub evidence: Evidence,
    /// What was read, for the report.
    pub inputs: Vec<Input>,
    /// What the decision is bound to.
    pub bindings: BTreeMap<String, String>,
    /// What was read, for the statement.
    pub materials: Vec<(String, Digest)>,
    /// Remarks.
    pub notes: Vec<Note>,
}

impl Gathered {
    fn read(&mut self, input: Input, digest: Option<Digest>) {
        let input = match digest {
            Some(digest) => {
                self.materials.push((input.uri.clone(), digest));
                input.digest(&digest)
            }
            None => input,
        };
        self.inputs.push(input);
    }

    fn bind(&mut self, name: &str, value: impl Into<String>) {
        self.bindings.insert(name.to_owned(), value.into());
    }

    fn note(&mut self, read: &Read) {
        for (input, digest) in &read.inputs {
            self.read(input.clone(), *digest);
        }
        self.notes.extend(read.notes.iter().cloned());
    }
}

/// Reads and scores everything that the gates need.
pub(super) async fn gather(
    args: &GateArgs,
    gates: &Gates,
    tests: &[Test],
    cx: &Context,
) -> Result<Gathered, StepError> {
    let mut out = Gathered::default();
    let records = records::read(args, cx, &mut out).await?;
    let files = Files::fetch(args, &records, cx).await?;
    let plan = Plan::make(args, gates, &files, records)?;
    let features = plan.features.clone();
    let read = cx.apart(move || files.read(&plan)).await??;
    out.note(&read);

    let base = &read.base;
    let (url, champion_url) = (args.endpoint.as_deref(), args.champion_endpoint.as_deref());
    let model = args.model.as_deref().unwrap_or_default();
    let challenger = match url.filter(|_| read.challenger.is_none()) {
        Some(url) => {
            out.bind("scored_by", "endpoint");
            let asked = ("challenger", url, model);
            let scores = endpoint::scores(asked, args, base, &features, cx, &mut out).await?;
            Some(scores.ordered(&read.order))
        }
        None => {
            out.bind("scored_by", "file");
            read.challenger
        }
    };
    let champion = match (read.champion, champion_url) {
        (Some(scores), _) => {
            out.bind("champion.scored_by", "file");
            Some(scores)
        }
        (None, Some(url)) => {
            out.bind("champion.scored_by", "endpoint");
            let asked = ("champion", url, args.champion_model.as_deref().unwrap_or(model));
            let scores = endpoint::scores(asked, args, base, &features, cx, &mut out).await?;
            Some(scores.ordered(&read.order))
        }
        (None, None) => {
            out.bind("champion", "none");
            None
        }
    };
    let latency = match &gates.latency {
        Some(latency) => {
            let asked = (latency, gates.confidence);
            Some(latency::measure(args, asked, base, &features, cx, &mut out).await?)
        }
        None => {
            if let Some(at) = &args.load_report {
                out.notes.push(Note::warn(format!(
                    "--load-report {at} was not read: the gates bound no latency."
                )));
            }
            None
        }
    };
    let behaviour = if tests.is_empty() {
        Vec::new()
    } else {
        behaviour::ask(args, tests, (base, &base.ids), &features, cx).await?
    };
    out.evidence = Evidence {
        rows: read.rows,
        challenger: challenger
            .ok_or_else(|| StepError::internal("no challenger after the flags were checked"))?,
        champion,
        latency,
        behaviour,
    };
    Ok(out)
}

/// The bytes of every file, before they are parsed.
struct Files {
    data: Option<Vec<Blob>>,
    predictions: Option<Vec<Blob>>,
    champion: Option<Vec<Blob>>,
}

/// Which columns are read from where.
struct Plan {
    /// The id column; none when rows are known by their number.
    id: Option<String>,
    /// Columns of `--data`, those that only the predictions have, and those of the champion.
    from_data: Want,
    from_predictions: Want,
    from_champion: Want,
    slices: Vec<String>,
    sensitive: Vec<String>,
    /// Features, when an endpoint is asked.
    features: Vec<String>,
    label: String,
    positive: Option<String>,
    /// Whether the predictions are the very rows that are judged on.
    scored_in_base: bool,
    most_slices: usize,
    records: Records,
}

impl Files {
    async fn fetch(args: &GateArgs, records: &Records, cx: &Context) -> Result<Self, StepError> {
        let data = match (&args.data, &records.split) {
            (Some(data), _) => Some(table::fetch(cx, data.as_str()).await?),
            (None, Some((_, split))) => {
                let mut blobs = Vec::new();
                for object in &split.objects {
                    blobs.extend(table::fetch(cx, &object.uri).await?);
                }
                Some(blobs)
            }
            (None, None) => None,
        };
        let predictions = match &args.predictions {
            Some(at) => Some(table::fetch(cx, at.as_str()).await?),
            None => None,
        };
        let champion = match &args.champion_predictions {
            Some(at) => Some(table::fetch(cx, at.as_str()).await?),
            None => None,
        };
        Ok(Self {
            data,
            predictions,
            champion,
        })
    }

    /// Parses everything and pairs the rows. Blocking.
    fn read(self, plan: &Plan) -> Result<Read, StepError> {
        let parse = |name: &str, blobs: Option<Vec<Blob>>, want: &Want| {
            blobs.map(|blobs| table::parse(name, blobs, want)).transpose()
        };
        let data = parse("data", self.data, &plan.from_data)?;
        records::verify(&plan.records, data.as_ref())?;
        let predictions = parse("predictions", self.predictions, &plan.from_predictions)?;
        let champion = parse("champion predictions", self.champion, &plan.from_champion)?;
        Tables::new(data, predictions, champion, plan)?.read(plan)
    }
}

impl Plan {
    fn make(args: &GateArgs, gates: &Gates, files: &Files, records: Records) -> Result<Self, StepError> {
        let fields = |blobs: &Option<Vec<Blob>>| table::fields(blobs.as_deref().unwrap_or_default());
        let (in_data, in_predictions) = (fields(&files.data)?, fields(&files.predictions)?);
        let tables = [&files.data, &files.predictions, &files.champion]
            .iter()
            .filter(|t| t.is_some())
            .count();
        let base = if files.data.is_some() {
            &in_data
        } else {
            &in_predictions
        };
        let id = args
            .id_column
            .clone()
            .or_else(|| table::has(base, "id").then(|| "id".to_owned()));
        if id.is_none() && tables > 1 {
            return Err(StepError::usage(
                "rows of several files are paired on their id, and there is no column `id`: add --id-column NAME",
            ));
        }
        let merged = |flag: &[String], config: &[String]| names(&[flag, config].concat());
        let slices = merged(&args.slice_columns, &gates.slices.columns);
        let sensitive = match &gates.fairness {
            Some(fairness) => merged(&args.sensitive_columns, &fairness.columns),
            None => names(&args.sensitive_columns),
        };
        let named = Want {
            id: id.clone(),
            ..Want::default()
        };
        let scored = Want {
            score: Some(args.score_column.clone()),
            ..named.clone()
        };
        let (mut from_data, mut from_predictions, mut from_champion) = (named, scored.clone(), scored);
        let label = std::iter::once(&args.label_column);
        for column in label.chain(&slices).chain(&sensitive) {
            let only_there = files.predictions.is_some() && table::has(&in_predictions, column);
            let home = if files.data.is_none() || (only_there && !table::has(&in_data, column)) {
                &mut from_predictions
            } else {
                &mut from_data
            };
            if !home.words.contains(column) {
                home.words.push(column.clone());
            }
        }
        if table::has(&fields(&files.champion)?, &args.label_column) {
            from_champion.words.push(args.label_column.clone());
        }
        let asks = args.endpoint.is_some() || args.champion_endpoint.is_some();
        let features = match names(&args.feature_columns) {
            _ if !asks => Vec::new(),
            named if !named.is_empty() => named,
            _ => in_data
                .iter()
                .map(|field| field.name.clone())
                .filter(|name| *name != args.label_column && Some(name) != id.as_ref())
                .collect(),
        };
        from_data.features.clone_from(&features);
        from_data.cut.clone_from(&records.cut);
        Ok(Self {
            id,
            from_data,
            from_predictions,
            from_champion,
            slices,
            sensitive,
            features,
            label: args.label_column.clone(),
            positive: args.positive_label.clone(),
            scored_in_base: files.data.is_none(),
            most_slices: gates.slices.max_values,
            records,
        })
    }
}
