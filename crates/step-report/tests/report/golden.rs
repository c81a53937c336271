//! The files that a reader gets, kept beside the tests; `BLESS=1 cargo test` writes them anew.

use std::error::Error;
use std::path::PathBuf;

use step_report::Report;

use crate::samples::{drift, evaluation, validation};

type Done = Result<(), Box<dyn Error>>;

fn golden(name: &str, text: &str) -> Done {
    let path = PathBuf::from(env!("MLOPS_STEPS_ROOT"))
        .join("crates/step-report/tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text)?;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let place = kept.lines().zip(text.lines()).position(|(kept, now)| kept != now);
    assert!(
        kept == text,
        "{} differs, first at line {:?}; look at it, then BLESS=1 cargo test -p step-report",
        path.display(),
        place.map_or_else(
            || kept.lines().count().min(text.lines().count()) + 1,
            |line| line + 1
        ),
    );
    Ok(())
}

fn all_forms(name: &str, report: &Report) -> Done {
    golden(&format!("{name}.json"), &report.to_json())?;
    golden(&format!("{name}.md"), &report.to_markdown())?;
    golden(&format!("{name}.html"), &report.to_html())?;
    golden(&format!("{name}.xml"), &report.to_junit())?;
    golden(&format!("{name}.txt"), &format!("{}\n", report.to_line()))?;
    let read = Report::from_json(name, report.to_json().as_bytes())?;
    assert_eq!(read.to_json(), report.to_json());
    assert_eq!(read.to_markdown(), report.to_markdown());
    assert_eq!(
        read.to_html(),
        report.to_html(),
        "the page is the same whether drawn from memory or from the file"
    );
    Ok(())
}

#[test]
fn a_validation_that_fails() -> Done {
    let report = validation();
    assert_eq!(report.counts().total, 40);
    all_forms("validation", &report)
}

#[test]
fn an_evaluation_that_passes() -> Done {
    all_forms("evaluation", &evaluation())
}

#[test]
fn a_drift_that_asks_for_a_retraining() -> Done {
    all_forms("drift", &drift())
}

#[test]
fn names_that_mean_harm() -> Done {
    all_forms("hostile", &crate::hostile::hostile())
}

#[test]
fn a_step_that_could_not_decide() -> Done {
    let report = Report::error(
        "evaluate",
        "gate",
        "0.1.0",
        "quality_gates.yaml:3:9: evaluation.minimum_thresholds.auc_rok: no metric of this name; did you mean `auc_roc`?",
        "usage",
    );
    all_forms("error", &report)
}
