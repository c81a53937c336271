//! Small reads of a remote object, served from blocks that are fetched ahead and together.
//!
//! A reader of a table asks for a page here and a page there, each a few kilobytes; a request
//! costs the same whether it brings 4 KiB or 1 MiB. So reads are widened to blocks, neighbouring
//! blocks come in one request, and a reader that goes on where it was finds the next blocks on
//! their way: each column of a Parquet file is such a reader, so the watch is kept by block and
//! not by the last offset only.
//!
//! A reader that says what it will read gets that and no more: of a block only the part is
//! fetched that was announced, and none beyond. Of a table of many columns the others then stay
//! where they are.

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
/// What a few bytes that nobody announced are widened to, the first time: a footer, a magic number.
const PIECE: u64 = 1 << 16;
/// Readers look for the head of a page before they know where the pages end.
const BEYOND: u64 = 4096;
/// The parts of a large read, and how many run at once.
const PART: u64 = 8 << 20;
const AT_ONCE: usize = 4;

type Coming = Shared<BoxFuture<'static, Result<Bytes, StoreError>>>;

/// One block, or a part of it: a slice of a request that came or is coming.
#[derive(Clone)]
struct Block {
    request: Coming,
    /// Where the request begins.
    from: u64,
    /// What it brings of the block.
    span: Range<u64>,
    used: u64,
}

