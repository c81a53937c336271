//! The GitHub issue of a rejected model, against a stand-in for the API that keeps what it is told.

#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::{Dir, Ran, rows};
use serde_json::{Value, json};

/// Issues and comments of one repository, and the calls that were made.
#[derive(Default)]
struct Kept {
    issues: Vec<Value>,
    comments: Vec<(u64, Value)>,
    calls: Vec<String>,
    /// Every call ends so.
    broken: Option<u16>,
    /// The token that came last.
    token: String,
}

/// A server of `/repos/o/r/issues` on a free port; it ends with the test's process.
fn github(kept: &Arc<Mutex<Kept>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let kept = Arc::clone(kept);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || serve(client, &kept));
        }
    });
    url
}

fn serve(mut client: TcpStream, kept: &Mutex<Kept>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "authorization" => value.trim().clone_into(&mut kept.lock().ok()?.token),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = kept.lock().ok()?.answer(&method, &path, &body);
        let text = answer.to_string();
        write!(
            client,
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
        .ok()?;
    }
}

impl Kept {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = path.split('?').next().unwrap_or_default();
        self.calls.push(format!("{method} {path}"));
        if let Some(status) = self.broken {
            return (status, json!({"message": "told to fail"}));
        }
        let parts: Vec<&str> = path
            .trim_start_matches("/repos/o/r/issues")
            .split('/')
            .filter(|p| !p.is_empty())
            .collect();
        match (method, parts.as_slice()) {
            ("GET", []) => (200, Value::Array(self.issues.clone())),
            ("POST", []) => {
                let number = self.issues.len() + 1;
                let issue = json!({
                    "number": number, "html_url": format!("https://github.test/o/r/issues/{number}"),
                    "title": body["title"], "body": body["body"], "labels": body["labels"],
                });
                self.issues.push(issue.clone());
                (201, issue)
            }
            ("GET", [number, "comments"]) => {
                let number = number.parse().unwrap_or(0);
                let mine = self
                    .comments
                    .iter()
                    .filter(|(issue, _)| *issue == number)
                    .map(|(_, c)| c.clone());
                (200, mine.collect())
            }
            ("POST", [number, "comments"]) => {
                let comment = json!({"id": self.comments.len() + 100, "body": body["body"]});
                self.comments.push((number.parse().unwrap_or(0), comment.clone()));
                (201, comment)
            }
            ("PATCH", ["comments", id]) => {
                let found = self.comments.iter_mut().find(|(_, comment)| {
                    comment["id"]
                        .as_u64()
                        .is_some_and(|known| known.to_string() == *id)
                });
                match found {
                    Some((_, comment)) => {
                        comment["body"] = body["body"].clone();
                        (200, comment.clone())
                    }
                    None => (404, json!({"message": "Not Found"})),
                }
            }
            _ => (404, json!({"message": "Not Found"})),
        }
    }
}

fn gate(dir: &Dir, url: &str, uid: &str, signal: f64, token: &str) -> Ran {
    dir.file("gates.yaml", "evaluation: {minimum_thresholds: {auc_roc: 0.87}}");
    dir.file("preds.csv", common::csv(&rows(300, signal)));
    let args = [
        "gate",
        "--gates",
        "gates.yaml",
        "--predictions",
        "preds.csv",
        "--model",
        "delays",
    ];
    let mut command = dir.command(
        &[
            &args[..],
            &["--github-repository", "o/r", "--github-api-url", url],
        ]
        .concat(),
    );
    command.env("GITHUB_TOKEN", token).env("ARGO_WORKFLOW_UID", uid);
    Ran::of(command.output().expect("the binary runs"), dir.path())
}

fn note(ran: &Ran) -> String {
    ran.report["notes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect()
}

#[test]
fn one_issue_a_model_and_one_comment_a_run() {
    let (dir, kept) = (Dir::new(), Arc::new(Mutex::new(Kept::default())));
    let url = github(&kept);
    gate(&dir, &url, "uid-0", 4.0, "t0ken").says("PASS", 0);
    assert!(
        kept.lock().expect("kept").calls.is_empty(),
        "a model that passes has no issue"
    );

    let first = gate(&dir, &url, "uid-1", 1.0, "t0ken");
    first.says("FAIL", 3);
    assert!(
        note(&first).contains("GitHub issue opened: https://github.test/o/r/issues/1"),
        "{}",
        note(&first)
    );
    gate(&dir, &url, "uid-1", 1.0, "t0ken").says("FAIL", 3);
    gate(&dir, &url, "uid-2", 0.9, "t0ken").says("FAIL", 3);
    let last = gate(&dir, &url, "uid-2", 0.8, "t0ken");
    assert!(note(&last).contains("GitHub issue updated"), "{}", note(&last));

    let kept = kept.lock().expect("kept");
    assert_eq!(
        (kept.issues.len(), kept.comments.len()),
        (1, 1),
        "{:?}",
        kept.calls
    );
    assert_eq!(kept.token, "Bearer t0ken");
    let body = kept.issues[0]["body"].as_str().unwrap_or_default();
    assert!(
        body.starts_with("<!-- mlops-gate:fp=") && body.contains("auc_roc"),
        "{body}"
    );
    assert_eq!(kept.issues[0]["labels"][0], "model-gate-fail");
    for text in ["report.json", "report.md", "report.html", "statement.json"] {
        let text = std::fs::read_to_string(dir.path().join(text)).unwrap_or_default();
        assert!(!text.contains("t0ken"), "the token leaks");
    }
}

#[test]
fn a_notification_that_fails_is_noted_and_changes_nothing() {
    let (dir, kept) = (
        Dir::new(),
        Arc::new(Mutex::new(Kept {
            broken: Some(403),
            ..Kept::default()
        })),
    );
    let url = github(&kept);
    let ran = gate(&dir, &url, "uid", 1.0, "t0ken");
    ran.says("FAIL", 3);
    assert!(
        note(&ran).contains("HTTP 403: told to fail: the token needs the right"),
        "{}",
        note(&ran)
    );
    let ran = gate(&dir, &url, "uid", 1.0, "");
    ran.says("FAIL", 3);
    assert!(note(&ran).contains("there is no token"), "{}", note(&ran));
    let ran = gate(&dir, "http://127.0.0.1:9", "uid", 1.0, "t0ken");
    ran.says("FAIL", 3);
    assert!(note(&ran).contains("could not be written"), "{}", note(&ran));
}
