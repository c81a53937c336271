//! Every verdict through the real binary, on data whose drift is known.

use crate::common::{CALM, Folder, Traffic, WATCHED, config, csv, enrolled};

#[test]
fn rows_of_the_same_traffic_are_ok() {
    let folder = enrolled(WATCHED);
    folder.write(
        "held.csv",
        csv(Traffic {
            seed: 2,
            rows: 1_000,
            ..CALM
        }),
    );
    let ended = folder.check(&["--data", "held.csv"]);
    assert_eq!((ended.code, ended.word.as_str()), (0, "OK"), "{}", ended.log);
    let report = folder.json("report.json");
    assert_eq!(report["verdict"], "OK");
    assert!(
        report["reason"].as_str().unwrap().contains("below psi_alert 0.1"),
        "{}",
        report["reason"]
    );
    assert!(
        !folder.path("event.json").exists(),
        "no event without a retraining"
    );
    assert!(folder.read("report.html").contains("PSI by feature"));
}

#[test]
fn a_shift_asks_for_a_retraining() {
    let folder = enrolled(WATCHED);
    folder.write(
        "july.csv",
        csv(Traffic {
            seed: 3,
            shift: 1.5,
            ..CALM
        }),
    );
    let ended = folder.check(&["--data", "july.csv"]);
    assert_eq!((ended.code, ended.word.as_str()), (0, "RETRAIN"), "{}", ended.log);
    let check = folder.check_of("psi:temp");
    assert_eq!(check["outcome"], "fail");
    assert!(check["observed"].as_f64().unwrap() > 0.2);
    assert!(check["details"]["ks"]["statistic"].as_f64().unwrap() > 0.4);
    assert!((check["details"]["wasserstein"]["distance"].as_f64().unwrap() - 1.5).abs() < 0.1);
    assert_eq!(folder.check_of("psi:legs")["outcome"], "pass");
    assert_eq!(folder.json("event.json")["column"], "temp");
    let failed = folder.check(&["--data", "july.csv", "--fail-on", "DATA_QUALITY,RETRAIN"]);
    assert_eq!((failed.code, failed.word.as_str()), (3, "RETRAIN"));
    let reported = folder.check(&["--data", "july.csv", "--fail-on=RETRAIN", "--on-reject=report"]);
    assert_eq!((reported.code, reported.word.as_str()), (0, "RETRAIN"));
}

#[test]
fn a_smaller_shift_alerts_and_a_level_bounds_a_column() {
    let folder = enrolled(WATCHED);
    folder.write(
        "june.csv",
        csv(Traffic {
            seed: 4,
            shift: 0.38,
            ..CALM
        }),
    );
    assert_eq!(folder.check(&["--data", "june.csv"]).word, "ALERT");
    folder.write(
        "july.csv",
        csv(Traffic {
            seed: 3,
            shift: 1.5,
            ..CALM
        }),
    );
    for (level, word) in [("alert", "ALERT"), ("report", "OK"), ("retrain", "RETRAIN")] {
        let rule = format!("{WATCHED}  severity: [{{columns: [\"te*\"], at_most: {level}}}]\n");
        folder.write("drift.yaml", config(&rule));
        assert_eq!(folder.check(&["--data", "july.csv"]).word, word, "{level}");
    }
}

#[test]
fn a_new_category_drifts_and_is_named() {
    let folder = enrolled(WATCHED);
    folder.write(
        "new.csv",
        csv(Traffic {
            seed: 5,
            new_carrier: 0.2,
            ..CALM
        }),
    );
    assert_eq!(folder.check(&["--data", "new.csv"]).word, "RETRAIN");
    let why = folder.check_of("psi:carrier")["why"].as_str().unwrap().to_owned();
    assert!(why.contains("OTHER"), "{why}");
}

