//! Structs as columns, and dialects of delimited text, as pyarrow and Python's csv module read them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use std::path::Path;

use serde_json::{Value, json};
use tabular::{Batch, CsvOptions, Format, Input, Kind, ReadOptions, Rows, Source, Values};

fn vectors(name: &str) -> Vec<u8> {
    let path = Path::new(env!("MLOPS_STEPS_ROOT"))
        .join("crates/tabular/tests/vectors")
        .join(name);
    std::fs::read(path).unwrap()
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&vectors(name)).unwrap()
}

fn open(name: &str) -> Source {
    Source::open(
        Input::from_bytes(name, vectors(name)),
        Format::from_name(name).unwrap(),
    )
    .unwrap()
}

fn batches(source: &Source, options: &ReadOptions) -> Vec<Batch> {
    let mut table = source.scan(options).unwrap();
    std::iter::from_fn(|| table.next_batch().unwrap()).collect()
}

/// The values of a column, as JSON.
fn values(source: &Source, name: &str) -> Vec<Value> {
    let read = batches(source, &ReadOptions::columns([name]));
    let of_batch = |batch: &Batch| -> Vec<Value> {
        let column = batch.column(name).unwrap();
        let rows = 0..batch.rows();
        match (column.values(), column.kind()) {
            (Values::Decimal(_), _) => rows.map(|row| json!(column.display(row))).collect(),
            (_, Kind::Int) => rows
                .map(|row| json!(column.number(row).map(|number| number as i64)))
                .collect(),
            (_, Kind::Float) => rows.map(|row| json!(column.number(row))).collect(),
            _ => rows.map(|row| json!(column.text(row))).collect(),
        }
    };
    read.iter().flat_map(of_batch).collect()
}

#[test]
fn structs_are_the_columns_that_they_hold() {
    let expected = expected("nested.json");
    for name in ["nested.parquet", "nested.arrow"] {
        let source = open(name);
        let names: Vec<&str> = source.fields().map(|field| field.name.as_str()).collect();
        assert_eq!(json!(names), expected["names"], "{name}");
        for (column, wanted) in expected["values"].as_object().unwrap() {
            assert_eq!(json!(values(&source, column)), *wanted, "{column} of {name}");
        }
        // Lists and maps stay whole; all columns at once read as each alone.
        let whole = batches(&source, &ReadOptions::default());
        assert_eq!(whole.iter().map(Batch::rows).sum::<usize>(), 200);
        assert_eq!(whole[0].column("labels").unwrap().kind(), Kind::Other);
    }
    let source = open("nested.jsonl");
    for column in ["id", "user.name", "user.home.zip", "last"] {
        assert_eq!(
            json!(values(&source, column)),
            expected["values"][column],
            "{column} of JSON lines"
        );
    }
}

#[test]
fn rows_with_structs_are_written_as_they_were() {
    for name in ["nested.parquet", "nested.arrow"] {
        let source = open(name);
        let options = ReadOptions {
            verbatim: true,
            ..ReadOptions::columns(["user.home.zip"])
        };
        let mut rows = Rows::like(&source, false).unwrap();
        for batch in batches(&source, &options) {
            rows.write(&batch, None).unwrap();
        }
        let again = Input::from_bytes("again.parquet", rows.finish().unwrap());
        let again = Source::open(again, Format::Parquet).unwrap();
        let shown = |source: &Source| format!("{:?}", source.fields().collect::<Vec<_>>());
        assert_eq!(shown(&again), shown(&source));
        for column in ["id", "user.name", "user.home.zip", "user.paid", "last"] {
            assert_eq!(
                values(&again, column),
                values(&source, column),
                "{column} of {name}"
            );
        }
    }
}

#[test]
fn dialects_read_as_python_reads_them_and_are_written_so() {
    let cases = expected("dialects.json");
    let byte = |value: &Value| value.as_str().map(|text| text.as_bytes()[0]);
    for case in cases.as_array().unwrap() {
        let dialect = &case["dialect"];
        let names = dialect["names"].as_array();
        let options = CsvOptions {
            delimiter: byte(&dialect["delimiter"]).unwrap(),
            quote: byte(&dialect["quote"]),
            escape: byte(&dialect["escape"]),
            comment: byte(&dialect["comment"]),
            skip_lines: dialect["skip_lines"].as_u64().unwrap_or(0) as usize,
            names: names.map(|names| {
                names
                    .iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect()
            }),
            kinds: ["one", "two", "three"]
                .map(|name| (name.to_owned(), Kind::Text))
                .to_vec(),
            ..CsvOptions::default()
        };
        let read = |text: Vec<u8>, options: CsvOptions| -> (Source, Vec<Vec<String>>) {
            let source = Source::open(Input::from_bytes("t.csv", text), Format::Csv(options)).unwrap();
            let whole = ReadOptions {
                verbatim: true,
                ..ReadOptions::default()
            };
            let mut rows = Vec::new();
            for batch in batches(&source, &whole) {
                for row in 0..batch.rows() {
                    let cells = batch
                        .columns()
                        .iter()
                        .map(|column| column.text(row).unwrap().into_owned());
                    rows.push(cells.collect());
                }
            }
            (source, rows)
        };
        let text = case["text"].as_str().unwrap();
        let (source, rows) = read(text.as_bytes().to_vec(), options.clone());
        assert_eq!(json!(rows), case["rows"], "{text}");
        let mut written = Rows::like(&source, false).unwrap();
        for batch in batches(
            &source,
            &ReadOptions {
                verbatim: true,
                ..ReadOptions::default()
            },
        ) {
            written.write(&batch, None).unwrap();
        }
        assert_eq!(
            json!(read(written.finish().unwrap(), options).1),
            case["rows"],
            "{text}"
        );
    }
}
