//! Horizontal bars: names can be read, and a chart of thirty features is only longer.

use super::axis::Axis;
use super::canvas::{Canvas, MAX_SERIES, Swatch, WIDTH, width};
use crate::Bars;

/// Most groups of bars drawn.
pub(crate) const MAX_GROUPS: usize = 60;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 38.0;
const BAR: f64 = 13.0;
const GAP: f64 = 9.0;

/// The chart; `id` is unique on the page.
pub(crate) fn bars(chart: &Bars, id: &str) -> String {
    let series = &chart.series[..chart.series.len().min(MAX_SERIES)];
    let labels = &chart.labels[..chart.labels.len().min(MAX_GROUPS)];
    let value = |row: usize, group: usize| series[row].values.get(group).copied().unwrap_or(f64::NAN);
    let group = BAR * count(series.len()) + GAP;
    let bottom = TOP + group * count(labels.len());
    let mut canvas = Canvas::new(bottom + BOTTOM);
    let gutter = labels
        .iter()
        .map(|label| width(label))
        .fold(40.0, f64::max)
        .clamp(40.0, 185.0)
        + 10.0;
    let shown = (0..series.len()).flat_map(|row| (0..labels.len()).map(move |place| (row, place)));
    let texts = shown
        .clone()
        .map(|(row, place)| width(&chart.format.show(value(row, place))));
    let right = WIDTH - texts.fold(20.0, f64::max) - 10.0;
    let values = shown.map(|(row, place)| value(row, place));
    let limit = limit(chart, values.clone());
    let values = values
        .map(|value| value.min(limit))
        .chain(chart.marks.iter().map(|mark| mark.value));
    let axis = Axis::round(values.chain([0.0]), 4, gutter, right);

    for tick in &axis.ticks {
        let x = axis.place(*tick);
        canvas.line("grid", (x, TOP), (x, bottom));
        canvas.text("tick mid", (x, bottom + 15.0), &axis.label(*tick, chart.format));
    }
    let broken = if limit.is_finite() {
        " (a bar with a gap is longer than drawn)"
    } else {
        ""
    };
    canvas.text(
        "axis mid",
        (f64::midpoint(gutter, right), bottom + 32.0),
        &format!("{}{broken}", chart.value_label),
    );
    let zero = axis.place(0.0);
    // Written last, over the thresholds.
    let mut numbers = Vec::new();
    for (place, label) in labels.iter().enumerate() {
        let top = TOP + group * count(place) + GAP / 2.0;
        let middle = top + (group - GAP) / 2.0;
        canvas.label("name right", (gutter - 8.0, middle + 4.0), label, gutter - 10.0);
        for (row, series) in series.iter().enumerate() {
            let value = value(row, place);
            let y = top + BAR * count(row);
            let text = chart.format.show(value);
            if value.is_finite() {
                let end = axis.place(value);
                let title = format!("{label}, {}: {text}", series.name);
                canvas.rect(
                    &format!("s{row}"),
                    (zero.min(end), y + 1.0),
                    ((end - zero).abs(), BAR - 2.0),
                    &title,
                );
                if value > axis.high {
                    canvas.line("gap", (end - 14.0, y + BAR + 1.0), (end - 8.0, y - 1.0));
                }
                numbers.push(((zero.max(end) + 5.0, y + BAR - 3.0), text));
            } else {
                numbers.push(((zero + 5.0, y + BAR - 3.0), text));
            }
        }
    }
    canvas.line("base", (zero, TOP), (zero, bottom));
    let mut legend = Vec::new();
    if series.len() > 1 {
        legend.extend(
            series
                .iter()
                .enumerate()
                .map(|(row, series)| (Swatch::Area(format!("s{row}")), series.name.clone())),
        );
    }
    for (place, mark) in chart
        .marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| mark.value.is_finite())
    {
        let class = format!("mark mark{}", place % 3);
        let x = axis.place(mark.value);
        canvas.line(&class, (x, TOP), (x, bottom));
        legend.push((Swatch::Line(class), mark.label.clone()));
    }
    for (place, number) in numbers {
        canvas.text("value left", place, &number);
    }
    canvas.legend(&legend);
    canvas.finish(id, &chart.title, &description(chart, labels))
}

/// Where bars are cut: a value many times the largest threshold would press the thresholds into the axis.
fn limit(chart: &Bars, values: impl Iterator<Item = f64>) -> f64 {
    let mark = chart
        .marks
        .iter()
        .map(|mark| mark.value)
        .filter(|mark| mark.is_finite())
        .fold(0.0, f64::max);
    let highest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    if mark > 0.0 && highest > mark * 6.0 {
        mark * 4.0
    } else {
        f64::INFINITY
    }
}

fn description(chart: &Bars, labels: &[String]) -> String {
    let groups = labels.iter().take(20).enumerate().map(|(place, label)| {
        let values = chart.series.iter().filter_map(|series| series.values.get(place));
        let values: Vec<String> = values.map(|value| chart.format.show(*value)).collect();
        format!("{label} {}", values.join(" and "))
    });
    format!(
        "Bars of {}: {}.",
        chart.value_label,
        groups.collect::<Vec<_>>().join("; ")
    )
}

#[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
pub(super) const fn count(count: usize) -> f64 {
    count as f64
}
