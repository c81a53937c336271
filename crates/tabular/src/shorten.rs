//! Values that are too long to be shown.

use std::borrow::Cow;

/// Characters up to which a value is shown whole.
const LONGEST: usize = 200;
/// Characters of a longer one, such that what follows them has room in [`LONGEST`] too.
const KEPT: usize = 160;

/// A value as messages show it and profiles keep it: whole up to 200 characters. A longer one is cut, and ends in its
/// length and eight digits of its hash, so that two values with one beginning stay two.
///
/// ```
/// let text = "x".repeat(5_000);
/// let shown = tabular::shortened(&text);
/// assert!(shown.starts_with(&format!("{}… (5000 characters, #", "x".repeat(160))));
/// assert_ne!(shown, tabular::shortened(&format!("{}y", &text[1..])));
/// assert_eq!(tabular::shortened(&text[..200]), &text[..200]);
/// ```
#[must_use]
pub fn shortened(value: &str) -> Cow<'_, str> {
    // No text has more characters than bytes, so that most are not counted at all.
    if value.len() <= LONGEST || value.char_indices().nth(LONGEST).is_none() {
        return Cow::Borrowed(value);
    }
    let kept: String = value.chars().take(KEPT).collect();
    let (length, mark) = (value.chars().count(), (crate::keys::text(value) >> 96) as u32);
    Cow::Owned(format!("{kept}… ({length} characters, #{mark:08x})"))
}
