//! All reads of `evaluate gate`: records, rows, scores. Returns plain evidence.

mod behaviour;
mod columns;
mod endpoint;
mod latency;
mod pair;
mod records;
mod table;

use std::collections::BTreeMap;

use provenance::Digest;
use step_report::{Input, Note};
use step_runtime::{Context, StepError};

use super::cli::{GateArgs, names};
use crate::config::Gates;
use crate::config::behaviour::Test;
use crate::evidence::{Evidence, Groups, Rows, Scores};
use records::Records;
use table::{Blob, Frame, Want};

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
    let plan = Plan::make(args, gates, &files)?;
    // Parsing is work for a thread of its own: SIGTERM must be heard meanwhile.
    let (tables, plan) =
        tokio::task::spawn_blocking(move || Ok::<_, StepError>((files.parse(&plan)?, plan))).await??;
    records::verify(&records, tables.data.as_ref())?;
    tables.note(&mut out);

    let base = tables.base();
    let ids = tables.ids(&plan, base)?;
    let rows = tables.rows(args, gates, &plan, &ids)?;
    let challenger = match (&tables.predictions, &args.endpoint) {
        (Some(frame), _) => {
            out.bind("scored_by", "file");
            tables.scores(frame, &ids, &plan, args)?
        }
        (None, Some(url)) => {
            out.bind("scored_by", "endpoint");
            let model = args.model.as_deref().unwrap_or_default();
            endpoint::scores(
                ("challenger", url, model),
                args,
                base,
                &plan.features,
                cx,
                &mut out,
            )
            .await?
        }
        (None, None) => return Err(StepError::internal("no challenger after the flags were checked")),
    };
    let champion = match (&tables.champion, &args.champion_endpoint) {
        (Some(frame), _) => {
            out.bind("champion.scored_by", "file");
            Some(tables.scores(frame, &ids, &plan, args)?)
        }
        (None, Some(url)) => {
            out.bind("champion.scored_by", "endpoint");
            let model = args
                .champion_model
                .as_deref()
                .or(args.model.as_deref())
                .unwrap_or_default();
            Some(endpoint::scores(("champion", url, model), args, base, &plan.features, cx, &mut out).await?)
        }
        (None, None) => {
            out.bind("champion", "none");
            None
        }
    };
    let latency = match &gates.latency {
        Some(latency) => {
            let asked = (latency, gates.confidence);
            Some(latency::measure(args, asked, base, &plan.features, cx, &mut out).await?)
        }
        None => None,
    };
    let behaviour = if tests.is_empty() {
        Vec::new()
    } else {
        behaviour::ask(args, tests, (base, &ids), &plan.features, cx).await?
    };
    out.evidence = sorted(Evidence {
        rows,
        challenger,
        champion,
        latency,
        behaviour,
    });
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
    /// Columns of `--data`, and those that only the predictions have.
    from_data: Want,
    from_predictions: Want,
    slices: Vec<String>,
    sensitive: Vec<String>,
    /// Features, when an endpoint is asked.
    features: Vec<String>,
    label: String,
}

impl Files {
    async fn fetch(args: &GateArgs, records: &Records, cx: &Context) -> Result<Self, StepError> {
        let data = match (&args.data, &records.split) {
            (Some(data), _) => Some(table::fetch(&cx.store, data.as_str()).await?),
            (None, Some((_, split))) => {
                let mut blobs = Vec::new();
                for object in &split.objects {
                    blobs.extend(table::fetch(&cx.store, &object.uri).await?);
                }
                Some(blobs)
            }
            (None, None) => None,
        };
        let predictions = match &args.predictions {
            Some(at) => Some(table::fetch(&cx.store, at.as_str()).await?),
            None => None,
        };
        let champion = match &args.champion_predictions {
            Some(at) => Some(table::fetch(&cx.store, at.as_str()).await?),
            None => None,
        };
        Ok(Self {
            data,
            predictions,
            champion,
        })
    }

