//! What may be asked.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use step_contract::{InArtifact, OutArtifact, OutParameter};
use step_runtime::{CommonArgs, DecisionArgs};

use crate::gather::memory::Memory;
use crate::gather::withhold::Show;
use crate::window::Window;

/// Validates datasets before a GPU is spent on them.
#[derive(Debug, Parser)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks tables against a suite, pins and digests what was read.
    Check(Box<CheckArgs>),
    /// Cuts the files of tables into shards, for machines that profile them side by side.
    Shards(Box<ShardsArgs>),
    /// Profiles tables, or a shard of them.
    Profile(Box<ProfileArgs>),
    /// Puts the profiles of shards together.
    Merge(Box<MergeArgs>),
    /// Brings a suite of another program over into a suite of ours.
    Import(Box<ImportArgs>),
    /// Makes a suite of a profile, with the reason of each rule beside it, for a person to edit.
    Infer(Box<InferArgs>),
    /// Says what changed between two profiles, and what of it is beyond chance.
    Diff(Box<DiffArgs>),
}

/// The arguments of `check`.
#[derive(Debug, Clone, ClapArgs)]
pub struct CheckArgs {
    /// A table as `name=location`; the location is a file, a directory or prefix, a glob, or a version: `dvc:path@rev`,
    /// `delta:table@vN`, `lakefs://repository/ref/path`, `s3://bucket/key?versionId=ID`. Give it once a table, or all in
    /// one value, one a line.
    #[arg(
        long,
        required_unless_present = "profile_only",
        value_delimiter = '\n',
        value_name = "NAME=LOCATION"
    )]
    pub data: Vec<String>,
    /// Judge by this profile, which `profile` or `merge` has written, and read no data: for tables that machines have
    /// profiled side by side.
    #[arg(long, conflicts_with_all = ["data", "window", "fail_fast", "no_digest", "quarantine", "sample_fraction"], value_name = "LOCATION")]
    pub profile_only: Option<InArtifact>,
    /// The suite: what the data must look like.
    #[arg(long, default_value = "/config/validation.yaml", value_name = "LOCATION")]
    pub suite: InArtifact,
    /// The record of the exact bytes that were validated; written when the verdict is PASS or WARN.
    #[arg(long, default_value = "/out/dataset.json", value_name = "LOCATION")]
    pub dataset: OutArtifact,
    /// The profile of every column that was read, mergeable with others.
    #[arg(long, default_value = "/out/profile.json", value_name = "LOCATION")]
    pub profile: OutArtifact,
    /// What the team calls this version of the data; without it, the digest of the dataset.
    #[arg(long, value_name = "TEXT")]
    pub data_version: Option<String>,
    /// Stop as soon as the footers of the files say no (columns, types, rows), before a row is read: the report then has
    /// what they decided, and names no digest.
    #[arg(long)]
    pub fail_fast: bool,
    /// Judge the data and do not record them: no digest is taken, and with `--profile=` (a profile is of every column) no
    /// column is fetched but those that rules are about. There is then no `dataset.json`, so nothing is trained on this
    /// verdict.
    #[arg(long, conflicts_with = "quarantine")]
    pub no_digest: bool,
    /// The result also as Great Expectations writes it, for what reads `ExpectationSuiteValidationResult`.
    #[arg(long, value_name = "LOCATION")]
    pub gx_result: Option<String>,
    /// Write the good and the bad rows of each table apart, below this directory or prefix: bad are those that miss a rule
    /// asked of each row. `quarantine.json` there, written last, names the files.
    #[arg(long, value_name = "LOCATION", conflicts_with = "sample_fraction")]
    pub quarantine: Option<String>,
    /// Look at this share of the rows alone, above 0 and below 1: rules about every row become estimates, and what a sample
    /// cannot decide counts as a miss. The report says so at its top. Tables that are looked up stay whole.
    #[arg(long, value_parser = share, value_name = "SHARE")]
    pub sample_fraction: Option<f64>,
    /// Which rows are looked at, and how they are read and shown.
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Which rows are looked at, and how they are read and shown.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReadArgs {
    /// A profile as `name=location` that a `distribution` of the suite names as its `reference`, in place of a table: one that
    /// `profile --histograms` has written. Give it once a profile, or all in one value, one a line.
    #[arg(long, value_delimiter = '\n', value_name = "NAME=LOCATION")]
    pub reference: Vec<String>,
    /// Only rows of the last so long before `--as-of`: 90d, 12h, 4w, 3mo. Files of partitions whose date lies outside are not
    /// opened. Tables that are looked up stay whole.
    #[arg(long, requires = "time_column", value_name = "LENGTH")]
    pub window: Option<String>,
    /// The end of the window, itself not inside: 2013-07-01 (midnight in UTC) or 2013-07-01T06:00:00Z. Without it, the start
    /// of the run, which is recorded; a retry then has another window.
    #[arg(long, requires = "window", value_name = "TIME")]
    pub as_of: Option<String>,
    /// The column that the window is over.
    #[arg(long, requires = "window", value_name = "COLUMN")]
    pub time_column: Option<String>,
    /// Examples kept a check.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    pub samples: usize,
    /// No value of the data in the report, and no most frequent values in the profile: counts only.
    #[arg(long, conflicts_with = "redact_samples")]
    pub no_samples: bool,
    /// Examples by their places alone, without their values.
    #[arg(long)]
    pub redact_samples: bool,
    /// What the data are for, of the `environments` that the suite names: rules of others are left out, and listed.
    /// Without it every rule holds.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Threads that read; as many as there are cores without it.
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<usize>,
    /// What may be held in memory, 64Mi at least: 512Mi, 1Gi, 800MB. Narrower batches, and keys sooner on disk. Without it
    /// three quarters of what the container may take, and 1Gi at most.
    #[arg(long, value_parser = Memory::parse, value_name = "SIZE")]
    pub memory_limit: Option<Memory>,
}

