//! Whatever happens to the bytes of a file, reading it gives rows or an error that names the file: never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod write;

use proptest::prelude::*;
use tabular::{Format, Input, ReadOptions, Source, TableError};

/// Opens and drains; touches every value.
fn drain(name: &str, bytes: Vec<u8>) -> Result<u64, TableError> {
    let source = Source::open(Input::from_bytes(name, bytes), Format::from_name(name).unwrap())?;
    let mut table = source.scan(&ReadOptions {
        lenient: true,
        ..ReadOptions::default()
    })?;
    let mut rows = 0;
    while let Some(batch) = table.next_batch()? {
        rows += batch.rows() as u64;
        for column in batch.columns() {
            assert_eq!(column.texts().count(), batch.rows());
        }
        let _ = tabular::row_keys(&batch.columns().iter().collect::<Vec<_>>());
    }
    Ok(rows)
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut files = write::every_format();
    files.push(("long.parquet", write::parquet_of(2000, 500)));
    files.push(("t.jsonl", write::json_lines().into()));
    files
}

#[test]
fn every_truncation_of_a_parquet_file_is_an_error() {
    let whole = write::parquet();
    for cut in 0..whole.len() {
        let error = drain("t.parquet", whole[..cut].to_vec()).expect_err("truncated");
        assert!(error.to_string().starts_with("t.parquet: "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn flipped_bits_never_panic(pick in 0_usize..10, flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4)) {
        let files = files();
        let (name, mut bytes) = files[pick % files.len()].clone();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Err(error) = drain(name, bytes) {
            prop_assert!(error.to_string().starts_with(name), "{}", error);
        }
    }

    #[test]
    fn truncations_never_panic(pick in 0_usize..10, at in any::<prop::sample::Index>()) {
        let files = files();
        let (name, bytes) = &files[pick % files.len()];
        if let Err(error) = drain(name, bytes[..at.index(bytes.len())].to_vec()) {
            prop_assert!(error.to_string().starts_with(name), "{}", error);
        }
    }
}
