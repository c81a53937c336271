//! A page that never grows past its limit, and says what did not fit.

use crate::text;

/// Room kept for the last sentence.
const LAST: usize = 1_000;

/// A page under construction.
pub(super) struct Page {
    text: String,
    left: usize,
    limit: usize,
    omitted: Vec<String>,
}

impl Page {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            left: limit - LAST,
            limit,
            omitted: Vec::new(),
        }
    }

    /// Adds a block whole, or not at all.
    pub(super) fn add(&mut self, block: &str) -> bool {
        let size = block.chars().count();
        let fits = size <= self.left;
        if fits {
            self.text.push_str(block);
            self.left -= size;
        }
        fits
    }

    /// Adds a head, as many rows as fit, and a tail; the head comes with at least one row or not at all.
    pub(super) fn list(
        &mut self,
        head: &str,
        rows: impl Iterator<Item = String>,
        tail: &str,
        (one, many): (&str, &str),
    ) {
        let closing = tail.chars().count();
        let mut rows = rows.peekable();
        let Some(first) = rows.peek() else { return };
        let mut omitted = 0;
        if head.chars().count() + first.chars().count() + closing > self.left {
            omitted = rows.count();
        } else {
            self.add(head);
            self.left -= closing;
            for row in rows {
                // Once one row is left out, all after it are: a gap in the middle would read as completeness.
                if omitted > 0 || !self.add(&row) {
                    omitted += 1;
                }
            }
            self.text.push_str(tail);
        }
        if omitted > 0 {
            self.omit(omitted, one, many);
        }
    }

    /// Notes that something is not on the page.
    pub(super) fn omit(&mut self, count: usize, one: &str, many: &str) {
        self.omitted.push(text::plural(count, one, many));
    }

    /// The page, with a sentence on what is not on it.
    pub(super) fn finish(mut self) -> String {
        if !self.omitted.is_empty() {
            let omitted = text::cut(&self.omitted.join(", "), LAST - 150).into_owned();
            self.text.push_str(&format!(
                "_Left out here, to stay within {} characters or for brevity: {omitted}. The JSON report has everything._\n",
                crate::Cell::from(self.limit).display(),
            ));
        }
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        self.text.push('\n');
        self.text
    }
}
