//! Properties over reports that nobody thought of.

use proptest::prelude::*;
use step_report::{
    Bars, Bound, Cell, Check, Format, Histogram, Interval, Lines, Outcome, Report, Sample, Table,
};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => (-1_000_i32..1_000).prop_map(f64::from)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(Outcome::BY_GRAVITY.to_vec())
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        number().prop_map(Bound::at_least),
        number().prop_map(Bound::at_most),
        number().prop_map(Bound::more_than),
        number().prop_map(Bound::less_than),
        (number(), number()).prop_map(|(lower, upper)| Bound::between(lower, upper)),
        number().prop_map(Bound::equals),
        any::<String>().prop_map(Bound::text),
    ]
}

prop_compose! {
    fn check()(
        id in any::<String>(), why in any::<String>(), slice in any::<Option<String>>(), observed in number(), bound in bound(),
        ends in (number(), number(), number()), p in number(), n in any::<u64>(), outcome in outcome(), value in any::<String>(),
    ) -> Check {
        let mut check = Check::new(id, "kind").observed(observed).bound(bound).interval(Interval::new(ends.0, ends.1, ends.2, "m"))
            .test("t", p).n(n).sample(Sample::new(value).count(n)).detail("observed", observed).format(Format::Percent);
        check.target.slice = slice;
        check.outcome(outcome, why)
    }
}

prop_compose! {
    fn report()(
        checks in prop::collection::vec(check(), 0..5), words in (any::<String>(), any::<String>()),
        values in prop::collection::vec(number(), 0..12), times in (any::<String>(), any::<String>()),
    ) -> Report {
        let mut report = Report::new("step", words.0.clone(), "1").verdict(words.1.clone(), words.0.clone());
        report.started = times.0;
        report.finished = times.1;
        report.checks = checks;
        let points: Vec<[f64; 2]> = values.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        let labels = values.iter().map(|value| format!("{value}"));
        report
            .with_section(Table::new("t", ["a", "b"]).row(values.iter().map(|value| Cell::number(*value, Format::Auto)).collect::<Vec<_>>()))
            .with_section(Bars::new("b", labels).series("x", values.clone()).mark(0.1, "m"))
            .with_section(Histogram::new("h", values.clone()).series("x", values.clone()).series("y", values.clone()))
            .with_section(Lines::new("l").line("x", points).mark(f64::NAN, "m"))
            .with_binding("k", &words.1)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(report in report()) {
        let json = report.to_json();
        let read = Report::from_json("report.json", json.as_bytes()).unwrap();
        prop_assert_eq!(&read.to_json(), &json);
        for (read, written) in read.checks.iter().zip(&report.checks) {
            prop_assert_eq!(read, &written.normalised());
        }
    }

    #[test]
    fn every_form_is_drawn_within_its_sheet(report in report()) {
        let html = report.to_html();
        prop_assert!(html.contains("<h1>") && html.ends_with("</html>"), "{}", &html[..html.len().min(500)]);
        prop_assert!(!html.contains("=\"NaN") && !html.contains("=\"inf") && !html.contains("=\"-inf"));
        prop_assert!(report.to_markdown().chars().count() <= 60_000);
        prop_assert!(!report.to_line().contains('\n'));
        prop_assert!(report.to_junit().ends_with("</testsuites>\n"));
    }

    #[test]
    fn a_number_is_shown_near_its_value(value in prop_oneof![-1e12_f64..1e12, -1.0_f64..1.0, -1e-6_f64..1e-6]) {
        let shown: f64 = Format::Auto.show(value).replace(',', "").parse().unwrap();
        prop_assert!((shown - value).abs() <= value.abs() * 5.1e-4 + f64::MIN_POSITIVE, "{} {}", value, shown);
    }
}
