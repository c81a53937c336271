//! The profile: numpy's values, and merging parts is profiling the whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod write;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use serde::Deserialize;
use tabular::{Batch, ColumnProfile, Format, Input, ReadOptions, Table};

#[derive(Deserialize)]
struct Vector {
    name: String,
    values: Vec<f64>,
    mean: f64,
    std: Option<f64>,
    min: f64,
    max: f64,
    distinct: u64,
    quantiles: Vec<(f64, f64)>,
    spread: Option<Vec<u64>>,
}

fn batch(array: ArrayRef) -> Batch {
    let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
    let input = Input::from_bytes("x.parquet", write::parquet_with(&batch, 1 << 20));
    let options = ReadOptions {
        batch_rows: 1 << 20,
        ..ReadOptions::default()
    };
    Table::open(input, Format::Parquet, options)
        .unwrap()
        .next_batch()
        .unwrap()
        .unwrap()
}

fn profile(array: ArrayRef) -> ColumnProfile {
    let batch = batch(array);
    let mut profile = ColumnProfile::new(batch.columns()[0].field());
    profile.update(&batch.columns()[0]);
    profile
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let scale = expected.abs().max(1e-300);
    assert!(
        (found - expected).abs() / scale <= tolerance,
        "{what}: {found} instead of {expected}"
    );
}

#[test]
fn figures_are_those_of_numpy() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/profile.json")).unwrap();
    for vector in vectors {
        let profile = profile(Arc::new(Float64Array::from(vector.values)));
        let numbers = profile.numbers.unwrap();
        let name = vector.name;
        close(
            numbers.moments.mean().unwrap(),
            vector.mean,
            1e-14,
            &format!("mean of {name}"),
        );
        assert_eq!(numbers.moments.std(1).is_some(), vector.std.is_some());
        if let Some(std) = vector.std {
            close(
                numbers.moments.std(1).unwrap(),
                std,
                1e-12,
                &format!("std of {name}"),
            );
        }
        assert_eq!(
            (numbers.moments.min, numbers.moments.max),
            (Some(vector.min), Some(vector.max))
        );
        assert_eq!(profile.distinct.count(), vector.distinct, "{name}");
        assert!(numbers.quantiles.is_exact());
        if let Some(expected) = vector.spread {
            assert_eq!(
                numbers.quantiles.spread(7).unwrap().2,
                expected,
                "spread of {name}"
            );
        }
        for (p, expected) in vector.quantiles {
            close(
                numbers.quantiles.quantile(p).unwrap(),
                expected,
                1e-15,
                &format!("quantile {p} of {name}"),
            );
        }
    }
}

#[test]
fn nulls_nan_and_infinity_are_apart() {
    let values = [
        Some(1.0),
        None,
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(f64::NEG_INFINITY),
        Some(3.0),
    ];
    let profile = profile(Arc::new(Float64Array::from(values.to_vec())));
    assert_eq!(
        (profile.rows, profile.nulls, profile.nan, profile.infinite),
        (6, 1, 1, 2)
    );
    let moments = profile.numbers.unwrap().moments;
    assert_eq!(
        (moments.count, moments.mean(), moments.min, moments.max),
        (2, Some(2.0), Some(1.0), Some(3.0))
    );
}

#[test]
fn an_empty_column_has_no_figures() {
    let profile = profile(Arc::new(Float64Array::from(vec![None, None])));
    let numbers = profile.numbers.unwrap();
    assert_eq!(
        (
            numbers.moments.mean(),
            numbers.moments.std(1),
            numbers.quantiles.quantile(0.5)
        ),
        (None, None, None)
    );
    assert_eq!(profile.distinct.count(), 0);
}

#[test]
fn a_long_column_stays_within_the_stated_errors() {
    const ROWS: i64 = 200_000;
    // A permutation of 0..ROWS.
    let values: Int64Array = (0..ROWS).map(|row| row * 7_919 % ROWS).collect();
    let profile = profile(Arc::new(values));
    let numbers = profile.numbers.unwrap();
    assert!(!numbers.quantiles.is_exact());
    for p in [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999] {
        let rank = numbers.quantiles.quantile(p).unwrap() / ROWS as f64;
        assert!((rank - p).abs() <= numbers.quantiles.rank_error(), "{p}: {rank}");
    }
    let distinct = profile.distinct.count() as f64;
    assert!((distinct / ROWS as f64 - 1.0).abs() < 0.05, "{distinct}");
    close(
        numbers.moments.mean().unwrap(),
        (ROWS - 1) as f64 / 2.0,
        1e-14,
        "mean",
    );
}

