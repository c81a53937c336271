//! What is sent, to a server that fails as told: retries, duplicates, outages, kills.

use std::time::Duration;

use crate::common::{CALM, Folder, Receiver, Traffic, WATCHED, config, csv, ended, enrolled, spawn};

fn drifted(trigger: &str) -> Folder {
    let folder = enrolled(WATCHED);
    folder.write(
        "july.csv",
        csv(Traffic {
            seed: 3,
            shift: 1.5,
            ..CALM
        }),
    );
    folder.write("drift.yaml", config(&format!("{WATCHED}{trigger}")));
    folder
}

#[test]
fn an_outage_is_waited_for_and_a_retry_posts_the_same_id() {
    let receiver = Receiver::new(&["503 Service Unavailable", "503 Service Unavailable", "200 OK"]);
    let folder = drifted(&receiver.trigger());
    let mut command = folder.command(&folder.check_args(&["--data", "july.csv"]));
    command.env("ENROLL_DRIFT_WEBHOOK_TOKEN", "s3cret-token");
    let end = ended(command.output().unwrap());
    assert_eq!((end.code, end.word.as_str()), (0, "RETRAIN"), "{}", end.log);
    assert_eq!(folder.check(&["--data", "july.csv"]).code, 0);
    let seen = receiver.seen();
    assert_eq!(seen.len(), 4);
    assert!(
        seen.windows(2).all(|pair| pair[0].body == pair[1].body),
        "every attempt says the same"
    );
    assert_eq!(seen[0].path, "/api/v1/events/default/mlops-retrain");
    assert!(
        seen[0]
            .head
            .to_lowercase()
            .contains("authorization: bearer s3cret-token")
    );
    let event: serde_json::Value = serde_json::from_str(&seen[0].body).unwrap();
    let id = event["id"].as_str().unwrap();
    assert!(id.len() == 16 && id.chars().all(|c| c.is_ascii_hexdigit()));
    assert_eq!(
        (event["model"].as_str(), event["trigger"].as_str()),
        (Some("flight-delays"), Some("drift"))
    );
    assert!(format!("retrain-{}-{id}", event["model"].as_str().unwrap()).len() <= 63);
    assert!(event["report"]["columns"][0]["psi"].as_f64().unwrap() > 0.2);
    assert!(!seen[0].body.contains("{{"));
    for name in ["report.json", "report.md", "report.html"] {
        assert!(!folder.read(name).contains("s3cret-token"), "{name}");
    }
    assert!(!end.log.contains("s3cret-token"));
}

#[test]
fn a_receiver_that_has_it_already_is_content() {
    let already = r#"500 Internal Server Error|{"code":13,"message":"workflows \"retrain-x\" already exists, the server was not able to generate a unique name"}"#;
    for answer in ["409 Conflict", already] {
        let receiver = Receiver::new(&[answer]);
        let folder = drifted(&receiver.trigger());
        let end = folder.check(&["--data", "july.csv"]);
        assert_eq!((end.code, end.word.as_str()), (0, "RETRAIN"), "{}", end.log);
        assert_eq!(receiver.seen().len(), 1);
        assert!(folder.read("report.md").contains("delivered before"));
    }
}

#[test]
fn a_webhook_that_stays_down_ends_with_4_a_whole_report_and_a_copy() {
    let receiver = Receiver::new(&["503 Service Unavailable"]);
    let folder = drifted(&receiver.trigger());
    let end = folder.check(&[
        "--data",
        "july.csv",
        "--webhook-retry-seconds",
        "1",
        "--outbox",
        "outbox",
    ]);
    // A retraining that reached nobody is none: nothing may branch on the word.
    assert_eq!((end.code, end.word.as_str()), (4, ""), "{}", end.log);
    let report = folder.json("report.json");
    assert_eq!(report["verdict"], "ERROR");
    assert_eq!(
        folder.check_of("psi:temp")["outcome"],
        "fail",
        "the checks are kept"
    );
    assert!(
        report["notes"].to_string().contains("answers 503"),
        "{}",
        report["notes"]
    );
    let posted = receiver.seen().last().unwrap().body.clone();
    let event: serde_json::Value = serde_json::from_str(&posted).unwrap();
    let copy = format!("outbox/flight-delays/{}.json", event["id"].as_str().unwrap());
    assert_eq!(folder.read(&copy), posted);
    assert!(!folder.path("event.json").exists());
    let reason = report["reason"].as_str().unwrap();
    for part in [
        "the window asks for RETRAIN, but the event",
        "answers 503",
        &format!("it is kept at {copy}"),
    ] {
        assert!(reason.contains(part), "`{part}`: {reason}");
        assert!(end.log.contains(part), "`{part}`: {}", end.log);
    }
}

#[test]
fn nobody_listens() {
    let folder = drifted("  retraining_trigger: {webhook: \"http://127.0.0.1:9/x?key=hidden\"}\n");
    let end = folder.check(&["--data", "july.csv", "--webhook-retry-seconds", "1"]);
    assert_eq!((end.code, end.word.as_str()), (4, ""), "{}", end.log);
    let reason = folder.json("report.json")["reason"].to_string();
    assert!(reason.contains("no --outbox is given"), "{reason}");
    // An outbox that does not take it is said too.
    folder.write("full", "a file, and no place for others");
    let end = folder.check(&[
        "--data",
        "july.csv",
        "--webhook-retry-seconds",
        "1",
        "--outbox",
        "full",
    ]);
    assert_eq!(end.code, 4);
    assert!(
        end.log.contains("the outbox does not take it either"),
        "{}",
        end.log
    );
    assert!(
        !folder.read("report.json").contains("hidden") && !end.log.contains("hidden"),
        "{}",
        end.log
    );
}

