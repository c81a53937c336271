//! The limits of a quantile against scipy's binomial (`vectors/make_quantile_limits.py`).

use evaluate::load::estimate;

#[derive(serde::Deserialize)]
struct Case {
    n: u32,
    p: f64,
    alpha: f64,
    rank: f64,
    lower: Option<f64>,
    upper: Option<f64>,
}

#[test]
fn ranks_are_scipys() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("vectors/quantile_limits.json")).unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        // The k-th value is k, so that a value is its rank.
        let sorted: Vec<f64> = (1..=case.n).map(f64::from).collect();
        let found = estimate(&sorted, case.p, case.alpha).unwrap();
        let Case { n, p, alpha, .. } = case;
        assert_eq!(
            (found.value, found.lower, found.upper),
            (case.rank, case.lower, case.upper),
            "n {n}, p {p}, alpha {alpha}"
        );
    }
}
