//! Tables named by references: of DVC and of Delta, made by DVC and deltalake themselves in a real S3 server; and windows over
//! partitions, which are not opened outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampSecondArray};
use artifact_store::{Keys, Store, StoreOptions};
use parquet::arrow::ArrowWriter;
use run::file;
use serde_json::{Value, json};
use step_testkit::{Fault, FaultProxy, S3Server, references};
use tempfile::TempDir;

struct Lake {
    dir: TempDir,
    server: S3Server,
    proxy: FaultProxy,
}

/// What a run said: exit, word, errors.
type Said = (Option<i32>, String, String);

impl Lake {
    fn new() -> Self {
        let (dir, server) = (TempDir::new().unwrap(), S3Server::start(&["lake"]).unwrap());
        let proxy = FaultProxy::before(&server.url()).unwrap();
        Self { dir, server, proxy }
    }

    /// Runs a script of the store's tests, which writes to the bucket through the proxy.
    fn made_by(&self, script: &str, args: &[&str]) -> String {
        let scripts = Path::new(env!("MLOPS_STEPS_ROOT")).join("crates/artifact-store/tests/references");
        let env = self.server.env_through(&self.proxy.url());
        references::python(&scripts.join(script), args, &env, self.dir.path()).unwrap()
    }

    /// Puts other bytes in the place of an object, as another client would.
    fn put(&self, key: &str, text: &str) {
        let store = Store::from_env(StoreOptions {
            endpoint: Some(self.server.url()),
            keys: Some(Keys {
                access: S3Server::ACCESS_KEY.to_owned(),
                secret: S3Server::SECRET_KEY.to_owned(),
            }),
            ..StoreOptions::default()
        });
        let at = format!("s3://lake/{key}").parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime
            .block_on(store.write(&at, text.to_owned().into()))
            .unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the binary, with its outputs below `out`.
    fn run(&self, out: &Path, args: &[String], retry_seconds: &str) -> Said {
        std::fs::create_dir_all(out).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_data-validate"));
        command.args(args).current_dir(self.dir.path());
        for (flag, name) in [
            ("report", "report.json"),
            ("statement", "statement.json"),
            ("termination-log", "line"),
        ] {
            command.arg(format!("--{flag}={}", out.join(name).display()));
        }
        std::fs::write(out.join("line"), "").unwrap();
        command
            .envs(self.server.env_through(&self.proxy.url()))
            .env("STORE_RETRY_SECONDS", retry_seconds);
        let done = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    fn check(&self, out: &str, data: &str, suite: &Value, more: &[&str]) -> Said {
        let out = self.path(out);
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(out.join("suite.yaml"), suite.to_string()).unwrap();
        let mut args = vec![
            "check".to_owned(),
            format!("--data=t={data}"),
            format!("--suite={}", out.join("suite.yaml").display()),
            format!("--dataset={}", out.join("dataset.json").display()),
            format!("--profile={}", out.join("profile.json").display()),
        ];
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        self.run(&out, &args, "2")
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

fn word(word: &str, exit: i32, said: &Said) {
    assert_eq!((said.0, said.1.as_str()), (Some(exit), word), "{}", said.2);
}

#[test]
fn what_dvc_tracks_is_validated_and_pinned() {
    let lake = Lake::new();
    lake.made_by("make_dvc.py", &["s3://lake/dvc", &lake.proxy.url()]);
    let suite = json!({"tables": {"t": {"row_count": {"min": 3, "max": 3}, "columns": {
        "id": {"unique": true}, "month": {"in_set": [1, 2]},
    }}}});
    let data = format!("dvc:{}/data/train/year=2013@v1", lake.path("repo").display());
    word("PASS", 0, &lake.check("a", &data, &suite, &[]));
    let dataset = lake.json("a/dataset.json");
    let split = &dataset["splits"]["t"];
    // The digest that DVC itself has written, and the commit of the tag.
    let written = std::fs::read_to_string(lake.path("pulled/v1/data/train.dvc")).unwrap();
    let hash = written
        .lines()
        .find_map(|line| line.strip_prefix("- md5: "))
        .unwrap();
    assert_eq!(split["version"], json!(format!("dvc:md5:{hash}:year=2013")));
    assert_eq!(dataset["version"], split["version"]);
    assert_eq!(split["commit"].as_str().unwrap().len(), 40);
    assert_eq!(split["uri"], json!(data));
    let objects = split["objects"].as_array().unwrap();
    let names: Vec<&str> = objects
        .iter()
        .map(|object| object["reference"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["month=01/a.csv", "month=02/b.csv"]);
    for object in objects {
        assert!(
            object["uri"]
                .as_str()
                .unwrap()
                .starts_with("s3://lake/dvc/files/md5/"),
            "{object}"
        );
        assert_eq!(object["reference"]["endpoint"], json!(lake.proxy.url()));
    }
    // It is the dataset that `dvc pull` makes: a copy has the same digest.
    let pulled = lake.path("pulled/v1/data/train/year=2013").display().to_string();
    word("PASS", 0, &lake.check("b", &pulled, &suite, &[]));
    assert_eq!(lake.json("b/dataset.json")["digest"], dataset["digest"]);

    // Shards pin it, and one is profiled without the repository.
    let shards = lake.path("shards.json").display().to_string();
    let cut = [
        "shards".to_owned(),
        format!("--data=t={data}"),
        format!("--output={shards}"),
        format!("--list={}", lake.path("list").display()),
    ];
    word("SHARDED", 0, &lake.run(&lake.path("c"), &cut, "2"));
    std::fs::rename(lake.path("repo"), lake.path("away")).unwrap();
    for shard in 0..2 {
        let profile = [
            "profile".to_owned(),
            format!("--shards={shards}"),
            format!("--shard={shard}"),
            format!("--suite={}", lake.path("a/suite.yaml").display()),
            format!(
                "--output={}",
                lake.path(&format!("profiles/{shard}.json")).display()
            ),
        ];
        word("PROFILED", 0, &lake.run(&lake.path("d"), &profile, "2"));
    }
    let merge = [
        "merge".to_owned(),
        format!("--profiles={}", lake.path("profiles").display()),
        format!("--output={}", lake.path("merged.json").display()),
    ];
    word("MERGED", 0, &lake.run(&lake.path("e"), &merge, "2"));
    let judged = [
        "check".to_owned(),
        format!("--profile-only={}", lake.path("merged.json").display()),
        format!("--suite={}", lake.path("a/suite.yaml").display()),
        format!("--dataset={}", lake.path("f/dataset.json").display()),
        format!("--profile={}", lake.path("f/profile.json").display()),
    ];
    word("PASS", 0, &lake.run(&lake.path("f"), &judged, "2"));
    assert_eq!(lake.json("f/dataset.json"), dataset);
    std::fs::rename(lake.path("away"), lake.path("repo")).unwrap();

    // Bytes that are not those of the version, though the size is; then a version that is none, and a store that is down.
    let key = objects[0]["uri"]
        .as_str()
        .unwrap()
        .strip_prefix("s3://lake/")
        .unwrap();
    let good = std::fs::read_to_string(lake.server.file_of("lake", key)).unwrap();
    lake.put(key, &good.replace("2.5", "9.5"));
    let said = lake.check("g", &data, &suite, &[]);
    assert_eq!(said.0, Some(2));
    assert!(said.2.contains("its bytes have the MD5"), "{}", said.2);
    assert!(!lake.path("g/dataset.json").exists());
    lake.put(key, &good);
    let said = lake.check("h", &data.replace("@v1", "@v9"), &suite, &[]);
    assert_eq!(said.0, Some(2));
    assert!(said.2.contains("no tag, branch or commit `v9`"), "{}", said.2);
    lake.proxy.fail(usize::MAX, Fault::UNAVAILABLE);
    let said = lake.check("i", &data, &suite, &[]);
    assert_eq!(said.0, Some(4), "{}", said.2);
}

#[test]
fn a_version_of_a_delta_table_is_validated_and_pinned() {
    let lake = Lake::new();
    let printed = lake.made_by("make_delta.py", &["s3://lake/trips", "s3://lake/plain"]);
    let rows: Value = serde_json::from_str(&printed).unwrap();
    // What deltalake read at version 5: four rows, `extra` in one of them, one `kind` without a value.
    assert_eq!(rows["5"].as_array().unwrap().len(), 4);
    let suite = json!({"tables": {"t": {"row_count": {"min": 4, "max": 4}, "columns": {
        "id": {"in_set": [1, 3, 4, 6]},
        "x": {"sum": {"min": 113, "max": 113}},
        "dt": {"type": "date", "range": {"min": "2013-01-01", "max": "2013-01-03"}},
        "kind": {"null_count": {"min": 1, "max": 1}, "in_set": ["a"]},
        "extra": {"type": "int", "null_count": {"min": 3, "max": 3}},
    }}}});
    word(
        "PASS",
        0,
        &lake.check("a", "delta:s3://lake/trips@v5", &suite, &[]),
    );
    let dataset = lake.json("a/dataset.json");
    assert_eq!(dataset["version"], json!("delta:s3://lake/trips@v5"));
    let objects = dataset["splits"]["t"]["objects"].as_array().unwrap();
    let parts: Vec<&Value> = objects
        .iter()
        .map(|object| &object["reference"]["partition"])
        .collect();
    assert!(
        parts.contains(&&json!({"dt": "2013-01-02", "kind": null})),
        "{parts:?}"
    );
    // The newest, pinned by its number; a window over a partition, of which only one is opened.
    let before = lake.proxy.requests().len();
    let suite = json!({"tables": {"t": {"row_count": {"min": 1, "max": 1}}}});
    let window = ["--window=1d", "--as-of=2013-02-03", "--time-column=dt"];
    word(
        "PASS",
        0,
        &lake.check("b", "delta:s3://lake/trips", &suite, &window),
    );
    let dataset = lake.json("b/dataset.json");
    assert_eq!(
        dataset["splits"]["t"]["version"],
        json!("delta:s3://lake/trips@v7")
    );
    assert_eq!(dataset["splits"]["t"]["objects"].as_array().unwrap().len(), 1);
    let asked = lake.proxy.requests().split_off(before);
    assert!(
        !asked
            .iter()
            .any(|line| line.starts_with("GET") && line.contains("dt%3D2013-02-01")),
        "{asked:?}"
    );
    let said = lake.check("c", "delta:s3://lake/trips@v8", &suite, &[]);
    assert_eq!(said.0, Some(2));
    assert!(
        said.2.contains("there is no version 8: the newest is 7"),
        "{}",
        said.2
    );
}

/// A Parquet file of points in time, in seconds since 1970-01-01.
fn times(at: &[i64]) -> Vec<u8> {
    let times = TimestampSecondArray::from(at.to_vec()).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter([("at", Arc::new(times) as ArrayRef)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// 2013-04-01T12:00:00Z.
const NOON: i64 = 1_364_817_600;
const DAY: i64 = 86_400;

impl Lake {
    /// One file a day from 2013-03-22 on, for twenty days, named by its day.
    fn days(&self, prefix: &str, shift: i64) {
        for day in 0..20 {
            let date = jiff::civil::date(2013, 3, 22)
                .checked_add(jiff::Span::new().days(day))
                .unwrap();
            let path = self
                .server
                .file_of("lake", &prefix.replace("DATE", &date.to_string()));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, times(&[NOON + (day - 10 + shift) * DAY])).unwrap();
        }
    }

    /// The dates of the files that were read in a run.
    fn read_by(&self, run: impl FnOnce()) -> Vec<String> {
        let before = self.proxy.requests().len();
        run();
        let mut dates: Vec<String> = self
            .proxy
            .requests()
            .split_off(before)
            .iter()
            .filter(|line| line.starts_with("GET") && line.contains(".parquet"))
            .filter_map(|line| Some(line[line.find("2013-")?..].chars().take(10).collect()))
            .collect();
        dates.sort();
        dates.dedup();
        dates
    }
}

#[test]
fn partitions_outside_of_a_window_are_not_opened() {
    let lake = Lake::new();
    lake.days("trips/dt=DATE/a.parquet", 0);
    lake.days("named/DATE.parquet", 0);
    lake.days("early/dt=DATE/a.parquet", 5);
    let rows = |count: u64| json!({"tables": {"t": {"row_count": {"min": count, "max": count}}}});
    let days =
        |from: i8, to: i8| -> Vec<String> { (from..=to).map(|day| format!("2013-04-{day:02}")).collect() };
    let note = |out: &str| lake.json(&format!("{out}/report.json"))["notes"].to_string();

    // By the partition itself: exactly. Midnight of the 8th is the end.
    let window = ["--window=3d", "--as-of=2013-04-08", "--time-column=dt"];
    let read = lake.read_by(|| word("PASS", 0, &lake.check("a", "s3://lake/trips/", &rows(3), &window)));
    assert_eq!(read, days(5, 7));
    assert!(
        note("a").contains("17 of 20 files were not opened"),
        "{}",
        note("a")
    );
    let dataset = lake.json("a/dataset.json");
    assert_eq!(dataset["splits"]["t"]["objects"].as_array().unwrap().len(), 3);
    assert_eq!(dataset["window"]["from"], json!("2013-04-05T00:00:00Z"));

    // By a column in the files: a day more on both sides is opened, and is not in the record.
    let window = ["--window=3d", "--as-of=2013-04-08", "--time-column=at"];
    let read = lake.read_by(|| word("PASS", 0, &lake.check("b", "s3://lake/trips/", &rows(3), &window)));
    assert_eq!(read, days(4, 8));
    assert_eq!(
        lake.json("b/dataset.json")["splits"]["t"]["objects"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Mere names of Parquet too, as their footers bear them out.
    let read = lake.read_by(|| word("PASS", 0, &lake.check("c", "s3://lake/named/", &rows(3), &window)));
    assert_eq!(read, days(4, 8));

    // Dates that are not those of the rows, but five days before them: footers say so, and everything is opened.
    let read = lake.read_by(|| word("PASS", 0, &lake.check("d", "s3://lake/early/", &rows(3), &window)));
    assert_eq!(read.len(), 20);
    assert!(
        note("d").contains("has times of `at` outside of the date in its name"),
        "{}",
        note("d")
    );

    // Though no name has a date inside, rows have: of the first half of April 2013, named a year later.
    let other = lake.server.file_of("lake", "export/2014-04-05.parquet");
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(other, times(&[NOON + 5 * DAY])).unwrap();
    word(
        "PASS",
        0,
        &lake.check("f", "s3://lake/export/", &rows(1), &window),
    );

    // Nothing inside is no pass, and no empty table.
    let said = lake.check(
        "e",
        "s3://lake/trips/",
        &rows(3),
        &["--window=3d", "--as-of=2014-01-01", "--time-column=dt"],
    );
    assert_eq!(said.0, Some(2));
    assert!(
        said.2
            .contains("none of the 20 files of `t` has rows from 2013-12-29T00:00:00Z"),
        "{}",
        said.2
    );
}

#[test]
fn a_window_without_an_end_ends_now_and_records_it() {
    let dir = TempDir::new().unwrap();
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    for (name, days_ago) in [("new", 1), ("old", 40)] {
        let date = today.checked_sub(jiff::Span::new().days(days_ago)).unwrap();
        file(&dir, &format!("t/dt={date}/{name}.csv"), "id\n1\n");
    }
    let suite = file(
        &dir,
        "s.yaml",
        json!({"tables": {"t": {"row_count": {"min": 1, "max": 1}}}}).to_string(),
    );
    let data = format!("--data=t={}", dir.path().join("t").display());
    let suite = format!("--suite={suite}");
    let start = jiff::Timestamp::now();
    let ran = run::run(&["check", &data, &suite, "--window=30d", "--time-column=dt"]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
    let window = &ran.json("dataset.json")["window"];
    let to: jiff::Timestamp = window["to"].as_str().unwrap().parse().unwrap();
    assert!(
        to.as_second() >= start.as_second() && to <= jiff::Timestamp::now(),
        "{window}"
    );
    assert_eq!(window["as_of"], window["to"]);
}
