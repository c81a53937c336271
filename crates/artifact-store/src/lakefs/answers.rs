//! What the server answers, as far as it is read: the models of lakeFS's API, held against its SDK by a test.

use serde::Deserialize;

/// `CommitList`.
#[derive(Debug, Deserialize)]
pub(super) struct Commits {
    pub results: Vec<Commit>,
}

/// `Commit`.
#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    pub id: String,
}

/// `ObjectStatsList`.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub pagination: Pagination,
    pub results: Vec<Stats>,
}

/// `Pagination`.
#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub has_more: bool,
    pub next_offset: String,
}

/// `ObjectStats`.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    pub path: String,
    pub path_type: String,
    pub checksum: String,
    #[serde(default)]
    pub size_bytes: u64,
    /// Seconds since 1970-01-01.
    pub mtime: i64,
}

impl Stats {
    /// Whether it is an object, and no folder or marker of one.
    pub(super) fn is_object(&self) -> bool {
        self.path_type == "object" && !self.path.ends_with('/')
    }
}
