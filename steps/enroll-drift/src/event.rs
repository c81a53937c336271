//! The retraining event: small, stable, and harmless to whoever puts its text into a template.

use provenance::{Digest, digest_bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::baseline::WatchedModel;
use crate::decide::{Column, Decision, Finding};
use crate::window::TimeWindow;

/// Longest model slug: with `retrain-`, a dash and the id it stays below the 63 characters of a workflow.
const SLUG_CHARS: usize = 30;

/// Columns that the event's report names at most: the server stores the payload three times over.
const REPORTED: usize = 20;

/// What is posted. Every text is inert: Argo evaluates `{{…}}` found in payloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Sixteen hexadecimal digits that are the same for every attempt of the same window: name the workflow
    /// by it, and a repeated event cannot start a second retraining.
    pub id: String,
    /// The model's name as RFC 1123 allows it in object names.
    pub model: String,
    /// Always `drift`.
    pub trigger: String,
    /// The verdict.
    pub verdict: String,
    /// The column that decided.
    pub column: String,
    /// Its index.
    pub psi: f64,
    /// Digest of the model, when the baseline is bound to one.
    pub model_digest: Option<Digest>,
    /// Digest of the baseline.
    pub baseline_digest: Digest,
    /// The window: two instants with a slash between, or the digest of its data.
    pub window: String,
    /// The figures, when the configuration asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

/// What an event is about.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The model.
    pub model: &'a WatchedModel,
    /// Digest of `baseline.json`.
    pub baseline: Digest,
    /// The time window, when there is one.
    pub window: Option<&'a TimeWindow>,
    /// Digest of the window's data.
    pub data: Digest,
    /// Rows in the window.
    pub rows: u64,
}

impl Event {
    /// The event of a decision.
    #[must_use]
    pub fn new(subject: &Subject<'_>, decision: &Decision, with_report: bool) -> Self {
        let window = match subject.window {
            Some(window) => format!("{}/{}", window.from, window.to),
            None => subject.data.to_string(),
        };
        let first = decision
            .columns
            .iter()
            .find(|column| column.asks() == decision.verdict);
        Self {
            id: id(subject, &window),
            model: slug(subject.model.name.as_deref().unwrap_or("model")),
            trigger: "drift".to_owned(),
            verdict: decision.verdict.word().to_owned(),
            column: inert(first.map_or("", |column| column.name.as_str())),
            psi: first.and_then(Column::psi).unwrap_or_default(),
            model_digest: subject.model.digest,
            baseline_digest: subject.baseline,
            window,
            report: with_report.then(|| figures(subject, decision)),
        }
    }

    /// As it is posted and kept: one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Texts, finite numbers and maps with text keys: nothing that JSON cannot hold.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The id follows from the model, the baseline and the window, and from nothing of the attempt.
fn id(subject: &Subject<'_>, window: &str) -> String {
    let model = match (&subject.model.digest, &subject.model.name) {
        (Some(digest), _) => digest.to_string(),
        (None, name) => name.clone().unwrap_or_default(),
    };
    let text = format!(
        "mlops-steps/drift-event/v1\n{model}\n{}\n{window}\n",
        subject.baseline
    );
    digest_bytes(text).hex().chars().take(16).collect()
}

fn figures(subject: &Subject<'_>, decision: &Decision) -> Value {
    let columns: Vec<Value> = decision
        .columns
        .iter()
        .take(REPORTED)
        .map(|column| match &column.finding {
            Finding::Compared { drift, p_adjusted, asks, .. } => json!({
                "column": inert(&column.name), "psi": drift.psi, "p_adjusted": p_adjusted, "asks": asks.word(),
                "why": inert(&drift.story()),
            }),
            Finding::Broken(why) | Finding::NoBaseline(why) => {
                json!({"column": inert(&column.name), "why": inert(why)})
            }
        })
        .collect();
    json!({
        "reason": inert(&decision.reason),
        "rows": subject.rows,
        "columns_compared": decision.columns.len(),
        "columns": columns,
    })
}

/// A name as RFC 1123 allows it: lower case letters, digits and dashes, an alphanumeric at both ends. One that is too long ends
/// in a part of its digest, so that two of them are told apart.
///
/// ```
/// use enroll_drift::event::slug;
/// assert_eq!(slug("Flight Delays/v2"), "flight-delays-v2");
/// assert_eq!(slug("{{evil}}"), "evil");
/// assert_eq!(slug("---"), "model");
/// assert_eq!(slug("a-model-with-a-name-that-is-very-long"), "a-model-with-a-name-tha-c31bb9");
/// ```
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let whole = slug.trim_end_matches('-');
    if whole.is_empty() {
        return "model".to_owned();
    }
    if whole.len() <= SLUG_CHARS {
        return whole.to_owned();
    }
    let digest: String = digest_bytes(name).hex().chars().take(6).collect();
    let start = whole[..SLUG_CHARS - 7].trim_end_matches('-');
    format!("{start}-{digest}")
}

/// Text that no template engine evaluates and no line-based reader breaks on: braces become parentheses,
/// control characters spaces, and it ends after 300 characters.
fn inert(text: &str) -> String {
    text.chars()
        .take(300)
        .map(|c| match c {
            '{' => '(',
            '}' => ')',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}
