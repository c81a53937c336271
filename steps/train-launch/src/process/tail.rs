//! The last lines that training printed, for the report.

use std::collections::VecDeque;

/// Lines kept.
const LINES: usize = 200;
/// Bytes of a line kept: a progress bar without line breaks must not fill the memory.
const WIDTH: usize = 2_000;

/// Which stream bytes came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// The last lines of two streams, as they came.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    /// The line that each stream has begun.
    open: [Vec<u8>; 2],
    /// The last line of each that says something.
    last: [Option<String>; 2],
}

impl Tail {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, from: From, bytes: &[u8]) {
        for byte in bytes {
            let [out, err] = &mut self.open;
            let open = match from {
                From::Out => out,
                From::Err => err,
            };
            match byte {
                b'\n' => {
                    let line = std::mem::take(open);
                    self.close(from, &line);
                }
                _ if open.len() < WIDTH => open.push(*byte),
                _ => {}
            }
        }
    }

    /// A carriage return begins a line anew, as on a terminal; before a line break it is none.
    fn close(&mut self, from: From, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\r');
        let shown = text.rsplit('\r').next().unwrap_or(text).to_owned();
        if !shown.trim().is_empty() {
            let [out, err] = &mut self.last;
            let last = match from {
                From::Out => out,
                From::Err => err,
            };
            *last = Some(shown.trim().to_owned());
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(shown);
    }

    /// The lines, the last one last; and the one that says most: the last on standard error, where errors
    /// go, else the last at all.
    #[must_use]
    pub(crate) fn finish(mut self) -> (Vec<String>, Option<String>) {
        let [out, err] = std::mem::take(&mut self.open);
        for (from, open) in [(From::Out, out), (From::Err, err)] {
            if !open.is_empty() {
                self.close(from, &open);
            }
        }
        let [out, err] = self.last;
        (self.lines.into(), err.or(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines() {
        let mut tail = Tail::default();
        for n in 0..500 {
            tail.push(From::Out, format!("line {n} ").as_bytes());
            tail.push(From::Out, b"pass\r\n");
        }
        tail.push(From::Err, "  1 %\r 50 %\r100 %\nlast \u{e9} ".as_bytes());
        tail.push(From::Err, &[0xff]);
        let (lines, last) = tail.finish();
        assert_eq!(last.unwrap(), lines[LINES - 1]);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0], "line 302 pass");
        assert_eq!(lines[LINES - 2], "100 %");
        assert_eq!(lines[LINES - 1], "last \u{e9} \u{fffd}");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut tail = Tail::default();
        tail.push(From::Out, &vec![b'x'; 1 << 20]);
        assert_eq!(tail.finish().0, ["x".repeat(WIDTH)]);
    }
}
