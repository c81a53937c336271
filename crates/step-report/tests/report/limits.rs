//! Ten thousand columns still make a report that opens.

use step_report::{Bars, Bound, Cell, Check, Input, Lines, Note, Report, Sample, Table, Text};

fn huge() -> Report {
    let mut report = Report::new("data-validate", "check", "0.1.0").verdict("FAIL", "many ".repeat(20_000));
    for place in 0..10_000 {
        let mut check = Check::new(format!("range:wide.column_{place}"), "range")
            .table("wide")
            .column(format!("column_{place}"))
            .observed(f64::from(place))
            .bound(Bound::between(0.0, 1.0))
            .samples((0..100).map(|row| Sample::new("🦆".repeat(500)).row(row)));
        for detail in 0..50 {
            check = check.detail(format!("detail_{detail}"), "x".repeat(400));
        }
        report.checks.push(if place % 2 == 0 {
            check.fail("é".repeat(5_000))
        } else {
            check.pass("ok")
        });
        report
            .inputs
            .push(Input::new(format!("input_{place}"), "s3://bucket/".repeat(200)));
        report
            .bindings
            .insert(format!("binding_{place}"), "v".repeat(2_000));
        report
            .parameters
            .insert(format!("parameter_{place}"), serde_json::json!(vec![place; 500]));
        report.notes.push(Note::warn("note ".repeat(1_000)));
    }
    let names: Vec<String> = (0..500).map(|column| format!("c{column}")).collect();
    let mut table = Table::new("Wide and long", names);
    for _ in 0..2_000 {
        table.push(vec![Cell::text("cell ".repeat(100)); 500]);
    }
    let labels = (0..10_000).map(|place| format!("column_{place}"));
    let values: Vec<f64> = (0..10_000).map(f64::from).collect();
    let points: Vec<[f64; 2]> = values.iter().map(|x| [*x, x.sin()]).collect();
    report
        .with_section(table)
        .with_section(Bars::new("Bars", labels).series("psi", values))
        .with_section(Lines::new("Lines").line("wave", points))
        .with_section(Text::preformatted("Log", "line\n".repeat(1_000_000)))
}

#[test]
fn every_form_is_capped_and_says_so() {
    let report = huge();
    let html = report.to_html();
    assert!(html.len() < 12_000_000, "{} bytes", html.len());
    for sentence in [
        "4,700 more checks are not shown here",
        "1,800 more rows and 470 more columns",
        "9,800 more rows",
        "Drawn are the first 60",
        "Drawn with 1,000 evenly chosen points",
        "characters are only in report.json",
    ] {
        assert!(html.contains(sentence), "{sentence}");
    }
    let markdown = report.to_markdown();
    let characters = markdown.chars().count();
    assert!(characters <= 60_000 && characters > 50_000, "{characters}");
    assert!(
        markdown.contains("Left out here"),
        "{}",
        &markdown[markdown.len() - 400..]
    );
    assert!(markdown.contains("passed checks"));
    assert!(markdown.contains("### Failed (5000)"));
    assert!(report.to_line().len() < 4_096);
}

#[test]
fn markdown_of_any_size_is_whole() {
    for size in [0, 1, 10, 100, 200, 300, 1_000] {
        let mut report = Report::new("s", "c", "1").verdict("FAIL", "no");
        for place in 0..size {
            report
                .checks
                .push(Check::new(format!("k:{place}"), "k").fail("é|".repeat(200)));
            report
                .checks
                .push(Check::new(format!("p:{place}"), "k").pass("good"));
        }
        let markdown = report.to_markdown();
        assert!(markdown.chars().count() <= 60_000);
        assert_eq!(
            markdown.matches("<details>").count(),
            markdown.matches("</details>").count()
        );
        assert!(markdown.ends_with('\n'));
    }
}
