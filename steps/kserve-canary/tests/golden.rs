//! The Markdown report of each verdict, kept in `cases/`; `BLESS=1 cargo test -p kserve-canary` writes them anew.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod common;

use std::path::Path;
use std::process::Command;

use common::Traffic;
use kserve_api::record;

/// Runs a case and compares its report, times and digests left out: those of the input follow from the seed,
/// but not across versions of the Parquet writer.
fn case(name: &str, champion: Traffic, canary: Traffic) {
    let folder = tempfile::tempdir().unwrap();
    for (arm, traffic) in [("champion", champion), ("canary", canary)] {
        let bytes = record::to_parquet(&traffic.requests()).unwrap();
        std::fs::write(folder.path().join(format!("{arm}.parquet")), bytes).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_kserve-canary"))
        .current_dir(folder.path())
        .args([
            "judge",
            "--champion",
            "champion.parquet",
            "--canary",
            "canary.parquet",
        ])
        .args([
            "--report",
            "r.json",
            "--report-md",
            "r.md",
            "--report-html",
            "r.html",
            "--report-junit",
            "r.xml",
        ])
        .args(["--statement", "s.json", "--verdict", "v"])
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    let report = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    let found = format!("exit {code}\n\n{}", redacted(&report));
    let kept =
        Path::new(env!("MLOPS_STEPS_ROOT")).join(format!("steps/kserve-canary/tests/cases/{name}/report.md"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&kept).unwrap_or_default();
    let differs = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
    assert!(
        expected == found,
        "{} differs, first at line {differs:?}; look at it, then BLESS=1 cargo test -p kserve-canary",
        kept.display()
    );
}

fn redacted(report: &str) -> String {
    let cut = |line: &str, from: &str, until: &str, by: &str| match line.split_once(from) {
        Some((before, after)) => {
            let rest = after.find(until).map_or("", |at| &after[at..]);
            format!("{before}{from}{by}{rest}")
        }
        None => line.to_owned(),
    };
    report
        .lines()
        .map(|line| cut(line, "version ", " ", "V"))
        .map(|line| cut(&line, "finished ", " ", "T"))
        .map(|line| cut(&line, "took ", "\n", "S"))
        .map(|line| cut(&line, "sha256:", "`", "D"))
        .fold(String::new(), |all, line| all + &line + "\n")
}

#[test]
fn promote() {
    case(
        "promote",
        Traffic::healthy(800, 1),
        Traffic {
            error_rate: 0.001,
            shift: 0.02,
            ..Traffic::healthy(800, 2)
        },
    );
}

#[test]
fn rollback() {
    let canary = Traffic {
        error_rate: 0.06,
        slowdown: 1.8,
        ..Traffic::healthy(800, 2)
    };
    case(
        "rollback",
        Traffic {
            error_rate: 0.002,
            ..Traffic::healthy(800, 1)
        },
        canary,
    );
}

#[test]
fn inconclusive() {
    case(
        "inconclusive",
        Traffic::healthy(100, 1),
        Traffic {
            error_rate: 0.02,
            ..Traffic::healthy(100, 2)
        },
    );
}
