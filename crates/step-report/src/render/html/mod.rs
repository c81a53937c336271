//! HTML: one file for a reader, an auditor and a printer; no script, nothing from a network.

mod checks;
mod page;
mod sections;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::Report;

const TEMPLATE: &str = include_str!("report.html.j2");
const STYLE: &str = include_str!("report.css");

impl Report {
    /// A self-contained HTML page. Long lists are cut with a sentence, so that ten thousand columns still make a page that opens.
    #[must_use]
    pub fn to_html(&self) -> String {
        render(self).unwrap_or_else(|error| fallback(self, &error))
    }
}

fn render(report: &Report) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // The default goes by file name; names of columns and files are hostile until escaped, so it is said outright.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.add_template("report.html", TEMPLATE)?;
    let page = page::Page::of(&report.normalised());
    let context = minijinja::context! { page => Value::from(Serde(&page)), style => Value::from_safe_string(STYLE.to_owned()) };
    environment.get_template("report.html")?.render(context)
}

/// The template is part of the program and tested; should it ever fail, the reader still gets the report.
fn fallback(report: &Report, error: &minijinja::Error) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Report</title><p>The page could not be laid out: {}</p><pre>{}</pre>\n",
        escape(&error.to_string()),
        escape(&report.to_json()),
    )
}
