//! The S3 server: versitygw, built from its pinned module (see docs/adr for why this one).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::go::Project;
use super::relink;

const VERSITYGW: Project = Project {
    name: "versitygw",
    folder: "tests/lab/s3",
    programs: &[("versitygw", "github.com/versity/versitygw/cmd/versitygw")],
    variables: &[],
    tags: "",
    mend: None,
};

/// Builds the server unless it is there; `<cache>/bin/versitygw` points at it.
pub(super) fn install(cache: &Path) -> Result<PathBuf> {
    let binary = VERSITYGW.install(cache)?.join("versitygw");
    relink(&cache.join("bin/versitygw"), &binary)?;
    Ok(binary)
}
