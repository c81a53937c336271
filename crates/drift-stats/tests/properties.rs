//! What holds for every input: ranges, symmetry, order, and that nothing ever comes out as NaN.

use drift_stats::bins::{Categories, Edges};
use drift_stats::divergence::{Base, hellinger, js_divergence, kl, l_infinity, total_variation};
use drift_stats::psi::{FLOOR, ZeroRule, psi, psi_p_value};
use drift_stats::sequential::{Arm, RatioProcess, ShareProcess};
use drift_stats::{
    Confidence, Proportion, Shares, StatError, chi2, ks, multiple, proportion, rank, special, wasserstein,
};
use proptest::prelude::*;

fn histogram_pair() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    (1_usize..30)
        .prop_flat_map(|n| {
            let one = || prop::collection::vec(prop_oneof![Just(0_u64), 1_u64..50, 1_u64..1_000_000_000], n);
            (one(), one())
        })
        .prop_filter("mass on both sides", |(a, b)| {
            a.iter().any(|c| *c > 0) && b.iter().any(|c| *c > 0)
        })
}

fn sample() -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        (-5_i32..5).prop_map(f64::from),
        -1e6..1e6,
        Just(-0.0),
        -1e-300..1e-300
    ];
    prop::collection::vec(number, 1..60)
}

/// Any double at all, the odd ones often.
fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
        Just(0.0),
        0.0..1.0
    ]
}