/// The arguments of `shards`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ShardsArgs {
    /// A table as `name=location`; the location is a file, a directory or prefix, a glob, or a version: `dvc:path@rev`,
    /// `delta:table@vN`, `lakefs://repository/ref/path`, `s3://bucket/key?versionId=ID`. Give it once a table, or all in
    /// one value, one a line.
    #[arg(long, required = true, value_delimiter = '\n', value_name = "NAME=LOCATION")]
    pub data: Vec<String>,
    /// The suite that the data will be checked against: tables that it looks up are not cut, but read whole with each shard.
    #[arg(long, value_name = "LOCATION")]
    pub suite: Option<InArtifact>,
    /// What the data are for, of the `environments` that the suite names.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// A profile as `name=location` that the suite names as a `reference`.
    #[arg(long, value_delimiter = '\n', value_name = "NAME=LOCATION")]
    pub reference: Vec<String>,
    /// At most so many shards; fewer where there are fewer files, for a file is never cut.
    #[arg(long = "shards", default_value_t = 8, value_parser = at_least_one, value_name = "COUNT")]
    pub count: usize,
    /// The shards, with every file pinned to its version.
    #[arg(long, default_value = "/out/shards.json", value_name = "LOCATION")]
    pub output: OutArtifact,
    /// The numbers of the shards as a JSON list, for `withParam`.
    #[arg(long, default_value = "/out/shard-list", value_name = "FILE")]
    pub list: OutParameter,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The arguments of `profile`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ProfileArgs {
    /// A table as `name=location`; the location is a file, a directory or prefix, a glob, or a version: `dvc:path@rev`,
    /// `delta:table@vN`, `lakefs://repository/ref/path`, `s3://bucket/key?versionId=ID`. Give it once a table, or all in
    /// one value, one a line.
    #[arg(
        long,
        required_unless_present = "shards",
        conflicts_with = "shards",
        value_delimiter = '\n',
        value_name = "NAME=LOCATION"
    )]
    pub data: Vec<String>,
    /// What `shards` has written: the tables and their files.
    #[arg(long, requires = "shard", value_name = "LOCATION")]
    pub shards: Option<InArtifact>,
    /// The shard that is profiled, counted from 0.
    #[arg(long, requires = "shards", value_name = "NUMBER")]
    pub shard: Option<usize>,
    /// The suite that the data will be checked against: the profile then has what each of its rules needs. Without it, it
    /// has the columns alone.
    #[arg(long, value_name = "LOCATION")]
    pub suite: Option<InArtifact>,
    /// Read whole tables a second time, and count the rows of each column on bins that the first time has chosen: a later
    /// `check --reference` holds others to them.
    #[arg(long, conflicts_with = "shards")]
    pub histograms: bool,
    /// The profile, mergeable with those of other shards.
    #[arg(long, default_value = "/out/profile.json", value_name = "LOCATION")]
    pub output: OutArtifact,
    /// Which rows are looked at, and how they are read and shown.
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The arguments of `merge`.
#[derive(Debug, Clone, ClapArgs)]
pub struct MergeArgs {
    /// The profiles: a directory or prefix, or a glob.
    #[arg(long, default_value = "/in/profiles", value_name = "LOCATION")]
    pub profiles: InArtifact,
    /// The profile of them all.
    #[arg(long, default_value = "/out/profile.json", value_name = "LOCATION")]
    pub output: OutArtifact,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

impl ReadArgs {
    /// The window; none when none was asked for.
    ///
    /// # Errors
    /// A sentence that names the flag.
    pub fn window(&self) -> Result<Option<Window>, String> {
        let (Some(length), Some(column)) = (&self.window, &self.time_column) else {
            return Ok(None);
        };
        match &self.as_of {
            Some(as_of) => Window::parse(length, as_of, column).map(Some),
            None => Window::parse(length, &crate::window::now(), column).map(Some),
        }
    }

