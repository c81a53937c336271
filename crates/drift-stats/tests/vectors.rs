//! Values of scipy 1.17, statsmodels 0.15 and of the tools' own test suites. `vectors/make_vectors.py` wrote
//! the files; the published ones are cited where they stand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where a value is missing"
)]

use drift_stats::bins::Edges;
use drift_stats::divergence::{Base, hellinger, js_distance, js_divergence, kl, l_infinity, total_variation};
use drift_stats::psi::{FLOOR, ZeroRule, psi, psi_p_value};
use drift_stats::sequential::{Arm, RatioProcess, ShareProcess};
use drift_stats::{
    Confidence, Proportion, Shares, chi2, ks, multiple, proportion, rank, special, wasserstein,
};
use serde_json::Value;

fn load(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap() {
        Value::Array(cases) => cases,
        other => vec![other],
    }
}

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn counts(value: &Value) -> Vec<u64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap())
        .collect()
}

/// Equal to the tolerance, relative for large numbers and absolute for small ones.
#[track_caller]
fn close(what: &str, ours: f64, theirs: &Value, tolerance: f64) {
    let theirs = theirs
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: no reference value"));
    let scale = theirs.abs().max(1.0);
    assert!(
        (ours - theirs).abs() <= tolerance * scale,
        "{what}: ours {ours:e}, theirs {theirs:e}"
    );
}

#[test]
fn two_samples_equal_scipy() {
    for case in load(include_str!("vectors/two_samples.json")) {
        let (a, b) = (floats(&case["a"]), floats(&case["b"]));
        let test = ks::ks_two_sample(&a, &b).unwrap();
        close("D", test.statistic, &case["ks"], 1e-14);
        close("exact p", test.p_value, &case["ks_exact_p"], 1e-12);
        let en = (a.len() * b.len()) as f64 / (a.len() + b.len()) as f64;
        let limit = special::kolmogorov_sf(en.sqrt() * test.statistic).unwrap();
        close("asymptotic p", limit, &case["kolmogorov_p"], 1e-12);
        close(
            "W1",
            wasserstein::wasserstein(&a, &b).unwrap(),
            &case["wasserstein"],
            1e-12,
        );
        if case.get("u").is_some() {
            let test = rank::mann_whitney(&a, &b).unwrap();
            close("U", test.u, &case["u"], 1e-14);
            close("p of U", test.p_two_sided, &case["u_p_two_sided"], 1e-12);
            close("p of U, greater", test.p_greater, &case["u_p_greater"], 1e-12);
            close("p of U, less", test.p_less, &case["u_p_less"], 1e-12);
        }
    }
}

#[test]
fn histograms_equal_scipy() {
    for case in load(include_str!("vectors/histograms.json")) {
        let (a, b) = (counts(&case["a"]), counts(&case["b"]));
        let (p, q) = (Shares::from_counts(&a).unwrap(), Shares::from_counts(&b).unwrap());
        for (name, rule) in [
            ("psi_floor", FLOOR),
            ("psi_deepchecks", ZeroRule::Floor(0.01)),
            ("psi_evidently", ZeroRule::EvidentlyFill),
            ("psi_scorecard", ZeroRule::Scorecard),
        ] {
            close(name, psi(&p, &q, rule).unwrap().value, &case[name], 1e-12);
        }
        close("kl", kl(&p, &q, FLOOR, Base::Nat).unwrap(), &case["kl"], 1e-12);
        close(
            "kl",
            kl(&p, &q, ZeroRule::EvidentlyFill, Base::Nat).unwrap(),
            &case["kl_evidently"],
            1e-12,
        );
        // The root magnifies rounding where both sides are almost equal.
        close(
            "js",
            js_distance(&p, &q, Base::Nat).unwrap(),
            &case["js_distance"],
            1e-10,
        );
        close(
            "js",
            js_distance(&p, &q, Base::Two).unwrap(),
            &case["js_distance_2"],
            1e-10,
        );
        let squared = Value::from(case["js_distance"].as_f64().unwrap().powi(2));
        close(
            "js divergence",
            js_divergence(&p, &q, Base::Nat).unwrap(),
            &squared,
            1e-12,
        );
        close("hellinger", hellinger(&p, &q).unwrap(), &case["hellinger"], 1e-12);
        close(
            "tvd",
            total_variation(&p, &q).unwrap(),
            &case["total_variation"],
            1e-12,
        );
        close("l-inf", l_infinity(&p, &q).unwrap(), &case["l_infinity"], 1e-12);
        close("ks", ks::ks_binned(&a, &b).unwrap().statistic, &case["ks"], 1e-12);
        if case.get("chi2").is_some() {
            let test = chi2::two_sample(&a, &b).unwrap();
            close("chi2", test.statistic, &case["chi2"], 1e-12);
            close("chi2 p", test.p_value, &case["chi2_p"], 1e-12);
            assert_eq!(test.df, case["chi2_df"].as_u64().unwrap());
            close("V", chi2::cramers_v(&a, &b).unwrap(), &case["cramers_v"], 1e-12);
            let used = case["bins_used"].as_u64().unwrap() as usize;
            let (n, m) = (a.iter().sum(), b.iter().sum());
            let p_value = psi_p_value(psi(&p, &q, FLOOR).unwrap().value, n, m, used).unwrap();
            close("psi p", p_value, &case["psi_p"], 1e-12);
        }
        if case.get("gof").is_some() {
            let weights: Vec<f64> = a.iter().map(|&c| c as f64).collect();
            let test = chi2::goodness_of_fit(&b, &weights).unwrap();
            close("gof", test.statistic, &case["gof"], 1e-12);
            close("gof p", test.p_value, &case["gof_p"], 1e-12);
            let test = chi2::g_test(&b, &weights).unwrap();
            close("g", test.statistic, &case["g"], 1e-11);
            close("g p", test.p_value, &case["g_p"], 1e-11);
        }
    }
}

