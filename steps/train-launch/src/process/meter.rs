//! How far training is: told by training in a file, or read off what it prints.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;

use super::tail::From;

/// Bytes of a line that are looked at.
const WIDTH: usize = 2_000;
/// What this program prints, and a launcher that follows its pod reads.
const TOLD: &str = r"\btraining progress (?<step>\d+)/(?<total>\d+)\b";
/// What training codes print, what says most first: their own word, epochs, steps by any name, a bar of tqdm.
const KNOWN: [&str; 4] = [
    r"(?i)\bprogress[\s:=]*\[?(?<step>\d+)\s*(?:/|of)\s*(?<total>\d+)\b",
    r"(?i)\bepochs?[\s:=#\[]*(?<step>\d+)\s*(?:/|of)\s*(?<total>\d+)\b",
    r"(?i)\b(?:global_?)?(?:step|iter|iteration|round|trial|tree|fold|batch)(?:e?s)?[\s:=#\[]*(?<step>\d+)\s*(?:/|of)\s*(?<total>\d+)\b",
    r"\d%\|[^|]*\|\s*(?<step>\d+)/(?<total>\d+)\s",
];

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Steps done.
    pub step: u64,
    /// Steps in all; more than none.
    pub total: u64,
}

impl Steps {
    fn of(step: &str, total: &str) -> Option<Self> {
        let (step, total) = (step.parse().ok()?, total.parse().ok()?);
        (total > 0 && step <= total).then_some(Self { step, total })
    }

    /// `12/100`.
    fn read(text: &str) -> Option<Self> {
        let (step, total) = text.trim().split_once('/')?;
        Self::of(step.trim(), total.trim())
    }

    fn percent(self) -> u64 {
        self.step.saturating_mul(100) / self.total
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.step, self.total)
    }
}

/// Reads steps off lines. A kind of line that says more is kept to once it was seen: a bar within an epoch does not hide
/// the epochs.
#[derive(Debug)]
pub(crate) struct Reader {
    patterns: Vec<Regex>,
    total: Option<u64>,
}

impl Reader {
    /// Of what training prints: by the team's pattern, with a total where the lines have none; or by what is known.
    ///
    /// # Errors
    /// The pattern cannot be used.
    pub(crate) fn of_training(pattern: Option<&str>, total: Option<u64>) -> Result<Self, String> {
        let Some(pattern) = pattern else {
            return Ok(Self {
                patterns: KNOWN.iter().filter_map(|known| Regex::new(known).ok()).collect(),
                total: None,
            });
        };
        let pattern = Regex::new(pattern).map_err(|error| format!("--progress-pattern: {error}"))?;
        let has = |name| pattern.capture_names().flatten().any(|known| known == name);
        if !has("step") {
            return Err(format!(
                "--progress-pattern `{pattern}` has no group `step`, such as in `round (?<step>\\d+)/(?<total>\\d+)`"
            ));
        }
        if has("total") == total.is_some() {
            return Err(format!(
                "--progress-pattern `{pattern}`: the total comes either from a group `total` or from --progress-total"
            ));
        }
        Ok(Self {
            patterns: vec![pattern],
            total,
        })
    }

    /// Of what this program prints in a Job's pod.
    pub(crate) fn of_launcher() -> Self {
        Self {
            patterns: Regex::new(TOLD).into_iter().collect(),
            total: None,
        }
    }

    /// The steps that a line tells.
    pub(crate) fn line(&mut self, line: &str) -> Option<Steps> {
        let (rank, found) = self.patterns.iter().enumerate().find_map(|(rank, pattern)| {
            // A line that is many, as bars are, says it last.
            let last = pattern.captures_iter(line).last()?;
            let total = last.name("total").map(|total| total.as_str().to_owned());
            let total = total.or(self.total.map(|total| total.to_string()))?;
            Some((rank, Steps::of(last.name("step")?.as_str(), &total)?))
        })?;
        self.patterns.truncate(rank + 1);
        Some(found)
    }
}

/// Takes what training prints and the file that it may write, and tells every news.
#[derive(Clone)]
pub(crate) struct Meter {
    file: PathBuf,
    state: Arc<Mutex<State>>,
    tell: Arc<dyn Fn(Steps) + Send + Sync>,
}

struct State {
    /// None once the file has told: it is what training means to say.
    reader: Option<Reader>,
    open: [Vec<u8>; 2],
    told: Option<Steps>,
}

impl Meter {
    /// Of these lines and this file; `tell` is given every news.
    pub(crate) fn new(reader: Reader, file: PathBuf, tell: impl Fn(Steps) + Send + Sync + 'static) -> Self {
        Self {
            file,
            state: Arc::new(Mutex::new(State {
                reader: Some(reader),
                open: Default::default(),
                told: None,
            })),
            tell: Arc::new(tell),
        }
    }