proptest! {
    #[test]
    fn histogram_measures_keep_their_ranges((a, b) in histogram_pair()) {
        let (p, q) = (Shares::from_counts(&a)?, Shares::from_counts(&b)?);
        for rule in [FLOOR, ZeroRule::Floor(0.01), ZeroRule::EvidentlyFill, ZeroRule::Scorecard] {
            let (there, back) = (psi(&p, &q, rule)?, psi(&q, &p, rule)?);
            prop_assert!(there.value.is_finite() && there.value >= 0.0);
            prop_assert!(there.contributions.iter().all(|c| *c >= 0.0));
            prop_assert!((there.value - back.value).abs() <= 1e-12 * there.value.max(1.0), "symmetric");
            prop_assert!(psi(&p, &p, rule)?.value == 0.0);
            prop_assert!(kl(&p, &q, rule, Base::Nat)? >= 0.0);
        }
        let js = js_divergence(&p, &q, Base::Two)?;
        prop_assert!((0.0..=1.0).contains(&js));
        prop_assert!((js - js_divergence(&q, &p, Base::Two)?).abs() < 1e-12);
        let (h, tv, linf) = (hellinger(&p, &q)?, total_variation(&p, &q)?, l_infinity(&p, &q)?);
        prop_assert!((0.0..=1.0).contains(&h) && (0.0..=1.0).contains(&tv));
        // Le Cam's inequalities bound total variation by Hellinger on both sides.
        prop_assert!(h * h <= tv + 1e-9 && tv <= std::f64::consts::SQRT_2 * h + 1e-9);
        prop_assert!(linf <= tv + 1e-12);
        let test = ks::ks_binned(&a, &b)?;
        prop_assert!((0.0..=1.0).contains(&test.statistic) && (0.0..=1.0).contains(&test.p_value));
        prop_assert!(test.statistic <= tv + 1e-12, "one event cannot differ by more than the worst event");
        let test = chi2::two_sample(&a, &b)?;
        prop_assert!(test.statistic >= 0.0 && (0.0..=1.0).contains(&test.p_value));
        prop_assert!((0.0..=1.0).contains(&chi2::cramers_v(&a, &b)?));
    }

    #[test]
    fn the_order_of_bins_does_not_matter((a, b) in histogram_pair(), turn in 0_usize..30) {
        let turned = |v: &[u64]| { let mut v = v.to_vec(); v.rotate_left(turn % a.len()); v };
        let value = |a: &[u64], b: &[u64]| {
            psi(&Shares::from_counts(a).unwrap(), &Shares::from_counts(b).unwrap(), FLOOR).unwrap().value
        };
        let (left, right) = (value(&a, &b), value(&turned(&a), &turned(&b)));
        prop_assert!((left - right).abs() <= 1e-12 * left.max(1.0));
    }

    #[test]
    fn merging_two_bins_never_adds_divergence((a, b) in histogram_pair()) {
        // The data-processing inequality.
        prop_assume!(a.len() > 1);
        let (a, b): (Vec<u64>, Vec<u64>) = a.iter().zip(&b).map(|(x, y)| (x + 1, y + 1)).unzip();
        let merged = |v: &[u64]| { let mut m = v[1..].to_vec(); m[0] += v[0]; m };
        let js = |a: &[u64], b: &[u64]| {
            js_divergence(&Shares::from_counts(a).unwrap(), &Shares::from_counts(b).unwrap(), Base::Nat).unwrap()
        };
        prop_assert!(js(&merged(&a), &merged(&b)) <= js(&a, &b) + 1e-12);
    }

    #[test]
    fn two_sample_tests_keep_their_ranges(a in sample(), b in sample(), shift in -1e3..1e3_f64) {
        let (there, back) = (ks::ks_two_sample(&a, &b)?, ks::ks_two_sample(&b, &a)?);
        prop_assert!((0.0..=1.0).contains(&there.statistic) && (0.0..=1.0).contains(&there.p_value));
        prop_assert!((there.statistic - back.statistic).abs() < 1e-15);
        prop_assert!((there.p_value - back.p_value).abs() < 1e-10);
        prop_assert!(ks::ks_two_sample(&a, &a)?.p_value == 1.0);
        let mut reversed = a.clone();
        reversed.reverse();
        prop_assert_eq!(ks::ks_two_sample(&reversed, &b)?, there);
        let d = wasserstein::wasserstein(&a, &b)?;
        prop_assert!(d >= 0.0 && (d - wasserstein::wasserstein(&b, &a)?).abs() <= 1e-9 * d.max(1.0));
        let moved: Vec<f64> = a.iter().map(|v| v + shift).collect();
        prop_assert!((wasserstein::wasserstein(&a, &moved)? - shift.abs()).abs() < 1e-6);
        let (mw, other) = (rank::mann_whitney(&a, &b)?, rank::mann_whitney(&b, &a)?);
        prop_assert!((mw.cles + other.cles - 1.0).abs() < 1e-12);
        prop_assert!((mw.p_greater - other.p_less).abs() < 1e-12);
        prop_assert!([mw.p_two_sided, mw.p_greater, mw.p_less].iter().all(|p| (0.0..=1.0).contains(p)));
    }

    #[test]
    fn intervals_hold_the_estimate(x in 0_u64..=2_000, more in 0_u64..2_000, y in 0_u64..=300, rest in 1_u64..300, level in 0.01..0.9999) {
        prop_assume!(x + more > 0);
        let (a, b) = (Proportion::new(x, x + more)?, Proportion::new(y, y + rest)?);
        let confidence = Confidence::new(level)?;
        for interval in [a.wilson(confidence)?, a.clopper_pearson(confidence)?] {
            // Clopper-Pearson at a tiny level may sit a hair beside the estimate; Wilson never does.
            prop_assert!(interval.lower >= 0.0 && interval.upper <= 1.0 && interval.lower <= interval.upper);
        }
        let wilson = a.wilson(confidence)?;
        prop_assert!(wilson.lower <= a.share() && a.share() <= wilson.upper);
        let exact = a.clopper_pearson(confidence)?;
        if level >= 0.5 {
            prop_assert!(exact.lower <= a.share() && a.share() <= exact.upper);
        }
        let estimate = a.share() - b.share();
        for interval in [proportion::newcombe(a, b, confidence)?, proportion::miettinen_nurminen(a, b, confidence)?] {
            prop_assert!(interval.lower >= -1.0 && interval.upper <= 1.0);
            prop_assert!(interval.lower <= estimate + 1e-9 && estimate <= interval.upper + 1e-9);
        }
    }

    #[test]
    fn adjustment_keeps_order_and_never_helps(p in prop::collection::vec(0.0..=1.0_f64, 0..40)) {
        let (holm, bh) = (multiple::holm(&p)?, multiple::benjamini_hochberg(&p)?);
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] + 1e-15 && bh[i] <= holm[i] + 1e-15 && holm[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && bh[i] <= bh[j]));
            }
        }
    }

    #[test]
    fn every_number_has_one_bin(values in sample(), bins in 1_usize..20, probe in any::<f64>()) {
        let edges = Edges::quantiles(&values, bins)?;
        prop_assert!(edges.bins() <= bins + 1);
        prop_assume!(!probe.is_nan());
        let bin = edges.bin(probe);
        prop_assert!(bin < edges.bins());
        prop_assert!(bin == 0 || edges.values()[bin - 1] < probe);
        prop_assert!(bin + 1 == edges.bins() || probe <= edges.values()[bin]);
    }

    #[test]
    fn odd_numbers_are_refused_or_answered_but_never_nan(x in wild(), y in wild(), z in wild(), n in any::<u64>(), m in any::<u64>()) {
        let fine = |r: Result<f64, StatError>| r.map_or(true, |v| v.is_finite());
        prop_assert!(fine(special::normal_quantile(x)));
        prop_assert!(fine(special::chi2_sf(x, y)));
        prop_assert!(fine(special::kolmogorov_sf(x)));
        prop_assert!(fine(special::beta_cdf(x, y.abs().min(1e4), z.abs().min(1e4))));
        prop_assert!(fine(psi_p_value(x, n, m, 10)));
        prop_assert!(fine(wasserstein::wasserstein(&[x, y], &[z])));
        prop_assert!(fine(ks::ks_two_sample(&[x], &[y, z]).map(|t| t.p_value)));
        prop_assert!(fine(rank::mann_whitney(&[x], &[y, z]).map(|t| t.p_two_sided)));
        prop_assert!(fine(Shares::from_weights(&[x, y, z]).map(|s| s.values().iter().sum())));
        prop_assert!(fine(proportion::trials_for_power(x, y, z, 0.05, 0.8).map(|t| t as f64)));
        prop_assert!(fine(Confidence::new(x).and_then(Confidence::z)));
        let _ = (RatioProcess::new(x), ShareProcess::new(y), Edges::new(vec![x, y, z]), multiple::holm(&[x, y]));
    }
}