#[test]
fn too_few_rows_never_say_ok() {
    let folder = enrolled(WATCHED);
    folder.write(
        "few.csv",
        csv(Traffic {
            seed: 6,
            rows: 499,
            ..CALM
        }),
    );
    let ended = folder.check(&["--data", "few.csv"]);
    assert_eq!(
        (ended.code, ended.word.as_str()),
        (0, "INSUFFICIENT"),
        "{}",
        ended.log
    );
    folder.write(
        "shifted.csv",
        csv(Traffic {
            seed: 6,
            rows: 499,
            shift: 3.0,
            ..CALM
        }),
    );
    assert_eq!(
        folder.check(&["--data", "shifted.csv"]).word,
        "INSUFFICIENT",
        "no retraining on 499 rows either"
    );
    folder.write("none.csv", "id,temp,legs,carrier,score\n");
    let ended = folder.check(&["--data", "none.csv"]);
    assert_eq!(ended.word, "INSUFFICIENT", "{}", ended.log);
    assert!(
        folder.json("report.json")["reason"]
            .as_str()
            .unwrap()
            .contains("no row")
    );
    folder.write("drift.yaml", config(&format!("{WATCHED}  min_rows: 100\n")));
    assert_eq!(folder.check(&["--data", "few.csv"]).word, "OK");
}

#[test]
fn noise_on_a_small_window_is_no_drift() {
    let folder = enrolled(&format!("{WATCHED}  min_rows: 50\n"));
    // With ten bins and 60 rows an index above 0.1 is what no drift looks like.
    folder.write(
        "small.csv",
        csv(Traffic {
            seed: 7,
            rows: 60,
            ..CALM
        }),
    );
    let ended = folder.check(&["--data", "small.csv"]);
    assert_eq!(ended.word, "OK", "{}", ended.log);
    let noisy = folder.check_of("psi:temp");
    assert!(noisy["observed"].as_f64().unwrap() > 0.1, "{noisy}");
    assert_eq!(noisy["outcome"], "insufficient", "{noisy}");
}

#[test]
fn data_that_cannot_be_compared_is_named() {
    let folder = enrolled(WATCHED);
    let calm = csv(Traffic { seed: 8, ..CALM });
    let renamed = calm.replacen("temp", "temps", 1);
    let words: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| edit(line, 1, if i == 0 { "temp" } else { "warm" }))
        .collect();
    let nulls: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| edit(line, 1, if i == 0 { "temp" } else { "" }))
        .collect();
    let nan: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| edit(line, 1, if i == 0 { "temp" } else { "NaN" }))
        .collect();
    for (name, text, said) in [
        (
            "renamed.csv",
            renamed,
            "temp is missing from renamed.csv; temps is there",
        ),
        ("words.csv", words, "temp holds no readable value: 'warm"),
        ("nulls.csv", nulls, "temp is null in all 3000 rows"),
        ("nan.csv", nan, "temp holds nothing but nulls, NaN"),
    ] {
        folder.write(name, text);
        let ended = folder.check(&["--data", name]);
        assert_eq!(
            (ended.code, ended.word.as_str()),
            (0, "DATA_QUALITY"),
            "{name}: {}",
            ended.log
        );
        let reason = folder.json("report.json")["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(said), "{name}: {reason}");
        assert_eq!(folder.check_of("psi:temp")["outcome"], "fail");
        assert_eq!(
            folder.check_of("psi:legs")["outcome"],
            "pass",
            "one bad column does not stop the others"
        );
        assert_eq!(
            folder.check(&["--data", name, "--fail-on", "DATA_QUALITY"]).code,
            3
        );
    }
}

