//! Charts: the numbers, and what a reader needs to read them. The drawing is the renderer's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::number::Format;

/// A row of values with a name in the legend; a null is a value that was not finite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// One value a label or bin.
    #[serde(with = "wire::list")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub values: Vec<f64>,
}

impl Series {
    /// A named row of values.
    #[must_use]
    pub fn new(name: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        Self {
            name: name.into(),
            values: values.into(),
        }
    }
}

/// A line across the chart at a value: a threshold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// Where it stands on the value axis.
    #[serde(with = "wire::number")]
    #[schemars(with = "Option<f64>")]
    pub value: f64,
    /// What it means: `retrain 0.2`.
    pub label: String,
}

/// Horizontal bars, one group a label; more than one series makes them grouped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bars {
    /// Heading.
    pub title: String,
    /// What the values are: `PSI`.
    #[serde(default)]
    pub value_label: String,
    /// One label a group of bars.
    pub labels: Vec<String>,
    /// One series a colour, each with a value for every label.
    pub series: Vec<Series>,
    /// Thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// How values are shown.
    #[serde(default, skip_serializing_if = "Format::is_auto")]
    pub format: Format,
    /// A sentence below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Bars {
    /// Bars for these labels, still without values.
    pub fn new<L: Into<String>>(title: impl Into<String>, labels: impl IntoIterator<Item = L>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        Self {
            title: title.into(),
            labels,
            ..Self::default()
        }
    }

    /// With what the values are.
    #[must_use]
    pub fn value_label(mut self, label: impl Into<String>) -> Self {
        self.value_label = label.into();
        self
    }

    /// With one more series.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        self.series.push(Series::new(name, values));
        self
    }

    /// With a threshold.
    #[must_use]
    pub fn mark(mut self, value: f64, label: impl Into<String>) -> Self {
        self.marks.push(Mark {
            value,
            label: label.into(),
        });
        self
    }

    /// With how values are shown.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// With a sentence below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// Bins with one height each; more than one series lie over each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// Heading.
    pub title: String,
    /// What is binned.
    #[serde(default)]
    pub x_label: String,
    /// What the heights are: `share of rows`.
    #[serde(default)]
    pub value_label: String,
    /// Bin edges, ascending; one more than bins.
    #[serde(with = "wire::list")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub edges: Vec<f64>,
    /// One series a colour, each with a height for every bin.
    pub series: Vec<Series>,
    /// How heights are shown.
    #[serde(default, skip_serializing_if = "Format::is_auto")]
    pub format: Format,
    /// A sentence below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Histogram {
    /// Bins between these edges, still without heights.
    #[must_use]
    pub fn new(title: impl Into<String>, edges: impl Into<Vec<f64>>) -> Self {
        Self {
            title: title.into(),
            edges: edges.into(),
            ..Self::default()
        }
    }

    /// With what is binned, and what the heights are.
    #[must_use]
    pub fn axes(mut self, x: impl Into<String>, value: impl Into<String>) -> Self {
        self.x_label = x.into();
        self.value_label = value.into();
        self
    }

    /// With one more series.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        self.series.push(Series::new(name, values));
        self
    }

    /// With how heights are shown.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// With a sentence below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// One line of a line chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points `[x, y]` in order; a null makes a gap.
    #[serde(with = "wire::points")]
    #[schemars(with = "Vec<[Option<f64>; 2]>")]
    pub points: Vec<[f64; 2]>,
}

/// Lines over a common axis: a calibration curve, a latency over time, a cumulative distribution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lines {
    /// Heading.
    pub title: String,
    /// What runs to the right.
    #[serde(default)]
    pub x_label: String,
    /// What runs upward.
    #[serde(default)]
    pub y_label: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// Thresholds on the upward axis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// How x is shown.
    #[serde(default, skip_serializing_if = "Format::is_auto")]
    pub x_format: Format,
    /// How y is shown.
    #[serde(default, skip_serializing_if = "Format::is_auto")]
    pub y_format: Format,
    /// A sentence below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Lines {
    /// A chart still without lines.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// With what runs to the right and upward.
    #[must_use]
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.x_label = x.into();
        self.y_label = y.into();
        self
    }

    /// With one more line.
    #[must_use]
    pub fn line(mut self, name: impl Into<String>, points: impl Into<Vec<[f64; 2]>>) -> Self {
        self.lines.push(Line {
            name: name.into(),
            points: points.into(),
        });
        self
    }

    /// With a threshold on the upward axis.
    #[must_use]
    pub fn mark(mut self, value: f64, label: impl Into<String>) -> Self {
        self.marks.push(Mark {
            value,
            label: label.into(),
        });
        self
    }

    /// With how x and y are shown.
    #[must_use]
    pub const fn formats(mut self, x: Format, y: Format) -> Self {
        self.x_format = x;
        self.y_format = y;
        self
    }

    /// With a sentence below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
