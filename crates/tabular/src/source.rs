//! One file, opened once; tables streamed from it as often as needed.

use std::ops::Range;
use std::sync::Arc;

use crate::constants::Constant;
use crate::guard::guard;
use crate::rows::Shape;
use crate::schema::nearest;
use crate::{
    Batch, ColumnBounds, Field, Format, Input, Kind, Rows, Stretches, TableError, csv, ipc, json_lines,
    parquet_file,
};

/// What to read of a file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The columns, by name; all when `None`, none (rows are still counted) when empty.
    pub columns: Option<Vec<String>>,
    /// Rows a batch, at most.
    pub batch_rows: usize,
    /// Parquet row groups; all when `None`. Other formats have one group, 0.
    pub row_groups: Option<Range<usize>>,
    /// Only these rows of the row groups, by their numbers in the file, rising and apart; all when `None`. Parquet only: the
    /// other formats have no way to a row but through those before it, and read all.
    pub rows: Option<Vec<Range<u64>>>,
    /// Text formats: a cell that is not of its column's kind becomes a null and is listed in
    /// [`Batch::malformed`], instead of being an error.
    pub lenient: bool,
    /// Keep every row as it stands in the file too, whole, to be written by [`crate::Rows`].
    pub verbatim: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            columns: None,
            batch_rows: 65_536,
            row_groups: None,
            rows: None,
            lenient: false,
            verbatim: false,
        }
    }
}

impl ReadOptions {
    /// Only these columns.
    #[must_use]
    pub fn columns<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self {
            columns: Some(names.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }
}

/// A part of a file that can be read by itself, in parallel with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGroup {
    /// Rows, when the footer tells.
    pub rows: Option<u64>,
    /// Bytes in the file.
    pub bytes: u64,
}

/// One file whose footer or header has been read and found sound.
#[derive(Debug, Clone)]
pub struct Source {
    input: Input,
    /// Those of the file, then the constants'.
    fields: Arc<[Arc<Field>]>,
    constants: Arc<[Constant]>,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Parquet(parquet_file::Footer),
    Csv(csv::Layout),
    JsonLines(json_lines::Layout),
    Ipc(ipc::Layout),
}