/// The rows with this number of a hundred lose the value of `temp`, or get another.
fn each_hundred(traffic: &str, of: usize, value: &str) -> String {
    let lines = traffic.lines().enumerate();
    lines
        .map(|(i, line)| match i % 100 >= 1 && i % 100 <= of {
            true => edit(line, 1, value),
            false => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn nulls_that_come_are_drift_and_a_storm_of_them_is_a_broken_feed() {
    let folder = enrolled(WATCHED);
    let calm = csv(Traffic { seed: 9, ..CALM });
    // Eight of a hundred: still the world's doing.
    folder.write("some.csv", each_hundred(&calm, 8, ""));
    assert_eq!(folder.check(&["--data", "some.csv"]).word, "RETRAIN");
    let check = folder.check_of("psi:temp");
    assert!(check["why"].as_str().unwrap().contains("NULL"), "{check}");
    assert!((check["details"]["null_rate"]["window"].as_f64().unwrap() - 0.08).abs() < 0.005);
    // A third: no model is to be trained on that.
    for (name, value, said) in [
        (
            "storm.csv",
            "",
            "temp is null in 33% of rows, 0% before; 10% more are allowed",
        ),
        (
            "words.csv",
            "n/k",
            "temp is no number in 33% of rows, 0% before; 10% more are allowed",
        ),
    ] {
        folder.write(name, each_hundred(&calm, 33, value));
        let ended = folder.check(&["--data", name]);
        assert_eq!(
            (ended.code, ended.word.as_str()),
            (0, "DATA_QUALITY"),
            "{name}: {}",
            ended.log
        );
        let reason = folder.json("report.json")["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(said), "{reason}");
    }
    // Whoever knows better says so.
    let knows = enrolled(&format!("{WATCHED}  quality: {{max_null_increase: 0.5}}\n"));
    knows.write("storm.csv", each_hundred(&calm, 33, ""));
    assert_eq!(knows.check(&["--data", "storm.csv"]).word, "RETRAIN");
}

#[test]
fn a_window_that_has_lost_most_of_its_rows_is_a_broken_feed() {
    let folder = enrolled(&format!("{WATCHED}  quality: {{min_window_rows: 2000}}\n"));
    let short = |rows: usize| {
        let calm = csv(Traffic { seed: 9, ..CALM });
        calm.lines()
            .take(rows + 1)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    folder.write("enough.csv", short(2000));
    assert_eq!(folder.check(&["--data", "enough.csv"]).word, "OK");
    folder.write("few.csv", short(1999));
    let ended = folder.check(&["--data", "few.csv"]);
    assert_eq!(ended.word, "DATA_QUALITY", "{}", ended.log);
    let reason = folder.json("report.json")["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("1999 rows, quality.min_window_rows is 2000"),
        "{reason}"
    );
}

#[test]
fn values_that_cannot_be_read_are_counted_and_named() {
    let folder = enrolled(WATCHED);
    let calm = csv(Traffic { seed: 9, ..CALM });
    // One row in a hundred that cannot be read is counted as no number, and named.
    let some: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| {
            if i % 100 == 1 {
                edit(line, 1, "n/k")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    folder.write("some.csv", some);
    folder.check(&["--data", "some.csv"]);
    let check = folder.check_of("unreadable:temp");
    assert_eq!(
        (check["observed"].as_f64(), check["outcome"].as_str()),
        (Some(30.0), Some("warn")),
        "{check}"
    );
    assert!(check["why"].as_str().unwrap().contains("n/k (line 2)"), "{check}");
}

#[test]
fn a_constant_column_that_changes_is_seen() {
    let folder = Folder::new();
    let table = |value: &str| {
        (0..600).fold(String::from("version,flag\n"), |text, row| {
            text + value + "," + if row % 2 == 0 { "true\n" } else { "false\n" }
        })
    };
    folder
        .write("drift.yaml", config(""))
        .write("train.csv", table("5"))
        .write("same.csv", table("5"));
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    assert_eq!(folder.check(&["--data", "same.csv"]).word, "OK");
    for other in ["3", "6", "5.5"] {
        folder.write("other.csv", table(other));
        assert_eq!(folder.check(&["--data", "other.csv"]).word, "RETRAIN", "{other}");
    }
}

#[test]
fn the_prediction_alerts_and_never_retrains() {
    let more = "  columns: {exclude: [id]}\n  prediction_column: score\n";
    let folder = enrolled(more);
    folder.write(
        "moved.csv",
        csv(Traffic {
            seed: 10,
            score_shift: 0.4,
            ..CALM
        }),
    );
    let ended = folder.check(&["--data", "moved.csv"]);
    assert_eq!(ended.word, "ALERT", "{}", ended.log);
    let check = folder.check_of("prediction:score");
    assert!(
        check["observed"].as_f64().unwrap() > 0.2 && check["p"].as_f64().unwrap() < 0.05,
        "{check}"
    );
    assert_eq!(check["test"], "ks");
    let calm = csv(Traffic { seed: 11, ..CALM });
    folder.write("calm.csv", &calm);
    assert_eq!(folder.check(&["--data", "calm.csv"]).word, "OK");
    // Answers that are missing move no distribution of those that are there.
    let silent: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| {
            if i % 12 == 1 {
                edit(line, 4, "")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    folder.write("silent.csv", silent);
    assert_eq!(folder.check(&["--data", "silent.csv"]).word, "ALERT");
    let check = folder.check_of("prediction:score");
    assert!(check["p"].as_f64().unwrap() > 0.05, "{check}");
    // Without the key nothing is watched, and the report says so.
    folder.write("drift.yaml", config("  columns: {exclude: [id]}\n"));
    assert_eq!(folder.check(&["--data", "moved.csv"]).word, "OK");
    assert_eq!(folder.check_of("prediction")["outcome"], "skipped");
}

#[test]
fn a_window_of_time_takes_its_rows_only() {
    let folder = Folder::new();
    let mut draw = crate::common::generator(12);
    let mut table = |hours: std::ops::Range<i64>, shift: f64| {
        let mut text = String::new();
        for hour in hours {
            for _ in 0..30 {
                let at = jiff::Timestamp::from_second(1_372_636_800 + hour * 3600).unwrap();
                text.push_str(&format!("{at},{:.4}\n", draw() + shift));
            }
        }
        text
    };
    let head = "at,x\n".to_owned();
    let (early, late) = (table(0..48, 0.0), table(48..72, 0.5));
    folder
        .write("drift.yaml", config("  time_column: at\n"))
        .write("train.csv", head.clone() + &table(0..48, 0.0))
        .write("live.csv", head + &early + &late);
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    let word = |more: &[&str]| {
        let mut args = vec!["--data", "live.csv"];
        args.extend(more);
        folder.check(&args).word
    };
    // 2013-07-01 and 02 are calm, 2013-07-03 has moved.
    assert_eq!(word(&["--as-of", "2013-07-03T00:00:00Z"]), "OK");
    assert_eq!(word(&["--as-of", "2013-07-04"]), "RETRAIN");
    let report = folder.json("report.json");
    assert_eq!(report["bindings"]["window.from"], "2013-07-03T00:00:00Z");
    assert_eq!(folder.check_of("rows:window")["observed"], 720);
    assert_eq!(word(&["--as-of", "2013-07-04", "--window", "6h"]), "INSUFFICIENT");
    assert_eq!(
        word(&[]),
        "INSUFFICIENT",
        "live traffic that has stopped is no OK"
    );
    let first = folder.json("report.json")["bindings"]["window.to"].clone();
    assert!(first.as_str().unwrap().ends_with(":00:00Z"), "{first}");
}

#[test]
fn files_of_another_time_and_files_without_a_row_break_nothing() {
    let folder = Folder::new();
    let mut draw = crate::common::generator(12);
    let mut table = |head: &str, day: i64, more: &str| {
        let mut text = format!("{head}\n");
        for row in 0..800 {
            let at = jiff::Timestamp::from_second(1_372_636_800 + day * 86_400 + row * 100).unwrap();
            text.push_str(&format!("{at},{:.4}{more}\n", draw()));
        }
        text
    };
    folder
        .write("drift.yaml", config("  time_column: at\n"))
        .write("train.csv", table("at,x,y", 0, ",1"))
        // Before the team had `y`.
        .write("live/old.csv", table("at,x", 1, ""))
        .write("live/new.csv", table("at,x,y", 2, ",1"));
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    let word = |as_of: &str| folder.check(&["--data", "live/", "--as-of", as_of]);
    assert_eq!(word("2013-07-04").word, "OK");
    // In its own window the column is missing.
    let ended = word("2013-07-03");
    assert_eq!(ended.word, "DATA_QUALITY", "{}", ended.log);
    // Traffic that has stopped is a table without a row.
    folder.write("empty/live.csv", "at,x,y\n");
    let ended = folder.check(&["--data", "empty/", "--as-of", "2013-07-04"]);
    assert_eq!(
        (ended.code, ended.word.as_str()),
        (0, "INSUFFICIENT"),
        "{}",
        ended.log
    );
}

#[test]
fn a_column_of_nulls_that_fills_is_drift() {
    let folder = Folder::new();
    let calm = csv(CALM);
    let empty: String = calm
        .lines()
        .enumerate()
        .map(|(i, line)| edit(line, 1, if i == 0 { "temp" } else { "" }))
        .collect();
    folder
        .write("drift.yaml", config(WATCHED))
        .write("train.csv", &empty)
        .write("same.csv", &empty)
        .write("filled.csv", &calm);
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    assert_eq!(folder.check(&["--data", "same.csv"]).word, "OK");
    let ended = folder.check(&["--data", "filled.csv"]);
    assert_eq!(ended.word, "RETRAIN", "{}", ended.log);
    let check = folder.check_of("psi:temp");
    // Two cells that change places: 2 (1 - 0.0001) ln 10000, by hand.
    assert!(
        (check["observed"].as_f64().unwrap() - 18.418_838).abs() < 1e-5,
        "{check}"
    );
    assert_eq!(
        (
            check["details"]["null_rate"]["baseline"].as_f64(),
            check["details"]["null_rate"]["window"].as_f64()
        ),
        (Some(1.0), Some(0.0))
    );
}

#[test]
fn rare_categories_are_pooled_before_the_test() {
    let folder = Folder::new();
    // Two frequent categories, and eighteen of which every second one is missing from the window.
    let table = |a: usize, b: usize, rare: &dyn Fn(usize) -> usize| {
        let counts = [("A".to_owned(), a), ("B".to_owned(), b)]
            .into_iter()
            .chain((0..18).map(|i| (format!("c{i:02}"), rare(i))));
        counts.fold("kind\n".to_owned(), |text, (name, rows)| {
            text + &format!("{name}\n").repeat(rows)
        })
    };
    folder
        .write("drift.yaml", config(""))
        .write("train.csv", table(1_800, 930, &|_| 15))
        .write("live.csv", table(370, 176, &|i| if i % 2 == 0 { 0 } else { 6 }));
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    assert_eq!(folder.check(&["--data", "live.csv"]).word, "OK");
    let check = folder.check_of("psi:kind");
    assert!(check["observed"].as_f64().unwrap() > 0.1, "{check}");
    // scipy.stats.chi2_contingency([[1800, 930] + [90] * 3, [370, 176] + [18] * 3], correction=False).pvalue
    for p in [&check["p"], &check["details"]["chi2"]["p"]] {
        assert!(
            (p.as_f64().unwrap() - 0.953_470_053_345_118_4).abs() < 1e-12,
            "{check}"
        );
    }
    assert_eq!(check["outcome"], "insufficient", "{check}");
}

#[test]
fn only_columns_that_may_decide_share_the_chance_of_a_false_alarm() {
    let folder = enrolled(WATCHED);
    folder.write(
        "live.csv",
        csv(Traffic {
            seed: 13,
            shift: 0.1,
            ..CALM
        }),
    );
    let rule = format!("{WATCHED}  severity: [{{columns: [legs, carrier], at_most: report}}]\n");
    folder.write("drift.yaml", config(&rule));
    folder.check(&["--data", "live.csv"]);
    let of = |column: &str| folder.check_of(&format!("psi:{column}"));
    for (column, correction) in [
        ("temp", "benjamini-hochberg"),
        ("legs", "none: it decides nothing"),
    ] {
        let check = of(column);
        assert_eq!(check["p"], check["p_adjusted"], "{check}");
        assert_eq!(check["details"]["correction"], correction);
    }
}

#[test]
fn long_categories_are_compared_and_cut_where_they_are_shown() {
    let folder = Folder::new();
    let long = |end: &str| "y".repeat(3_000) + end;
    let table = |first: &str| {
        (0..600).fold("text\n".to_owned(), |text, row| {
            text + &long(if row % 3 == 0 { first } else { "b" }) + "\n"
        })
    };
    folder
        .write("drift.yaml", config(""))
        .write("train.csv", table("a"))
        .write("same.csv", table("a"))
        .write("other.csv", table("c"));
    assert_eq!(folder.enroll(&["--data", "train.csv"]).code, 0);
    assert_eq!(folder.check(&["--data", "same.csv"]).word, "OK");
    assert_eq!(folder.check_of("psi:text")["observed"], 0.0);
    assert_eq!(folder.check(&["--data", "other.csv"]).word, "RETRAIN");
    for name in ["baseline.json", "report.json", "report.md", "report.html"] {
        assert!(!folder.read(name).contains(&"y".repeat(201)), "{name}");
    }
}

/// A line with one field replaced.
fn edit(line: &str, field: usize, value: &str) -> String {
    let mut fields: Vec<&str> = line.split(',').collect();
    fields[field] = value;
    fields.join(",") + "\n"
}
