//! Histograms: the first series filled, the others as outlines over it, so that two distributions can be compared.

use super::axis::Axis;
use super::bars::count;
use super::canvas::{Canvas, MAX_SERIES, Swatch, WIDTH, width};
use crate::{Format, Histogram};

const TOP: f64 = 10.0;
const BOTTOM: f64 = 210.0;
/// Bins this much wider than the narrowest hide it: from here on all are drawn alike.
const UNEVEN: f64 = 30.0;

/// The chart; `id` is unique on the page.
pub(crate) fn histogram(chart: &Histogram, id: &str) -> String {
    let series = &chart.series[..chart.series.len().min(MAX_SERIES)];
    let bins = chart.edges.len().saturating_sub(1);
    let mut canvas = Canvas::new(BOTTOM + 40.0);
    let values = series
        .iter()
        .flat_map(|series| series.values.iter().take(bins).copied());
    let axis = Axis::round(values.chain([0.0]), 4, BOTTOM, TOP);
    let labels: Vec<String> = axis
        .ticks
        .iter()
        .map(|tick| axis.label(*tick, chart.format))
        .collect();
    let left = labels.iter().map(|label| width(label)).fold(16.0, f64::max) + 10.0;
    for (tick, label) in axis.ticks.iter().zip(&labels) {
        let y = axis.place(*tick);
        canvas.line("grid", (left, y), (WIDTH, y));
        canvas.text("tick right", (left - 6.0, y + 4.0), label);
    }
    let edges = edges(&mut canvas, chart, left);
    let y = |series: usize, bin: usize| {
        let value = chart.series[series].values.get(bin).copied().unwrap_or(0.0);
        axis.place(if value.is_finite() { value } else { 0.0 })
    };
    let base = axis.place(0.0);
    for (row, series) in series.iter().enumerate() {
        if row == 0 {
            for (bin, ends) in edges.windows(2).enumerate() {
                let value = series
                    .values
                    .get(bin)
                    .map_or_else(String::new, |value| chart.format.show(*value));
                let title = format!("{}: {value}", range(chart, bin));
                let gap = if ends[1] - ends[0] > 4.0 { 1.0 } else { 0.0 };
                let size = (ends[1] - ends[0] - gap, base - y(0, bin));
                canvas.rect("s0 area", (ends[0], y(0, bin)), size, &title);
            }
        } else {
            let mut path = Vec::new();
            for (bin, ends) in edges.windows(2).enumerate() {
                path.extend([(ends[0], y(row, bin)), (ends[1], y(row, bin))]);
            }
            canvas.path(&format!("line l{row}"), &path);
        }
    }
    canvas.line("base", (left, base), (WIDTH, base));
    canvas.text("axis mid", ((left + WIDTH) / 2.0, BOTTOM + 34.0), &chart.x_label);
    if series.len() > 1 {
        let entries = series.iter().enumerate().map(|(row, series)| {
            let swatch = if row == 0 {
                Swatch::Area("s0 area".to_owned())
            } else {
                Swatch::Line(format!("line l{row}"))
            };
            (swatch, series.name.clone())
        });
        canvas.legend(&entries.collect::<Vec<_>>());
    }
    canvas.finish(id, &chart.title, &description(chart))
}

/// Draws the lower axis and gives the place of each edge: true to scale, or all bins alike when that would hide some.
fn edges(canvas: &mut Canvas, chart: &Histogram, left: f64) -> Vec<f64> {
    let widths = chart.edges.windows(2).map(|ends| ends[1] - ends[0]);
    let finite = chart.edges.iter().all(|edge| edge.is_finite());
    let (narrow, wide) = widths.fold((f64::INFINITY, 0.0_f64), |(low, high), width| {
        (low.min(width), high.max(width))
    });
    if finite && narrow > 0.0 && wide / narrow <= UNEVEN {
        let axis = Axis::tight(chart.edges.iter().copied(), 6, left, WIDTH);
        for tick in &axis.ticks {
            let label = axis.label(*tick, Format::Auto);
            let x = axis.place(*tick);
            canvas.text(align(x, &label), (x.min(WIDTH), BOTTOM + 16.0), &label);
        }
        return chart.edges.iter().map(|edge| axis.place(*edge)).collect();
    }
    let bins = count(chart.edges.len().saturating_sub(1).max(1));
    let places: Vec<f64> = (0..chart.edges.len())
        .map(|bin| left + (WIDTH - left) * count(bin) / bins)
        .collect();
    let mut free = 0.0;
    for (edge, x) in chart.edges.iter().zip(&places) {
        let label = if edge.is_finite() {
            Format::Auto.show(*edge)
        } else {
            "…".to_owned()
        };
        let half = width(&label) / 2.0;
        if x - half >= free {
            canvas.text(align(*x, &label), (*x, BOTTOM + 16.0), &label);
            free = x + half + 8.0;
        }
    }
    places
}

/// The last label must not stand out of the sheet.
fn align(x: f64, label: &str) -> &'static str {
    if x + width(label) / 2.0 > WIDTH {
        "tick right"
    } else {
        "tick mid"
    }
}

pub(crate) fn range(chart: &Histogram, bin: usize) -> String {
    let edge = |place: usize| chart.edges.get(place).copied().filter(|edge| edge.is_finite());
    match (edge(bin), edge(bin + 1)) {
        (Some(low), Some(high)) => format!("{} to {}", Format::Auto.show(low), Format::Auto.show(high)),
        (Some(low), None) => format!("from {}", Format::Auto.show(low)),
        (None, Some(high)) => format!("up to {}", Format::Auto.show(high)),
        (None, None) => "all".to_owned(),
    }
}

fn description(chart: &Histogram) -> String {
    let peaks = chart.series.iter().map(|series| {
        let peak = series
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite());
        let peak = peak.max_by(|left, right| left.1.total_cmp(right.1));
        let peak = peak.map_or_else(String::new, |(bin, _)| {
            format!(", highest at {}", range(chart, bin))
        });
        format!("{}{peak}", series.name)
    });
    let bins = chart.edges.len().saturating_sub(1);
    format!(
        "{} over {} in {bins} bins: {}.",
        chart.value_label,
        chart.x_label,
        peaks.collect::<Vec<_>>().join("; ")
    )
}