    fn parse(self, plan: &Plan) -> Result<Tables, StepError> {
        let id: Vec<String> = plan.id.iter().cloned().collect();
        let parse = |name: &str, blobs: Option<Vec<Blob>>, want: &Want| {
            blobs.map(|blobs| table::parse(name, blobs, want)).transpose()
        };
        let mut texts = id;
        if table::has(
            &table::fields(self.champion.as_deref().unwrap_or_default())?,
            &plan.label,
        ) {
            texts.push(plan.label.clone());
        }
        let champion = Want {
            texts,
            numbers: plan.from_predictions.numbers.clone(),
            ..Want::default()
        };
        Ok(Tables {
            data: parse("data", self.data, &plan.from_data)?,
            predictions: parse("predictions", self.predictions, &plan.from_predictions)?,
            champion: parse("champion predictions", self.champion, &champion)?,
        })
    }
}

impl Plan {
    fn make(args: &GateArgs, gates: &Gates, files: &Files) -> Result<Self, StepError> {
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
        let mut from_data = Want {
            texts: id.iter().cloned().collect(),
            ..Want::default()
        };
        let mut from_predictions = from_data.clone();
        from_predictions.numbers.push(args.score_column.clone());
        let label = std::iter::once(&args.label_column);
        for column in label.chain(&slices).chain(&sensitive) {
            let only_there = files.predictions.is_some() && table::has(&in_predictions, column);
            let home = if files.data.is_none() || (only_there && !table::has(&in_data, column)) {
                &mut from_predictions
            } else {
                &mut from_data
            };
            if !home.texts.contains(column) {
                home.texts.push(column.clone());
            }
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
        Ok(Self {
            id,
            from_data,
            from_predictions,
            slices,
            sensitive,
            features,
            label: args.label_column.clone(),
        })
    }
}

/// The parsed files.
struct Tables {
    data: Option<Frame>,
    predictions: Option<Frame>,
    champion: Option<Frame>,
}

impl Tables {
    /// The rows that are judged on.
    fn base(&self) -> &Frame {
        static NONE: std::sync::LazyLock<Frame> = std::sync::LazyLock::new(Frame::default);
        self.data.as_ref().or(self.predictions.as_ref()).unwrap_or(&NONE)
    }

    fn note(&self, out: &mut Gathered) {
        for frame in [&self.data, &self.predictions, &self.champion]
            .into_iter()
            .flatten()
        {
            let uri = match frame.objects.as_slice() {
                [only] => only.uri.clone(),
                objects => format!("{} and {} more", objects[0].uri, objects.len() - 1),
            };
            out.read(
                Input::new(&*frame.name, uri).rows(frame.rows as u64),
                frame.digest(),
            );
        }
    }

    fn ids(&self, plan: &Plan, frame: &Frame) -> Result<Vec<String>, StepError> {
        match &plan.id {
            Some(column) => pair::ids(&frame.name, column, frame.texts(column)),
            // Padded, so that the order of the rows is the order of the names.
            None => Ok((0..frame.rows).map(|row| format!("row {row:09}")).collect()),
        }
    }

    /// A column wherever it is, in the order of the base rows.
    fn column(
        &self,
        plan: &Plan,
        ids: &[String],
        name: &str,
    ) -> Result<(String, Vec<Option<String>>), StepError> {
        if let Some(data) = &self.data
            && plan.from_data.texts.iter().any(|column| column == name)
        {
            return Ok((data.name.clone(), data.texts(name).to_vec()));
        }
        let Some(frame) = &self.predictions else {
            return Ok((String::new(), Vec::new()));
        };
        let values = frame.texts(name);
        let order = self.order(frame, ids, plan)?;
        Ok((
            frame.name.clone(),
            order.into_iter().map(|row| values[row].clone()).collect(),
        ))
    }

    /// Where each base row stands in another file.
    fn order(&self, frame: &Frame, ids: &[String], plan: &Plan) -> Result<Vec<usize>, StepError> {
        if std::ptr::eq(frame, self.base()) {
            return Ok((0..frame.rows).collect());
        }
        let theirs = self.ids(plan, frame)?;
        pair::matched((&self.base().name, ids), (&frame.name, &theirs))
    }

