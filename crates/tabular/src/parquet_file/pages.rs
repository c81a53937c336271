//! What the page index of a file knows of its columns, by stretches of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::compute::take;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::page_index::PageIndexProvider;
use parquet::file::metadata::{ColumnChunkMask, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;

use super::{Chunks, Footer};
use crate::{Column, ColumnBounds, Field, Input, Stretches, convert};

/// A column of a file: its place among the leaves, and how it is read.
type Wanted<'a> = (usize, &'a Arc<Field>);

/// What is known of one column, by parts that are pages or row groups.
struct Known {
    bounds: ColumnBounds,
    /// The first row of each part, from the start of its row group; of each row group in turn.
    starts: Vec<Vec<u64>>,
}

impl Footer {
    /// What is known of some columns by row group.
    pub(crate) fn groups_of(&self, wanted: &[Wanted<'_>]) -> Option<Stretches> {
        self.stretches(wanted, |_, _| None)
    }

    /// What is known of some columns by page; of those without a page index, by row group.
    pub(crate) fn pages_of(&self, input: &Input, wanted: &[Wanted<'_>]) -> Option<Stretches> {
        let stored = |(leaf, _): &Wanted<'_>| self.statistics(*leaf)?.parquet_column_index();
        let stored = wanted.iter().filter_map(stored);
        let mask = ColumnChunkMask::columns(stored.collect::<Vec<_>>());
        let (_, index) = ParquetMetaDataReader::new_with_metadata(self.plain.metadata().as_ref().clone())
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_page_index_mask(mask)
            .read_page_index_and_finish(&Chunks(Arc::clone(&input.reader)))
            .ok()?;
        let index = index?;
        self.stretches(wanted, |leaf, field| self.by_page(&index, leaf, field))
    }

    fn stretches(
        &self,
        wanted: &[Wanted<'_>],
        by_page: impl Fn(usize, &Arc<Field>) -> Option<Known>,
    ) -> Option<Stretches> {
        let sizes: Option<Vec<u64>> = self.row_groups().iter().map(|group| group.rows).collect();
        let sizes = sizes?;
        let whole = |leaf, field| {
            Some(Known {
                bounds: self.bounds(leaf, field)?,
                starts: vec![vec![0]; sizes.len()],
            })
        };
        let known = wanted.iter().filter_map(|(leaf, field)| {
            let known = by_page(*leaf, field).or_else(|| whole(*leaf, field));
            Some((field.name.clone(), known?))
        });
        let known: BTreeMap<String, Known> = known.collect();
        let (mut rows, mut groups, mut first) = (Vec::new(), Vec::new(), 0);
        let mut cuts = Vec::with_capacity(sizes.len());
        for (group, size) in sizes.iter().enumerate() {
            let starts = known.values().flat_map(|known| &known.starts[group]).copied();
            let starts: BTreeSet<u64> = starts.chain([0]).collect();
            let ends = starts.iter().copied().skip(1).chain([*size]);
            rows.extend(
                starts
                    .iter()
                    .zip(ends)
                    .map(|(start, end)| first + start..first + end),
            );
            groups.extend(starts.iter().map(|_| group));
            cuts.push(starts);
            first += size;
        }
        let spread = known
            .into_iter()
            .map(|(name, known)| Some((name, known.spread(&cuts)?)));
        Some(Stretches {
            bounds: spread.collect::<Option<_>>()?,
            rows,
            groups,
        })
    }

    /// `None` when a chunk of the column has no page index, or one that cannot be of its rows.
    fn by_page(&self, index: &dyn PageIndexProvider, leaf: usize, field: &Arc<Field>) -> Option<Known> {
        let known = self.statistics(leaf)?;
        let stored = known.parquet_column_index()?;
        let groups = self.row_groups();
        let starts = groups.iter().enumerate().map(|(group, size)| {
            index.column_index(group, stored)?;
            let pages = index.offset_index(group, stored)?.page_locations();
            let starts = pages.iter().map(|page| u64::try_from(page.first_row_index));
            let starts: Vec<u64> = starts.collect::<Result<_, _>>().ok()?;
            let rises = starts.first() == Some(&0) && starts.is_sorted_by(|a, b| a < b);
            (rises && starts.last() < size.rows.as_ref()).then_some(starts)
        });
        let starts: Vec<Vec<u64>> = starts.collect::<Option<_>>()?;
        let groups: Vec<usize> = (0..groups.len()).collect();
        let column = |array| convert::column(field, &array).ok();
        let bounds = ColumnBounds {
            min: column(known.data_page_mins(index, &groups).ok()?)?,
            max: column(known.data_page_maxes(index, &groups).ok()?)?,
            exact: vec![(false, false); starts.iter().map(Vec::len).sum()],
            nulls: known.data_page_null_counts(index, &groups).ok()?.iter().collect(),
        };
        let parts = bounds.exact.len();
        let fits = bounds.min.len() == parts && bounds.max.len() == parts && bounds.nulls.len() == parts;
        fits.then_some(Known { bounds, starts })
    }

    /// The statistics of a leaf that stands by itself, unless they are of the first kind, which compared all bytes as if
    /// they were signed.
    pub(super) fn statistics(&self, leaf: usize) -> Option<StatisticsConverter<'_>> {
        let leaf = self.leaves.get(leaf).filter(|leaf| leaf.below.is_empty())?;
        let (arrow, stored) = (self.plain.schema(), self.plain.parquet_schema());
        let name = arrow.field(leaf.root).name();
        let known = StatisticsConverter::try_new(name, arrow, stored).ok()?;
        let stored = known.parquet_column_index()?;
        let groups = self.plain.metadata().row_groups();
        let is_old = groups.iter().any(|group| {
            let statistics = group.column(stored).statistics();
            statistics.is_some_and(Statistics::is_min_max_deprecated)
        });
        // A count that is not there is no count of zero.
        (!is_old).then(|| known.with_missing_null_counts_as_zero(false))
    }
}

impl Known {
    /// The bounds of each stretch between cuts: those of the part that holds it.
    fn spread(self, cuts: &[BTreeSet<u64>]) -> Option<ColumnBounds> {
        let mut parts = Vec::new();
        let mut before = 0;
        for (starts, cuts) in self.starts.iter().zip(cuts) {
            let part = |cut: &u64| before + starts.partition_point(|start| start <= cut) - 1;
            parts.extend(cuts.iter().map(part));
            before += starts.len();
        }
        let places: Option<Vec<u32>> = parts.iter().map(|part| u32::try_from(*part).ok()).collect();
        let places = UInt32Array::from(places?);
        let spread = |column: &Column| {
            let data = column.data.each(|array| take(array, &places, None)).ok()?;
            let field = Arc::clone(&column.field);
            Some(Column { field, data })
        };
        Some(ColumnBounds {
            min: spread(&self.bounds.min)?,
            max: spread(&self.bounds.max)?,
            exact: parts.iter().map(|part| self.bounds.exact[*part]).collect(),
            nulls: parts.iter().map(|part| self.bounds.nulls[*part]).collect(),
        })
    }
}

/// The numbers of rows that are read one after the other, of some stretches of a file.
pub(super) struct Numbers {
    runs: std::vec::IntoIter<Range<u64>>,
    run: Range<u64>,
}

impl Numbers {
    pub(super) fn new(runs: Vec<Range<u64>>) -> Self {
        let mut runs = runs.into_iter();
        let run = runs.next().unwrap_or(0..0);
        Self { runs, run }
    }

    /// The first of the next `rows`, and all of them when they are not one stretch.
    pub(super) fn next(&mut self, rows: usize) -> (u64, Option<Vec<u64>>) {
        let mut numbers = Vec::new();
        self.turn();
        let first = self.run.start;
        if self.run.end - first >= rows as u64 {
            self.run.start += rows as u64;
            return (first, None);
        }
        while numbers.len() < rows && !self.run.is_empty() {
            let take = (self.run.end - self.run.start).min((rows - numbers.len()) as u64);
            numbers.extend(self.run.start..self.run.start + take);
            self.run.start += take;
            self.turn();
        }
        (first, Some(numbers))
    }

    fn turn(&mut self) {
        while self.run.is_empty() {
            let Some(run) = self.runs.next() else { return };
            self.run = run;
        }
    }
}
