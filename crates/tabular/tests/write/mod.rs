//! Writes one small table in every format.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

const CSV: &str = "id,delay,carrier,late,day,at\n\
    1,2.5,UA,true,2013-01-01,2013-01-01T05:00:00Z\n\
    2,,AA,false,2013-01-02,2013-01-02T05:00:00.250Z\n\
    3,NaN,,,2013-01-03,\n\
    4,-1,UA,true,,2013-01-04T05:00:00Z\n";

const JSON: &str = r#"{"id":1,"delay":2.5,"carrier":"UA","late":true,"day":"2013-01-01","at":"2013-01-01T05:00:00Z"}
{"id":2,"carrier":"AA","late":false,"day":"2013-01-02","at":"2013-01-02T05:00:00.250Z"}
{"id":4,"delay":-1,"carrier":"UA","late":true,"day":null,"at":"2013-01-04T05:00:00Z"}
"#;

/// The table as a batch; `dictionary` chooses how the text column is held.
pub(crate) fn batch(dictionary: bool) -> RecordBatch {
    let carriers = [Some("UA"), Some("AA"), None, Some("UA")];
    let carrier: ArrayRef = if dictionary {
        Arc::new(carriers.into_iter().collect::<DictionaryArray<Int32Type>>())
    } else {
        Arc::new(StringArray::from(carriers.to_vec()))
    };
    let at = [
        Some(1_357_016_400_000),
        Some(1_357_102_800_250),
        None,
        Some(1_357_275_600_000),
    ];
    RecordBatch::try_from_iter_with_nullable([
        (
            "id",
            Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef,
            false,
        ),
        (
            "delay",
            Arc::new(Float64Array::from(vec![
                Some(2.5),
                None,
                Some(f64::NAN),
                Some(-1.0),
            ])),
            true,
        ),
        ("carrier", carrier, true),
        (
            "late",
            Arc::new(BooleanArray::from(vec![
                Some(true),
                Some(false),
                None,
                Some(true),
            ])),
            true,
        ),
        (
            "day",
            Arc::new(Date32Array::from(vec![
                Some(15_706),
                Some(15_707),
                Some(15_708),
                None,
            ])),
            true,
        ),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from(at.to_vec()).with_timezone("UTC")),
            true,
        ),
    ])
    .unwrap()
}

pub(crate) fn parquet_with(batch: &RecordBatch, rows_a_group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_a_group))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn parquet() -> Vec<u8> {
    parquet_with(&batch(false), 3)
}

/// A longer table in several row groups: an id, a float with nulls, a text of few values, a text of many.
pub(crate) fn parquet_of(rows: i32, rows_a_group: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int32Array::from_iter_values(0..rows)) as ArrayRef),
        (
            "x",
            Arc::new(
                (0..rows)
                    .map(|row| (row % 11 != 0).then(|| f64::from(row) / 7.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "few",
            Arc::new(
                (0..rows)
                    .map(|row| Some(["a", "b", "c"][row as usize % 3]))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "many",
            Arc::new(
                (0..rows)
                    .map(|row| Some(format!("value {row}")))
                    .collect::<StringArray>(),
            ),
        ),
    ])
    .unwrap();
    parquet_with(&batch, rows_a_group)
}

pub(crate) fn arrow_file() -> Vec<u8> {
    let batch = batch(false);
    let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn arrow_stream() -> Vec<u8> {
    let batch = batch(true);
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The table in every format. JSON cannot say NaN, so it is not among them.
pub(crate) fn every_format() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("t.parquet", parquet_with(&batch(false), 100)),
        ("d.parquet", parquet_with(&batch(true), 100)),
        ("t.csv", CSV.into()),
        ("t.tsv", CSV.replace(',', "\t").into()),
        ("t.csv.gz", gzip(CSV.as_bytes())),
        ("t.csv.zst", zstd::encode_all(CSV.as_bytes(), 1).unwrap()),
        ("t.arrow", arrow_file()),
        ("t.arrows", arrow_stream()),
    ]
}

pub(crate) fn json_lines() -> &'static str {
    JSON
}