#[test]
fn chi_squared_over_rare_bins_equals_scipy_over_pooled_ones() {
    for case in load(include_str!("vectors/sparse.json")) {
        let test = chi2::two_sample_pooled(&counts(&case["a"]), &counts(&case["b"])).unwrap();
        assert_eq!(test.df, case["df"].as_u64().unwrap(), "{case}");
        close("chi2", test.statistic, &case["chi2"], 1e-12);
        close("p", test.p_value, &case["p"], 1e-12);
    }
}

#[test]
fn proportions_equal_statsmodels() {
    for case in load(include_str!("vectors/proportion.json")) {
        let share = Proportion::new(case["x"].as_u64().unwrap(), case["n"].as_u64().unwrap()).unwrap();
        let confidence = Confidence::new(case["level"].as_f64().unwrap()).unwrap();
        let wilson = share.wilson(confidence).unwrap();
        close("wilson", wilson.lower, &case["wilson"][0], 1e-12);
        close("wilson", wilson.upper, &case["wilson"][1], 1e-12);
        let exact = share.clopper_pearson(confidence).unwrap();
        close("clopper-pearson", exact.lower, &case["clopper_pearson"][0], 1e-11);
        close("clopper-pearson", exact.upper, &case["clopper_pearson"][1], 1e-11);
    }
    for case in load(include_str!("vectors/two_proportions.json")) {
        let count = |key: &str| case[key].as_u64().unwrap();
        let a = Proportion::new(count("x"), count("n")).unwrap();
        let b = Proportion::new(count("y"), count("m")).unwrap();
        let confidence = Confidence::new(case["level"].as_f64().unwrap()).unwrap();
        let interval = proportion::newcombe(a, b, confidence).unwrap();
        close("newcombe", interval.lower, &case["newcombe"][0], 1e-12);
        close("newcombe", interval.upper, &case["newcombe"][1], 1e-12);
        if case.get("z").is_some() {
            let test = proportion::score_test(a, b).unwrap();
            close("z", test.z, &case["z"], 1e-12);
            close("z p", test.p_two_sided, &case["z_p"], 1e-12);
            let delta = case["delta"].as_f64().unwrap();
            let test = proportion::miettinen_nurminen_test(a, b, delta).unwrap();
            // The reference searches the root that we have in closed form.
            close("mn z", test.z, &case["mn_z"], 1e-9);
            close("mn p", test.p_less, &case["mn_p_less"], 1e-9);
        }
    }
}

#[test]
fn shares_of_further_samples_equal_a_search() {
    for case in load(include_str!("vectors/next_share.json")) {
        let count = |key: &str| case[key].as_u64().unwrap();
        let share = Proportion::new(count("x"), count("n")).unwrap();
        let confidence = Confidence::new(case["level"].as_f64().unwrap()).unwrap();
        let interval = share.wilson_next(count("m"), confidence).unwrap();
        close("lower", interval.lower, &case["next"][0], 1e-11);
        close("upper", interval.upper, &case["next"][1], 1e-11);
    }
}

