//! The same table in every format reads the same; bad files say what is wrong and where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod write;

use tabular::{
    CsvOptions, Format, Input, Kind, ReadOptions, Source, Table, TableError, Whole, read_columns, row_keys,
};

fn format(name: &str) -> Format {
    Format::from_name(name).unwrap()
}

fn open(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Source, TableError> {
    Source::open(Input::from_bytes(name, bytes.into()), format(name))
}

/// The first error of opening and draining a file.
fn error(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let drain = |source: Source| {
        let mut table = source.scan(&ReadOptions::default())?;
        while table.next_batch()?.is_some() {}
        Ok::<(), TableError>(())
    };
    let error = open(name, bytes).and_then(drain).expect_err("this file is bad");
    assert!(error.to_string().starts_with(name), "{error}");
    error.to_string()
}

#[test]
fn the_same_rows_read_the_same_from_every_format() {
    let files = write::every_format();
    let mut expected: Option<Vec<(String, Whole)>> = None;
    for (name, bytes) in files {
        let table = read_columns(&Input::from_bytes(name, bytes), format(name), None).unwrap();
        let columns: Vec<(String, Whole)> = table
            .names()
            .map(|name| (name.to_owned(), table.get(name).unwrap().clone()))
            .collect();
        assert_eq!(columns.len(), 6, "{name}");
        match &expected {
            None => expected = Some(columns),
            Some(expected) => {
                for (mine, theirs) in columns.iter().zip(expected) {
                    // NaN is equal to nothing, so compare what is shown.
                    assert_eq!(format!("{mine:?}"), format!("{theirs:?}"), "{name}");
                }
            }
        }
    }
}

#[test]
fn keys_are_equal_across_formats_and_widths() {
    let mut all = Vec::new();
    for (name, bytes) in write::every_format() {
        let source = open(name, bytes).unwrap();
        let mut table = source
            .scan(&ReadOptions::columns(["id", "carrier", "late"]))
            .unwrap();
        let batch = table.next_batch().unwrap().unwrap();
        let columns: Vec<_> = ["id", "carrier", "late"]
            .iter()
            .map(|name| batch.column(name).unwrap())
            .collect();
        all.push((name, row_keys(&columns)));
    }
    for (name, keys) in &all[1..] {
        assert_eq!(keys.hashes, all[0].1.hashes, "{name}");
        assert_eq!(keys.nulls, all[0].1.nulls, "{name}");
    }
}

#[test]
fn a_projection_reads_only_its_columns_and_none_still_counts_rows() {
    for (name, bytes) in write::every_format() {
        let source = open(name, bytes).unwrap();
        let mut table = source.scan(&ReadOptions::columns(["carrier"])).unwrap();
        let batch = table.next_batch().unwrap().unwrap();
        assert_eq!(batch.columns().len(), 1, "{name}");
        let error = batch.column("carier").unwrap_err();
        assert!(error.to_string().contains("did you mean `carrier`?"), "{error}");
        let mut counted = source.scan(&ReadOptions::columns(Vec::<String>::new())).unwrap();
        assert_eq!(counted.next_batch().unwrap().unwrap().rows(), 4, "{name}");
        let error = source.scan(&ReadOptions::columns(["dep_delai"])).unwrap_err();
        assert!(error.to_string().contains("no column `dep_delai`"), "{error}");
    }
}

#[test]
fn csv_keeps_nulls_apart_from_empty_text_and_nan() {
    let text = "a,b,c\n1,NA,\"\"\n,2.5,NA\n3,nan,x\n";
    let mut table = Table::open(
        Input::from_bytes("t.csv", text),
        format("t.csv"),
        ReadOptions::default(),
    )
    .unwrap();
    let kinds: Vec<Kind> = table.schema().map(|field| field.kind).collect();
    assert_eq!(kinds, [Kind::Int, Kind::Float, Kind::Text]);
    let batch = table.next_batch().unwrap().unwrap();
    assert_eq!(
        batch.column("a").unwrap().numbers().collect::<Vec<_>>(),
        [Some(1.0), None, Some(3.0)]
    );
    let b: Vec<_> = batch.column("b").unwrap().numbers().collect();
    assert_eq!(b[..2], [None, Some(2.5)]);
    assert!(b[2].unwrap().is_nan());
    let c: Vec<_> = batch.column("c").unwrap().texts().collect();
    assert_eq!(c, [Some("".into()), Some("NA".into()), Some("x".into())]);
    assert_eq!(batch.place(2).to_string(), "line 4");
}

#[test]
fn csv_reads_quotes_line_breaks_and_other_delimiters() {
    let text = "\u{feff}id;text\r\n1;\"a \"\"b\"\"; c\"\r\n2;\"two\nlines\"\r\n\r\n3;z";
    let options = CsvOptions {
        delimiter: b';',
        ..CsvOptions::default()
    };
    let input = Input::from_bytes("t.csv", text);
    let mut table = Table::open(input, Format::Csv(options), ReadOptions::default()).unwrap();
    let batch = table.next_batch().unwrap().unwrap();
    let texts: Vec<_> = batch
        .column("text")
        .unwrap()
        .texts()
        .map(Option::unwrap)
        .collect();
    assert_eq!(texts, ["a \"b\"; c", "two\nlines", "z"]);
    assert_eq!((batch.place(1).line, batch.place(2).line), (Some(3), Some(6)));
}

#[test]
fn a_cell_of_another_kind_is_an_error_with_its_place_or_is_collected() {
    let mut text = "id,delay\n".to_owned();
    (0..10_000).for_each(|row| text.push_str(&format!("{row},{}\n", row % 7)));
    text.push_str("10000,oops\n");
    assert_eq!(
        error("t.csv", text.clone()),
        "t.csv: line 10002, column delay: \"oops\" is not an int as the rows before it are"
    );
    let source = open("t.csv", text).unwrap();
    let mut table = source
        .scan(&ReadOptions {
            lenient: true,
            ..ReadOptions::default()
        })
        .unwrap();
    let batch = table.next_batch().unwrap().unwrap();
    assert_eq!(batch.malformed().len(), 1);
    assert_eq!(batch.malformed()[0].text, "oops");
    assert_eq!(batch.column("delay").unwrap().null_count(), 1);
}

#[test]
fn bad_text_files_say_what_is_wrong_and_where() {
    assert_eq!(
        error("t.csv", ""),
        "t.csv: the file is empty (0 bytes of CSV); a table needs at least a header line"
    );
    assert_eq!(
        error("t.csv", "a,b\n1,2\n3\n"),
        "t.csv: line 3: 1 fields, but the header has 2"
    );
    assert_eq!(
        error("t.csv", "a,b\n1,\"2\n3,4\n"),
        "t.csv: line 2: the quote that opens on this line is never closed"
    );
    assert_eq!(
        error("t.csv", "a,b\n1,\"2\"x\n"),
        "t.csv: line 2: text after the closing quote of field 2"
    );
    assert!(error("t.csv", "a,a\n1,2\n").contains("`a` appears twice"));
    assert!(
        error("t.csv", b"a,b\n1,\xff\xff\n".to_vec()).contains("line 2, column b: the text is not UTF-8")
    );
    assert!(error("t.csv", b"\xff\xfea\0".to_vec()).contains("UTF-16"));
    assert!(error("t.jsonl", "{\"a\":1}\n[1]\n").contains("line 2: not a JSON object"));
    assert!(error("t.jsonl", "{\"a\":1}\n{\"a\":\n").contains("line 2: not JSON"));
    assert!(error("t.jsonl", "\n\n").contains("is empty"));
    let gz = write::gzip(b"a,b\n1,2\n3,4\n");
    assert!(error("t.csv.gz", gz[..gz.len() - 12].to_vec()).contains("truncated"));
    assert!(
        Format::from_name("t.xlsx")
            .unwrap_err()
            .to_string()
            .contains("no known table format")
    );
}

#[test]
fn bad_binary_files_say_what_is_wrong() {
    assert_eq!(
        error("t.parquet", ""),
        "t.parquet: the file is empty (0 bytes of Parquet); a table needs at least its footer"
    );
    assert!(error("t.parquet", "a,b\n1,2\n").contains("not a Parquet file"));
    let parquet = write::parquet();
    for cut in [5, 100, parquet.len() - 1, parquet.len() - 8] {
        assert!(
            error("t.parquet", parquet[..cut].to_vec()).contains("truncated"),
            "cut at {cut}"
        );
    }
    let arrow = write::arrow_file();
    assert!(error("t.arrow", arrow[..arrow.len() - 4].to_vec()).contains("truncated"));
    // A batch that is said to be half a gigabyte longer than it is: the room for it is not made before that is looked at.
    let footer_at =
        arrow.len() - 10 - u32::from_le_bytes(arrow[arrow.len() - 10..][..4].try_into().unwrap()) as usize;
    let footer = arrow::ipc::root_as_footer(&arrow[footer_at..arrow.len() - 10]).unwrap();
    let block = *footer.recordBatches().unwrap().get(0);
    let at = arrow.windows(24).rposition(|bytes| bytes == block.0).unwrap();
    let mut bomb = arrow.clone();
    bomb[at + 16 + 3] |= 0x20;
    assert!(error("t.arrow", bomb).contains(&format!("ends beyond its {} bytes", arrow.len())));
    assert!(
        error(
            "t.arrow",
            "no arrow at all, only text that is long enough to be read"
        )
        .contains("not a sound Arrow")
    );
}

#[test]
fn a_text_file_with_a_header_alone_has_columns_and_no_rows() {
    let source = open("t.csv", "a,b\n").unwrap();
    assert_eq!(source.fields().len(), 2);
    assert!(
        source
            .scan(&ReadOptions::default())
            .unwrap()
            .next_batch()
            .unwrap()
            .is_none()
    );
}

#[test]
fn row_groups_are_read_alone_with_the_places_of_their_rows() {
    let source = open("t.parquet", write::parquet_of(1000, 300)).unwrap();
    assert_eq!(source.rows_hint(), Some(1000));
    assert_eq!(source.row_groups().len(), 4);
    let mut table = source
        .scan(&ReadOptions {
            row_groups: Some(2..3),
            ..ReadOptions::default()
        })
        .unwrap();
    let batch = table.next_batch().unwrap().unwrap();
    assert_eq!((batch.rows(), batch.place(0).row), (300, 600));
    assert_eq!(batch.column("id").unwrap().number(0), Some(600.0));
    let kept = batch
        .filter(&(0..300).map(|row| row % 2 == 1).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(
        (kept.rows(), kept.column("id").unwrap().number(1)),
        (150, Some(603.0))
    );
}
