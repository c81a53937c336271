//! Suites of other programs, brought over.
//!
//! Each form is read into rules of one neutral model ([`suite`]), which are put together and written as a suite of ours.
//! Every rule of the source ends in one of four ways, and the report and the comments of the suite say which: it is
//! translated; it is only partly, where what is written asks less than the source did; it asks nothing of the data; or it
//! is not translated. Unless `--allow-partial` is given, a rule that is not wholly translated ends everything.

pub mod condition;
pub mod dbt;
pub mod gx;
pub mod odcs;
pub mod pandera;
pub mod suite;
pub mod tfdv;
pub mod types;
pub mod value;

use std::fmt::Write as _;

use artifact_store::Location;
use provenance::Digest;
use step_contract::{CommandKind, CommandSpec, ConfigError, Exit, OutArtifact, VerdictSpec};
use step_report::{Cell, Input, Report, Table};
use step_runtime::{Context, Finished, StepError};

use crate::cli::{From, ImportArgs};
use crate::config::Suite;
use suite::{Draft, Piece};

/// The part of the contract.
pub const SPEC: CommandSpec = CommandSpec {
    name: "import",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "IMPORTED",
            exit: Exit::Yes,
            meaning: "every rule is translated",
        },
        VerdictSpec {
            word: "PARTIAL",
            exit: Exit::Yes,
            meaning: "with `--allow-partial`: some rules are not, or not wholly, and are listed",
        },
    ],
    rbac: &[],
    // A person's tool: what it writes is read, mended and committed.
    template: None,
};

/// The largest document that is read, in bytes.
const LARGEST: usize = 32 << 20;

/// A document of another program.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name, for messages.
    pub file: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// The table that the suite is for.
    pub table: &'a str,
}

impl Source<'_> {
    /// A fault of the document as a whole, or of one place in it.
    #[must_use]
    pub fn fault(&self, field: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.text, field, message)
    }
}

/// What a rule means here.
#[derive(Debug, Clone, Default)]
pub struct Meaning {
    /// The parts of our suite; none where nothing is asked.
    pub pieces: Vec<Piece>,
    /// What a reader should know of it; why nothing is asked.
    pub note: Option<String>,
    /// What the source asked beyond that.
    pub lost: Option<String>,
    /// Columns of a key: where one of them may be null, `lost` holds, else it does not.
    pub key: Vec<String>,
}

impl Meaning {
    /// The same as the source.
    #[must_use]
    pub fn rules(pieces: impl Into<Vec<Piece>>) -> Self {
        Self {
            pieces: pieces.into(),
            ..Self::default()
        }
    }

    /// Nothing that data could fail.
    #[must_use]
    pub fn nothing(why: impl Into<String>) -> Self {
        Self {
            note: Some(why.into()),
            ..Self::default()
        }
    }

    /// With a remark.
    #[must_use]
    pub fn noted(mut self, note: Option<impl Into<String>>) -> Self {
        self.note = note.map(Into::into).or(self.note);
        self
    }

    /// With what is lost.
    #[must_use]
    pub fn losing(mut self, what: impl Into<String>) -> Self {
        self.lost = Some(what.into());
        self
    }

    /// A key of several columns. Where one is null other programs compare the row all the same, and this one does not.
    #[must_use]
    pub fn key(columns: Vec<String>, severity: step_report::Severity) -> Self {
        Self {
            pieces: vec![Piece::Unique(columns.clone(), severity)],
            lost: Some("rows with a null in the key are not compared here".to_owned()),
            key: columns,
            ..Self::default()
        }
    }
}

/// A rule of the source.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it stands: a path such as `expectations[3]`, or a line.
    pub place: String,
    /// What it is called.
    pub rule: String,
    /// What it means here, or why it means nothing here.
    pub meaning: Result<Meaning, String>,
}

impl Found {
    /// A rule at a place.
    #[must_use]
    pub fn new(place: impl Into<String>, rule: impl Into<String>, meaning: Result<Meaning, String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
            meaning,
        }
    }
}

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Translated,
    Partly,
    Nothing,
    Not,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Translated => "translated",
            Self::Partly => "partly",
            Self::Nothing => "asks nothing",
            Self::Not => "not translated",
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Translated | Self::Nothing)
    }
}

/// A row of the table of what became of the rules.
#[derive(Debug, Clone)]
struct Row {
    place: String,
    rule: String,
    end: End,
    here: String,
    note: String,
}

