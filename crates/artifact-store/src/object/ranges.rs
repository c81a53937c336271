//! Blocking reads: what table readers and digests use, on threads that may block.

use std::io;

use bytes::Bytes;
use tabular::RangeRead;

use super::{Object, Source};
use crate::error::StoreError;
use crate::reference::Checked;

/// How much a sequential reader asks for at once.
const CHUNK: u64 = 8 << 20;

impl Object {
    /// The bytes of `offset .. offset + len`, cut at the end of the object. Blocking: call it
    /// inside `spawn_blocking` only, or the runtime panics.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn read_range(&self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        let start = offset.min(self.size());
        let end = offset.saturating_add(len as u64).min(self.size());
        match &self.source {
            _ if start == end => Ok(Bytes::new()),
            Source::File(file) => file.read_at(start, usize::try_from(end - start).unwrap_or(usize::MAX)),
            _ => self.runtime.block_on(self.ahead.read(start..end)),
        }
    }

    /// Sets out for `(offset, length)` ranges that will be read soon, in a few large requests.
    pub fn prefetch(&self, ranges: &[(u64, u64)]) {
        if !matches!(self.source, Source::File(_)) {
            self.ahead.hint(ranges);
        }
    }

    /// Reads it from the start. Blocking, as [`Object::read_range`]. Where a reference says what the bytes must hash to,
    /// the end of others is an error.
    #[must_use]
    pub fn reader(&self) -> ObjectReader {
        let md5 = self
            .meta
            .reference
            .as_ref()
            .and_then(|reference| reference.md5.as_ref());
        ObjectReader {
            checked: Checked::new(md5, &self.meta.location.to_string()),
            object: self.clone(),
            next: 0,
            chunk: Bytes::new(),
        }
    }
}

impl RangeRead for Object {
    fn len(&self) -> u64 {
        self.size()
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        Ok(self.read_range(offset, len)?)
    }

    fn will_read(&self, ranges: &[(u64, u64)]) {
        self.prefetch(ranges);
    }
}

/// An [`Object`] read from its start to its end, for digests and copies. Blocking: call it
/// inside `spawn_blocking` only.
#[derive(Debug)]
pub struct ObjectReader {
    object: Object,
    checked: Checked,
    next: u64,
    chunk: Bytes,
}

impl io::Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let len = CHUNK.min(self.object.size() - self.next);
            self.chunk = self
                .object
                .read_range(self.next, usize::try_from(len).unwrap_or(0))?;
            self.next += self.chunk.len() as u64;
            self.checked.saw(&self.chunk)?;
        }
        let taken = self.chunk.split_to(buffer.len().min(self.chunk.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
