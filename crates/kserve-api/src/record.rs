//! The record of a load test: one row a request, as Parquet. `evaluate load` writes it, `kserve-canary judge`
//! reads it; both have the columns from here.
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `request` | int64 | the row of `--data` that was asked about |
//! | `intended_start` | timestamp, microseconds, UTC | when it was due by the schedule |
//! | `latency_ms` | double | from then until the answer, or until it was given up |
//! | `status` | int32 | HTTP, 0 when no answer came |
//! | `prediction` | double | null on failure |

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tabular::{Format, Input, Kind, ReadOptions, Source, TableError};

/// The schema id, kept in the file's own metadata.
pub const SCHEMA: &str = "mlops-steps/load-record/v1";

const REQUEST: &str = "request";
const INTENDED_START: &str = "intended_start";
const LATENCY_MS: &str = "latency_ms";
const STATUS: &str = "status";
const PREDICTION: &str = "prediction";

/// One request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// The row of the data that was asked about.
    pub request: i64,
    /// When it was due, in nanoseconds since 1970-01-01 UTC. Written in microseconds.
    pub intended_start: i64,
    /// Milliseconds from then until the answer was read, or until it was given up.
    pub latency_ms: f64,
    /// The HTTP status; 0 when no answer came.
    pub status: i32,
    /// What was predicted; `None` on failure.
    pub prediction: Option<f64>,
}