#[test]
fn empty_input_is_named() {
    let none: [f64; 0] = [];
    for error in [
        ks::ks_two_sample(&none, &[1.0]).unwrap_err(),
        wasserstein::wasserstein(&[1.0], &none).unwrap_err(),
        rank::mann_whitney(&none, &[1.0]).unwrap_err(),
        Shares::from_counts(&[]).unwrap_err(),
        Edges::quantiles(&none, 10).unwrap_err(),
        psi_p_value(0.1, 0, 5, 10).unwrap_err(),
    ] {
        assert!(matches!(error, StatError::Empty { .. }), "{error}");
    }
    assert_eq!(multiple::holm(&[]).unwrap(), Vec::<f64>::new());
    let nan = ks::ks_two_sample(&[1.0, f64::NAN], &[1.0]).unwrap_err();
    assert_eq!(
        nan,
        StatError::NotFinite {
            what: "the first sample",
            index: 1
        }
    );
}

#[test]
fn frozen_bins_survive_json() {
    let edges = Edges::quantiles(&[0.1, 0.2, 1.0 / 3.0, 7e-310, 1e300], 4).unwrap();
    let text = serde_json::to_string(&edges).unwrap();
    assert_eq!(serde_json::from_str::<Edges>(&text).unwrap(), edges);
    assert!(
        serde_json::from_str::<Edges>("[2, 1]").is_err(),
        "a hand-edited baseline is checked again"
    );
    let kept = Categories::top([("a", 1), ("b", 1), ("c", 2)], 2).unwrap();
    let back: Categories = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
    assert_eq!(
        (back.bin("c"), back.bin("a"), back.bin("b")),
        (0, 1, 2),
        "the index is built again"
    );
    assert!(serde_json::from_str::<Categories>(r#"["a","a"]"#).is_err());
}

/// A canary without any fault, judged after each of 60 intervals: at most alpha of the runs may end in a
/// false alarm. A fixed generator, so that the figure is the same on every machine.
#[test]
fn peeking_does_not_raise_false_alarms() {
    let (runs, alpha) = (2_000, 0.05);
    let alarms = |canary_rate: f64, seed: u64| {
        let mut draw = generator(seed);
        (0..runs)
            .filter(|_| {
                let mut process = RatioProcess::new(1.0).unwrap();
                (0..60).any(|_| {
                    let canary = Arm {
                        trials: 60,
                        events: hits(&mut draw, 60, canary_rate),
                    };
                    let champion = Arm {
                        trials: 1_140,
                        events: hits(&mut draw, 1_140, 0.01),
                    };
                    process.update(canary, champion).unwrap();
                    process.rejects(alpha).unwrap()
                })
            })
            .count()
    };
    let (none, threefold) = (alarms(0.01, 1), alarms(0.03, 2));
    assert!(
        none as f64 <= alpha * f64::from(runs),
        "{none} of {runs} healthy canaries were rolled back"
    );
    assert!(
        threefold as f64 >= 0.95 * f64::from(runs),
        "only {threefold} of {runs} bad canaries were found"
    );
}

/// SplitMix64 (Steele, Lea and Flood 2014) as uniform numbers in 0..1.
fn generator(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn hits(draw: &mut impl FnMut() -> f64, trials: u64, rate: f64) -> u64 {
    (0..trials).filter(|_| draw() < rate).count() as u64
}

/// The chances of 0 to `n` successes.
fn binomial(n: u64, p: f64) -> Vec<f64> {
    let mut chance = (1.0 - p).powf(n as f64);
    let mut all = vec![chance];
    for k in 0..n {
        chance *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        all.push(chance);
    }
    all
}

/// Summed over all that may be seen and all that may come.
#[test]
fn a_further_sample_is_missed_as_seldom_as_said() {
    let level = Confidence::new(0.99).unwrap();
    for (n, m, p) in [
        (900, 450, 0.5),
        (900, 450, 0.03),
        (300, 900, 0.2),
        (1000, 1000, 0.002),
    ] {
        let next = binomial(m, p);
        let missed: f64 = binomial(n, p)
            .iter()
            .zip(0..)
            .map(|(chance, seen)| {
                let interval = Proportion::new(seen, n).unwrap().wilson_next(m, level).unwrap();
                let above = (interval.upper * m as f64).floor() as usize + 1;
                chance * next.iter().skip(above).sum::<f64>()
            })
            .sum();
        assert!(missed < 0.0065, "{n} {m} {p}: {missed}");
    }
}