#[test]
fn adjusted_p_values_equal_statsmodels() {
    for case in load(include_str!("vectors/multiple.json")) {
        let p = floats(&case["p"]);
        for (ours, theirs) in [
            (multiple::holm(&p).unwrap(), &case["holm"]),
            (multiple::benjamini_hochberg(&p).unwrap(), &case["bh"]),
        ] {
            for (i, value) in ours.into_iter().enumerate() {
                close("adjusted", value, &theirs[i], 1e-14);
            }
        }
    }
}

#[test]
fn distribution_functions_equal_scipy() {
    let case = &load(include_str!("vectors/functions.json"))[0];
    let rows = |key: &str| case[key].as_array().unwrap().clone();
    let at = |row: &Value, i: usize| row[i].as_f64().unwrap();
    for row in rows("normal_quantile") {
        close(
            "ppf",
            special::normal_quantile(at(&row, 0)).unwrap(),
            &row[1],
            1e-14,
        );
    }
    for row in rows("normal_cdf") {
        close("cdf", special::normal_cdf(at(&row, 0)), &row[1], 1e-15);
        assert!(
            (special::normal_cdf(at(&row, 0)) / at(&row, 1) - 1.0).abs() < 1e-10,
            "the tail keeps digits"
        );
    }
    for row in rows("kolmogorov") {
        close(
            "kolmogorov",
            special::kolmogorov_sf(at(&row, 0)).unwrap(),
            &row[1],
            1e-14,
        );
    }
    for row in rows("chi2_sf") {
        close(
            "chi2",
            special::chi2_sf(at(&row, 0), at(&row, 1)).unwrap(),
            &row[2],
            1e-12,
        );
    }
    for row in rows("beta_cdf") {
        let p = special::beta_cdf(at(&row, 0), at(&row, 1), at(&row, 2)).unwrap();
        close("beta", p, &row[3], if at(&row, 2) > 1e5 { 1e-8 } else { 1e-12 });
    }
}

#[test]
fn wealth_equals_the_formula_in_python() {
    let case = &load(include_str!("vectors/sequential.json"))[0];
    for run in case["ratio"].as_array().unwrap() {
        let mut process = RatioProcess::new(run["margin"].as_f64().unwrap()).unwrap();
        for tick in run["ticks"].as_array().unwrap() {
            let c = counts(tick);
            process
                .update(
                    Arm {
                        trials: c[0],
                        events: c[1],
                    },
                    Arm {
                        trials: c[2],
                        events: c[3],
                    },
                )
                .unwrap();
        }
        close("log e", process.log_e(), &run["log_e"], 1e-11);
    }
    for run in case["share"].as_array().unwrap() {
        let mut process = ShareProcess::new(run["share"].as_f64().unwrap()).unwrap();
        process
            .update(run["hits"].as_u64().unwrap(), run["trials"].as_u64().unwrap())
            .unwrap();
        close("log e", process.log_e(), &run["log_e"], 1e-7);
    }
}

#[test]
fn quantile_bins_equal_numpy() {
    for case in load(include_str!("vectors/quantile_bins.json")) {
        let (baseline, window) = (floats(&case["baseline"]), floats(&case["window"]));
        let edges = Edges::quantiles(&baseline, 10).unwrap();
        for (ours, theirs) in edges.values().iter().zip(floats(&case["edges"])) {
            assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
        }
        assert_eq!(edges.bins(), case["edges"].as_array().unwrap().len() + 1);
        for (values, key) in [(baseline, "baseline_counts"), (window, "window_counts")] {
            let mut seen = vec![0; edges.bins()];
            values.iter().for_each(|&v| seen[edges.bin(v)] += 1);
            assert_eq!(seen, counts(&case[key]));
        }
    }
}

