//! `install`: this program, copied to where another container finds it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use step_runtime::{Finished, StepError};

use crate::cli::InstallArgs;

/// Copies the running program to `--to`, whole or not at all.
///
/// # Errors
/// The place cannot be written.
pub(crate) fn install(args: &InstallArgs) -> Result<Finished, StepError> {
    let copy = || -> std::io::Result<u64> {
        let own = std::env::current_exe()?;
        if let Some(dir) = args.to.parent() {
            fs::create_dir_all(dir)?;
        }
        let draft = args.to.with_extension("tmp");
        let bytes = fs::copy(own, &draft)?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
        fs::rename(&draft, &args.to)?;
        Ok(bytes)
    };
    let bytes = copy().map_err(|e| StepError::usage(format!("cannot write {}: {e}", args.to.display())))?;
    Ok(Finished::text(format!("{} ({bytes} bytes)", args.to.display())))
}
