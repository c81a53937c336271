//! The JSON form: exact, indented, keys in a fixed order.

use crate::Report;

impl Report {
    /// `report.json`, with a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(mut text) => {
                text.push('\n');
                text
            }
            // All keys are strings and writing to memory does not fail; if it ever does, the fault is told.
            Err(error) => format!(
                "{{\"error\": \"the report cannot be written: {}\"}}\n",
                error.classify() as u8
            ),
        }
    }
}