/// Numbers that the tools print in their own test suites.
#[test]
fn published_values() {
    let shares = |w: &[f64]| Shares::from_weights(w).unwrap();
    let near = |ours: f64, theirs: f64, tolerance: f64| {
        assert!((ours - theirs).abs() < tolerance, "ours {ours}, theirs {theirs}");
    };
    // Deequ, KLLDistanceTest.scala
    let expected = [428, 425, 414, 427, 440, 447, 380, 386, 444, 386];
    let actual = [426, 437, 429, 391, 469, 433, 360, 443, 371, 418];
    let (p, q) = (
        Shares::from_counts(&expected).unwrap(),
        Shares::from_counts(&actual).unwrap(),
    );
    near(psi(&p, &q, FLOOR).unwrap().value, 0.007406694184014186, 1e-14);
    let (a, b) = (
        shares(&[10., 20., 25., 10., 5.]),
        shares(&[11., 20., 25., 10., 10.]),
    );
    near(l_infinity(&a, &b).unwrap(), 0.06015037593984962, 1e-14);
    let test = chi2::goodness_of_fit(&[207, 20, 25, 14, 25], &[223., 20., 25., 12., 13.]).unwrap();
    near(test.p_value, 0.013227994814265176, 1e-12);
    // polars_ds, tests/test_many.py
    let reference: Vec<f64> = (0..1000).map(f64::from).collect();
    let current: Vec<f64> = (0..500)
        .map(f64::from)
        .chain(std::iter::repeat_n(600.0, 500))
        .collect();
    let edges = Edges::quantiles(&reference, 10).unwrap();
    let count = |values: &[f64]| {
        let mut seen = vec![0; edges.bins()];
        values.iter().for_each(|&v| seen[edges.bin(v)] += 1);
        Shares::from_counts(&seen).unwrap()
    };
    near(
        psi(&count(&reference), &count(&current), FLOOR).unwrap().value,
        3.4041141744549024,
        1e-12,
    );
    // Evidently, tests/stattests/test_stattests.py
    let test = chi2::goodness_of_fit(&[16, 16, 16, 16, 16, 8], &[16., 18., 16., 14., 12., 12.]).unwrap();
    near(test.p_value, 0.67309, 5e-6);
    near(
        chi2::g_test(&[4, 6, 8], &[5., 5., 8.]).unwrap().p_value,
        0.8176,
        5e-5,
    );
    let (p, q) = (
        shares(&[16., 18., 16., 14., 12., 12.]),
        shares(&[16., 16., 16., 16., 16., 8.]),
    );
    near(hellinger(&p, &q).unwrap(), 0.06812, 1e-5);
    near(psi(&p, &q, FLOOR).unwrap().value, 0.037218381577290835, 1e-14);
    // Tensorflow Data Validation, metrics_test.cc
    let (a, b) = (shares(&[2., 2., 0., 0., 0.]), shares(&[0., 1., 1., 1., 1.]));
    near(js_divergence(&a, &b, Base::Two).unwrap(), 0.65563906222, 1e-10);
    let (a, b) = (
        shares(&[2., 2., 1., 0., 0., 0.]),
        shares(&[2., 0., 0., 1., 1., 1.]),
    );
    near(js_divergence(&a, &b, Base::Two).unwrap(), 0.6, 1e-12);
    // Great Expectations, expect_column_kl_divergence_to_be_less_than.json
    let (a, b) = (shares(&[0.54, 0.32, 0.14]), shares(&[1., 1., 1.]));
    near(
        kl(&a, &b, FLOOR, Base::Nat).unwrap(),
        0.125_997_002_866_775_3,
        1e-14,
    );
    // deepchecks, tests/utils/drift_test.py
    near(
        chi2::cramers_v_corrected(&[200, 800], &[400, 600]).unwrap(),
        0.21,
        0.01,
    );
    near(
        chi2::cramers_v_corrected(&[500, 0], &[0, 500]).unwrap(),
        1.0,
        1e-3,
    );
    let (a, b): (Vec<f64>, Vec<f64>) = (
        (0..100).map(f64::from).collect(),
        (50..150).map(f64::from).collect(),
    );
    near(
        wasserstein::wasserstein(&a, &b).unwrap() / 150.0,
        1.0 / 3.0,
        1e-12,
    );
    // The plan of trials for a canary at one request in twenty, computed by hand from the formula.
    for (base, worse, trials) in [
        (0.001, 0.002, 8_603),
        (0.005, 0.01, 1_711),
        (0.01, 0.05, 85),
        (0.05, 0.075, 572),
    ] {
        assert_eq!(
            proportion::trials_for_power(base, worse, 19.0, 0.05, 0.8).unwrap(),
            trials
        );
    }
}
