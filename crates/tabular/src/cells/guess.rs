//! What kind a column of text cells seems to be.

use super::CellKind;
use super::time::{parse_date, parse_timestamp};

/// The kinds that are still possible after the cells seen so far.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    seen: bool,
    bool: bool,
    int: bool,
    float: bool,
    date: bool,
    local: bool,
    zoned: bool,
    json: bool,
    text: bool,
}

impl Guess {
    pub(crate) fn new() -> Self {
        Self {
            seen: false,
            bool: true,
            int: true,
            float: true,
            date: true,
            local: true,
            zoned: true,
            json: false,
            text: false,
        }
    }

    /// A cell of a text file that is no null.
    pub(crate) fn see(&mut self, cell: &str) {
        self.seen = true;
        if self.text {
            return;
        }
        self.bool = self.bool && parse_bool(cell).is_some();
        self.int = self.int && parse_int(cell).is_some() && !padded(cell);
        self.float = self.float && parse_float(cell).is_some() && !padded(cell) && held(cell);
        self.see_time(cell);
        self.text = !(self.bool || self.int || self.float || self.date || self.local || self.zoned);
    }

    fn see_time(&mut self, cell: &str) {
        self.date = self.date && parse_date(cell).is_some();
        if self.local || self.zoned {
            let zone = parse_timestamp(cell).map(|(_, zoned)| zoned);
            self.local = self.local && zone == Some(false);
            self.zoned = self.zoned && zone == Some(true);
        }
    }

    /// A value of a JSON object that is no null.
    pub(crate) fn see_json(&mut self, value: &serde_json::Value) {
        use serde_json::Value;
        self.seen = true;
        let number = value.as_number();
        self.bool = self.bool && value.is_boolean();
        self.int = self.int && number.is_some_and(serde_json::Number::is_i64);
        let whole = number.and_then(serde_json::Number::as_i128);
        self.float = self.float && number.is_some() && whole.is_none_or(is_held);
        match value {
            Value::String(text) => self.see_time(text),
            other => {
                (self.date, self.local, self.zoned) = (false, false, false);
                self.json = self.json || other.is_array() || other.is_object();
            }
        }
    }

    pub(crate) fn kind(&self) -> CellKind {
        match self {
            Self { seen: false, .. } | Self { text: true, .. } => CellKind::Text,
            Self { json: true, .. } => CellKind::Json,
            Self { bool: true, .. } => CellKind::Bool,
            Self { int: true, .. } => CellKind::Int,
            Self { float: true, .. } => CellKind::Float,
            Self { date: true, .. } => CellKind::Date,
            Self { local: true, .. } => CellKind::Timestamp { zoned: false },
            Self { zoned: true, .. } => CellKind::Timestamp { zoned: true },
            _ => CellKind::Text,
        }
    }
}

pub(crate) fn parse_bool(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

pub(crate) fn parse_int(cell: &str) -> Option<i64> {
    cell.parse().ok()
}

pub(crate) fn parse_float(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// `00501` is a postal code, not the number 501.
fn padded(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell).as_bytes();
    digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit()
}

/// A whole number that no floating number equals is an identifier: as floating numbers, different ones would be equal.
fn held(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    cell.parse().is_ok_and(is_held)
}

fn is_held(whole: i128) -> bool {
    (whole as f64) as i128 == whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> CellKind {
        let mut guess = Guess::new();
        cells.iter().for_each(|cell| guess.see(cell));
        guess.kind()
    }

    #[test]
    fn the_narrowest_kind_that_fits_all_cells_wins() {
        assert_eq!(kind(&["1", "-2"]), CellKind::Int);
        assert_eq!(kind(&["1", "2.5"]), CellKind::Float);
        assert_eq!(kind(&["1", "nan"]), CellKind::Float);
        assert_eq!(kind(&["true", "False"]), CellKind::Bool);
        assert_eq!(kind(&["true", "1"]), CellKind::Text);
        assert_eq!(kind(&["2013-01-01"]), CellKind::Date);
        assert_eq!(kind(&["2013-01-01T00:00Z"]), CellKind::Timestamp { zoned: true });
        assert_eq!(kind(&["2013-01-01T00:00", "2013-01-01T00:00Z"]), CellKind::Text);
        assert_eq!(kind(&["00501"]), CellKind::Text);
        assert_eq!(kind(&["12345678901234567890"]), CellKind::Text);
        // 2^53 + 1 is an integer that no double equals; 2^53 is one.
        assert_eq!(kind(&["9007199254740993"]), CellKind::Int);
        assert_eq!(kind(&["9007199254740993", "0.5"]), CellKind::Text);
        assert_eq!(kind(&["9007199254740992", "0.5"]), CellKind::Float);
        assert_eq!(kind(&[]), CellKind::Text);
    }
}
