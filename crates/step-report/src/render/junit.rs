//! JUnit XML: one test case a check, and one for the verdict, so that a dashboard is never greener than the step.
//!
//! The shape is valid by Jenkins' schema and by the stricter one of Ant, which is why `testsuites` has no attribute, the
//! timestamp no zone, and warnings stand in the suite's output and not in their cases.

use std::fmt::Write as _;

use super::verdict::{Tone, rejects};
use super::view;
use crate::{Check, Outcome, Report, text, time};

/// Longest message; the whole sentence is in `report.json`.
const MESSAGE: usize = 1_000;

impl Report {
    /// JUnit XML.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let counts = self.counts();
        let error = Tone::of(&self.verdict) == Tone::Error;
        let failed = rejects(&self.verdict);
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        let _ = writeln!(
            xml,
            "  <testsuite id=\"0\" package={} name={} hostname=\"localhost\" timestamp=\"{}\" time=\"{:.3}\" tests=\"{}\" \
             failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            quoted(&self.step),
            quoted(&format!("{}.{}", self.step, self.command)),
            timestamp(&self.started),
            time::elapsed(&self.started, &self.finished).unwrap_or(0.0),
            counts.total + 1,
            counts.fail + usize::from(failed),
            counts.error + usize::from(error),
            counts.insufficient + counts.skipped,
        );
        xml.push_str("    <properties>\n");
        for (name, value) in self.properties() {
            let _ = writeln!(
                xml,
                "      <property name={} value={}/>",
                quoted(name),
                quoted(value)
            );
        }
        xml.push_str("    </properties>\n");
        for check in self.normalised().by_gravity() {
            case(&mut xml, &self.step, check);
        }
        verdict(&mut xml, self, error, failed);
        let _ = writeln!(xml, "    <system-out>{}</system-out>", escaped(&output(self)));
        xml.push_str(
            "    <system-err></system-err>
  </testsuite>
</testsuites>
",
        );
        xml
    }

    fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            ("step", &self.step),
            ("command", &self.command),
            ("version", &self.version),
            ("verdict", &self.verdict),
            ("reason", &self.reason),
        ];
        let own = own.into_iter().map(|(name, value)| (name, value.as_str()));
        own.chain(
            self.bindings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
        .filter(|(name, _)| !name.trim().is_empty())
    }
}

fn case(xml: &mut String, step: &str, check: &Check) {
    let class = quoted(&format!("{step}.{}", check.kind));
    let _ = write!(
        xml,
        "    <testcase name={} classname={class} time=\"0\"",
        quoted(&check.id)
    );
    let why = quoted(&text::short(&check.why, MESSAGE));
    match check.outcome {
        Outcome::Pass | Outcome::Warn => xml.push_str("/>\n"),
        Outcome::Fail => {
            let _ = writeln!(
                xml,
                "><failure type=\"fail\" message={why}>{}</failure></testcase>",
                escaped(&body(check))
            );
        }
        Outcome::Error => {
            let _ = writeln!(
                xml,
                "><error type=\"error\" message={why}>{}</error></testcase>",
                escaped(&body(check))
            );
        }
        Outcome::Insufficient | Outcome::Skipped => {
            let message = quoted(&text::short(
                &format!("{}: {}", check.outcome, check.why),
                MESSAGE,
            ));
            let _ = writeln!(xml, "><skipped message={message}/></testcase>");
        }
    }
}

fn verdict(xml: &mut String, report: &Report, error: bool, failed: bool) {
    let word = text::short(&report.verdict, 100);
    let reason = text::short(&report.reason, MESSAGE);
    let _ = write!(
        xml,
        "    <testcase name=\"verdict\" classname={} time=\"0\"",
        quoted(&report.step)
    );
    let tag = if error { "error" } else { "failure" };
    if error || failed {
        let (kind, message) = (quoted(&word), quoted(&reason));
        let _ = writeln!(
            xml,
            "><{tag} type={kind} message={message}>{}</{tag}></testcase>",
            escaped(&reason)
        );
    } else {
        xml.push_str("/>\n");
    }
}

/// The verdict and the warnings, a line each.
fn output(report: &Report) -> String {
    let warnings = report
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Warn);
    let mut output = report.to_line();
    for check in warnings {
        let _ = write!(
            output,
            "\nwarn {}: {}",
            text::short(&check.id, 200),
            text::short(&check.why, MESSAGE)
        );
    }
    output
}

fn body(check: &Check) -> String {
    let mut body = text::short(&check.why, MESSAGE);
    let _ = write!(
        body,
        "\nobserved: {}\nallowed: {}",
        view::observed(check),
        view::bound(check)
    );
    for sample in check.samples.iter().take(5) {
        let _ = write!(body, "\nexample: {}", text::short(&sample.value, 200));
    }
    body
}

/// Ant's schema wants a time without a zone; steps write UTC.
fn timestamp(started: &str) -> String {
    let stamp = started.get(..19).filter(|_| time::seconds(started).is_some());
    stamp.unwrap_or("1970-01-01T00:00:00").to_owned()
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", escaped(&text::one_line(value)).replace('"', "&quot;"))
}

/// Escaped for XML 1.0, where most control characters may not stand even as references.
fn escaped(value: &str) -> String {
    text::lines(value)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
