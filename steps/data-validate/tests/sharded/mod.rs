//! From tables to shards, their profiles, and a verdict by these.

use std::path::Path;

use super::run::{Ran, run_in, run_other};

#[track_caller]
fn ends(ran: &Ran, word: &str) {
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), word), "{}", ran.stderr);
}

/// Shards, their profiles and the merged one, below a directory.
pub(crate) struct Sharded<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) suite: &'a str,
    /// Flags of `profile` and of `check` more.
    pub(crate) more: Vec<String>,
}

impl Sharded<'_> {
    pub(crate) fn at(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(crate) fn cut(&self, data: &[String], count: usize) -> Vec<String> {
        let flags = [
            "shards".to_owned(),
            format!("--suite={}", self.suite),
            format!("--shards={count}"),
            format!("--output={}", self.at("shards.json")),
            format!("--list={}", self.at("list")),
        ];
        let args: Vec<&str> = flags.iter().chain(data).map(String::as_str).collect();
        let ran = run_other(&args);
        ends(&ran, "SHARDED");
        serde_json::from_str(&std::fs::read_to_string(self.at("list")).unwrap()).unwrap()
    }

    pub(crate) fn profile(&self, shard: &str, output: &str) -> Ran {
        let flags = [
            "profile".to_owned(),
            format!("--suite={}", self.suite),
            format!("--shards={}", self.at("shards.json")),
            format!("--shard={shard}"),
            format!("--output={}", self.at(output)),
        ];
        let args: Vec<&str> = flags.iter().chain(&self.more).map(String::as_str).collect();
        run_other(&args)
    }

    pub(crate) fn merge(&self, from: &str, to: &str) -> Ran {
        run_other(&[
            "merge",
            &format!("--profiles={}", self.at(from)),
            &format!("--output={}", self.at(to)),
        ])
    }

    /// From the tables to the verdict.
    pub(crate) fn check(&self, data: &[String], count: usize) -> Ran {
        for shard in self.cut(data, count) {
            let ran = self.profile(&shard, &format!("profiles/{shard}.json"));
            ends(&ran, "PROFILED");
        }
        let ran = self.merge("profiles", "merged.json");
        ends(&ran, "MERGED");
        self.judge("merged.json")
    }

    pub(crate) fn judge(&self, profile: &str) -> Ran {
        run_in(
            tempfile::tempdir().unwrap(),
            &[
                "check",
                &format!("--suite={}", self.suite),
                &format!("--profile-only={}", self.at(profile)),
            ],
        )
    }
}
