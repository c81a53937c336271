//! What an earlier attempt left in the place of an output. A record of a version is an entry ticket: the steps that
//! follow take what lies there, so a no, an error or a kill must not leave yesterday's yes.

use std::fs;
use std::path::PathBuf;

use artifact_store::Location;
use step_contract::{InArtifact, OutArtifact};

use crate::error::Error;
use crate::fetch::disk;

/// Removes these outputs where they are files, but for one that is the input as well.
///
/// # Errors
/// One cannot be removed.
pub(crate) fn remove(outputs: &[&OutArtifact], input: Option<&InArtifact>) -> Result<(), Error> {
    let input = input.and_then(|input| local(input.as_str()));
    for path in outputs.iter().filter_map(|output| local(output.as_str())) {
        if path.is_file() && Some(&path) != input.as_ref() {
            fs::remove_file(&path).map_err(|error| disk(&path, &error))?;
        }
    }
    Ok(())
}

fn local(location: &str) -> Option<PathBuf> {
    match location.parse() {
        // As it is on the disk, for two spellings of one file are one file.
        Ok(Location::Path(path)) => Some(path.canonicalize().unwrap_or(path)),
        _ => None,
    }
}