impl Row {
    /// Its name between two marks, where the place does not say it already.
    fn named(&self, before: &str, after: &str) -> String {
        if self.rule.is_empty() || self.place.ends_with(&self.rule) {
            String::new()
        } else {
            format!("{before}{}{after}", self.rule)
        }
    }

    fn said(&self) -> String {
        format!("{}{}: {}", self.place, self.named(" (", ")"), self.note)
    }
}

/// Runs `import`.
///
/// # Errors
/// Exit 2: the document cannot be read, is of another form, or holds a rule that is not wholly translated while
/// `--allow-partial` is not given; the sentence names every such rule, and nothing is written.
pub async fn run(args: &ImportArgs, cx: &Context) -> Result<Finished, StepError> {
    let output: OutArtifact = args
        .output
        .parse()
        .map_err(|error| StepError::usage(format!("--output: {error}")))?;
    if args.output == args.file {
        return Err(StepError::usage(format!(
            "--output {}: is the document that is read",
            args.output
        )));
    }
    let location: Location = args
        .file
        .parse()
        .map_err(|error| StepError::usage(format!("{}: {error}", args.file)))?;
    let bytes = cx.store.read(&location).await?;
    if bytes.len() > LARGEST {
        let what = format!(
            "{location}: is larger than {} MiB, which no suite is",
            LARGEST >> 20
        );
        return Err(StepError::usage(what));
    }
    let digest = provenance::digest_bytes(&bytes);
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| StepError::usage(format!("{location}: is not UTF-8 text")))?;
    let (args, spare) = (args.clone(), cx.report());
    let made = cx
        .apart(move || bring(&args, location.file_name(), &text, &digest, spare))
        .await??;
    let Made {
        report,
        yaml,
        verdict,
        file,
    } = made;
    let statement = cx.statement().material(&file, &digest);
    Ok(Finished::decision(verdict, report, statement).with_output(&output, yaml.into_bytes()))
}

struct Made {
    report: Report,
    yaml: String,
    verdict: &'static str,
    file: String,
}

fn bring(
    args: &ImportArgs,
    file: &str,
    text: &str,
    digest: &Digest,
    report: Report,
) -> Result<Made, StepError> {
    let source = Source {
        file,
        text,
        table: &args.table,
    };
    let found = match args.from {
        From::Gx => gx::read(&source),
        From::Pandera => pandera::read(&source),
        From::Dbt => dbt::read(&source),
        From::Tfdv => tfdv::read(&source),
        From::Odcs => odcs::read(&source),
    };
    let found = found.map_err(|error| guessed(error, args.from, text))?;
    let (draft, mut rows) = assemble(&args.table, found);
    lines(&mut rows, &source);
    let open: Vec<&Row> = rows.iter().filter(|row| !row.end.is_whole()).collect();
    let asking = rows.iter().filter(|row| row.end != End::Nothing).count();
    let report = described(report, args, digest, &rows);
    if asking == 0 {
        return Err(StepError::usage(format!(
            "{file}: holds no rule about data, so there is nothing to import"
        ))
        .with_report(report));
    }
    let said = open.iter().map(|row| row.said()).collect::<Vec<_>>().join("; ");
    if !(open.is_empty() || args.allow_partial) {
        let what = format!(
            "{file}: {} of {asking} rules cannot be translated wholly, so nothing was written (--allow-partial writes the others): {said}",
            open.len()
        );
        return Err(StepError::usage(what).with_report(report));
    }
    let written = rows
        .iter()
        .filter(|row| matches!(row.end, End::Translated | End::Partly))
        .count();
    if written == 0 {
        return Err(StepError::usage(format!(
            "{file}: not one of {asking} rules can be translated: {said}"
        ))
        .with_report(report));
    }
    let yaml = format!("{}{}", comments(args, file, &rows), draft.to_yaml());
    Suite::read("suite.yaml", &yaml).map_err(|error| {
        StepError::internal(format!(
            "{file}: the suite that was made of it cannot be read: {error}"
        ))
    })?;
    let (verdict, reason) = if open.is_empty() {
        ("IMPORTED", format!("all {asking} rules of {file} are translated"))
    } else {
        (
            "PARTIAL",
            format!(
                "{} of {asking} rules of {file} are not, or not wholly, translated: {said}",
                open.len()
            ),
        )
    };
    Ok(Made {
        report: report.verdict(verdict, reason),
        yaml,
        verdict,
        file: args.file.clone(),
    })
}