    /// How much of the data is shown.
    #[must_use]
    pub fn shown(&self) -> Show {
        match (self.no_samples, self.redact_samples) {
            (true, _) => Show::Nothing,
            (false, true) => Show::Places(self.samples),
            (false, false) => Show::Values(self.samples),
        }
    }

    /// Threads that read.
    #[must_use]
    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }

    /// What may be held in memory.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.memory_limit.unwrap_or_else(Memory::of_this_container)
    }
}

/// The arguments of `import`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ImportArgs {
    /// The program that the suite was written for: gx, pandera, dbt, tfdv or odcs.
    #[arg(long, value_enum)]
    pub from: From,
    /// The suite: a path or a location.
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The table that the suite is for, as `check --data` will name it. Of a file that describes several, the one of this
    /// name is taken.
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// Where the suite goes. What is there already is replaced only by a whole suite.
    #[arg(long, value_name = "LOCATION")]
    pub output: String,
    /// Write what can be translated, and list the rest: without it, a rule that cannot be translated ends with exit 2.
    #[arg(long)]
    pub allow_partial: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The arguments of `infer`.
#[derive(Debug, Clone, ClapArgs)]
pub struct InferArgs {
    /// The profile that `check --profile` wrote.
    #[arg(long, value_name = "LOCATION")]
    pub profile: String,
    /// Where the suite goes. What is there already is replaced only by a whole suite.
    #[arg(long, value_name = "LOCATION")]
    pub output: String,
    /// The table of the profile that the suite is for; without it, all of them.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The arguments of `diff`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DiffArgs {
    /// The profile of the data as they were.
    #[arg(long, value_name = "LOCATION")]
    pub before: String,
    /// The profile of the data as they are.
    #[arg(long, value_name = "LOCATION")]
    pub after: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// The program that a suite was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// Great Expectations: a suite as JSON or YAML, of 1.x or before.
    Gx,
    /// pandera: a schema as YAML or JSON.
    Pandera,
    /// dbt: a `schema.yml`.
    Dbt,
    /// TensorFlow Data Validation: a `schema.pbtxt`.
    Tfdv,
    /// The Open Data Contract Standard, version 3.
    Odcs,
}

impl From {
    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gx => "gx",
            Self::Pandera => "pandera",
            Self::Dbt => "dbt",
            Self::Tfdv => "tfdv",
            Self::Odcs => "odcs",
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("`{text}` is no number of shards; it must be at least 1")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err(format!(
            "`{text}` is no share of rows; it must be above 0 and below 1"
        )),
    }
}