/// Everything that must be equal; figures of floating point to the last digits.
fn assert_same(merged: &ColumnProfile, whole: &ColumnProfile) {
    assert_eq!(
        (merged.rows, merged.nulls, merged.nan, merged.infinite),
        (whole.rows, whole.nulls, whole.nan, whole.infinite)
    );
    assert_eq!(merged.distinct, whole.distinct);
    assert_eq!(merged.times, whole.times);
    if let (Some(mine), Some(theirs)) = (&merged.top, &whole.top) {
        assert_eq!(mine.most(usize::MAX), theirs.most(usize::MAX));
    }
    if let (Some(mine), Some(theirs)) = (&merged.numbers, &whole.numbers) {
        assert_eq!(
            (mine.moments.count, mine.moments.min, mine.moments.max),
            (theirs.moments.count, theirs.moments.min, theirs.moments.max)
        );
        assert_eq!(mine.zeros, theirs.zeros);
        if let (Some(mine), Some(theirs)) = (mine.moments.mean(), theirs.moments.mean()) {
            assert!(
                (mine - theirs).abs() <= 1e-12 * theirs.abs().max(1.0),
                "{mine} {theirs}"
            );
        }
        if let (Some(mine), Some(theirs)) = (mine.moments.std(1), theirs.moments.std(1)) {
            assert!(
                (mine - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
                "{mine} {theirs}"
            );
        }
        for p in [0.0, 0.1, 0.5, 0.95, 1.0] {
            assert_eq!(
                mine.quantiles.quantile(p),
                theirs.quantiles.quantile(p),
                "quantile {p}"
            );
        }
    }
}

fn floats() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        6 => (-1e6..1e6_f64).prop_map(Some),
        2 => (-5_i32..5).prop_map(|value| Some(f64::from(value))),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(f64::INFINITY)),
    ];
    prop::collection::vec(value, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn merging_floats_is_profiling_both(a in floats(), b in floats()) {
        let of = |values: &[Option<f64>]| -> ArrayRef {
            // A batch has at least one row.
            Arc::new(values.iter().copied().chain([Some(0.5)]).collect::<Float64Array>())
        };
        let whole: Vec<Option<f64>> = a.iter().copied().chain([Some(0.5)]).chain(b.iter().copied()).collect();
        assert_same(&profile(of(&a)).merge(&profile(of(&b))), &profile(of(&whole)));
    }

    #[test]
    fn merging_texts_is_profiling_both(a in prop::collection::vec(prop::option::of("[a-e]{1,2}"), 1..200), b in prop::collection::vec(prop::option::of("[a-e]{1,2}"), 1..200)) {
        let of = |values: &[Option<String>]| -> ArrayRef { Arc::new(values.iter().cloned().collect::<StringArray>()) };
        let whole: Vec<Option<String>> = a.iter().chain(&b).cloned().collect();
        let merged = profile(of(&a)).merge(&profile(of(&b)));
        assert_same(&merged, &profile(of(&whole)));
        // A file in between changes nothing.
        let stored = |profile: &ColumnProfile| -> ColumnProfile {
            serde_json::from_str(&serde_json::to_string(profile).unwrap()).unwrap()
        };
        assert_same(&stored(&profile(of(&a))).merge(&stored(&profile(of(&b)))), &merged);
    }

    #[test]
    fn distinct_values_merge_exactly_also_when_many(split in 0_i64..20_000, many in 1_i64..20_000) {
        let of = |range: std::ops::Range<i64>| -> ArrayRef { Arc::new(range.chain([0]).collect::<Int64Array>()) };
        let merged = profile(of(0..split.min(many))).merge(&profile(of(split.min(many)..many)));
        prop_assert_eq!(&merged.distinct, &profile(of(0..many)).distinct);
    }
}
