//! A histogram as small as a word.

use super::canvas::escaped;

/// Width of a bar, with the gap after it.
const STEP: usize = 4;
const HEIGHT: f64 = 18.0;

/// The bars, with what they say when a reader points at them. The height of the largest is the whole.
pub(crate) fn spark(counts: &[u64], label: &str) -> String {
    use std::fmt::Write as _;
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let width = counts.len() * STEP;
    let label = escaped(label);
    let mut svg = format!(
        r#"<svg class="spark" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" role="img"><title>{label}</title>"#
    );
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        // A bar that stands for something is seen.
        let height = (*count as f64 / most as f64 * HEIGHT).max(1.0);
        let (x, y, bar) = (place * STEP, HEIGHT - height, STEP - 1);
        let _ = write!(
            svg,
            r#"<rect class="s0" x="{x}" y="{y:.1}" width="{bar}" height="{height:.1}"/>"#
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_share_of_the_largest() {
        let svg = spark(&[9, 0, 18, 1], "<0 & 1>");
        assert!(svg.contains(r#"y="9.0" width="3" height="9.0""#), "{svg}");
        assert!(svg.contains(r#"x="8" y="0.0" width="3" height="18.0""#), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
        assert!(svg.contains("&lt;0 &amp; 1&gt;"), "{svg}");
    }
}