/// A document that is of another form than was said: which it may be.
fn guessed(error: ConfigError, from: From, text: &str) -> StepError {
    let looks = |from: From| match from {
        From::Gx => text.contains("expectations\"") || text.contains("expectations:"),
        From::Pandera => text.contains("schema_type"),
        From::Dbt => text.contains("models:") || text.contains("sources:"),
        From::Tfdv => text.lines().any(|line| line.starts_with("feature")),
        From::Odcs => text.contains("DataContract"),
    };
    let other = [From::Gx, From::Pandera, From::Odcs, From::Tfdv, From::Dbt]
        .into_iter()
        .find(|form| looks(*form));
    match other.filter(|other| *other != from) {
        Some(other) => StepError::usage(format!("{error}; it looks like one for --from {}", other.word())),
        None => error.into(),
    }
}

/// Puts rule after rule into a suite.
fn assemble(table: &str, found: Vec<Found>) -> (Draft, Vec<Row>) {
    let mut draft = Draft::new(table);
    let mut rows = Vec::new();
    let mut keys = Vec::new();
    for Found { place, rule, meaning } in found {
        let (end, here, note) = match meaning {
            Err(why) => (End::Not, String::new(), why),
            Ok(meaning) if meaning.pieces.is_empty() => {
                (End::Nothing, String::new(), meaning.note.unwrap_or_default())
            }
            Ok(meaning) => match draft.add(&meaning.pieces) {
                Err(why) => (End::Not, String::new(), why),
                Ok(places) => {
                    let here = places.join(", ");
                    if !meaning.key.is_empty() {
                        keys.push((rows.len(), meaning.key));
                    }
                    match (meaning.lost, meaning.note) {
                        (Some(lost), note) => (
                            End::Partly,
                            here,
                            note.map_or(lost.clone(), |note| format!("{lost}; {note}")),
                        ),
                        (None, note) => (End::Translated, here, note.unwrap_or_default()),
                    }
                }
            },
        };
        rows.push(Row {
            place,
            rule,
            end,
            here,
            note,
        });
    }
    for (index, key) in keys {
        if key.iter().all(|column| draft.is_never_null(column)) {
            rows[index].end = End::Translated;
            rows[index].note = String::new();
        }
    }
    (draft, rows)
}

/// Names the lines of what is not translated; each costs a look at the whole document, so that not all are named.
fn lines(rows: &mut [Row], source: &Source<'_>) {
    for row in rows.iter_mut().filter(|row| !row.end.is_whole()).take(25) {
        if let Some(line) = source.fault(&row.place, "").line() {
            row.place = format!("line {line}, {}", row.place);
        }
    }
}

/// The report, with the table.
fn described(report: Report, args: &ImportArgs, digest: &Digest, rows: &[Row]) -> Report {
    let mut table = Table::new("Rules", ["place", "rule", "end", "here", "note"]);
    for row in rows {
        table.push([
            Cell::text(&row.place),
            Cell::text(&row.rule),
            Cell::text(row.end.word()),
            Cell::text(&row.here),
            Cell::text(&row.note),
        ]);
    }
    let mut report = report
        .with_parameter("from", args.from.word())
        .with_parameter("table", args.table.as_str())
        .with_parameter("allow_partial", args.allow_partial)
        .with_section(table);
    report
        .inputs
        .push(Input::new("source", &args.file).digest(digest));
    report
}

/// What stands above the suite.
fn comments(args: &ImportArgs, file: &str, rows: &[Row]) -> String {
    let count = |end: End| rows.iter().filter(|row| row.end == end).count();
    let mut out = format!(
        "# Imported from {} by `data-validate import --from {}`.\n",
        one_line(file),
        args.from.word()
    );
    _ = writeln!(
        out,
        "# Rules: {} translated, {} partly, {} not translated, {} that ask nothing of the data.",
        count(End::Translated),
        count(End::Partly),
        count(End::Not),
        count(End::Nothing)
    );
    out.push_str("# Stricter here: a rule that finds no value to judge fails, and so does a table without rows; NaN is a value.\n#\n");
    for row in rows {
        let rule = one_line(&row.named(" ", ""));
        let here = if row.here.is_empty() {
            String::new()
        } else {
            format!(" -> {}", one_line(&row.here))
        };
        let note = if row.note.is_empty() {
            String::new()
        } else {
            format!(" ({})", one_line(&row.note))
        };
        _ = writeln!(
            out,
            "# {:<14}  {}{rule}{here}{note}",
            row.end.word(),
            one_line(&row.place)
        );
    }
    out
}

/// A comment ends with its line, whatever the text says.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|next| {
            if next.is_control() || matches!(next, '\u{2028}' | '\u{2029}' | '\u{feff}') {
                ' '
            } else {
                next
            }
        })
        .collect()
}
