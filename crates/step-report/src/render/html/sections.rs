//! Sections as the template gets them: charts are drawn here, tables are cut here.

use minijinja::Value;
use serde::Serialize;

use crate::{Bars, Cell, Format, Histogram, Lines, Section, Table, Text, svg, text};

/// Most sections on the page.
const SECTIONS: usize = 80;
/// Most rows of a table on the page.
const ROWS: usize = 200;
/// Most columns of a table on the page.
const COLUMNS: usize = 30;
/// Most characters of a text on the page; the end is kept, for it is what a log is read for.
const TEXT: usize = 20_000;

#[derive(Serialize, Default)]
pub(super) struct SectionView {
    /// `table`, `chart`, `text` or `log`.
    kind: &'static str,
    title: String,
    note: String,
    table: Option<TableView>,
    svg: Option<Value>,
    paragraphs: Vec<String>,
}

#[derive(Serialize, Default)]
pub(super) struct TableView {
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<CellView>>,
    rest: String,
}

#[derive(Serialize, Clone)]
struct CellView {
    text: String,
    /// `num`, `code`, `digest`, an outcome, or nothing.
    class: &'static str,
    /// Drawn in place of the text.
    svg: Option<Value>,
}

impl SectionView {
    pub(super) fn all(sections: &[Section]) -> Vec<Self> {
        let mut views: Vec<Self> = sections
            .iter()
            .filter(|section| **section != Section::Unknown)
            .take(SECTIONS)
            .enumerate()
            .map(|(place, section)| Self::of(section, &format!("c{place}")))
            .collect();
        if sections.len() > SECTIONS {
            let hidden = text::plural(sections.len() - SECTIONS, "more section is", "more sections are");
            views.push(Self {
                kind: "text",
                title: "Not shown".to_owned(),
                paragraphs: vec![format!("{hidden} in report.json.")],
                ..Self::default()
            });
        }
        views
    }

    fn of(section: &Section, id: &str) -> Self {
        let mut view = match section {
            Section::Table(table) => Self {
                kind: "table",
                note: table.note.clone().unwrap_or_default(),
                table: Some(TableView::of(table, ROWS)),
                ..Self::default()
            },
            Section::Bars(bars) => Self::chart(svg::bars(bars, id), &numbers_of_bars(bars), bars_note(bars)),
            Section::Histogram(chart) => Self::chart(
                svg::histogram(chart, id),
                &numbers_of_histogram(chart),
                chart.note.clone(),
            ),
            Section::Lines(chart) => {
                Self::chart(svg::lines(chart, id), &numbers_of_lines(chart), lines_note(chart))
            }
            Section::Text(text) => Self::text(text),
            Section::Unknown => Self::default(),
        };
        view.title = text::short(section.title(), 160);
        view.note = text::short(&view.note, 800);
        view
    }

    fn chart(svg: String, numbers: &Table, note: Option<String>) -> Self {
        Self {
            kind: "chart",
            svg: Some(Value::from_safe_string(svg)),
            table: Some(TableView::of(numbers, ROWS)),
            note: note.unwrap_or_default(),
            ..Self::default()
        }
    }

    fn text(section: &Text) -> Self {
        let text = text::lines(&section.text);
        let length = text.chars().count();
        let (text, note) = if length > TEXT {
            let tail: String = text.chars().skip(length - TEXT).collect();
            let hidden = Cell::from(length - TEXT).display();
            (
                tail,
                format!("The first {hidden} characters are only in report.json."),
            )
        } else {
            (text, String::new())
        };
        if section.preformatted {
            return Self {
                kind: "log",
                paragraphs: vec![text],
                note,
                ..Self::default()
            };
        }
        let paragraphs = text
            .split("\n\n")
            .map(text::one_line)
            .filter(|paragraph| !paragraph.is_empty());
        Self {
            kind: "text",
            paragraphs: paragraphs.collect(),
            note,
            ..Self::default()
        }
    }
}

