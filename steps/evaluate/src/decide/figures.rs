//! Numbers in sentences.

use step_report::Format;

/// A number as a reader gets it.
pub fn show(value: f64) -> String {
    Format::Auto.show(value)
}

/// Two numbers with enough digits to tell them apart, when they differ at all.
///
/// ```
/// use evaluate::decide::apart;
/// assert_eq!(apart(0.869_999_6, 0.87), ("0.8699996".to_owned(), "0.87".to_owned()));
/// assert_eq!(apart(0.5, 0.87), ("0.5".to_owned(), "0.87".to_owned()));
/// ```
pub fn apart(value: f64, bound: f64) -> (String, String) {
    let (short, bound_shown) = (show(value), show(bound));
    let same = match (short.parse::<f64>(), bound_shown.parse::<f64>()) {
        (Ok(short), Ok(bound)) => short == bound,
        _ => short == bound_shown,
    };
    if value == bound || !same {
        return (short, bound_shown);
    }
    let longer = (4..17)
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| *text != format!("{bound:.*}", decimals(text)));
    (longer.unwrap_or_else(|| value.to_string()), bound_shown)
}

fn decimals(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// `1 row`, `2 rows`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    let shown = Format::Count.show(n as f64);
    format!("{shown} {}", if n == 1 { one } else { many })
}

/// `[0.9021, 0.9183]`.
pub fn range((low, high): (f64, f64)) -> String {
    format!("[{}, {}]", show(low), show(high))
}

/// A p-value in a sentence: `p = 0.013`, `p < 0.001`.
pub fn p_value(p: f64) -> String {
    let shown = Format::PValue.show(p);
    match shown.strip_prefix('<') {
        Some(rest) => format!("p < {rest}"),
        None => format!("p = {shown}"),
    }
}
