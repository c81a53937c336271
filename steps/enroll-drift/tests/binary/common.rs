//! A folder, the real binary, data from a fixed generator, and a server that answers as told.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

/// One folder with inputs and outputs.
pub(crate) struct Folder {
    dir: TempDir,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) word: String,
    pub(crate) log: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// The report's check of that id.
    pub(crate) fn check_of(&self, id: &str) -> Value {
        let report = self.json("report.json");
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["id"] == id)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enroll-drift"));
        command.current_dir(self.dir.path()).args(args);
        for variable in [
            "SLACK_BOT_TOKEN",
            "SLACK_WEBHOOK_URL",
            "ENROLL_DRIFT_WEBHOOK_TOKEN",
            "SLACK_API_URL",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args).output().unwrap())
    }

    /// `enroll` with the usual names, and what a test adds.
    pub(crate) fn enroll(&self, more: &[&str]) -> Ended {
        let mut args = vec![
            "enroll",
            "--config",
            "drift.yaml",
            "--baseline",
            "baseline.json",
            "--manifest",
            "cron.yaml",
            "--report",
            "enroll.json",
        ];
        args.extend(more);
        self.run(&args)
    }

    /// `check` with the usual names, and what a test adds.
    pub(crate) fn check_args<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec![
            "check",
            "--config",
            "drift.yaml",
            "--baseline",
            "baseline.json",
            "--report",
            "report.json",
            "--report-md",
            "report.md",
            "--report-html",
            "report.html",
            "--event",
            "event.json",
        ];
        args.extend(more);
        args
    }

    pub(crate) fn check(&self, more: &[&str]) -> Ended {
        self.run(&self.check_args(more))
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        word: String::from_utf8(output.stdout).unwrap().trim_end().to_owned(),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn spawn(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A configuration of the usual thresholds, and what a test adds below `drift_config`.
pub(crate) fn config(more: &str) -> String {
    format!(
        "drift_config:\n  thresholds: {{psi_alert: 0.1, psi_retrain: 0.2, prediction_drift_p_value: 0.05}}\n{more}"
    )
}

/// SplitMix64 (Steele, Lea and Flood 2014) as uniform numbers in 0..1.
pub(crate) fn generator(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a table of traffic looks like.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) rows: usize,
    pub(crate) seed: u64,
    /// Added to `temp`.
    pub(crate) shift: f64,
    /// Share of `carrier` that is the new `ZZ`.
    pub(crate) new_carrier: f64,
    /// Added to `score`.
    pub(crate) score_shift: f64,
}

pub(crate) const CALM: Traffic = Traffic {
    rows: 3_000,
    seed: 1,
    shift: 0.0,
    new_carrier: 0.0,
    score_shift: 0.0,
};

/// `id,temp,legs,carrier,score`: a number, a number of few values, a category, a prediction.
pub(crate) fn csv(traffic: Traffic) -> String {
    let mut draw = generator(traffic.seed);
    let mut text = String::from("id,temp,legs,carrier,score\n");
    for row in 0..traffic.rows {
        // A sum of twelve uniform numbers is close to normal.
        let temp: f64 = (0..12).map(|_| draw()).sum::<f64>() - 6.0 + traffic.shift;
        let legs = (draw() * 3.0) as u32;
        let carrier = if draw() < traffic.new_carrier {
            "ZZ"
        } else {
            ["UA", "AA", "B6"][(draw() * 3.0) as usize]
        };
        let score = (draw() + traffic.score_shift).min(1.5);
        _ = writeln!(
            text,
            "{}-{row},{temp:.6},{legs},{carrier},{score:.6}",
            traffic.seed
        );
    }
    text
}

/// A folder with an enrolled baseline of calm traffic.
pub(crate) fn enrolled(more: &str) -> Folder {
    let folder = Folder::new();
    folder
        .write("drift.yaml", config(more))
        .write("train.csv", csv(CALM));
    let ended = folder.enroll(&["--data", "train.csv", "--model", "Flight Delays"]);
    assert_eq!(
        (ended.code, ended.word.as_str()),
        (0, "ENROLLED"),
        "{}",
        ended.log
    );
    folder
}

/// Columns of [`csv`] that are watched in most tests.
pub(crate) const WATCHED: &str = "  columns: {exclude: [id, score]}\n";

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A server on a free port that answers what it is told, in turn; the last answer stays.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    pub(crate) fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (
            Arc::clone(&seen),
            answers.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_err() {
                    continue;
                }
                let mut log = log.lock().unwrap();
                let answer = answers.get(log.len()).or(answers.last()).unwrap();
                let path = head.split(' ').nth(1).unwrap_or("").to_owned();
                log.push(Seen {
                    path,
                    head,
                    body: String::from_utf8(body).unwrap(),
                });
                let (status, text) = answer.split_once('|').unwrap_or((answer, "{}"));
                _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                );
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "http://127.0.0.1:{}/api/v1/events/default/mlops-retrain",
            self.port
        )
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The configuration that posts here.
    pub(crate) fn trigger(&self) -> String {
        format!(
            "  retraining_trigger: {{webhook: \"{}\", include_drift_report: true}}\n",
            self.url()
        )
    }
}
