//! What is written of delimited text is read again, by the dialect that it comes from, as what it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use tabular::{CsvOptions, Format, Input, Kind, Marks, ReadOptions, Rows, Source};

/// Values that mean something in one dialect or another.
const NASTY: [&str; 27] = [
    "",
    " ",
    "plain",
    "a,b",
    "a;b",
    "a\tb",
    "a|b",
    ",",
    "\"",
    "'",
    "\"\"",
    "'a'",
    "it's",
    "\\",
    "a\\\"b",
    "\\'",
    "#",
    "#a",
    "a#",
    "a\nb",
    "\r",
    "a\r",
    "a\r\nb",
    "NA",
    "\u{feff}a",
    "PAR1",
    "50%; 7%3B",
];

/// A row of cells; a null is `None`.
type Row = Vec<Option<String>>;

/// Every dialect.
fn dialects() -> Vec<CsvOptions> {
    let mut all = Vec::new();
    for delimiter in *b",;\t|" {
        for quote in [Some(b'"'), Some(b'\''), None] {
            for escape in [None, Some(b'\\')] {
                for comment in [None, Some(b'#')] {
                    for null_values in [None, Some(vec!["0".to_owned(), "PAR1".to_owned()])] {
                        all.push(CsvOptions {
                            delimiter,
                            quote,
                            escape,
                            comment,
                            null_values,
                            ..CsvOptions::default()
                        });
                    }
                }
            }
        }
    }
    all
}

/// A cell in quotes.
fn quoted(options: &CsvOptions, value: &str) -> Option<String> {
    let quote = char::from(options.quote?);
    let escape = options.escape.map_or(quote, char::from);
    let mut text = String::from(quote);
    for char in value.chars() {
        if char == quote || options.escape.is_some() && char == escape {
            text.push(escape);
        }
        text.push(char);
    }
    text.push(quote);
    Some(text)
}

/// A cell without quotes, where that is what it says.
fn bare(options: &CsvOptions, value: &str) -> Option<String> {
    let begins = |byte: Option<u8>| byte.is_some_and(|byte| value.as_bytes().first() == Some(&byte));
    let parts = value.contains(['\n', char::from(options.delimiter)]);
    (!parts && !begins(options.quote) && !begins(options.comment)).then(|| value.to_owned())
}

/// A cell in each way that it can be written.
fn ways(options: &CsvOptions, value: &str) -> Vec<String> {
    let ways = [quoted(options, value), bare(options, value)];
    ways.into_iter().flatten().collect()
}

fn text_of(options: &CsvOptions, names: &[&str]) -> CsvOptions {
    let marks = Rows::MARKS.iter().skip(1).chain(names);
    CsvOptions {
        kinds: marks.map(|name| ((*name).to_owned(), Kind::Text)).collect(),
        ..options.clone()
    }
}

fn open(text: impl Into<Vec<u8>>, options: &CsvOptions) -> Source {
    let text: Vec<u8> = text.into();
    let shown = String::from_utf8_lossy(&text).into_owned();
    Source::open(Input::from_bytes("t.csv", text), Format::Csv(options.clone()))
        .unwrap_or_else(|error| panic!("{error}: {shown:?} {options:?}"))
}

fn names(source: &Source) -> Vec<String> {
    source.fields().map(|field| field.name.clone()).collect()
}

/// The cells of a file.
fn rows(source: &Source) -> Vec<Row> {
    let mut table = source.scan(&ReadOptions::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = table.next_batch().unwrap() {
        let cell = |row: usize| batch.columns().iter().map(move |column| column.display(row));
        rows.extend((0..batch.rows()).map(|row| cell(row).collect::<Row>()));
    }
    rows
}

/// The rows of a file, written again; with marks, the reason of a row is a nasty value.
fn written(source: &Source, marked: bool) -> Vec<u8> {
    let options = ReadOptions {
        verbatim: true,
        ..ReadOptions::default()
    };
    let mut table = source.scan(&options).unwrap();
    let mut written = Rows::like(source, marked).unwrap();
    while let Some(batch) = table.next_batch().unwrap() {
        let marks = Marks {
            rows: (0..batch.rows() as u64).collect(),
            reasons: (0..batch.rows()).map(reason).collect(),
        };
        written.write(&batch, marked.then_some(&marks)).unwrap();
    }
    written.finish().unwrap()
}

fn reason(row: usize) -> String {
    format!("{}!", NASTY[row % NASTY.len()])
}

/// `%3B` is `;`, where a dialect has no quotes.
fn decoded(options: &CsvOptions, text: &str) -> String {
    if options.quote.is_some() {
        return text.to_owned();
    }
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        decoded.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        decoded.push_str(rest);
    }
    decoded
}

