//! GitHub-flavoured Markdown: for a pull request, an issue or a chat, where the whole report does not fit.

mod escape;
mod page;
mod sections;

use self::escape::{code, escape};
use self::page::Page;
use super::view::{self, Group};
use crate::{Check, Level, Report, text, time};

/// GitHub takes 65,536 characters a comment; the rest is room for what a step puts around the report.
const MAX_CHARS: usize = 60_000;
/// Longest sentence in a cell.
const WHY: usize = 400;
/// Longest value in a cell.
const VALUE: usize = 160;

impl Report {
    /// GitHub-flavoured Markdown of at most 60,000 characters: failures first, and a last sentence that says what was left out.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let report = self.normalised();
        let mut page = Page::new(MAX_CHARS);
        report.head(&mut page);
        let (open, shut): (Vec<_>, Vec<_>) = view::groups(&report).into_iter().partition(|group| group.open);
        for group in &open {
            checks(&mut page, group);
        }
        report.notes(&mut page);
        sections::write(&mut page, &report.sections);
        report.origin(&mut page);
        for group in &shut {
            checks(&mut page, group);
        }
        page.finish()
    }

    fn head(&self, page: &mut Page) {
        let title = format!("{} {}", self.step, self.command);
        page.add(&format!(
            "## {}: {}\n\n",
            escape(&text::short(&self.verdict, 60)),
            escape(&text::short(&title, 120))
        ));
        page.add(&format!("{}\n\n", escape(&text::short(&self.reason, 4_000))));
        let mut facts = vec![format!("version {}", escape(&text::short(&self.version, 60)))];
        let summary = view::summary(&self.counts());
        if !summary.is_empty() {
            facts.insert(0, summary);
        }
        if let Some(exit) = &self.exit {
            facts.push(format!("exit: {}", escape(&text::short(exit, 60))));
        }
        if !self.finished.is_empty() {
            facts.push(format!("finished {}", escape(&text::short(&self.finished, 40))));
        }
        if let Some(seconds) = time::elapsed(&self.started, &self.finished) {
            facts.push(format!("took {}", time::duration(seconds)));
        }
        page.add(&format!("{}\n\n", facts.join(" · ")));
    }

    fn notes(&self, page: &mut Page) {
        let lines = self.notes.iter().map(|note| {
            let level = match note.level {
                Level::Info => "",
                Level::Warn => "**Warning:** ",
                Level::Error => "**Error:** ",
            };
            format!("- {level}{}\n", escape(&text::short(&note.text, 1_000)))
        });
        page.list("### Notes\n\n", lines, "\n", ("note", "notes"));
    }

    fn origin(&self, page: &mut Page) {
        let rows = self.inputs.iter().map(|input| {
            let rows = input
                .rows
                .map_or_else(String::new, |rows| crate::Cell::from(rows).display());
            let detail = input.detail.as_deref().unwrap_or_default();
            format!(
                "| {} | {} | {rows} | {} | {} |\n",
                escape(&text::short(&input.name, VALUE)),
                code(&text::short(&input.uri, 300)),
                input
                    .digest
                    .as_deref()
                    .map_or_else(String::new, |digest| code(&text::short(digest, 90))),
                escape(&text::short(detail, VALUE)),
            )
        });
        let head = "### Inputs\n\n| Input | Where | Rows | Digest | |\n|---|---|---:|---|---|\n";
        page.list(head, rows, "\n", ("input", "inputs"));
        let rows = self.bindings.iter().map(|(name, value)| {
            format!(
                "| {} | {} |\n",
                escape(&text::short(name, VALUE)),
                code(&text::short(value, 300))
            )
        });
        let head = "### Bound to\n\n| | |\n|---|---|\n";
        page.list(head, rows, "\n", ("binding", "bindings"));
        let rows = self.parameters.iter().map(|(name, value)| {
            format!(
                "| {} | {} |\n",
                escape(&text::short(name, VALUE)),
                code(&text::value(value, 300))
            )
        });
        let head = "<details><summary>Parameters</summary>\n\n| | |\n|---|---|\n";
        page.list(head, rows, "\n</details>\n\n", ("parameter", "parameters"));
    }
}

fn checks(page: &mut Page, group: &Group<'_>) {
    let heading = format!("{} ({})", group.heading, group.checks.len());
    let table = "| Outcome | Check | Observed | Allowed | n | Why |\n|---|---|---:|---|---:|---|\n";
    let nouns = (format!("{} check", group.noun), format!("{} checks", group.noun));
    let nouns = (nouns.0.as_str(), nouns.1.as_str());
    if group.open {
        page.list(
            &format!("### {heading}\n\n{table}"),
            group.checks.iter().map(|check| row(check)),
            "\n",
            nouns,
        );
    } else {
        let head = format!("<details><summary>{heading}</summary>\n\n{table}");
        page.list(
            &head,
            group.checks.iter().map(|check| row(check)),
            "\n</details>\n\n",
            nouns,
        );
    }
}

fn row(check: &Check) -> String {
    let mut why = escape(&text::short(&check.why, WHY));
    if check.outcome.is_bad() && !check.samples.is_empty() {
        let samples: Vec<String> = check
            .samples
            .iter()
            .take(5)
            .map(|sample| {
                let times = sample.count.map_or_else(String::new, |count| {
                    format!(" ×{}", crate::Cell::from(count).display())
                });
                format!("{}{times}", code(&text::short(&sample.value, 60)))
            })
            .collect();
        why.push_str("<br>Examples: ");
        why.push_str(&samples.join(", "));
    }
    let interval = view::interval(check).map_or_else(String::new, |interval| format!(" ({interval})"));
    let observed = format!("{}{interval}", view::observed(check));
    format!(
        "| {} | {} | {} | {} | {} | {why} |\n",
        check.outcome,
        code(&text::short(&check.id, VALUE)),
        escape(&text::short(&observed, VALUE)),
        escape(&text::short(&view::bound(check), VALUE)),
        check
            .n
            .map_or_else(String::new, |n| crate::Cell::from(n).display()),
    )
}
