//! 200 suites over small tables with all that real ones have: each rule's verdict, and the number that goes with it, is held
//! to what Great Expectations, pandera and DuckDB say (`data/corpus/make.py`). Where ours is another one,
//! `data/corpus/differences.json` says why and by how much; nothing else may differ, and what is listed must.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::collections::{BTreeMap, BTreeSet};

use run::file;
use serde::Deserialize;
use serde_json::Value;

/// A suite, the tables that it is for, and what the others say of its rules.
#[derive(Deserialize)]
struct Case {
    data: BTreeMap<String, String>,
    suite: Value,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    check: String,
    kind: String,
    /// What is known of the data, as numbers that are not zero.
    facts: BTreeMap<String, f64>,
    /// By the name of the program.
    said: BTreeMap<String, Answer>,
}

/// A verdict, and the number of bad rows or the figure, where there is one. Of theirs, `"nan"`, `"inf"` and `"none"` say
/// that there is no such number.
type Answer = (bool, Value);

/// Why a verdict or a number of ours is another one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// The name that the guide has for it.
    name: String,
    peers: BTreeSet<String>,
    kinds: BTreeSet<String>,
    /// It is there when each of these facts is.
    when: Vec<String>,
    /// And none of these.
    #[serde(default)]
    unless: Vec<String>,
    /// What our number has more than theirs: so many times a fact. Without it, that it is another one is all.
    #[serde(default)]
    more: Option<BTreeMap<String, f64>>,
}

impl Difference {
    fn is_of(&self, rule: &Rule, peer: &str) -> bool {
        let has = |fact: &String| rule.facts.contains_key(fact);
        self.peers.contains(peer)
            && self.kinds.contains(&rule.kind)
            && self.when.iter().all(has)
            && !self.unless.iter().any(has)
    }

    fn more(&self, rule: &Rule) -> Option<f64> {
        let more = self.more.as_ref()?;
        Some(
            more.iter()
                .map(|(fact, times)| times * rule.facts.get(fact).copied().unwrap_or_default())
                .sum(),
        )
    }
}

/// What our report says of a rule.
fn ours(rule: &Rule, checks: &[Value]) -> Answer {
    let of = |check: &&Value| check["id"] == *rule.check;
    let check = checks
        .iter()
        .find(of)
        .unwrap_or_else(|| panic!("no check {}", rule.check));
    let details = &check["details"];
    let number = match rule.kind.as_str() {
        "null_rate" => &details["nulls"],
        "references" => &details["orphan_rows"],
        _ if details["bad"].is_number() => &details["bad"],
        _ => &check["observed"],
    };
    (check["outcome"] == "pass", number.clone())
}

/// Whether two figures are one, but for the order in which they were summed up.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

fn same(ours: &Answer, theirs: &Answer) -> bool {
    let numbers = match (ours.1.as_f64(), theirs.1.as_f64()) {
        (Some(ours), Some(theirs)) => close(ours, theirs),
        (Some(_), None) => theirs.1.is_null(),
        (None, _) => true,
    };
    ours.0 == theirs.0 && numbers
}

/// What is wrong with an answer of ours beside one of theirs; `seen` are the differences that were found.
fn fault(
    rule: &Rule,
    peer: &str,
    ours: &Answer,
    known: &[Difference],
    seen: &mut BTreeSet<usize>,
) -> Option<String> {
    let theirs = &rule.said[peer];
    let listed = known
        .iter()
        .enumerate()
        .filter(|(_, known)| known.is_of(rule, peer));
    let listed: Vec<(usize, &Difference)> = listed.collect();
    let names: Vec<&str> = listed.iter().map(|(_, known)| known.name.as_str()).collect();
    match (listed.is_empty(), same(ours, theirs)) {
        (true, true) => return None,
        (true, false) => return Some("differ, and no difference is listed".to_owned()),
        (false, true) => {
            return Some(format!(
                "are the same, and yet `{}` is listed",
                names.join("`, `")
            ));
        }
        (false, false) => seen.extend(listed.iter().map(|(index, _)| index)),
    }
    let more: Option<f64> = listed.iter().map(|(_, known)| known.more(rule)).sum();
    let (Some(more), Some((ours, theirs))) = (more, ours.1.as_f64().zip(theirs.1.as_f64())) else {
        return None;
    };
    let explained = close(ours, theirs + more);
    (!explained).then(|| format!("differ otherwise than by the {more} of `{}`", names.join("`, `")))
}

#[test]
fn others_say_the_same_of_200_suites_or_it_is_known_why_not() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/corpus/suites.json")).unwrap();
    let known: Vec<Difference> = serde_json::from_str(include_str!("data/corpus/differences.json")).unwrap();
    assert_eq!(cases.len(), 200);
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    let mut compared: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let report = checked(case);
        let checks = report["checks"].as_array().unwrap();
        for rule in &case.rules {
            let ours = ours(rule, checks);
            for (peer, theirs) in &rule.said {
                compared.entry(peer).or_default()[usize::from(theirs.0)] += 1;
                if let Some(fault) = fault(rule, peer, &ours, &known, &mut seen) {
                    let Rule { check, facts, .. } = rule;
                    wrong.push(format!(
                        "{index} {check} {facts:?}: {ours:?} and {theirs:?} of {peer} {fault}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    let stale = known
        .iter()
        .enumerate()
        .filter(|(index, _)| !seen.contains(index));
    let stale: Vec<&str> = stale.map(|(_, known)| known.name.as_str()).collect();
    assert!(stale.is_empty(), "nothing differs so: {stale:?}");
    for (peer, least) in [("gx", 400), ("pandera", 400), ("duckdb", 500), ("plain", 5)] {
        assert!(compared[peer].iter().all(|count| *count > least), "{compared:?}");
    }
}

fn checked(case: &Case) -> Value {
    let dir = tempfile::tempdir().unwrap();
    // JSON is YAML.
    let suite = format!("--suite={}", file(&dir, "suite.yaml", case.suite.to_string()));
    let data = case
        .data
        .iter()
        .map(|(table, file)| format!("--data={table}=data/corpus/{file}"));
    let args: Vec<String> = ["check".to_owned(), suite].into_iter().chain(data).collect();
    let ran = run::run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(matches!(ran.exit, Some(0 | 3)), "{}", ran.stderr);
    ran.report()
}

/// The guide lists each of them by its name.
#[test]
fn the_guide_says_where_it_differs() {
    let known: Vec<Difference> = serde_json::from_str(include_str!("data/corpus/differences.json")).unwrap();
    let guide = include_str!("../../../docs/guides/validation.md");
    for known in known {
        assert!(guide.contains(&format!("**{}**", known.name)), "{}", known.name);
    }
}