impl Source {
    /// Reads the footer, or the header and the first rows.
    ///
    /// # Errors
    /// When the file is empty, truncated, corrupt or of another format.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a format is made for one file; `&Format::Parquet` reads badly"
    )]
    pub fn open(input: Input, format: Format) -> Result<Self, TableError> {
        if input.reader.is_empty() {
            let needs = match format {
                Format::Csv(_) => "a header line",
                Format::JsonLines(_) => "one object",
                Format::Parquet | Format::ArrowIpc => "its footer",
            };
            return Err(TableError::Empty {
                file: input.name,
                format: format.name(),
                needs,
            });
        }
        let (fields, form) = guard(&input.name, "", || {
            Ok(match &format {
                Format::Parquet => {
                    let (fields, footer) = parquet_file::open(&input)?;
                    (fields, Form::Parquet(footer))
                }
                Format::Csv(options) => {
                    let (fields, layout) = csv::open(&input, options)?;
                    (fields, Form::Csv(layout))
                }
                Format::JsonLines(options) => {
                    let (fields, layout) = json_lines::open(&input, options)?;
                    (fields, Form::JsonLines(layout))
                }
                Format::ArrowIpc => {
                    let (fields, layout) = ipc::open(&input)?;
                    (fields, Form::Ipc(layout))
                }
            })
        })?;
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !seen.insert(field.name.as_str())) {
            return Err(TableError::DuplicateColumn {
                file: input.name,
                column: twice.name.clone(),
            });
        }
        Ok(Self {
            input,
            fields: fields.into_iter().map(Arc::new).collect(),
            constants: Arc::new([]),
            form,
        })
    }

    /// With columns that are not in the file but known of it, such as the partitions in its path: a name, the value of all
    /// rows (`None` is null) and the kind to read it as. A column that the file has itself stays as it is.
    ///
    /// ```
    /// use tabular::{Format, Input, Kind, ReadOptions, Source};
    /// let input = Input::from_bytes("year=2013/a.csv", "id\n7\n8\n");
    /// let source = Source::open(input, Format::from_name("a.csv")?)?
    ///     .with_constants([("year", Some("2013"), Kind::Int)])?;
    /// let batch = source.scan(&ReadOptions::columns(["year"]))?.next_batch()?.ok_or("no rows")?;
    /// assert_eq!(batch.column("year")?.numbers().collect::<Vec<_>>(), [Some(2013.0); 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A value that is none of its kind.
    pub fn with_constants<'a>(
        mut self,
        values: impl IntoIterator<Item = (&'a str, Option<&'a str>, Kind)>,
    ) -> Result<Self, TableError> {
        let mut constants = Vec::new();
        for (name, value, kind) in values {
            if self.fields.iter().any(|field| field.name == name) {
                continue;
            }
            let constant = Constant::new(name, value, kind).ok_or_else(|| TableError::Column {
                file: self.input.name.clone(),
                column: name.to_owned(),
                what: format!(
                    "its value in the path, `{}`, is not {}",
                    value.unwrap_or_default(),
                    with_article(kind)
                ),
            })?;
            constants.push(constant);
        }
        let known = constants.iter().map(|constant| Arc::clone(&constant.field));
        self.fields = self.fields.iter().cloned().chain(known).collect();
        self.constants = constants.into();
        Ok(self)
    }

    /// The columns of the file itself.
    fn own(&self) -> usize {
        self.fields.len() - self.constants.len()
    }

    /// The name for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.input.name
    }

    /// All columns of the file, in its order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &Field> + Clone {
        self.fields.iter().map(AsRef::as_ref)
    }

    /// What the footer knows of a column, by row group. `None` for files without such a footer, and for columns within structs.
    #[must_use]
    pub fn bounds(&self, name: &str) -> Option<ColumnBounds> {
        let footer = self.footer()?;
        let (index, field) = self.leaves(&[name]).into_iter().next()?;
        self.known(|| footer.bounds(index, field))
    }

    /// What the file knows of some columns, by row group. `None` for files without a footer; a column of which it knows
    /// nothing, or that is within a struct, is not in its bounds.
    #[must_use]
    pub fn by_row_group(&self, columns: &[&str]) -> Option<Stretches> {
        let footer = self.footer()?;
        self.known(|| self.with_constants_of(columns, footer.groups_of(&self.leaves(columns))?))
    }

    /// The same by stretches of rows that lie in one page of each of these columns, where the file has a page index
    /// ([specification](https://github.com/apache/parquet-format/blob/master/PageIndex.md)), of which only their part is
    /// decoded. `None` when the file has none, or it cannot be had.
    #[must_use]
    pub fn by_page(&self, columns: &[&str]) -> Option<Stretches> {
        let footer = self.footer()?;
        self.known(|| self.with_constants_of(columns, footer.pages_of(&self.input, &self.leaves(columns))?))
    }

    fn footer(&self) -> Option<&parquet_file::Footer> {
        match &self.form {
            Form::Parquet(footer) => Some(footer),
            _ => None,
        }
    }

    /// Of a constant all is known: in each stretch it is both ends.
    fn with_constants_of(&self, columns: &[&str], mut stretches: Stretches) -> Option<Stretches> {
        let parts = stretches.rows.len();
        let wanted = self
            .constants
            .iter()
            .filter(|constant| columns.contains(&constant.field.name.as_str()));
        for constant in wanted {
            let column = constant.column(parts).ok()?;
            let nulls = stretches.rows.iter().enumerate().map(|(part, rows)| {
                let is_null = !column.validity().is_valid(part);
                Some(if is_null { rows.end - rows.start } else { 0 })
            });
            let bounds = ColumnBounds {
                nulls: nulls.collect(),
                exact: vec![(true, true); parts],
                min: column.clone(),
                max: column,
            };
            stretches.bounds.insert(constant.field.name.clone(), bounds);
        }
        Some(stretches)
    }

    /// What is in a footer may be anything; a decoder that gives up knows nothing.
    fn known<T>(&self, read: impl FnOnce() -> Option<T>) -> Option<T> {
        guard(&self.input.name, "footer", || Ok(read())).ok().flatten()
    }

    /// The columns of the file itself, of these names, with their places in it.
    fn leaves(&self, columns: &[&str]) -> Vec<(usize, &Arc<Field>)> {
        let own = self.fields[..self.own()].iter().enumerate();
        own.filter(|(_, field)| columns.contains(&field.name.as_str()))
            .collect()
    }

    /// How rows of this file are written again.
    ///
    /// # Errors
    /// When the schema of a Parquet or Arrow file cannot be had.
    pub(crate) fn shape(&self) -> Result<Shape, TableError> {
        Ok(match &self.form {
            Form::Parquet(footer) => Shape::Arrow(footer.plain().schema().clone()),
            Form::Ipc(_) => Shape::Arrow(ipc::schema(&self.input)?),
            Form::Csv(layout) => Shape::Delimited(layout.clone()),
            Form::JsonLines(_) => Shape::JsonLines,
        })
    }

    /// Whether rows of this file can be written with [`crate::Marks`].
    ///
    /// # Errors
    /// When the file has a column of such a name, or its dialect cannot hold them.
    pub fn can_be_marked(&self) -> Result<(), TableError> {
        let refused = |what: String| Err(TableError::corrupt(&self.input.name, "", what));
        let is_named = |mark: &str| self.fields().any(|field| self.root(field) == mark);
        if let Some(name) = Rows::MARKS.into_iter().find(|mark| is_named(mark)) {
            return refused(format!(
                "it has a column `{name}`, which marked rows get; rename it"
            ));
        }
        match &self.form {
            Form::Csv(layout) => layout.unmarkable().map_or(Ok(()), refused),
            _ => Ok(()),
        }
    }

    /// The column that holds another, as the file names it.
    fn root<'a>(&self, field: &'a Field) -> &'a str {
        match &self.form {
            Form::Csv(_) => &field.name,
            _ => field.name.split_once('.').map_or(&field.name, |(root, _)| root),
        }
    }

    /// The number of rows, when the footer tells.
    #[must_use]
    pub fn rows_hint(&self) -> Option<u64> {
        self.row_groups().iter().map(|group| group.rows).sum()
    }

    /// The parts that can be read in parallel.
    #[must_use]
    pub fn row_groups(&self) -> Vec<RowGroup> {
        match &self.form {
            Form::Parquet(footer) => footer.row_groups(),
            _ => vec![RowGroup {
                rows: None,
                bytes: self.input.reader.len(),
            }],
        }
    }

    /// Starts to stream some columns of some row groups.
    ///
    /// # Errors
    /// When a column is not in the file, or the first bytes cannot be had.
    pub fn scan(&self, options: &ReadOptions) -> Result<Table, TableError> {
        let mut picked = self.pick(options.columns.as_deref())?;
        let all: Vec<Arc<Field>> = picked
            .iter()
            .map(|index| Arc::clone(&self.fields[*index]))
            .collect();
        let constants = picked.split_off(picked.partition_point(|index| *index < self.own()));
        let constants = constants
            .into_iter()
            .map(|index| self.constants[index - self.own()].clone());
        let constants: Vec<Constant> = constants.collect();
        let fields = all[..picked.len()].to_vec();
        let options = &ReadOptions {
            columns: None,
            batch_rows: options.batch_rows.clamp(1, 1 << 20),
            row_groups: options.row_groups.clone(),
            rows: options.rows.clone(),
            ..*options
        };
        let has_first = options
            .row_groups
            .as_ref()
            .is_none_or(|groups| groups.contains(&0));
        let reader: Box<dyn Batches> = guard(&self.input.name, "", || {
            Ok(match &self.form {
                Form::Parquet(footer) => Box::new(parquet_file::Reader::new(
                    &self.input,
                    footer,
                    &fields,
                    &picked,
                    options,
                )?),
                _ if !has_first => Box::new(Nothing) as Box<dyn Batches>,
                Form::Csv(layout) => {
                    Box::new(csv::Reader::new(&self.input, layout, &fields, &picked, options)?)
                }
                Form::JsonLines(layout) => {
                    Box::new(json_lines::Reader::new(&self.input, layout, &fields, options)?)
                }
                Form::Ipc(layout) => Box::new(ipc::Reader::new(
                    &self.input,
                    &fields,
                    layout,
                    &picked,
                    options.verbatim,
                )?),
            })
        })?;
        let rows_hint = if options.row_groups.is_none() && options.rows.is_none() {
            self.rows_hint()
        } else {
            None
        };
        Ok(Table {
            file: self.input.name.clone(),
            fields: all,
            constants,
            rows_hint,
            reader: Some(reader),
        })
    }

    /// The places of the columns, in the order of the file.
    fn pick(&self, wanted: Option<&[String]>) -> Result<Vec<usize>, TableError> {
        let Some(wanted) = wanted else {
            return Ok((0..self.fields.len()).collect());
        };
        let known = || self.fields.iter().map(|field| field.name.as_str());
        let mut picked = wanted
            .iter()
            .map(|name| {
                known()
                    .position(|known| known == name)
                    .ok_or_else(|| TableError::NoColumn {
                        file: self.input.name.clone(),
                        column: name.clone(),
                        nearest: nearest(name, known()).map(str::to_owned),
                        known: known().map(str::to_owned).collect(),
                    })
            })
            .collect::<Result<Vec<_>, _>>()?;
        picked.sort_unstable();
        picked.dedup();
        Ok(picked)
    }
}

