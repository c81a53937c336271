//! One word and one sentence from all checks.

use std::fmt;

use step_report::{Check, Outcome, Severity};

use super::figures::count;

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every gate is passed.
    Pass,
    /// Every gate that rejects is passed; something is worth a look.
    Warn,
    /// A gate is not passed.
    Fail,
}

impl Verdict {
    /// As it stands on standard output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether a check rejects: it failed, could not be made, or has too little evidence and would reject.
fn rejects(check: &Check) -> bool {
    check.outcome.is_bad() || (check.outcome == Outcome::Insufficient && check.severity == Severity::Error)
}

/// Whether a gate came to a judgement. That there are rows and that each has a score is the ground of all gates
/// and none of them: on that ground alone any model would pass.
fn judges(check: &Check) -> bool {
    !GROUND.contains(&check.kind.as_str())
        && matches!(check.outcome, Outcome::Pass | Outcome::Warn | Outcome::Fail)
}

/// The kinds of checks that say whether anything can be judged at all.
const GROUND: [&str; 2] = ["scores", "rows"];

/// The most sentences of checks that a reason holds.
const SAID: usize = 3;

/// The verdict, with the sentences of the checks that made it.
pub fn summarise(checks: &[Check]) -> (Verdict, String) {
    let judged = checks
        .iter()
        .filter(|check| check.outcome != Outcome::Skipped)
        .count() as u64;
    let against: Vec<&Check> = checks.iter().filter(|check| rejects(check)).collect();
    if !against.is_empty() {
        let head = format!("{} of {} failed", against.len(), count(judged, "check", "checks"));
        return (Verdict::Fail, sentence(&head, &against));
    }
    if !checks.iter().any(judges) {
        let undecided: Vec<&Check> = checks
            .iter()
            .filter(|check| check.outcome != Outcome::Pass)
            .collect();
        return (Verdict::Fail, sentence("no gate was judged", &undecided));
    }
    let warned: Vec<&Check> = checks
        .iter()
        .filter(|check| matches!(check.outcome, Outcome::Warn | Outcome::Insufficient))
        .collect();
    if warned.is_empty() {
        let skipped = checks.len() as u64 - judged;
        let rest = if skipped == 0 {
            String::new()
        } else {
            format!(", {skipped} skipped")
        };
        let passed = if judged == 1 {
            "the only check passed".to_owned()
        } else {
            format!("all {judged} checks passed")
        };
        return (Verdict::Pass, format!("{passed}{rest}"));
    }
    let head = format!(
        "{} of {} warned, none failed",
        warned.len(),
        count(judged, "check", "checks")
    );
    (Verdict::Warn, sentence(&head, &warned))
}

fn sentence(head: &str, checks: &[&Check]) -> String {
    let mut text = head.to_owned();
    for (at, check) in checks.iter().take(SAID).enumerate() {
        text.push_str(if at == 0 { ": " } else { "; " });
        text.push_str(&check.why);
    }
    if checks.len() > SAID {
        text.push_str(&format!("; and {} more", checks.len() - SAID));
    }
    text
}
