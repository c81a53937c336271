//! Sections: what a reader wants to see beside the checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::cell::Cell;
use super::chart::{Bars, Histogram, Lines};

/// One section, told apart by `kind` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Section {
    /// A table.
    Table(Table),
    /// Horizontal bars.
    Bars(Bars),
    /// A histogram.
    Histogram(Histogram),
    /// Lines.
    Lines(Lines),
    /// A text.
    Text(Text),
    /// A kind that a newer writer knows; it is left out of what this reader draws.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

impl Section {
    /// Its heading.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Table(table) => &table.title,
            Self::Bars(bars) => &bars.title,
            Self::Histogram(histogram) => &histogram.title,
            Self::Lines(lines) => &lines.title,
            Self::Text(text) => &text.title,
            Self::Unknown => "",
        }
    }

    /// With a reason for every number that JSON cannot hold: in the cell, or below the chart.
    pub(crate) fn normalised(&self) -> Self {
        let mut section = self.clone();
        match &mut section {
            Self::Table(table) => table.rows.iter_mut().flatten().for_each(Cell::normalise),
            Self::Bars(bars) => {
                let values = bars.series.iter().flat_map(|series| &series.values);
                explain(
                    &mut bars.note,
                    values.chain(bars.marks.iter().map(|mark| &mark.value)),
                );
            }
            Self::Histogram(chart) => {
                let values = chart.series.iter().flat_map(|series| &series.values);
                explain(&mut chart.note, values.chain(&chart.edges));
            }
            Self::Lines(chart) => {
                let values = chart.lines.iter().flat_map(|line| line.points.iter().flatten());
                explain(
                    &mut chart.note,
                    values.chain(chart.marks.iter().map(|mark| &mark.value)),
                );
            }
            Self::Text(_) | Self::Unknown => {}
        }
        section
    }
}

const LEFT_OUT: &str = "not finite and left out";

/// Says below a chart how many of its values are not finite, once.
fn explain<'a>(note: &mut Option<String>, values: impl Iterator<Item = &'a f64>) {
    let gone = values.filter(|value| !value.is_finite()).count();
    if gone == 0 || note.as_ref().is_some_and(|note| note.contains(LEFT_OUT)) {
        return;
    }
    let sentence = if gone == 1 {
        format!("1 value is {LEFT_OUT}.")
    } else {
        format!("{gone} values are {LEFT_OUT}.")
    };
    *note = Some(
        note.take()
            .map_or_else(|| sentence.clone(), |before| format!("{before} {sentence}")),
    );
}

/// Writes sections with a reason for every null, and without those that only a newer writer knows.
pub(crate) fn serialize_all<S: Serializer>(sections: &[Section], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(
        sections
            .iter()
            .filter(|section| **section != Section::Unknown)
            .map(Section::normalised),
    )
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// Column heads.
    pub columns: Vec<String>,
    /// Rows; a short row is padded with nothing.
    pub rows: Vec<Vec<Cell>>,
    /// A sentence below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Table {
    /// A table with these columns, still without rows.
    pub fn new<C: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self {
            title: title.into(),
            columns,
            ..Self::default()
        }
    }

    /// With one more row: `.row(["UA".into(), 0.91.into(), Outcome::Pass.into()])`.
    #[must_use]
    pub fn row(mut self, cells: impl Into<Vec<Cell>>) -> Self {
        self.rows.push(cells.into());
        self
    }

    /// Adds a row.
    pub fn push(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    /// With a sentence below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A text: paragraphs, or lines as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// Heading.
    pub title: String,
    /// The text; a blank line ends a paragraph.
    pub text: String,
    /// True for logs and code: line ends and spaces are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preformatted: bool,
}

impl Text {
    /// Paragraphs.
    #[must_use]
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            preformatted: false,
        }
    }

    /// Lines as they stand, such as the tail of a log.
    #[must_use]
    pub fn preformatted(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            preformatted: true,
        }
    }
}

macro_rules! section_from {
    ($($part:ident),*) => {$(
        impl From<$part> for Section {
            fn from(part: $part) -> Self {
                Self::$part(part)
            }
        }
    )*};
}
section_from!(Table, Bars, Histogram, Lines, Text);
