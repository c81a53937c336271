//! Where bytes come from: anything that can be read in ranges.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::TableError;

/// Random access to one immutable object: a local file, a buffer, or an object store's version.
///
/// Calls block; from asynchronous code use a blocking thread.
pub trait RangeRead: Send + Sync {
    /// The size in bytes.
    fn len(&self) -> u64;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes `offset .. offset + len`; fewer only when the object ends before.
    ///
    /// # Errors
    /// When the bytes cannot be had, or the object is no longer the one that was opened.
    fn read_at(&self, offset: u64, len: usize) -> io::Result<Bytes>;

    /// A hint that these `(offset, length)` ranges will be read soon, so that a remote reader can fetch them
    /// in a few large requests. Does nothing by default.
    fn will_read(&self, _ranges: &[(u64, u64)]) {}
}

/// One file of data: its bytes, and the name by which messages call it.
#[derive(Clone)]
pub struct Input {
    /// The name for messages: the path or the URI.
    pub name: String,
    /// The bytes.
    pub reader: Arc<dyn RangeRead>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("len", &self.reader.len())
            .finish()
    }
}

impl Input {
    /// An input over any reader.
    pub fn new(name: impl Into<String>, reader: Arc<dyn RangeRead>) -> Self {
        Self {
            name: name.into(),
            reader,
        }
    }

    /// An input over bytes in memory.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::new(name, Arc::new(Memory(bytes.into())))
    }

    /// An input over a local file.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn from_path(path: &Path) -> Result<Self, TableError> {
        let name = path.display().to_string();
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::new(
                    io::ErrorKind::IsADirectory,
                    "this is a directory, not a file",
                ));
            }
            Ok(OnDisk {
                file,
                len: metadata.len(),
            })
        };
        match open() {
            Ok(file) => Ok(Self::new(name, Arc::new(file))),
            Err(source) => Err(TableError::io(&name, source)),
        }
    }
}

struct Memory(Bytes);

impl RangeRead for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let end = start.saturating_add(len).min(self.0.len());
        Ok(self.0.slice(start..end))
    }
}

struct OnDisk {
    file: File,
    len: u64,
}

impl RangeRead for OnDisk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let wanted = clamp(offset, len, self.len);
        let mut buffer = vec![0_u8; wanted];
        let mut filled = 0;
        while filled < wanted {
            let got = positioned_read(&self.file, &mut buffer[filled..], offset + filled as u64)?;
            if got == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the file became shorter while it was read",
                ));
            }
            filled += got;
        }
        Ok(buffer.into())
    }
}

/// A read that does not move a shared cursor: many threads read one file at once.
#[cfg(unix)]
fn positioned_read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn positioned_read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

fn clamp(offset: u64, len: usize, total: u64) -> usize {
    usize::try_from(total.saturating_sub(offset))
        .unwrap_or(usize::MAX)
        .min(len)
}

/// Bytes fetched at once by sequential readers: large enough for an object store, small beside a batch.
const CHUNK: usize = 1 << 20;

/// Bytes that could not be had. Decoders hand errors of their source on beside those of their own, and only the latter
/// say anything about the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unread(io::Error);

impl Unread {
    fn wrapped(error: io::Error) -> io::Error {
        io::Error::other(Self(error))
    }

    /// Whether the bytes could not be had.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }

    /// The error of the source, as it was.
    pub(crate) fn unwrapped(error: io::Error) -> io::Error {
        error
            .downcast::<Self>()
            .map_or_else(|other| other, |unread| unread.0)
    }
}

/// `Read` and `Seek` over ranges, for decoders that want a file.
pub(crate) struct Cursor {
    reader: Arc<dyn RangeRead>,
    position: u64,
    chunk: Bytes,
    chunk_start: u64,
    chunk_size: usize,
}

impl Cursor {
    pub(crate) fn new(reader: Arc<dyn RangeRead>, position: u64) -> Self {
        Self {
            reader,
            position,
            chunk: Bytes::new(),
            chunk_start: 0,
            chunk_size: CHUNK,
        }
    }

    /// For decoders that read a few bytes here and there, such as Parquet page headers.
    pub(crate) fn small(reader: Arc<dyn RangeRead>, position: u64) -> Self {
        Self {
            chunk_size: 4096,
            ..Self::new(reader, position)
        }
    }
}

impl Read for Cursor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let end = self.chunk_start + self.chunk.len() as u64;
        if self.position < self.chunk_start || self.position >= end {
            let wanted =
                out.len()
                    .max(self.chunk_size)
                    .min(clamp(self.position, usize::MAX, self.reader.len()));
            self.chunk = self
                .reader
                .read_at(self.position, wanted)
                .map_err(Unread::wrapped)?;
            self.chunk_start = self.position;
        }
        let from = usize::try_from(self.position - self.chunk_start).unwrap_or(usize::MAX);
        let available = self.chunk.get(from..).unwrap_or_default();
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, delta) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(delta) => (self.reader.len(), delta),
            SeekFrom::Current(delta) => (self.position, delta),
        };
        self.position = base.checked_add_signed(delta).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "seek before the start of the file")
        })?;
        Ok(self.position)
    }
}
