//! Bad input, and ends that nobody chose: each says what is wrong and where, and leaves whole outputs or none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use run::{file, run};

const SUITE: &str = "tables: {t: {columns: {id: {not_null: true}}}}\n";

/// Runs one table against a suite; the exit and the last words.
fn check(name: &str, content: impl AsRef<[u8]>, suite: &str) -> (run::Ran, String) {
    let dir = tempfile::tempdir().unwrap();
    let (data, suite) = (file(&dir, name, content), file(&dir, "suite.yaml", suite));
    let ran = run(&["check", &format!("--data=t={data}"), &format!("--suite={suite}")]);
    let words = std::fs::read_to_string(ran.path("termination")).unwrap();
    (ran, words)
}

#[track_caller]
fn refused(name: &str, content: impl AsRef<[u8]>, suite: &str, part: &str) {
    let (ran, words) = check(name, content, suite);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(words.contains(part), "`{part}` is not in `{words}`");
    assert_eq!(ran.report()["verdict"], "ERROR");
    assert!(!ran.has("dataset.json") && !ran.has("profile.json"));
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

#[test]
fn files_that_are_no_tables() {
    let parquet = std::fs::read(run::here().join("data/train.parquet")).unwrap();
    refused(
        "t.parquet",
        &parquet[..parquet.len() / 2],
        SUITE,
        "t.parquet: the Parquet file is truncated",
    );
    refused("t.parquet", "", SUITE, "t.parquet: the file is empty");
    refused("t.csv", "", SUITE, "t.csv: the file is empty");
    refused("t.parquet", "id\n1\n", SUITE, "not a Parquet file");
    refused(
        "t.csv",
        "id,x\n1,2\n3\n",
        SUITE,
        "t.csv: line 3: 1 fields, but the header has 2",
    );
    refused("t.xlsx", "PK", SUITE, "no known table format");
}

#[test]
fn fields_that_a_line_gives_twice() {
    for (line, field) in [
        (r#"{"id": 1, "a": 1, "a": 2}"#, "a"),
        (r#"{"id": 1, "a": {"b": 1}, "a.b": 2}"#, "a.b"),
        (r#"{"id": 1, "a.b": 2, "a": {"b": 1}}"#, "a.b"),
        (r#"{"id": 1, "a": {"b": {"c": 1}, "b.c": 2}}"#, "a.b.c"),
        (r#"{"id": 1, "a": {"b": 1, "b": 2}}"#, "b"),
        (r#"{"id": 1, "a": [{"b": 1, "b": 2}]}"#, "b"),
    ] {
        let part = format!("t.jsonl: line 2, field {field}: given twice on this line");
        refused("t.jsonl", format!("{{\"id\": 0}}\n{line}\n"), SUITE, &part);
    }
    let (ran, _) = check(
        "t.jsonl",
        "{\"id\": 0, \"a\": {\"b\": 1}}\n{\"id\": 1, \"a.b\": 2}\n",
        SUITE,
    );
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.stderr);
}

#[test]
fn a_wrong_header_fails_and_names_the_nearest() {
    let (ran, words) = check("t.csv", "idd,x\n1,2\n", SUITE);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
    assert!(
        words.contains("`t` has no column `id` (did you mean `idd`?)"),
        "{words}"
    );
    assert!(!ran.has("dataset.json"));
    assert!(ran.has("profile.json"));
}

#[test]
fn a_column_that_does_not_decode_fails_alone() {
    let mut bytes = std::fs::read(run::here().join("data/train.parquet")).unwrap();
    // The first column's pages begin after the magic; nothing of the others is there.
    for byte in &mut bytes[30..60] {
        *byte ^= 0xFF;
    }
    let suite = "tables: {t: {columns: {flight_id: {not_null: true}, distance: {min: {min: 1}}}}}\n";
    let (ran, words) = check("t.parquet", bytes, suite);
    assert_eq!(ran.exit, Some(3), "{}", ran.stderr);
    assert_eq!(ran.check("readable:t.flight_id")["outcome"], "error");
    assert_eq!(ran.check("min:t.distance")["outcome"], "pass");
    assert!(words.contains("row group 0, column flight_id"), "{words}");
}

#[test]
fn suites_that_make_no_sense() {
    let csv = "id,x\n1,2\n";
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {id: {nul_rate: {max: 0}}}}}",
        "unknown field `nul_rate`",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {mean: {max: .nan}}}}}",
        "tables.t.columns.x.mean.max: NaN is no bound",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {mean: {max: .inf}}}}}",
        "infinity is no bound",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {mean: {}}}}}",
        "needs `min`, `max` or both",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {range: {min: 5, max: 1}}}}}",
        "min is above max",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {null_rate: {max: 5}}}}}",
        "must lie between 0 and 1",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {range: {min: 1, mostly: 1.5}}}}}",
        "must lie between 0 and 1",
    );
    refused(
        "t.csv",
        csv,
        "tables: {t: {columns: {x: {regex: \"(\"}}}}",
        "does not compile",
    );
    refused(
        "t.csv",
        csv,
        "tables: {tt: {columns: {id: {}}}}",
        "no table `tt` was given",
    );
    refused("t.csv", csv, "tables: {}", "no check at all");
    refused(
        "t.csv",
        csv,
        "tables:\n  t:\n    columns:\n      id:\n        range:\n        not_null: true\n",
        "suite.yaml:5:9: tables.t.columns.id.range: has nothing in it",
    );
    refused(
        "t.csv",
        csv,
        "relationships: [{from: t.id, to: airport.faa}]",
        "no table `airport` was given",
    );
    refused("t.csv", csv, "tables: {t: {columns: {id: {}}}\n", "suite.yaml");
}

