//! Line charts.

use super::axis::Axis;
use super::canvas::{Canvas, MAX_SERIES, Swatch, WIDTH, width};
use crate::{Format, Line, Lines};

/// Most points drawn a line; more are thinned evenly, ends kept.
pub(crate) const MAX_POINTS: usize = 1_000;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 220.0;
/// Below this many points each one is marked.
const MARKED: usize = 25;

/// The chart; `id` is unique on the page.
pub(crate) fn lines(chart: &Lines, id: &str) -> String {
    let lines = &chart.lines[..chart.lines.len().min(MAX_SERIES)];
    let points = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .filter(|[x, y]| x.is_finite() && y.is_finite())
    };
    let mut canvas = Canvas::new(BOTTOM + 40.0);
    let marks = chart
        .marks
        .iter()
        .map(|mark| mark.value)
        .filter(|value| value.is_finite());
    let vertical = Axis::round(points().map(|[_, y]| *y).chain(marks), 5, BOTTOM, TOP);
    let labels: Vec<String> = vertical
        .ticks
        .iter()
        .map(|tick| vertical.label(*tick, chart.y_format))
        .collect();
    let left = labels.iter().map(|label| width(label)).fold(16.0, f64::max) + 10.0;
    for (tick, label) in vertical.ticks.iter().zip(&labels) {
        let y = vertical.place(*tick);
        canvas.line("grid", (left, y), (WIDTH, y));
        canvas.text("tick right", (left - 6.0, y + 4.0), label);
    }
    let values = points().map(|[x, _]| *x);
    let across = if chart.x_format == Format::Timestamp {
        Axis::time(values, 5, left + 4.0, WIDTH - 8.0)
    } else {
        Axis::tight(values, 6, left + 4.0, WIDTH - 8.0)
    };
    for tick in &across.ticks {
        let label = across.label(*tick, chart.x_format);
        let x = across.place(*tick);
        let class = if x + width(&label) / 2.0 > WIDTH {
            "tick right"
        } else {
            "tick mid"
        };
        canvas.text(class, (x, BOTTOM + 16.0), &label);
    }
    canvas.line("base", (left, BOTTOM), (WIDTH, BOTTOM));
    canvas.text("axis mid", ((left + WIDTH) / 2.0, BOTTOM + 34.0), &chart.x_label);

    let mut legend = Vec::new();
    for (place, mark) in chart
        .marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| mark.value.is_finite())
    {
        let class = format!("mark mark{}", place % 3);
        let y = vertical.place(mark.value);
        canvas.line(&class, (left, y), (WIDTH, y));
        legend.push((Swatch::Line(class), mark.label.clone()));
    }
    for (row, line) in lines.iter().enumerate() {
        draw(&mut canvas, chart, line, row, |[x, y]| {
            (across.place(x), vertical.place(y))
        });
    }
    let names = lines
        .iter()
        .enumerate()
        .map(|(row, line)| (Swatch::Line(format!("line l{row}")), line.name.clone()));
    canvas.legend(&names.chain(legend).collect::<Vec<_>>());
    canvas.finish(id, &chart.title, &description(chart))
}

/// Draws one line; a point that is not finite parts it.
fn draw(canvas: &mut Canvas, chart: &Lines, line: &Line, row: usize, place: impl Fn([f64; 2]) -> (f64, f64)) {
    let thinned = thin(&line.points);
    for run in thinned.split(|[x, y]| !(x.is_finite() && y.is_finite())) {
        let path: Vec<(f64, f64)> = run.iter().map(|point| place(*point)).collect();
        if path.len() > 1 {
            canvas.path(&format!("line l{row}"), &path);
        }
        if thinned.len() <= MARKED || path.len() == 1 {
            for ([x, y], at) in run.iter().zip(path) {
                let title = format!(
                    "{}: {}, {}",
                    line.name,
                    chart.x_format.show(*x),
                    chart.y_format.show(*y)
                );
                canvas.circle(&format!("s{row}"), at, &title);
            }
        }
    }
}

fn thin(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..MAX_POINTS)
        .map(|place| points[place * last / (MAX_POINTS - 1)])
        .collect()
}

fn description(chart: &Lines) -> String {
    let ends = chart
        .lines
        .iter()
        .map(|line| match (line.points.first(), line.points.last()) {
            (Some([_, first]), Some([_, last])) => {
                format!(
                    "{} from {} to {}",
                    line.name,
                    chart.y_format.show(*first),
                    chart.y_format.show(*last)
                )
            }
            _ => format!("{} without points", line.name),
        });
    format!(
        "{} over {}: {}.",
        chart.y_label,
        chart.x_label,
        ends.collect::<Vec<_>>().join("; ")
    )
}
