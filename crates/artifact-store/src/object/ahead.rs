//! Small reads of a remote object, served from blocks that are fetched ahead and together.
//!
//! A reader of a table asks for a page here and a page there, each a few kilobytes; a request
//! costs the same whether it brings 4 KiB or 1 MiB. So reads are widened to blocks, neighbouring
//! blocks come in one request, and a reader that goes on where it was finds the next blocks on
//! their way: each column of a Parquet file is such a reader, so the watch is kept by block and
//! not by the last offset only.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, FutureExt as _, Shared};
use tokio::runtime::Handle;

use super::{ObjectMeta, Source, fetch};
use crate::error::StoreError;

/// Small against a fast link's round trip, large against a page.
const BLOCK: u64 = 1 << 20;
/// Blocks in one request.
const TOGETHER: u64 = 4;
/// Blocks that are on their way before a sequential reader needs them.
const AHEAD: u64 = 4;
/// Blocks kept at first, and at most: a table of very many columns needs a block of each, which
/// shows in blocks that are asked for again after they were let go.
const KEPT: usize = 48;
const KEPT_AT_MOST: usize = 256;
/// A read of at least this much is its own request, and leaves the blocks alone.
const LARGE: u64 = 4 << 20;
/// The parts of a large read, and how many run at once.
const PART: u64 = 8 << 20;
const AT_ONCE: usize = 4;

type Coming = Shared<BoxFuture<'static, Result<Bytes, StoreError>>>;

/// One block: a slice of a request that came or is coming.
#[derive(Clone)]
struct Block {
    request: Coming,
    skip: usize,
    used: u64,
}

struct Blocks {
    held: HashMap<u64, Block>,
    let_go: HashSet<u64>,
    kept: usize,
    clock: u64,
}

/// The blocks of one opened object.
pub(super) struct Ahead {
    source: Source,
    meta: Arc<ObjectMeta>,
    runtime: Handle,
    blocks: Mutex<Blocks>,
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ahead")
            .field("of", &self.meta.location)
            .finish_non_exhaustive()
    }
}

impl Ahead {
    pub(super) fn new(source: Source, meta: Arc<ObjectMeta>, runtime: Handle) -> Self {
        let (held, let_go) = (HashMap::new(), HashSet::new());
        let blocks = Mutex::new(Blocks {
            held,
            let_go,
            kept: KEPT,
            clock: 0,
        });
        Self {
            source,
            meta,
            runtime,
            blocks,
        }
    }

