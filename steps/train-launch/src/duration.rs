//! Lengths of time as people write them: `90d`, `12h`, `30m`, `10s`, `4w`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time, and how it was written.
///
/// ```
/// use train_launch::Length;
/// let length: Length = "90d".parse().unwrap();
/// assert_eq!(length.duration().as_secs(), 90 * 86_400);
/// assert!("90".parse::<Length>().is_err());
/// assert!("0d".parse::<Length>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Length {
    text: String,
    duration: Duration,
}

impl Length {
    /// The length. A day is 24 hours: windows are cut in UTC.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no =
            || format!("`{text}` is not a length of time; write a whole number and s, m, h, d or w: 90d");
        let unit = text.chars().last().ok_or_else(no)?;
        let number: u64 = text
            .strip_suffix(unit)
            .and_then(|n| n.parse().ok())
            .ok_or_else(no)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(no()),
        };
        match number.checked_mul(seconds) {
            // A thousand years and no time at all are typing errors both.
            Some(total @ 1..=31_557_600_000) => Ok(Self {
                text: text.to_owned(),
                duration: Duration::from_secs(total),
            }),
            _ => Err(format!(
                "`{text}` is out of range: more than nothing, at most 1000 years"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_refuses_the_rest() {
        for (text, seconds) in [("10s", 10), ("30m", 1_800), ("12h", 43_200), ("4w", 2_419_200)] {
            assert_eq!(text.parse::<Length>().unwrap().duration().as_secs(), seconds);
        }
        for text in [
            "",
            "d",
            "90",
            "1.5h",
            "-1d",
            "9é",
            "99999999999999999999d",
            "18446744073709551615w",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
