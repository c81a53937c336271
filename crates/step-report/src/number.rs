//! Numbers for readers: enough digits to judge by, none to stumble over. The JSON form keeps every digit.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Shown where there is no value.
pub const NO_VALUE: &str = "–";

/// Significant digits of a number without a hint.
const DIGITS: i32 = 4;

/// How a number should be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Four significant digits; whole numbers in full, with thousands separators.
    #[default]
    Auto,
    /// A whole number with thousands separators.
    Count,
    /// A share of one as a percentage.
    Percent,
    /// A p-value: three decimals, `<0.001` below.
    PValue,
    /// Bytes, in binary units.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Seconds since 1970, shown as a UTC date and time; for axes.
    Timestamp,
}

impl Format {
    /// True for the default, which JSON leaves out.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// The number as a reader gets it; a number that is not finite is named.
    ///
    /// ```
    /// use step_report::Format;
    /// assert_eq!(Format::Auto.show(0.911_234), "0.9112");
    /// assert_eq!(Format::Auto.show(336_776.0), "336,776");
    /// assert_eq!(Format::Auto.show(0.000_012_3), "1.23e-5");
    /// assert_eq!(Format::Percent.show(0.0213), "2.13%");
    /// assert_eq!(Format::PValue.show(0.000_2), "<0.001");
    /// assert_eq!(Format::Auto.show(f64::NAN), "NaN");
    /// ```
    #[must_use]
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return reason(value).to_owned();
        }
        match self {
            Self::Auto => auto(value),
            Self::Count => separated(&format!("{value:.0}")),
            Self::Percent => format!("{}%", auto(value * 100.0)),
            Self::PValue => p_value(value),
            Self::Bytes => bytes(value),
            Self::Milliseconds => format!("{} ms", auto(value)),
            Self::Seconds => format!("{} s", auto(value)),
            Self::Timestamp => timestamp(value),
        }
    }
}

/// Why a number is null in JSON.
pub(crate) const fn reason(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn auto(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if value.fract() == 0.0 && size < 1e15 {
        separated(&format!("{value:.0}"))
    } else if !(1e-4..1e15).contains(&size) {
        scientific(value)
    } else {
        // Digits before the point count, so that 1234.56 is 1,235 and 0.012345 is 0.01235 (half to even).
        let before = size.log10().floor();
        let decimals = (DIGITS - 1) - to_i32(before);
        trimmed(
            &format!("{value:.*}", usize::try_from(decimals).unwrap_or(0)),
            value,
        )
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a decimal exponent of an f64 is within -324..=308"
)]
const fn to_i32(exponent: f64) -> i32 {
    exponent as i32
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let whole = digits.parse().unwrap_or(f64::NAN);
            format!("{}e{exponent}", trimmed(digits, whole))
        }
        None => text,
    }
}

/// Without zeros at the end of the decimals, but only where they are exact: 0.87 stays 0.87 and 0.92203 is 0.9220.
fn trimmed(text: &str, value: f64) -> String {
    let Some((whole, decimals)) = text.split_once('.') else {
        return separated(text);
    };
    let exact = text
        .parse::<f64>()
        .is_ok_and(|shown| (shown - value).abs() <= value.abs() * 1e-9);
    let decimals = if exact {
        decimals.trim_end_matches('0')
    } else {
        decimals
    };
    if decimals.is_empty() {
        return separated(whole);
    }
    // The whole part of -0.5 is -0, and its sign must stay.
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{}.{decimals}", separated(whole.trim_start_matches('-')))
}

fn separated(whole: &str) -> String {
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let mut text = String::with_capacity(whole.len() + whole.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if text == "0" {
        text
    } else {
        format!("{sign}{text}")
    }
}

fn p_value(p: f64) -> String {
    if (0.0..0.001).contains(&p) {
        "<0.001".to_owned()
    } else if p > 0.999 && p < 1.0 {
        ">0.999".to_owned()
    } else {
        format!("{p:.3}")
    }
}

fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = value;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if size.abs() < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", auto(size))
}

/// `2013-07-01 05:00` from seconds since 1970, by the civil-from-days algorithm
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2021).
fn timestamp(seconds: f64) -> String {
    const DAY: i64 = 86_400;
    if seconds.abs() > 1e13 {
        return scientific(seconds);
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let seconds = seconds.floor() as i64;
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if rest != 0 {
        let _ = write!(text, " {:02}:{:02}", rest / 3600, rest / 60 % 60);
    }
    text
}