/// Reads a file, writes it and reads that.
fn is_kept(text: &str, options: &CsvOptions) {
    let source = open(text, options);
    let (names_before, before) = (names(&source), rows(&source));
    for marked in [false, true] {
        let written = written(&source, marked);
        let shown = format!("{text:?} -> {:?} {options:?}", String::from_utf8_lossy(&written));
        let again = open(written, options);
        let mut found = rows(&again);
        let mut names_found = names(&again);
        if marked {
            assert_eq!(names_found.split_off(names_before.len()), Rows::MARKS, "{shown}");
            for (number, row) in found.iter_mut().enumerate() {
                let marks = row.split_off(names_before.len());
                let [place, why] = marks.as_slice() else {
                    panic!("{shown}")
                };
                let read = |mark: &Option<String>| decoded(options, mark.as_deref().expect(&shown));
                assert_eq!(
                    (read(place), read(why)),
                    (number.to_string(), reason(number)),
                    "{shown}"
                );
            }
        }
        assert_eq!(names_found, names_before, "{shown}");
        assert_eq!(found, before, "{shown}");
    }
}

#[test]
fn every_dialect_reads_again_what_is_written_of_it() {
    for options in dialects() {
        let delimiter = char::from(options.delimiter);
        let lines = |of: &dyn Fn(&str) -> String| -> String {
            let cells = NASTY.iter().flat_map(|value| ways(&options, value));
            cells.map(|cell| of(&cell) + "\r\n").collect()
        };
        let first = lines(&|cell| format!("{cell}{delimiter}z"));
        let last = lines(&|cell| format!("z{delimiter}{cell}"));
        let alone = lines(&|cell| cell.to_owned());
        for name in NASTY {
            let known = if name.is_empty() { "Unnamed: 0" } else { name };
            for way in ways(&options, name) {
                // A mark of order at the start of a file is none of its header.
                let way = if way.starts_with('\u{feff}') {
                    format!("\u{feff}{way}")
                } else {
                    way
                };
                if way.starts_with("PAR1") {
                    continue;
                }
                let options = text_of(&options, &[known, "Unnamed: 1", "y"]);
                is_kept(&format!("{way}{delimiter}y\r\n{first}{last}"), &options);
                is_kept(&format!("y{delimiter}{way}\r\n{first}{last}"), &options);
                is_kept(&format!("{way}\r\n{alone}"), &options);
            }
        }
    }
}

#[test]
fn a_file_without_a_header_may_begin_with_any_row() {
    for options in dialects() {
        let delimiter = char::from(options.delimiter);
        let options = CsvOptions {
            names: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..text_of(&options, &["a", "b"])
        };
        for cell in NASTY.iter().flat_map(|value| ways(&options, value)) {
            let source = open(format!("z{delimiter}z\n{cell}{delimiter}z\n"), &options);
            let read = ReadOptions {
                verbatim: true,
                ..ReadOptions::default()
            };
            let batch = source.scan(&read).unwrap().next_batch().unwrap().unwrap();
            let mut written = Rows::like(&source, false).unwrap();
            written
                .write(&batch.filter(&[false, true]).unwrap(), None)
                .unwrap();
            let written = written.finish().unwrap();
            let shown = format!("{cell:?} -> {:?} {options:?}", String::from_utf8_lossy(&written));
            assert_eq!(rows(&open(written, &options)), rows(&source)[1..], "{shown}");
        }
    }
}

#[test]
fn lines_that_are_passed_over_and_names_that_are_none_stay() {
    let options = CsvOptions {
        skip_lines: 2,
        comment: Some(b'#'),
        ..CsvOptions::default()
    };
    let source = open("made by hand\n\"\n#\n,\"#b\",\"Unnamed: 3\"\n1,2,3\n", &options);
    assert_eq!(names(&source), ["Unnamed: 0", "#b", "Unnamed: 3"]);
    let text = String::from_utf8(written(&source, true)).unwrap();
    assert_eq!(text, "\n\n,\"#b\",\"Unnamed: 3\",_row,_reasons\n1,2,3,0,!\n");
    is_kept(&text.replace(",_row,_reasons", "").replace(",0,!", ""), &options);
}

#[test]
fn a_dialect_that_cannot_hold_marks_is_refused() {
    let marked = |delimiter: u8, quote: Option<u8>, names: Option<Vec<String>>| {
        let options = CsvOptions {
            delimiter,
            quote,
            names,
            ..CsvOptions::default()
        };
        let source = open(format!("x{}y\n", char::from(delimiter)), &options);
        let like = Rows::like(&source, true).map(|_| ());
        assert!(Rows::like(&source, false).is_ok());
        like.map_err(|error| error.to_string())
    };
    for delimiter in *b"_7A%" {
        assert_eq!(marked(delimiter, Some(b'"'), None), Ok(()));
        let why = format!(
            "t.csv: its delimiter is `{}` and it has no quotes, so that `_row` and `_reasons` cannot be written beside a row",
            char::from(delimiter)
        );
        assert_eq!(marked(delimiter, None, None), Err(why));
    }
    let names = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(marked(b'_', None, Some(names)), Ok(()));
    let format = Format::from_name("t.jsonl").unwrap();
    let source = Source::open(Input::from_bytes("t.jsonl", "{\"_row\": {\"a\": 1}}\n"), format).unwrap();
    let why = Rows::like(&source, true).unwrap_err().to_string();
    assert_eq!(
        why,
        "t.jsonl: it has a column `_row`, which marked rows get; rename it"
    );
}