#[test]
fn what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let suite = file(&dir, "suite.yaml", SUITE);
    for (args, part) in [
        (
            vec![
                "--data=t=data/nowhere.parquet".to_owned(),
                format!("--suite={suite}"),
            ],
            "nowhere.parquet",
        ),
        (
            vec!["--data=t=data/*.feather".to_owned(), format!("--suite={suite}")],
            "nothing matches",
        ),
        (
            vec![
                "--data=t=data/airlines.csv".to_owned(),
                "--suite=nowhere.yaml".to_owned(),
            ],
            "nowhere.yaml",
        ),
        (
            vec!["--data=t".to_owned(), format!("--suite={suite}")],
            "must be name=LOCATION",
        ),
        (
            vec![
                "--data=t=data/airlines.csv".to_owned(),
                format!("--suite={suite}"),
                "--window=9x".to_owned(),
                "--as-of=2013-01-02".to_owned(),
                "--time-column=t".to_owned(),
            ],
            "is no length of time",
        ),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = run(&args);
        assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn a_run_that_ends_in_an_error_leaves_no_record_of_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let (data, suite) = (file(&dir, "t.csv", "id\n1\n"), file(&dir, "suite.yaml", SUITE));
    let (data, suite) = (format!("--data=t={data}"), format!("--suite={suite}"));
    let mut out = tempfile::tempdir().unwrap();
    for bad in [
        vec!["--windw=9d"],
        vec!["--suite=nowhere.yaml"],
        vec!["--samples=many"],
    ] {
        let good = run::run_in(out, &["check", &data, &suite]);
        assert_eq!(good.exit, Some(0), "{}", good.stderr);
        assert!(good.has("dataset.json") && good.has("profile.json") && good.has("statement.json"));
        let args: Vec<&str> = ["check", &data].into_iter().chain(bad.iter().copied()).collect();
        let ran = run::run_in(good.out, &args);
        assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
        for name in ["dataset.json", "profile.json", "statement.json", "verdict"] {
            let is_there = ran.has(name) && std::fs::read_to_string(ran.path(name)).unwrap() != "ERROR";
            assert!(!is_there, "{bad:?}: {name}");
        }
        assert_eq!(ran.report()["verdict"], "ERROR");
        out = ran.out;
    }
}

/// A server that gives out one table whole, whatever range is asked for, as many simple ones do.
fn server_without_ranges(with_length: bool) -> String {
    const BODY: &str = "id\n1\n2\n";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/t.csv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            std::io::BufRead::read_line(&mut reader, &mut first).unwrap();
            let mut line = String::new();
            while std::io::BufRead::read_line(&mut reader, &mut line).unwrap_or(0) > 2 {
                line.clear();
            }
            let length = if with_length {
                format!("Content-Length: {}\r\n", BODY.len())
            } else {
                String::new()
            };
            let body = if first.starts_with("HEAD") { "" } else { BODY };
            _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n{body}"
            );
        }
    });
    url
}

#[test]
fn a_web_server_without_ranges_is_named_for_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let suite = file(&dir, "suite.yaml", SUITE);
    for (with_length, part) in [
        (
            true,
            "/t.csv: the server does not give out ranges; copy the file to S3 or a disk",
        ),
        (
            false,
            "/t.csv: the server does not say how long it is; copy the file to S3 or a disk",
        ),
    ] {
        let url = server_without_ranges(with_length);
        let ran = run(&["check", &format!("--data=t={url}"), &format!("--suite={suite}")]);
        assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
        assert!(!ran.stderr.contains("compressed"), "{}", ran.stderr);
    }
}

/// A table that takes seconds to read.
fn long_table(dir: &tempfile::TempDir) -> String {
    let path = dir.path().join("long.csv");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    writeln!(out, "id,a,b,c").unwrap();
    for row in 0..3_000_000_u32 {
        writeln!(
            out,
            "{row},{},{},text {}",
            row % 1000,
            f64::from(row) / 7.0,
            row % 100_000
        )
        .unwrap();
    }
    out.into_inner().unwrap().sync_all().unwrap();
    path.display().to_string()
}

#[test]
fn a_run_that_is_stopped_or_killed_leaves_whole_outputs_or_none_and_a_retry_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let data = long_table(&dir);
    let suite = file(
        &dir,
        "suite.yaml",
        "tables: {t: {columns: {id: {unique: true, median: {min: 0}}}}}\n",
    );
    let args = vec![
        "check".to_owned(),
        format!("--data=t={data}"),
        format!("--suite={suite}"),
    ];
    let out = tempfile::tempdir().unwrap();
    for (signal, exit) in [("TERM", Some(143)), ("KILL", None)] {
        let mut child = run::command(&args, out.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has begun when it says what it reads.
        let mut log = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let started = Instant::now();
        while !line.contains("reading") && started.elapsed() < Duration::from_secs(60) {
            line.clear();
            std::io::BufRead::read_line(&mut log, &mut line).unwrap();
        }
        let kill = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        std::io::copy(&mut log, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), exit, "after SIG{signal}");
        assert!(!out.path().join("dataset.json").exists() && !out.path().join("profile.json").exists());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let first = run::run_in(out, &args);
    assert_eq!(
        (first.exit, first.stdout.trim()),
        (Some(0), "PASS"),
        "{}",
        first.stderr
    );
    let again = run(&args);
    for name in ["dataset.json", "profile.json"] {
        let read = |ran: &run::Ran| std::fs::read(ran.path(name)).unwrap();
        assert!(read(&first) == read(&again), "{name} differs between two runs");
    }
}
