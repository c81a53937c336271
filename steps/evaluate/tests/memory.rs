//! What `evaluate` takes of memory: so much a row judged, and nothing for rows that nobody asks about.
#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod common;

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Dir, Ran};
use step_testkit::{ModelStub, Reply};

/// The most that the process held at once, in bytes: the kernel's own high-water mark, read until it ends.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("our child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    most
}

fn run(mut command: Command, dir: &Dir) -> (u64, Ran) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let peak = peak(&mut child);
    let output = child.wait_with_output().expect("it ended");
    (peak, Ran::of(output, dir.path()))
}

/// Predictions that hardly tie, so that nothing is small by luck.
fn predictions(rows: usize, salt: u64) -> String {
    let mut text = "id,label,score,region\n".to_owned();
    for row in 0..rows as u64 {
        let mixed = (row + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        let noise = mixed as f64 / (1_u64 << 53) as f64;
        let label = row * 7 % 5 < 2;
        let score = if label { 0.3 + 0.7 * noise } else { 0.7 * noise };
        writeln!(text, "r{row:07},{},{score},{}", u8::from(label), row / 5 % 20).expect("text");
    }
    text
}

/// Five million rows with a champion fit into a gigabyte: 214 bytes a row.
#[test]
fn a_row_costs_its_share_of_a_gigabyte() {
    let peak_of = |rows: usize| {
        let dir = Dir::new();
        dir.file(
            "gates.yaml",
            "evaluation: {minimum_thresholds: {auc_roc: 0.6}, champion_improvement: {auc_roc_delta: -0.1, \
             log_loss_delta: -1}}",
        );
        dir.file("preds.csv", predictions(rows, 0));
        dir.file("champion.csv", predictions(rows, 77));
        let command = dir.command(&[
            "gate",
            "--gates",
            "gates.yaml",
            "--predictions",
            "preds.csv",
            "--champion-predictions",
            "champion.csv",
            "--slice-columns",
            "region",
        ]);
        let (peak, ran) = run(command, &dir);
        ran.says("PASS", 0);
        peak
    };
    let (few, many) = (peak_of(100_000), peak_of(600_000));
    let a_row = many.saturating_sub(few) / 500_000;
    assert!(
        a_row <= 214,
        "{a_row} bytes a row: {few} for 100,000, {many} for 600,000"
    );
}

/// A file of rows of which 30 are asked about: neither its features nor their requests are held.
#[test]
fn a_load_holds_the_rows_that_it_asks_about() {
    let dir = Dir::new();
    let rows = 200_000;
    let mut text = "a,b,c,d,e,f,g,h\n".to_owned();
    for row in 0..rows {
        writeln!(text, "{row},1,2,3,4,5,6,7").expect("text");
    }
    dir.file("requests.csv", &text);
    let server = ModelStub::start(Duration::ZERO, |_, body| {
        Reply::Predict(body["inputs"][0]["data"][0].as_f64().unwrap_or(f64::NAN))
    })
    .expect("a free port");
    let url = server.url();
    let command = dir.command(&[
        "load",
        "--endpoint",
        &url,
        "--model",
        "m",
        "--data",
        "requests.csv",
        "--rate",
        "30",
        "--duration",
        "1s",
        "--warm-up",
        "0",
        "--max-error-rate",
        "0.5",
        "--record",
        "load.parquet",
    ]);
    let (peak, ran) = run(command, &dir);
    ran.says("PASS", 0);
    let input = &ran.report["inputs"][0];
    assert_eq!(input["rows"], rows, "all of them are there: {input}");
    // As features the file takes 26 MB, as requests more than that again.
    let bound = 40_000_000 + text.len() as u64;
    assert!(peak < bound, "{peak} bytes, {bound} are allowed");
}
