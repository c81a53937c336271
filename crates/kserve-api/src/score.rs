//! Scores of a whole table: batches, a bounded number of them under way.

use std::num::NonZeroUsize;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{AnswerShape, FeatureTable, InferenceClient, InferenceError, RequestShape};

/// How a table is scored.
#[derive(Debug, Clone)]
pub struct ScoreOptions {
    /// How rows travel.
    pub request: RequestShape,
    /// Which number is the score.
    pub answer: AnswerShape,
    /// Rows in one request.
    pub batch_rows: NonZeroUsize,
    /// Requests under way at once.
    pub concurrency: NonZeroUsize,
}

impl ScoreOptions {
    /// Batches of 512 rows, four at once.
    #[must_use]
    pub fn new(request: RequestShape, answer: AnswerShape) -> Self {
        let nonzero = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            request,
            answer,
            batch_rows: nonzero(512),
            concurrency: nonzero(4),
        }
    }
}

/// One score a row, in the table's order. A batch that fails after its retries fails the whole: a score that
/// is missing is never a number. Dropping the future stops it.
///
/// # Errors
/// The first batch's error, with the rows it was about.
pub async fn score(
    client: &InferenceClient,
    table: &FeatureTable,
    options: &ScoreOptions,
) -> Result<Vec<f64>, InferenceError> {
    let step = options.batch_rows.get();
    let batches = (0..table.rows())
        .step_by(step)
        .map(|from| from..(from + step).min(table.rows()));
    let scores: Vec<Vec<f64>> = stream::iter(batches)
        .map(|rows| async move {
            let body = Bytes::from(table.body(&options.request, rows.clone())?);
            client
                .infer(body, rows.len(), &options.answer)
                .await
                .map_err(|error| locate(error, &rows))
        })
        .buffered(options.concurrency.get())
        .try_collect()
        .await?;
    Ok(scores.concat())
}

fn locate(error: InferenceError, rows: &std::ops::Range<usize>) -> InferenceError {
    let at = format!(" (rows {} to {})", rows.start, rows.end - 1);
    match error {
        InferenceError::Malformed { url, why } => InferenceError::Malformed { url, why: why + &at },
        InferenceError::Refused { url, status, message } => InferenceError::Refused {
            url,
            status,
            message: message + &at,
        },
        other => other,
    }
}
