//! What the model promises whatever a step does.

use step_report::{
    Bars, Bound, Cell, Check, Format, Interval, Outcome, Report, ReportError, Severity, Table,
};

#[test]
fn missing_evidence_never_passes() {
    let check = Check::new("threshold:auc_roc", "threshold")
        .metric("auc_roc")
        .bound(Bound::at_least(0.87));
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for judged in [
            check.clone().observed(number).pass("fine"),
            check.clone().pass("fine").observed(number),
        ] {
            assert_eq!(judged.outcome, Outcome::Error);
            assert!(
                judged.why.starts_with("no value was observed ("),
                "{}",
                judged.why
            );
        }
    }
    assert_eq!(
        check
            .clone()
            .not_observed("no positive rows")
            .judge(true, "fine")
            .outcome,
        Outcome::Error
    );
    assert_eq!(
        check.outcome,
        Outcome::Error,
        "a check that nobody judged is no pass"
    );
    assert_eq!(check.observed(0.9).pass("fine").outcome, Outcome::Pass);
}

#[test]
fn severity_says_what_a_miss_is() {
    let check = Check::new("a", "b").observed(1);
    assert_eq!(check.clone().judge(false, "no").outcome, Outcome::Fail);
    assert_eq!(
        check.clone().severity(Severity::Warn).judge(false, "no").outcome,
        Outcome::Warn
    );
    assert_eq!(
        check.severity(Severity::Warn).judge(true, "yes").outcome,
        Outcome::Pass
    );
}

#[test]
fn every_null_has_a_reason() {
    let mut check = Check::new("a", "b")
        .observed(f64::NAN)
        .bound(Bound::at_least(f64::NAN))
        .interval(Interval::new(f64::NEG_INFINITY, f64::NAN, 0.95, "wilson"))
        .test("t", f64::NAN)
        .p_adjusted(f64::INFINITY)
        .detail("share", f64::NAN)
        .insufficient("nothing to see");
    check.format = Format::Percent;
    let report = Report::new("s", "c", "1")
        .with_check(check)
        .with_section(
            Table::new("t", ["x"])
                .row([f64::INFINITY.into()])
                .row([Cell::Number {
                    number: f64::NAN,
                    format: Format::Auto,
                    reason: None,
                }]),
        )
        .with_section(Bars::new("b", ["x"]).series("s", vec![f64::NAN]));
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let check = &json["checks"][0];
    assert_eq!(check["observed"], serde_json::Value::Null);
    assert_eq!(check["bound"], serde_json::json!({"text": ">= NaN"}));
    assert_eq!(
        check["missing"],
        serde_json::json!({"observed": "NaN", "interval.lower": "open", "interval.upper": "NaN", "p": "NaN", "p_adjusted": "Infinity", "details.share": "no finite value"})
    );
    assert_eq!(
        json["sections"][0]["rows"][0][0],
        serde_json::json!({"number": null, "reason": "Infinity"})
    );
    assert_eq!(
        json["sections"][0]["rows"][1][0],
        serde_json::json!({"number": null, "reason": "NaN"})
    );
    assert_eq!(json["sections"][1]["note"], "1 value is not finite and left out.");
    let read = Report::from_json("report.json", report.to_json().as_bytes()).unwrap();
    assert_eq!(
        read.to_json(),
        report.to_json(),
        "and stays when it is written again"
    );
}

#[test]
fn a_newer_writer_may_add_fields_and_sections() {
    let mut json: serde_json::Value = serde_json::from_str(&crate::samples::evaluation().to_json()).unwrap();
    json["signature"] = "new".into();
    json["checks"][0]["colour"] = "new".into();
    json["sections"][0] = serde_json::json!({"kind": "map", "title": "new", "tiles": [1]});
    let report = Report::from_json("report.json", json.to_string().as_bytes()).unwrap();
    assert_eq!(report.checks.len(), 15);
    assert!(report.to_html().contains("Calibration"));
}

#[test]
fn another_file_is_told_by_its_schema() {
    let read = |text: &str| {
        Report::from_json("/in/evaluation.json", text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read(r#"{"schema": "mlops-steps/run/v1", "run_id": "1"}"#),
        "/in/evaluation.json: the schema is `mlops-steps/run/v1`, this step reads `mlops-steps/report/v1`: is it the right file, and of the same release?"
    );
    assert!(read(r#"{"schema": 3}"#).contains("the schema is `3`"));
    assert!(read("{}").contains("the schema is missing"));
    assert!(read("").starts_with("/in/evaluation.json:1:0: not a report: "));
    assert!(
        read("{\n  \"schema\": \"mlops-steps/report/v1\",\n  \"step\": 3}")
            .starts_with("/in/evaluation.json:3:11: not a report: invalid type")
    );
    let cut = crate::samples::drift().to_json();
    let error = Report::from_json("r.json", &cut.as_bytes()[..cut.len() / 2]).unwrap_err();
    assert!(
        matches!(error, ReportError::Invalid { line, .. } if line > 10),
        "{error}"
    );
}

#[test]
fn numbers_read_well() {
    for (format, value, shown) in [
        (Format::Auto, 0.0, "0"),
        (Format::Auto, -0.0, "0"),
        (Format::Auto, 12.639_07, "12.64"),
        (Format::Auto, 1_234.56, "1,235"),
        (Format::Auto, 999_999.5, "1,000,000"),
        (Format::Auto, -0.000_45, "-0.00045"),
        (Format::Auto, 0.99996, "1.0000"),
        (Format::Auto, 0.92203, "0.9220"),
        (Format::Auto, 0.87, "0.87"),
        (Format::Auto, 0.1 + 0.2, "0.3"),
        (Format::Auto, 1e-5, "1e-5"),
        (Format::Auto, 5e-324, "4.941e-324"),
        (Format::Auto, 1.5e300, "1.5e300"),
        (Format::Count, 336_776.0, "336,776"),
        (Format::Count, -1_000.0, "-1,000"),
        (Format::Percent, 1.0, "100%"),
        (Format::Percent, 0.9999, "99.99%"),
        (Format::PValue, 0.0, "<0.001"),
        (Format::PValue, 0.049_9, "0.050"),
        (Format::PValue, 0.9999, ">0.999"),
        (Format::PValue, 1.0, "1.000"),
        (Format::Bytes, 4_300_000.0, "4.101 MiB"),
        (Format::Milliseconds, 41.3, "41.3 ms"),
        (Format::Timestamp, 1_372_636_800.0, "2013-07-01"),
        (Format::Timestamp, -1.0, "1969-12-31 23:59"),
        (Format::Auto, f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(format.show(value), shown, "{format:?} {value}");
    }
    assert_eq!(Bound::at_least(0.87).to_string(), ">= 0.87");
    assert_eq!(Bound::between(0.0, f64::INFINITY).to_string(), ">= 0");
    assert_eq!(Bound::between(120.0, 150.0).to_string(), "120 to 150");
    assert_eq!(Bound::equals("int64").to_string(), "= int64");
    assert_eq!(
        Interval::new(0.1, f64::INFINITY, 0.95, "m").display(Format::Percent),
        "from 10%"
    );
}