impl TableView {
    pub(super) fn of(table: &Table, max: usize) -> Self {
        let width = table.columns.len().min(COLUMNS);
        let rows: Vec<Vec<CellView>> = table
            .rows
            .iter()
            .take(max)
            .map(|row| {
                (0..width)
                    .map(|place| {
                        row.get(place)
                            .map_or_else(|| CellView::of(&Cell::empty()), CellView::of)
                    })
                    .collect()
            })
            .collect();
        let numeric = |place: usize| {
            let mut cells = rows
                .iter()
                .filter_map(|row: &Vec<CellView>| row.get(place))
                .filter(|cell| !cell.text.is_empty());
            cells.next().is_some_and(|cell| cell.class == "num")
        };
        let names = table.columns.iter().take(width).enumerate();
        let columns = names
            .map(|(place, name)| (text::short(name, 80), numeric(place)))
            .collect();
        let mut rest = Vec::new();
        if table.rows.len() > max {
            rest.push(text::plural(table.rows.len() - max, "more row", "more rows"));
        }
        if table.columns.len() > width {
            rest.push(text::plural(
                table.columns.len() - width,
                "more column",
                "more columns",
            ));
        }
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!("Not shown: {}; see report.json.", rest.join(" and "))
        };
        Self { columns, rows, rest }
    }

    /// With a class for the cells of one column.
    pub(super) fn column(mut self, place: usize, class: &'static str) -> Self {
        for cell in self.rows.iter_mut().filter_map(|row| row.get_mut(place)) {
            cell.class = class;
        }
        self
    }

    /// Without columns in which no row has anything.
    pub(super) fn without_empty_columns(mut self) -> Self {
        let keep: Vec<bool> = (0..self.columns.len())
            .map(|place| {
                self.rows
                    .iter()
                    .any(|row| row.get(place).is_some_and(|cell| !cell.text.is_empty()))
            })
            .collect();
        let mut places = keep.iter();
        self.columns.retain(|_| places.next().copied().unwrap_or(true));
        for row in &mut self.rows {
            let mut places = keep.iter();
            row.retain(|_| places.next().copied().unwrap_or(true));
        }
        self
    }
}

impl CellView {
    fn of(cell: &Cell) -> Self {
        let class = match cell {
            Cell::Number { .. } => "num",
            Cell::Outcome { outcome } => outcome.word(),
            Cell::Spark { .. } | Cell::Text(_) => "",
        };
        let svg = match cell {
            Cell::Spark { spark, label } => Some(Value::from_safe_string(svg::spark(spark, label))),
            _ => None,
        };
        Self {
            text: text::short(&cell.display(), 200),
            class,
            svg,
        }
    }
}

fn bars_note(bars: &Bars) -> Option<String> {
    let hidden = bars.labels.len().saturating_sub(svg::MAX_GROUPS);
    let cut = (hidden > 0).then(|| {
        format!(
            "Drawn are the first {}; {} more are in report.json.",
            svg::MAX_GROUPS,
            shown(hidden)
        )
    });
    join([bars.note.clone(), cut, series_note(bars.series.len())])
}

fn lines_note(chart: &Lines) -> Option<String> {
    let thinned = chart.lines.iter().any(|line| line.points.len() > svg::MAX_POINTS);
    let thinned = thinned.then(|| {
        format!(
            "Drawn with {} evenly chosen points a line.",
            shown(svg::MAX_POINTS)
        )
    });
    join([chart.note.clone(), thinned, series_note(chart.lines.len())])
}

fn shown(count: usize) -> String {
    Cell::from(count).display()
}

fn series_note(count: usize) -> Option<String> {
    (count > svg::MAX_SERIES).then(|| format!("Drawn are the first {} of {count} series.", svg::MAX_SERIES))
}

fn join(parts: [Option<String>; 3]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn numbers_of_bars(bars: &Bars) -> Table {
    let names = bars.series.iter().map(|series| series.name.clone());
    let mut table = Table::new("", std::iter::once(String::new()).chain(names));
    for (place, label) in bars.labels.iter().enumerate() {
        let values = bars
            .series
            .iter()
            .map(|series| value(&series.values, place, bars.format));
        table.push(
            std::iter::once(Cell::text(label.clone()))
                .chain(values)
                .collect::<Vec<_>>(),
        );
    }
    table
}

fn numbers_of_histogram(chart: &Histogram) -> Table {
    let names = chart.series.iter().map(|series| series.name.clone());
    let mut table = Table::new("", std::iter::once(chart.x_label.clone()).chain(names));
    for place in 0..chart.edges.len().saturating_sub(1) {
        let values = chart
            .series
            .iter()
            .map(|series| value(&series.values, place, chart.format));
        table.push(
            std::iter::once(Cell::text(svg::range(chart, place)))
                .chain(values)
                .collect::<Vec<_>>(),
        );
    }
    table
}

fn numbers_of_lines(chart: &Lines) -> Table {
    let mut table = Table::new(
        "",
        ["Line".to_owned(), chart.x_label.clone(), chart.y_label.clone()],
    );
    for line in &chart.lines {
        for [x, y] in line.points.iter().take(ROWS + 1) {
            table.push([
                Cell::text(line.name.clone()),
                Cell::number(*x, chart.x_format),
                Cell::number(*y, chart.y_format),
            ]);
        }
    }
    table
}

fn value(values: &[f64], place: usize, format: Format) -> Cell {
    values
        .get(place)
        .map_or_else(Cell::empty, |value| Cell::number(*value, format))
}