    /// Where training may write `12/100`.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Takes what was printed next.
    pub(crate) fn push(&self, from: From, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { reader, open, told } = &mut *state;
        let Some(reader) = reader else { return };
        let [out, err] = open;
        let open = match from {
            From::Out => out,
            From::Err => err,
        };
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    if let Some(steps) = reader.line(&String::from_utf8_lossy(open)) {
                        self.news(told, steps);
                    }
                    open.clear();
                }
                _ if open.len() < WIDTH => open.push(*byte),
                _ => {}
            }
        }
    }

    /// Looks into the file.
    pub(crate) fn look(&self) {
        let Ok(text) = std::fs::read_to_string(&self.file) else {
            return;
        };
        // Half written, it is read the next time.
        let Some(steps) = Steps::read(&text) else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reader = None;
        self.news(&mut state.told, steps);
    }

    fn news(&self, told: &mut Option<Steps>, steps: Steps) {
        if *told != Some(steps) {
            // In a pod this line is how the launcher outside learns of it; whole per cents do.
            if told.is_none_or(|told| told.total != steps.total || told.percent() != steps.percent()) {
                tracing::info!("training progress {steps}");
            }
            *told = Some(steps);
            (self.tell)(steps);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Reader, line: &str) -> String {
        reader
            .line(line)
            .map(|steps| steps.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn reads_what_training_codes_print() {
        for (line, steps) in [
            ("progress: 12/100", "12/100"),
            ("Epoch 3/10", "3/10"),
            ("Epoch [3/10], Step [100/600], Loss: 0.25", "3/10"),
            ("epoch 3 of 10 done", "3/10"),
            ("INFO global_step=40/2000 loss=1.2", "40/2000"),
            ("[Trial 7/50] score 0.9", "7/50"),
            (" 45%|████▌     | 450/1000 [00:10<00:12, 44.00it/s]", "450/1000"),
            ("loaded shard 3/4", ""),
            ("http://x/epoch/3/10", ""),
            ("epoch 11/10", ""),
            ("epoch 0/0", ""),
            ("[100]\tvalid_0's auc: 0.71", ""),
            ("steps/second 3/4", ""),
        ] {
            let mut reader = Reader::of_training(None, None).unwrap();
            assert_eq!(read(&mut reader, line), steps, "{line}");
        }
        assert_eq!(
            Reader::of_training(None, None).unwrap().patterns.len(),
            KNOWN.len()
        );
    }

    #[test]
    fn a_bar_within_an_epoch_does_not_hide_the_epochs() {
        let mut reader = Reader::of_training(None, None).unwrap();
        assert_eq!(read(&mut reader, "10%|█ | 1/10 [00:10<00:12]"), "1/10");
        assert_eq!(read(&mut reader, "Epoch 1/3"), "1/3");
        assert_eq!(read(&mut reader, "20%|█ | 2/10 [00:10<00:12]"), "");
        assert_eq!(read(&mut reader, "step 5/10"), "");
        assert_eq!(read(&mut reader, "Epoch 2/3"), "2/3");
    }

    #[test]
    fn a_team_has_its_own_pattern() {
        let mut reader = Reader::of_training(Some(r"^\[(?<step>\d+)\]\s"), Some(500)).unwrap();
        assert_eq!(read(&mut reader, "[100]\tvalid_0's auc: 0.71"), "100/500");
        assert_eq!(read(&mut reader, "epoch 1/3"), "");
        for (pattern, total, why) in [
            ("(", None, "--progress-pattern: regex parse error"),
            (r"(\d+)/(\d+)", None, "has no group `step`"),
            (
                r"(?<step>\d+)",
                None,
                "either from a group `total` or from --progress-total",
            ),
            (
                r"(?<step>\d+)/(?<total>\d+)",
                Some(3),
                "either from a group `total` or from --progress-total",
            ),
        ] {
            let said = Reader::of_training(Some(pattern), total).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn what_this_program_says_in_a_pod_is_read_outside() {
        let mut reader = Reader::of_launcher();
        let said = "2026-11-30T20:00:00Z  INFO train_launch::process::meter: training progress 12/100";
        assert_eq!(read(&mut reader, said), "12/100");
        assert_eq!(
            read(&mut reader, r#"{"message":"training progress 13/100"}"#),
            "13/100"
        );
        assert_eq!(read(&mut reader, "Epoch 1/3"), "");
    }

    #[test]
    fn the_file_goes_before_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = Arc::clone(&told);
        let meter = Meter::new(
            Reader::of_training(None, None).unwrap(),
            dir.path().join("progress"),
            move |steps| keep.lock().unwrap().push(steps.to_string()),
        );
        meter.look();
        meter.push(From::Out, b"Epoch 1/3\nEpo");
        meter.push(From::Err, b"Epoch 9/9");
        meter.push(From::Out, b"ch 2/3\rEpoch 2/3\r");
        std::fs::write(meter.file(), "40").unwrap();
        meter.look();
        std::fs::write(meter.file(), "40/2000\n").unwrap();
        meter.look();
        meter.look();
        meter.push(From::Out, b"Epoch 3/3\n");
        assert_eq!(*told.lock().unwrap(), ["1/3", "2/3", "40/2000"]);
    }
}