struct Blocks {
    held: HashMap<u64, Block>,
    /// What was announced, in order and apart.
    plan: Vec<Range<u64>>,
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
            plan: Vec::new(),
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
        let (first, needed) = self.want(&range);
        let mut whole = BytesMut::new();
        let is_one = needed.len() == 1;
        for (number, block) in (first..).zip(needed) {
            let bytes = match block.request.await {
                Ok(bytes) => bytes,
                Err(error) => {
                    // A later read shall ask again.
                    self.lock().held.remove(&number);
                    return Err(error);
                }
            };
            let part = part_of(number, &range);
            let slice = bytes.slice(within(part.start - block.from)..within(part.end - block.from));
            if is_one {
                return Ok(slice);
            }
            whole.extend_from_slice(&slice);
        }
        Ok(whole.freeze())
    }

    /// Takes note of what will be read, and sets out for the first of it; does not wait.
    pub(super) fn hint(&self, ranges: &[(u64, u64)]) {
        let known = ranges.iter().filter(|(_, len)| *len > 0);
        let known = known.map(|(offset, len)| {
            let end = offset.saturating_add(*len).saturating_add(BEYOND);
            *offset..end.min(self.meta.size)
        });
        let ranges: Vec<Range<u64>> = known.filter(|range| !range.is_empty()).collect();
        let mut blocks = self.lock();
        blocks.plan.extend(ranges.iter().cloned());
        blocks.plan = joined(std::mem::take(&mut blocks.plan));
        // Of a long range the first blocks; its reader then goes on.
        let of_range = |range: &Range<u64>| {
            let first = range.start / BLOCK;
            first..range.end.div_ceil(BLOCK).min(first + AHEAD)
        };
        let mut numbers: Vec<u64> = ranges.iter().flat_map(of_range).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // Half of what is kept, so that the hint does not push out what is being read.
        numbers.truncate(KEPT / 2);
        let missing = numbers
            .into_iter()
            .filter(|number| !blocks.held.contains_key(number));
        let missing: Vec<_> = missing
            .filter_map(|number| Some((number, blocks.planned(number)?)))
            .collect();
        for run in runs(missing) {
            self.set_out(&mut blocks, run);
        }
    }

    /// The blocks of a range from the first on, set out for where they are missing, and the next ones of a
    /// reader that goes on.
    fn want(&self, range: &Range<u64>) -> (u64, Vec<Block>) {
        let (first, last) = (range.start / BLOCK, (range.end.max(1) - 1) / BLOCK);
        let mut blocks = self.lock();
        let is_small = range.end - range.start < PIECE;
        let goes_on = first > 0 && blocks.held.contains_key(&(first - 1));
        let starts = first == 0 && !is_small;
        let end = self.meta.size.div_ceil(BLOCK);
        let until = if goes_on || starts {
            (last + 1 + AHEAD).min(end)
        } else {
            last + 1
        };
        // Half of the distance is left before the next request: requests stay large.
        let low = (last + 1 + AHEAD / 2).min(until);
        let ahead = |number: &u64| {
            let is_known = blocks.plan.is_empty() || blocks.planned(*number).is_some();
            is_known && !blocks.held.contains_key(number)
        };
        let lacks = |number: &u64| {
            let held = blocks.held.get(number);
            !held.is_some_and(|block| block.has(&part_of(*number, range)))
        };
        let is_near =
            (first..=last).any(|number| lacks(&number)) || (last + 1..low).any(|number| ahead(&number));
        let needed = (first..=last).filter(lacks).map(|number| {
            let part = part_of(number, range);
            (
                number,
                blocks.span(number, &part, is_small && !goes_on, self.meta.size),
            )
        });
        let mut missing: Vec<(u64, Range<u64>)> = needed.collect();
        if is_near {
            let next = (last + 1..until).filter(ahead);
            missing.extend(next.map(|number| {
                let whole = block_of(number, self.meta.size);
                (number, blocks.planned(number).unwrap_or(whole))
            }));
        }
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
        (first, needed)
    }

    /// One request for neighbouring blocks, under way at once.
    fn set_out(&self, blocks: &mut Blocks, run: Vec<(u64, Range<u64>)>) {
        let (Some((_, start)), Some((_, end))) = (run.first(), run.last()) else {
            return;
        };
        let bytes = start.start..end.end;
        let from = bytes.start;
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
        for (number, span) in run {
            if blocks.let_go.remove(&number) {
                blocks.kept = (blocks.kept + 1).min(KEPT_AT_MOST);
            }
            let request = request.clone();
            let block = Block {
                request,
                from,
                span,
                used,
            };
            blocks.held.insert(number, block);
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

impl Block {
    fn has(&self, part: &Range<u64>) -> bool {
        self.span.start <= part.start && part.end <= self.span.end
    }
}

impl Blocks {
    /// What was announced of a block, from the first byte to the last; `None` of nothing.
    fn planned(&self, number: u64) -> Option<Range<u64>> {
        let block = number * BLOCK..(number + 1) * BLOCK;
        let first = self.plan.partition_point(|range| range.end <= block.start);
        let after = self.plan.partition_point(|range| range.start < block.end);
        let of_it = self.plan.get(first..after)?;
        let (first, last) = (of_it.first()?, of_it.last()?);
        Some(first.start.max(block.start)..last.end.min(block.end))
    }

    /// What to fetch of a block for a part of it.
    fn span(&self, number: u64, part: &Range<u64>, is_small: bool, size: u64) -> Range<u64> {
        let announced = self.planned(number);
        let announced = announced.filter(|span| span.start <= part.start && part.end <= span.end);
        let is_first = !self.held.contains_key(&number);
        announced.unwrap_or_else(|| {
            let whole = block_of(number, size);
            if is_small && is_first {
                let start = part.start / PIECE * PIECE;
                start..part.end.next_multiple_of(PIECE).min(whole.end)
            } else {
                whole
            }
        })
    }
}

/// A block of an object of that size.
fn block_of(number: u64, size: u64) -> Range<u64> {
    number * BLOCK..((number + 1) * BLOCK).min(size)
}

/// The part of a range that lies in a block.
fn part_of(number: u64, range: &Range<u64>) -> Range<u64> {
    range.start.max(number * BLOCK)..range.end.min((number + 1) * BLOCK)
}

/// Ranges in order, those that touch as one.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Spans of neighbouring blocks that touch, at most [`TOGETHER`] at once.
fn runs(spans: Vec<(u64, Range<u64>)>) -> Vec<Vec<(u64, Range<u64>)>> {
    let mut runs: Vec<Vec<(u64, Range<u64>)>> = Vec::new();
    for (number, span) in spans {
        match runs.last_mut() {
            Some(run)
                if (run.len() as u64) < TOGETHER
                    && run.last().is_some_and(|(_, last)| last.end == span.start) =>
            {
                run.push((number, span));
            }
            _ => runs.push(vec![(number, span)]),
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
        let lengths = |numbers: &[u64]| -> Vec<usize> {
            let spans = numbers
                .iter()
                .map(|number| (*number, block_of(*number, u64::MAX)));
            runs(spans.collect()).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&[1, 2, 3, 7, 9, 10]), [3, 1, 2]);
        assert_eq!(lengths(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), [4, 4, 1]);
        assert!(lengths(&[]).is_empty());
        // Parts of neighbours that do not touch are fetched apart.
        let apart = vec![(0, 5..9), (1, BLOCK + 1..BLOCK + 2)];
        assert_eq!(runs(apart).len(), 2);
    }

    #[test]
    fn of_a_block_what_was_announced_is_fetched() {
        let plan = joined(vec![
            BLOCK + 10..BLOCK + 20,
            5..7,
            BLOCK + 15..BLOCK + 40,
            3 * BLOCK - 1..3 * BLOCK + 1,
        ]);
        assert_eq!(plan, [5..7, BLOCK + 10..BLOCK + 40, 3 * BLOCK - 1..3 * BLOCK + 1]);
        let blocks = Blocks {
            held: HashMap::new(),
            plan,
            let_go: HashSet::new(),
            kept: KEPT,
            clock: 0,
        };
        let planned: Vec<_> = (0..5).map(|number| blocks.planned(number)).collect();
        let expected = [
            Some(5..7),
            Some(BLOCK + 10..BLOCK + 40),
            Some(3 * BLOCK - 1..3 * BLOCK),
            Some(3 * BLOCK..3 * BLOCK + 1),
            None,
        ];
        assert_eq!(planned, expected);
        let size = 5 * BLOCK + 9;
        assert_eq!(
            blocks.span(1, &(BLOCK + 12..BLOCK + 13), true, size),
            BLOCK + 10..BLOCK + 40
        );
        // A few bytes that nobody announced: a piece; more of them: the block.
        let end = size - 4..size;
        assert_eq!(blocks.span(5, &end, true, size), 5 * BLOCK..size);
        assert_eq!(
            blocks.span(4, &(4 * BLOCK + 1..4 * BLOCK + 2), true, size),
            4 * BLOCK..4 * BLOCK + PIECE
        );
        assert_eq!(
            blocks.span(4, &(4 * BLOCK + 1..4 * BLOCK + 2), false, size),
            4 * BLOCK..5 * BLOCK
        );
    }
}
