//! Tables and texts of a report; charts become tables of their numbers.

use super::escape::{escape, fenced};
use super::page::Page;
use crate::{Bars, Cell, Histogram, Lines, Section, Table, Text, text};

/// Rows of a table here; all of them are in the JSON.
const ROWS: usize = 50;
/// Columns of a table here.
const COLUMNS: usize = 12;
/// Characters of a text here.
const TEXT: usize = 4_000;

pub(super) fn write(page: &mut Page, sections: &[Section]) {
    for section in sections {
        match section {
            Section::Table(table) => write_table(page, table),
            Section::Bars(bars) => write_table(page, &bars_table(bars)),
            Section::Histogram(chart) => left_to_html(page, &chart.title, &histogram_shape(chart)),
            Section::Lines(chart) => left_to_html(page, &chart.title, &lines_shape(chart)),
            Section::Text(text) => write_text(page, text),
            Section::Unknown => {}
        }
    }
}

fn heading(title: &str) -> String {
    format!("### {}\n\n", escape(&text::short(title, 160)))
}

fn write_table(page: &mut Page, table: &Table) {
    if table.rows.is_empty() {
        page.add(&format!("{}No rows.\n\n", heading(&table.title)));
        return;
    }
    let columns = &table.columns[..table.columns.len().min(COLUMNS)];
    let names: Vec<String> = columns
        .iter()
        .map(|name| escape(&text::short(name, 80)))
        .collect();
    let rules: Vec<&str> = (0..columns.len())
        .map(|place| if numeric(table, place) { "---:" } else { "---" })
        .collect();
    let head = format!(
        "{}| {} |\n|{}|\n",
        heading(&table.title),
        names.join(" | "),
        rules.join("|")
    );
    let rows = table.rows.iter().take(ROWS).map(|row| {
        let cells = (0..columns.len()).map(|place| row.get(place).map_or_else(String::new, Cell::display));
        let cells: Vec<String> = cells.map(|cell| escape(&text::short(&cell, 160))).collect();
        format!("| {} |\n", cells.join(" | "))
    });
    let note = table.note.as_ref().map_or_else(String::new, |note| {
        format!("\n{}\n", escape(&text::short(note, 600)))
    });
    page.list(&head, rows, &format!("{note}\n"), ("table row", "table rows"));
    if table.rows.len() > ROWS {
        page.omit(table.rows.len() - ROWS, "table row", "table rows");
    }
    if table.columns.len() > COLUMNS {
        page.omit(table.columns.len() - COLUMNS, "table column", "table columns");
    }
}

/// True when the first cell that says anything is a number.
fn numeric(table: &Table, place: usize) -> bool {
    let mut cells = table.rows.iter().filter_map(|row| row.get(place));
    cells
        .find(|cell| **cell != Cell::empty())
        .is_some_and(|cell| matches!(cell, Cell::Number { .. }))
}

fn bars_table(bars: &Bars) -> Table {
    let mut columns = vec![String::new()];
    let single = bars.series.len() == 1 && !bars.value_label.is_empty();
    columns.extend(bars.series.iter().map(|series| {
        if single {
            bars.value_label.clone()
        } else {
            series.name.clone()
        }
    }));
    let mut table = Table::new(bars.title.clone(), columns);
    for (place, label) in bars.labels.iter().enumerate() {
        let values = bars.series.iter().map(|series| series.values.get(place).copied());
        let mut cells = vec![Cell::text(label.clone())];
        cells.extend(
            values.map(|value| value.map_or_else(Cell::empty, |value| Cell::number(value, bars.format))),
        );
        table.push(cells);
    }
    let marks: Vec<&str> = bars.marks.iter().map(|mark| mark.label.as_str()).collect();
    let marks = (!marks.is_empty()).then(|| format!("Thresholds: {}.", marks.join(", ")));
    let note: Vec<String> = marks.into_iter().chain(bars.note.clone()).collect();
    table.note = (!note.is_empty()).then(|| note.join(" "));
    table
}

fn histogram_shape(chart: &Histogram) -> String {
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    format!(
        "histogram of {} with {}",
        names.join(" and "),
        text::plural(chart.edges.len().saturating_sub(1), "bin", "bins")
    )
}

fn lines_shape(chart: &Lines) -> String {
    let names: Vec<&str> = chart.lines.iter().map(|line| line.name.as_str()).collect();
    format!("line chart of {}", names.join(", "))
}

fn left_to_html(page: &mut Page, title: &str, shape: &str) {
    page.add(&format!(
        "{}A {}; the HTML report draws it.\n\n",
        heading(title),
        escape(&text::short(shape, 300))
    ));
}

fn write_text(page: &mut Page, section: &Text) {
    let whole = text::lines(&section.text);
    let body = text::cut(&whole, TEXT);
    let body = if section.preformatted {
        fenced(&body)
    } else {
        let paragraphs = body
            .split("\n\n")
            .map(|paragraph| escape(&text::one_line(paragraph)));
        format!("{}\n", paragraphs.collect::<Vec<_>>().join("\n\n"))
    };
    if !page.add(&format!("{}{body}\n", heading(&section.title))) {
        page.omit(1, "text", "texts");
    }
}