    fn rows(&self, args: &GateArgs, gates: &Gates, plan: &Plan, ids: &[String]) -> Result<Rows, StepError> {
        let (file, values) = self.column(plan, ids, &args.label_column)?;
        let positive = args.positive_label.as_deref();
        let labels = columns::labels(&file, &args.label_column, &values, ids, positive)?;
        self.same_labels(args, plan, (&file, ids, &labels))?;
        let most = gates.slices.max_values;
        let groups = |names: &[String]| -> Result<Vec<Groups>, StepError> {
            names
                .iter()
                .map(|name| {
                    let (file, values) = self.column(plan, ids, name)?;
                    columns::groups(&file, name, &values, most)
                })
                .collect()
        };
        Ok(Rows {
            ids: ids.to_vec(),
            labels,
            slices: groups(&plan.slices)?,
            sensitive: groups(&plan.sensitive)?,
        })
    }

    /// Files that carry the truth too must agree on it: else their rows are not the same rows.
    fn same_labels(
        &self,
        args: &GateArgs,
        plan: &Plan,
        (file, ids, labels): (&str, &[String], &[bool]),
    ) -> Result<(), StepError> {
        let others = [&self.predictions, &self.champion].into_iter().flatten();
        for frame in others.filter(|frame| frame.name != file && !frame.texts(&plan.label).is_empty()) {
            let values = frame.texts(&plan.label);
            let order = self.order(frame, ids, plan)?;
            let theirs: Vec<Option<String>> = order.into_iter().map(|row| values[row].clone()).collect();
            let positive = args.positive_label.as_deref();
            let theirs = columns::labels(&frame.name, &plan.label, &theirs, ids, positive)?;
            let odd: Vec<usize> = (0..ids.len())
                .filter(|row| labels[*row] != theirs[*row])
                .collect();
            if let Some(first) = odd.first() {
                return Err(StepError::usage(format!(
                    "{file} and {}: the labels of {} differ (the first is id {}): these are not the same rows",
                    frame.name,
                    crate::decide::count(odd.len() as u64, "id", "ids"),
                    ids[*first]
                )));
            }
        }
        Ok(())
    }

    fn scores(
        &self,
        frame: &Frame,
        ids: &[String],
        plan: &Plan,
        args: &GateArgs,
    ) -> Result<Scores, StepError> {
        let values = frame.numbers(&args.score_column);
        let order = self.order(frame, ids, plan)?;
        Ok(Scores::new(order.into_iter().map(|row| values[row])))
    }
}

/// The same evidence in the order of the ids: the order of a file decides nothing, not even a resample.
fn sorted(evidence: Evidence) -> Evidence {
    let mut order: Vec<usize> = (0..evidence.rows.ids.len()).collect();
    order.sort_by(|a, b| evidence.rows.ids[*a].cmp(&evidence.rows.ids[*b]));
    let scores = |scores: Scores| {
        let value = |row: &usize| {
            let missing = scores
                .missing
                .iter()
                .find(|(at, _)| at == row)
                .map(|(_, what)| *what);
            (scores.values[*row], missing)
        };
        let values: Vec<(f64, Option<&'static str>)> = order.iter().map(value).collect();
        Scores {
            missing: values
                .iter()
                .enumerate()
                .filter_map(|(row, (_, what))| Some((row, (*what)?)))
                .collect(),
            values: values.into_iter().map(|(value, _)| value).collect(),
        }
    };
    let groups = |groups: Vec<Groups>| -> Vec<Groups> {
        groups
            .into_iter()
            .map(|g| Groups {
                of_row: order.iter().map(|row| g.of_row[*row]).collect(),
                ..g
            })
            .collect()
    };
    Evidence {
        challenger: scores(evidence.challenger),
        champion: evidence.champion.map(scores),
        rows: Rows {
            ids: order.iter().map(|row| evidence.rows.ids[*row].clone()).collect(),
            labels: order.iter().map(|row| evidence.rows.labels[*row]).collect(),
            slices: groups(evidence.rows.slices),
            sensitive: groups(evidence.rows.sensitive),
        },
        ..evidence
    }
}