/// What every format's reader does.
pub(crate) trait Batches: Send {
    fn next(&mut self) -> Result<Option<Batch>, TableError>;
}

struct Nothing;

impl Batches for Nothing {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        Ok(None)
    }
}

/// A stream of batches of one file.
pub struct Table {
    file: String,
    fields: Vec<Arc<Field>>,
    /// The last of the fields.
    constants: Vec<Constant>,
    rows_hint: Option<u64>,
    /// `None` once it has ended or failed: a decoder that gave up is not asked again.
    reader: Option<Box<dyn Batches>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("file", &self.file)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Opens a file and starts to stream it: [`Source::open`] and [`Source::scan`] in one.
    ///
    /// # Errors
    /// As those two.
    pub fn open(input: Input, format: Format, options: ReadOptions) -> Result<Self, TableError> {
        let source = Source::open(input, format)?;
        let table = source.scan(&options);
        drop(options);
        table
    }

    /// The columns of the batches.
    pub fn schema(&self) -> impl ExactSizeIterator<Item = &Field> + Clone {
        self.fields.iter().map(AsRef::as_ref)
    }

    /// The number of rows, when the footer tells and all row groups are read.
    #[must_use]
    pub fn rows_hint(&self) -> Option<u64> {
        self.rows_hint
    }

    /// The next rows, or `None` at the end. A batch has at least one row.
    ///
    /// # Errors
    /// When the file is corrupt or cannot be read; the table then ends.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, TableError> {
        loop {
            let Some(reader) = self.reader.as_mut() else {
                return Ok(None);
            };
            match guard(&self.file, "", || reader.next()) {
                Ok(Some(batch)) if batch.rows == 0 => {}
                Ok(Some(mut batch)) => {
                    for constant in &self.constants {
                        let column = constant.column(batch.rows);
                        batch.columns.push(
                            column.map_err(|error| TableError::corrupt(&self.file, "", error.to_string()))?,
                        );
                    }
                    return Ok(Some(batch));
                }
                ended => {
                    self.reader = None;
                    return ended;
                }
            }
        }
    }
}

/// What a kind is called where a cell does not fit it: `not an int`.
pub(crate) fn with_article(kind: Kind) -> String {
    let word = kind.as_str();
    if word.starts_with(['a', 'e', 'i', 'o']) {
        format!("an {word}")
    } else {
        format!("a {word}")
    }
}