#[test]
fn a_refusal_is_not_tried_again() {
    for (answer, said) in [
        ("401 Unauthorized|no token", "answers 401"),
        ("404 Not Found", "answers 404"),
    ] {
        let receiver = Receiver::new(&[answer]);
        let folder = drifted(&receiver.trigger());
        let end = folder.check(&["--data", "july.csv", "--outbox", "outbox"]);
        assert_eq!((end.code, end.word.as_str()), (2, ""), "{}", end.log);
        assert_eq!(folder.json("report.json")["verdict"], "ERROR");
        assert_eq!(receiver.seen().len(), 1);
        assert!(folder.json("report.json")["notes"].to_string().contains(said));
        assert!(folder.path("outbox/flight-delays").is_dir());
    }
}

#[test]
fn a_dry_run_sends_nothing_and_shows_all() {
    let receiver = Receiver::new(&["200 OK"]);
    let trigger = format!(
        "  retraining_trigger: {{webhook: \"{}\", notification_channel: \"slack://ml-ops-alerts\"}}\n",
        receiver.url()
    );
    let folder = drifted(&trigger);
    let end = folder.check(&["--data", "july.csv", "--dry-run"]);
    assert_eq!((end.code, end.word.as_str()), (0, "RETRAIN"), "{}", end.log);
    assert!(receiver.seen().is_empty());
    assert!(
        folder.json("event.json")["report"].is_null(),
        "include_drift_report was not asked for"
    );
    let report = folder.read("report.md");
    assert!(
        report.contains("Retraining event")
            && report.contains("would be posted")
            && report.contains("would be told")
    );
}

#[test]
fn slack_is_told_and_its_failure_changes_nothing() {
    let trigger = "  retraining_trigger: {notification_channel: \"slack://ml-ops-alerts\"}\n";
    for (answer, recorded) in [
        (r#"200 OK|{"ok":true}"#, "told"),
        (
            r#"200 OK|{"ok":false,"error":"channel_not_found"}"#,
            "refuses: channel_not_found",
        ),
        ("403 Forbidden", "answers 403"),
    ] {
        let slack = Receiver::new(&[answer]);
        let folder = drifted(trigger);
        let mut command = folder.command(&folder.check_args(&["--data", "july.csv"]));
        command
            .env("SLACK_BOT_TOKEN", "xoxb-1")
            .env("SLACK_API_URL", format!("http://127.0.0.1:{}/api", slack.port));
        let end = ended(command.output().unwrap());
        assert_eq!((end.code, end.word.as_str()), (0, "RETRAIN"), "{}", end.log);
        let seen = slack.seen();
        assert_eq!(seen[0].path, "/api/chat.postMessage");
        assert!(
            seen[0].body.contains("ml-ops-alerts") && seen[0].body.contains("*RETRAIN*"),
            "{}",
            seen[0].body
        );
        assert!(folder.read("report.md").contains(recorded), "{recorded}");
        assert!(!folder.read("report.json").contains("xoxb-1"));
    }
    let folder = drifted(trigger);
    let end = folder.check(&["--data", "july.csv"]);
    assert_eq!(end.code, 0);
    assert!(
        folder
            .read("report.md")
            .contains("neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set")
    );
}

#[test]
fn another_window_is_another_event_and_a_copy_of_it_is_not() {
    let receiver = Receiver::new(&["200 OK"]);
    let folder = drifted(&receiver.trigger());
    let id = |data: &str| {
        folder.check(&["--data", data, "--dry-run"]);
        folder.json("event.json")["id"].as_str().unwrap().to_owned()
    };
    folder.write(
        "august.csv",
        csv(Traffic {
            seed: 4,
            shift: 1.5,
            ..CALM
        }),
    );
    folder.write("elsewhere/july.csv", folder.read("july.csv"));
    let july = id("july.csv");
    assert_ne!(july, id("august.csv"));
    assert_eq!(
        july,
        id("elsewhere/july.csv"),
        "the bytes are the window, not the place"
    );
}

#[test]
fn stopped_while_it_waits_and_killed_then_tried_again() {
    let receiver = Receiver::new(&[
        "503 Service Unavailable",
        "503 Service Unavailable",
        "503 Service Unavailable",
        "200 OK",
    ]);
    let folder = drifted(&receiver.trigger());
    for signal in ["TERM", "KILL"] {
        let before = receiver.seen().len();
        let mut child = spawn(folder.command(&folder.check_args(&["--data", "july.csv"])));
        // Wait for the event, not for a time: the step is in the middle of its deeds then.
        while receiver.seen().len() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
        let killed = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let status = child.wait().unwrap();
        if signal == "TERM" {
            assert_eq!(status.code(), Some(143));
        }
        assert!(
            !folder.path("report.json").exists(),
            "{signal}: half a report would be taken for a whole one"
        );
    }
    let end = folder.check(&["--data", "july.csv"]);
    assert_eq!((end.code, end.word.as_str()), (0, "RETRAIN"), "{}", end.log);
    let seen = receiver.seen();
    assert!(
        seen.iter().all(|request| request.body == seen[0].body),
        "one id over all attempts"
    );
}