impl Request {
    /// Whether the request did its work: a 2xx with a finite prediction. An answer of 200 without a usable
    /// number is a failure, or a model that predicts NaN would look healthy.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.answered() && self.prediction.is_some_and(f64::is_finite)
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn answered(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file is not sound or a column is missing.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A column is of a wrong type.
    #[error("{file}: column `{column}` is {found}, a load record has {wanted}")]
    Type {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value is impossible.
    #[error("{file}, row {row}: `{column}` is {found}; {wanted}")]
    Value {
        /// The file.
        file: String,
        /// The row, from 0.
        row: usize,
        /// The column.
        column: &'static str,
        /// The value.
        found: String,
        /// What is allowed.
        wanted: &'static str,
    },
    /// There is no row.
    #[error("{file}: the record holds no request")]
    NoRows {
        /// The file.
        file: String,
    },
    /// The record cannot be written.
    #[error("the load record cannot be written: {0}")]
    Write(String),
}

/// Writes requests as one Parquet file.
///
/// # Errors
/// When the encoder fails.
pub fn to_parquet(requests: &[Request]) -> Result<Vec<u8>, RecordError> {
    let utc = || Some(Arc::<str>::from("UTC"));
    let schema = Arc::new(Schema::new(vec![
        Field::new(REQUEST, DataType::Int64, false),
        Field::new(
            INTENDED_START,
            DataType::Timestamp(TimeUnit::Microsecond, utc()),
            false,
        ),
        Field::new(LATENCY_MS, DataType::Float64, false),
        Field::new(STATUS, DataType::Int32, false),
        Field::new(PREDICTION, DataType::Float64, true),
    ]));
    let times = requests.iter().map(|r| r.intended_start.div_euclid(1000));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(requests.iter().map(|r| r.request))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone_opt(utc())),
        Arc::new(Float64Array::from_iter_values(
            requests.iter().map(|r| r.latency_ms),
        )),
        Arc::new(Int32Array::from_iter_values(requests.iter().map(|r| r.status))),
        Arc::new(requests.iter().map(|r| r.prediction).collect::<Float64Array>()),
    ];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("mlops-steps ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new("schema".to_owned(), SCHEMA.to_owned())]))
        .build();
    let write = || -> Result<Vec<u8>, parquet::errors::ParquetError> {
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        writer.write(&batch)?;
        writer.into_inner()
    };
    write().map_err(|why| RecordError::Write(why.to_string()))
}

/// Reads a record and proves it: the columns and their types, no impossible value, time in order.
///
/// # Errors
/// With file, column and row of the first thing that cannot be.
pub fn read(input: &Input) -> Result<Vec<Request>, RecordError> {
    let file = &input.name;
    let source = Source::open(input.clone(), Format::Parquet)?;
    let options = ReadOptions::columns([REQUEST, INTENDED_START, LATENCY_MS, STATUS, PREDICTION]);
    let mut table = source.scan(&options)?;
    let kinds: Vec<(String, Kind, String)> = table
        .schema()
        .map(|f| (f.name.clone(), f.kind, f.type_name.clone()))
        .collect();
    for (column, wanted, allowed) in [
        (REQUEST, "whole numbers (int64)", &[Kind::Int][..]),
        (INTENDED_START, "timestamps", &[Kind::Timestamp]),
        (LATENCY_MS, "numbers (double)", &[Kind::Float, Kind::Int]),
        (STATUS, "whole numbers (int32)", &[Kind::Int]),
        (PREDICTION, "numbers (double)", &[Kind::Float, Kind::Int]),
    ] {
        // A missing column has been refused by the scan, with the nearest name.
        if let Some((_, kind, type_name)) = kinds.iter().find(|(name, ..)| name == column)
            && !allowed.contains(kind)
        {
            return Err(RecordError::Type {
                file: file.clone(),
                column,
                found: type_name.clone(),
                wanted,
            });
        }
    }
    let mut requests: Vec<Request> = Vec::new();
    while let Some(batch) = table.next_batch()? {
        let column = |name| batch.column(name);
        let (request, start, latency) = (column(REQUEST)?, column(INTENDED_START)?, column(LATENCY_MS)?);
        let (status, prediction) = (column(STATUS)?, column(PREDICTION)?);
        for row in 0..batch.rows() {
            let before = requests.last().map(|r| r.intended_start);
            requests.push(prove(
                file,
                requests.len(),
                Raw {
                    request: request.number(row),
                    start: start.timestamp(row),
                    latency: latency.number(row),
                    status: status.number(row),
                    prediction: prediction.number(row),
                },
                before,
            )?);
        }
    }
    if requests.is_empty() {
        return Err(RecordError::NoRows { file: file.clone() });
    }
    Ok(requests)
}

#[derive(Clone, Copy)]
struct Raw {
    request: Option<f64>,
    start: Option<i64>,
    latency: Option<f64>,
    status: Option<f64>,
    prediction: Option<f64>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "ranges are proven on the line before"
)]
fn prove(file: &str, row: usize, raw: Raw, before: Option<i64>) -> Result<Request, RecordError> {
    let bad = |column, found: Option<String>, wanted| RecordError::Value {
        file: file.to_owned(),
        row,
        column,
        found: found.unwrap_or_else(|| "null".to_owned()),
        wanted,
    };
    let text = |value: Option<f64>| value.map(|v| v.to_string());
    let request = raw.request.filter(|r| *r >= 0.0).ok_or_else(|| {
        bad(
            REQUEST,
            text(raw.request),
            "it is the row that was asked about, from 0",
        )
    })?;
    let Some(intended_start) = raw.start else {
        return Err(bad(INTENDED_START, None, "every request has a time"));
    };
    if let Some(before) = before.filter(|before| *before > intended_start) {
        let words = format!(
            "{} ms before the row above it",
            (before - intended_start) as f64 / 1e6
        );
        return Err(bad(
            INTENDED_START,
            Some(words),
            "a record is in the order of time",
        ));
    }
    let latency_ms = raw
        .latency
        .filter(|ms| ms.is_finite() && *ms >= 0.0)
        .ok_or_else(|| {
            bad(
                LATENCY_MS,
                text(raw.latency),
                "a latency is a finite number from 0 up",
            )
        })?;
    let status = raw
        .status
        .filter(|s| *s == 0.0 || (100.0..600.0).contains(s))
        .ok_or_else(|| {
            bad(
                STATUS,
                text(raw.status),
                "it is an HTTP status, or 0 when no answer came",
            )
        })?;
    Ok(Request {
        request: request as i64,
        intended_start,
        latency_ms,
        status: status as i32,
        // A recorder may write a prediction that is not a number as NaN: it is none.
        prediction: raw.prediction.filter(|p| p.is_finite()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: i64, latency_ms: f64, status: i32, prediction: Option<f64>) -> Request {
        Request {
            request: at,
            intended_start: at * 1_000_000,
            latency_ms,
            status,
            prediction,
        }
    }

    fn parse(requests: &[Request]) -> Result<Vec<Request>, RecordError> {
        read(&Input::from_bytes("load.parquet", to_parquet(requests).unwrap()))
    }

    #[test]
    fn what_is_written_is_read() {
        let requests = [
            request(0, 3.5, 200, Some(0.25)),
            request(1, 0.0, 0, None),
            request(1, 9.0, 503, None),
        ];
        assert_eq!(parse(&requests).unwrap(), requests);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_row() {
        let good = request(5, 1.0, 200, Some(0.5));
        let said = |second: Request| parse(&[good, second]).unwrap_err().to_string();
        assert!(said(request(6, f64::NAN, 200, None)).contains("row 1: `latency_ms` is NaN"));
        assert!(said(request(6, -1.0, 200, None)).contains("`latency_ms` is -1;"));
        assert!(said(request(6, f64::INFINITY, 200, None)).contains("`latency_ms` is inf"));
        assert!(said(request(6, 1.0, 42, None)).contains("`status` is 42"));
        assert!(said(request(4, 1.0, 200, None)).contains("1 ms before the row above"));
        assert!(said(Request { request: -3, ..good }).contains("`request` is -3"));
        assert!(parse(&[]).unwrap_err().to_string().contains("holds no request"));
    }

    #[test]
    fn a_prediction_that_is_no_number_is_a_failure() {
        let read = parse(&[request(0, 1.0, 200, Some(f64::NAN)), request(1, 1.0, 200, None)]).unwrap();
        assert!(read.iter().all(|r| r.answered() && !r.succeeded()));
    }

    #[test]
    fn a_wrong_type_and_a_missing_column_are_named() {
        let write = |fields: Vec<(&str, ArrayRef)>| {
            let batch = RecordBatch::try_from_iter(fields).unwrap();
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            read(&Input::from_bytes("l.parquet", writer.into_inner().unwrap()))
                .unwrap_err()
                .to_string()
        };
        let int: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1]));
        let float: ArrayRef = Arc::new(Float64Array::from(vec![200.0]));
        let whole = |time, status| {
            vec![
                (REQUEST, Arc::clone(&int)),
                (INTENDED_START, time),
                (LATENCY_MS, Arc::clone(&float)),
                (STATUS, status),
                (PREDICTION, Arc::clone(&float)),
            ]
        };
        let error = write(whole(Arc::clone(&time), Arc::clone(&float)));
        assert!(
            error.contains("column `status` is") && error.contains("whole numbers"),
            "{error}"
        );
        let error = write(whole(Arc::clone(&int), Arc::clone(&int)));
        assert!(error.contains("column `intended_start` is"), "{error}");
        let mut fields = whole(time, int.clone());
        fields[2].0 = "latency";
        assert!(write(fields).contains("latency_ms"));
    }
}