    /// The bytes of `range`, which lies within the object.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.end - range.start >= LARGE {
            return self.read_large(range).await;
        }
        let first = range.start / BLOCK;
        let last = (range.end.max(1) - 1) / BLOCK;
        let needed = self.want(first, last);
        let mut whole = BytesMut::new();
        for (number, block) in (first..=last).zip(needed) {
            let bytes = match block.request.await {
                Ok(bytes) => bytes,
                Err(error) => {
                    // A later read shall ask again.
                    self.lock().held.remove(&number);
                    return Err(error);
                }
            };
            let start = number * BLOCK;
            let from = block.skip + within(range.start.max(start) - start);
            let to = block.skip + within(range.end.min(start + BLOCK) - start);
            let slice = bytes.slice(from..to);
            if first == last {
                return Ok(slice);
            }
            whole.extend_from_slice(&slice);
        }
        Ok(whole.freeze())
    }

    /// Sets out for what will be read; does not wait.
    pub(super) fn hint(&self, ranges: &[(u64, u64)]) {
        let mut blocks: Vec<u64> = ranges
            .iter()
            .filter(|(_, len)| *len > 0 && *len < LARGE)
            .flat_map(|(offset, len)| {
                let end = offset.saturating_add(*len).min(self.meta.size);
                *offset / BLOCK..end.div_ceil(BLOCK)
            })
            .collect();
        blocks.sort_unstable();
        blocks.dedup();
        // Half of what is kept, so that the hint does not push out what is being read.
        blocks.truncate(KEPT / 2);
        let mut held = self.lock();
        for run in runs(
            blocks
                .into_iter()
                .filter(|b| !held.held.contains_key(b))
                .collect(),
        ) {
            self.set_out(&mut held, run);
        }
    }

    /// The blocks `first..=last`, set out for where they are missing, and the next ones of a
    /// reader that goes on.
    fn want(&self, first: u64, last: u64) -> Vec<Block> {
        let mut blocks = self.lock();
        let goes_on = first > 0 && blocks.held.contains_key(&(first - 1));
        let starts = first == 0;
        let end = self.meta.size.div_ceil(BLOCK);
        let until = if goes_on || starts {
            (last + 1 + AHEAD).min(end)
        } else {
            last + 1
        };
        // Half of the distance is left before the next request: requests stay large.
        let low = (last + 1 + AHEAD / 2).min(until);
        let near = (first..low).any(|b| !blocks.held.contains_key(&b));
        let wanted = if near { first..until } else { first..last + 1 };
        let missing = wanted.filter(|b| !blocks.held.contains_key(b)).collect();
        for run in runs(missing) {
            self.set_out(&mut blocks, run);
        }
        let clock = blocks.clock + 1;
        blocks.clock = clock;
        let needed = (first..=last)
            .filter_map(|number| {
                let block = blocks.held.get_mut(&number)?;
                block.used = clock;
                Some(block.clone())
            })
            .collect();
        evict(&mut blocks);
        needed
    }

    /// One request for neighbouring blocks, under way at once.
    fn set_out(&self, blocks: &mut Blocks, run: Range<u64>) {
        let bytes = run.start * BLOCK..(run.end * BLOCK).min(self.meta.size);
        let (source, meta) = (self.source.clone(), Arc::clone(&self.meta));
        let task = self
            .runtime
            .spawn(async move { fetch(&source, &meta, bytes).await });
        let location = self.meta.location.to_string();
        let request: Coming = async move {
            task.await.unwrap_or_else(|error| {
                Err(StoreError::Unavailable {
                    location,
                    what: format!("the read stopped: {error}"),
                })
            })
        }
        .boxed()
        .shared();
        let used = blocks.clock;
        for (at, number) in run.enumerate() {
            if blocks.let_go.remove(&number) {
                blocks.kept = (blocks.kept + 1).min(KEPT_AT_MOST);
            }
            let skip = at * within(BLOCK);
            blocks.held.insert(
                number,
                Block {
                    request: request.clone(),
                    skip,
                    used,
                },
            );
        }
    }

    async fn read_large(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        use futures::stream::{StreamExt as _, TryStreamExt as _};
        let starts = (range.start..range.end).step_by(within(PART));
        let parts: Vec<Bytes> = futures::stream::iter(starts)
            .map(|start| fetch(&self.source, &self.meta, start..(start + PART).min(range.end)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        match <[Bytes; 1]>::try_from(parts) {
            Ok([only]) => Ok(only),
            Err(parts) => {
                let mut whole = BytesMut::with_capacity(within(range.end - range.start));
                for part in parts {
                    whole.extend_from_slice(&part);
                }
                Ok(whole.freeze())
            }
        }
    }

    /// A thread that panicked while it held the lock left at worst a block less.
    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.blocks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Lets go of the blocks that were not used for longest.
fn evict(blocks: &mut Blocks) {
    while blocks.held.len() > blocks.kept {
        let oldest = blocks.held.iter().min_by_key(|(number, b)| (b.used, **number));
        let Some(number) = oldest.map(|(number, _)| *number) else {
            return;
        };
        blocks.held.remove(&number);
        blocks.let_go.insert(number);
    }
}

/// Neighbouring numbers as ranges of at most [`TOGETHER`].
fn runs(numbers: Vec<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == number && number - run.start < TOGETHER => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// Offsets within what is in memory already fit.
fn within(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_travel_together() {
        assert_eq!(runs(vec![1, 2, 3, 7, 9, 10]), [1..4, 7..8, 9..11]);
        assert_eq!(runs((0..9).collect()), [0..4, 4..8, 8..9]);
        assert!(runs(vec![]).is_empty());
    }
}
