//! What holds for any labels and scores.

#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

use evaluate::comparison::delong::Placements;
use evaluate::comparison::mcnemar::Discordant;
use evaluate::config;
use evaluate::decide::{Verdict, decide};
use evaluate::evidence::{Evidence, Rows, Scores};
use evaluate::metrics::{Counts, Metric, Scored};
use proptest::prelude::*;

/// Labels of both classes with scores that tie often.
fn scored() -> impl Strategy<Value = (Vec<bool>, Vec<f64>, Vec<f64>)> {
    prop::collection::vec((any::<bool>(), 0_u32..=20, 0_u32..=1000), 6..120)
        .prop_map(|rows| {
            let labels = rows.iter().map(|row| row.0).collect();
            let ours = rows.iter().map(|row| f64::from(row.1) / 20.0).collect();
            let theirs = rows.iter().map(|row| f64::from(row.2) / 1000.0).collect();
            (labels, ours, theirs)
        })
        .prop_filter("two of each class", |(labels, ..): &(Vec<bool>, _, _)| {
            let positives = labels.iter().filter(|label| **label).count();
            positives >= 2 && labels.len() - positives >= 2
        })
}

fn evidence(labels: &[bool], ours: &[f64], theirs: &[f64]) -> Evidence {
    Evidence {
        rows: Rows {
            ids: (0..labels.len()).map(|row| format!("{row:04}")).collect(),
            labels: labels.to_vec(),
            ..Rows::default()
        },
        challenger: Scores::new(ours.iter().copied().map(Some)),
        champion: Some(Scores::new(theirs.iter().copied().map(Some))),
        ..Evidence::default()
    }
}

fn verdict(gates: &str, evidence: &Evidence) -> Verdict {
    let gates = config::load("gates.yaml", gates).expect("gates that load");
    decide(&gates, &[], evidence, &|| false).verdict
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_metric_is_a_number_in_its_range_or_says_why((labels, scores, _) in scored()) {
        let rows = Scored::new(&labels, &scores, 0.5, 10);
        for metric in Metric::ALL {
            if let Ok(value) = rows.metric(metric) {
                let low = if matches!(metric, Metric::Mcc | Metric::Gini) { -1.0 } else { 0.0 };
                let high = if metric == Metric::LogLoss { 40.0 } else { 1.0 };
                prop_assert!((low..=high).contains(&value), "{metric} {value}");
            }
        }
    }

    #[test]
    fn ranks_do_not_care_for_scale_order_or_weights_of_one((labels, scores, _) in scored()) {
        let rows = Scored::new(&labels, &scores, 0.5, 10);
        let stretched: Vec<f64> = scores.iter().map(|score| (3.0 * score).exp()).collect();
        let stretched = Scored::new(&labels, &stretched, 0.5, 10);
        let negated: Vec<f64> = scores.iter().map(|score| -score).collect();
        let negated = Scored::new(&labels, &negated, 0.5, 10);
        for metric in [Metric::AucRoc, Metric::AveragePrecision, Metric::Ks] {
            prop_assert_eq!(rows.metric(metric), stretched.metric(metric));
        }
        let (up, down) = (rows.metric(Metric::AucRoc).unwrap(), negated.metric(Metric::AucRoc).unwrap());
        prop_assert!((up + down - 1.0).abs() < 1e-12);
        let (labels_back, scores_back): (Vec<bool>, Vec<f64>) =
            labels.iter().copied().zip(scores.iter().copied()).rev().unzip();
        let back = Scored::new(&labels_back, &scores_back, 0.5, 10);
        let ones = vec![1; labels.len()];
        for metric in Metric::ALL {
            let Ok(value) = rows.metric(metric) else { continue };
            prop_assert!((back.metric(metric).unwrap() - value).abs() < 1e-12);
            prop_assert!((rows.weighted(metric, &Counts(&ones)).unwrap() - value).abs() < 1e-12);
        }
    }

    #[test]
    fn delong_is_a_fair_comparison((labels, ours, theirs) in scored()) {
        let place = |scores| Placements::of(&Scored::new(&labels, scores, 0.5, 10)).unwrap();
        let (a, b) = (place(&ours), place(&theirs));
        let (forth, back) = (a.minus(&b), b.minus(&a));
        prop_assert!((forth.value + back.value).abs() < 1e-12 && (forth.se - back.se).abs() < 1e-12);
        prop_assert!((forth.p_below(0.0) - back.p_above(0.0)).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&forth.p_two_sided()));
        prop_assert_eq!(a.minus(&a).p_two_sided(), 1.0);
    }

    #[test]
    fn mcnemar_tails_add_up(gained in 0_u64..200, lost in 0_u64..200) {
        let (there, back) = (Discordant { gained, lost }, Discordant { gained: lost, lost: gained });
        prop_assert!((there.p_worse() - back.p_better()).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&there.p_two_sided()));
        prop_assert!(there.p_worse() + there.p_better() >= 1.0 - 1e-9);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_delta_passes_a_model_that_is_worse((labels, ours, theirs) in scored()) {
        let auc = |scores| Scored::new(&labels, scores, 0.5, 10).metric(Metric::AucRoc).unwrap();
        let few = "min_rows: 1, min_per_class: 1";
        let gate = |rule: &str| format!("evaluation: {{{few}, champion_improvement: {{auc_roc_delta: {rule}}}}}");
        let evidence = self::evidence(&labels, &ours, &theirs);
        for rule in ["0.0001", "{rule: superiority}", "{bound: 0.0001, rule: ci_lower}"] {
            if auc(&ours) <= auc(&theirs) {
                prop_assert_eq!(verdict(&gate(rule), &evidence), Verdict::Fail);
            }
            prop_assert_eq!(verdict(&gate(rule), &self::evidence(&labels, &ours, &ours)), Verdict::Fail);
        }
        let not_inferior = gate("{rule: non_inferiority, margin: 0.01}");
        prop_assert_eq!(verdict(&not_inferior, &self::evidence(&labels, &ours, &ours)), Verdict::Pass);
    }

    #[test]
    fn a_missing_score_passes_nothing((labels, ours, theirs) in scored(), row in any::<prop::sample::Index>()) {
        let mut evidence = evidence(&labels, &ours, &theirs);
        let row = row.index(labels.len());
        evidence.challenger = Scores::new(ours.iter().enumerate().map(|(at, s)| (at != row).then_some(*s)));
        let gates = "evaluation: {min_rows: 1, min_per_class: 1, maximum_thresholds: {log_loss: 100}}";
        prop_assert_eq!(verdict(gates, &evidence), Verdict::Fail);
    }
}
