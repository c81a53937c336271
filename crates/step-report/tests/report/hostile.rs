//! Names of columns, files and values are chosen by strangers: none may break a page, load anything or ping anybody.

use step_report::{Bars, Bound, Check, Input, Note, Report, Sample, Table, Text};

const NASTY: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a|b\\|c",
    "``` ` ``",
    "@everyone #1 GH-2",
    "{{ 7 * 7 }}{% raw %}",
    "]]>\u{0}\u{8}\u{1b}[31m\u{fffe}",
    "evil\u{202e}gpj.exe\u{200b}",
    "line\nbreak\r\n## heading\n\n<details>",
];

pub(crate) fn hostile() -> Report {
    let all = NASTY.join(" ");
    let mut report = Report::new(&*all, &*all, &*all).verdict("FAIL", &*all);
    for (place, nasty) in NASTY.into_iter().enumerate() {
        let check = Check::new(format!("range:{nasty}"), nasty)
            .table(nasty)
            .column(nasty)
            .observed(nasty)
            .bound(Bound::text(nasty))
            .sample(Sample::new(nasty).object(nasty).detail(nasty))
            .detail(nasty, nasty);
        report.checks.push(match place % 4 {
            0 => check.fail(nasty),
            1 => check.warn(nasty),
            2 => check.insufficient(nasty),
            _ => check.pass(nasty),
        });
        report
            .inputs
            .push(Input::new(nasty, nasty).digest(nasty).detail(nasty));
        report.bindings.insert(nasty.to_owned(), nasty.to_owned());
        report.parameters.insert(nasty.to_owned(), nasty.into());
        report.notes.push(Note::error(nasty));
        report
            .sections
            .push(Table::new(nasty, [nasty]).row([nasty.into()]).note(nasty).into());
        report.sections.push(Text::new(nasty, nasty).into());
        report.sections.push(Text::preformatted(nasty, nasty).into());
        report.sections.push(
            Bars::new(nasty, [nasty])
                .series(nasty, vec![1.0])
                .series(nasty, vec![f64::NAN])
                .mark(0.5, nasty)
                .note(nasty)
                .into(),
        );
    }
    report
}

#[test]
fn html_holds_no_foreign_element_and_loads_nothing() {
    let html = hostile().to_html();
    for bad in [
        "<script", "<img", "<link", "<a ", "url(", "@import", "\u{0}", "\u{202e}", "\u{1b}",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
    // What stands between angle brackets is ours: no address, no handler.
    for tag in html
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default())
    {
        let names = tag.split('"').step_by(2);
        assert!(
            !names
                .clone()
                .any(|name| name.contains("src=") || name.contains("href=") || name.contains(" on")),
            "{tag}"
        );
    }
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("{{ 7 * 7 }}"), "a template in a name is a name");
    // Every element that is opened is closed: what is between angle brackets is all our own.
    for tag in [
        "table", "tr", "td", "section", "details", "dl", "ul", "svg", "text", "main", "figure", "pre",
    ] {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn markdown_tables_keep_their_columns_and_nobody_is_pinged() {
    let markdown = hostile().to_markdown();
    assert!(!markdown.contains('\u{202e}') && !markdown.contains('\u{0}'));
    let mut columns = 0;
    let mut fence: Option<String> = None;
    for line in markdown.lines() {
        if let Some(open) = &fence {
            if line == open {
                fence = None;
            }
            continue;
        }
        if line.starts_with("```") {
            fence = Some(line.trim_end_matches("text").to_owned());
            continue;
        }
        assert!(!line.contains("<script") && !line.contains("<img"), "{line}");
        if !line.starts_with('|') {
            columns = 0;
            continue;
        }
        let pipes = line.matches('|').count();
        if columns == 0 {
            columns = pipes;
        }
        assert_eq!(pipes, columns, "{line}");
    }
    assert!(fence.is_none(), "a fence stays open");
    let outside_code: String = markdown.split('`').step_by(2).collect();
    for ping in ["@everyone", " #1"] {
        assert!(!outside_code.contains(ping), "{ping}");
    }
}

#[test]
fn a_name_in_backticks_is_really_plain() {
    let check = |id: &str| {
        Report::new("s", "c", "1")
            .with_check(Check::new(id, "k").fail("no"))
            .to_markdown()
    };
    assert!(check("threshold:auc_roc").contains("| `threshold:auc_roc` |"));
    assert!(check("a|b").contains("| <code>a&#124;b</code> |"));
    assert!(check("a`b").contains("<code>a&#96;b</code>"));
    assert!(check("a\\").contains("<code>a&#92;</code>"));
}

#[test]
fn junit_is_well_formed_xml_one_point_nought() {
    let xml = hostile().to_junit();
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(allowed));
    // Outside of tags there is no `<`; within a tag, quotes come in pairs.
    let mut rest = xml.as_str();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start..=end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert_eq!(tag[1..].matches('<').count(), 0, "{tag}");
        rest = &rest[end + 1..];
    }
    assert!(!xml.contains("]]>"));
}

#[test]
fn one_line_is_one_line() {
    let line = hostile().to_line();
    assert!(
        !line.contains('\n') && !line.chars().any(char::is_control),
        "{line}"
    );
    let long = Report::new("s", "c", "1")
        .verdict("FAIL", "é".repeat(100_000))
        .to_line();
    assert!(long.len() < 4_096, "{}", long.len());
}
