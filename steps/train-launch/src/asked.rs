//! The training that is asked for: what `run` and `plan` read before anything is found or made.

use provenance::Digest;
use step_runtime::{Context, StepError};

use crate::act::reader;
use crate::cli::RunArgs;
use crate::gather::{self, Data};
use crate::identity;
use crate::words::argv;

/// The flags, and what they come to.
pub(crate) struct Asked<'a> {
    /// The flags.
    pub args: &'a RunArgs,
    /// The training command.
    pub argv: Vec<String>,
    /// The data.
    pub data: Data,
    /// The idempotency key.
    pub key: Digest,
}

impl<'a> Asked<'a> {
    /// Reads the record of the data, and holds the flags to what can be told without a server.
    ///
    /// # Errors
    /// A flag or the record cannot be used.
    pub(crate) async fn of(args: &'a RunArgs, cx: &Context) -> Result<Self, StepError> {
        let argv = argv(&args.command).map_err(|why| StepError::usage(format!("--command: {why}")))?;
        let data = gather::read_dataset(args, cx).await?;
        let key = identity::key(args, &argv, &data.training);
        reader(args)?;
        Ok(Self {
            args,
            argv,
            data,
            key,
        })
    }
}
