//! How much is held in memory: batches by their width, keys before they go to disk.

use std::path::Path;

/// What a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    bytes: u64,
}

/// Without a limit from anywhere.
const PLENTY: u64 = 1 << 30;
/// Below this nothing can be read: the program, a page of each column, a sketch of each.
const LEAST: u64 = 64 << 20;

impl Memory {
    /// Reads a size such as `512Mi`, `1Gi`, `800MB` or a number of bytes.
    ///
    /// ```
    /// use data_validate::gather::memory::Memory;
    /// assert_eq!(Memory::parse("512Mi")?, Memory::parse("536870912")?);
    /// assert!(Memory::parse("1Mi").unwrap_err().contains("at least 64Mi"));
    /// assert!(Memory::parse("much").is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size of memory; write for example 512Mi, 1Gi or 800MB");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let unit: u64 = match &text[digits.len()..] {
            "" | "B" => 1,
            "k" | "K" | "kB" | "KB" => 1000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "Ki" | "KiB" => 1 << 10,
            "Mi" | "MiB" => 1 << 20,
            "Gi" | "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        match number.checked_mul(unit) {
            Some(bytes) if bytes >= LEAST => Ok(Self { bytes }),
            Some(_) => Err(format!(
                "`{text}` is too little to read anything with; it must be at least 64Mi"
            )),
            None => Err(wrong()),
        }
    }

    /// Three quarters of what the container may take, and 1 GiB at most: the rest is the kernel's and the allocator's.
    #[must_use]
    pub fn of_this_container() -> Self {
        let files = [
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        let limit = |file: &&str| {
            std::fs::read_to_string(Path::new(file))
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        };
        let limit = files.iter().filter_map(limit).min().unwrap_or(u64::MAX);
        Self {
            bytes: (limit / 4).saturating_mul(3).clamp(LEAST, PLENTY),
        }
    }

    /// Rows of a batch of so many columns, so that the batches of all threads take a quarter: 32 bytes a value, as read and
    /// as worked on.
    #[must_use]
    pub fn batch_rows(self, threads: usize, columns: usize) -> usize {
        let values = self.bytes / 4 / 32;
        let rows = values / (threads.max(1) as u64 * columns.max(1) as u64);
        usize::try_from(rows).unwrap_or(usize::MAX).clamp(256, 65_536)
    }

    /// Keys of one multiset before they go to disk, so that those of all threads and the one that takes them in hold a
    /// quarter: 16 bytes a key.
    #[must_use]
    pub fn keys(self, threads: usize, multisets: usize) -> usize {
        let keys = self.bytes / 4 / 16;
        let each = keys / ((threads as u64 + 1) * multisets.max(1) as u64);
        usize::try_from(each)
            .unwrap_or(usize::MAX)
            .clamp(1 << 14, 4 << 20)
    }

    /// Keys referred to that are held for probing, of which there may be several sets: 32 bytes a key, with the room that a
    /// hash table keeps free.
    #[must_use]
    pub fn referred(self) -> u64 {
        (self.bytes / 4 / 32).min(8 << 20)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { bytes: PLENTY }
    }
}
