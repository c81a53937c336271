//! Just enough of RFC 3339 to say how long a step took.

/// Seconds since 1970 of `2026-11-23T14:05:06.123Z` or with an offset such as `+01:00`; none when it is not one.
///
/// Days by Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2021), `days_from_civil`.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone)?;
    let mut clock = clock.split(':');
    let (hour, minute) = (
        clock.next()?.parse::<f64>().ok()?,
        clock.next()?.parse::<f64>().ok()?,
    );
    let second = clock.next()?.parse::<f64>().ok()?;
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    #[expect(clippy::cast_precision_loss, reason = "days of four-digit years")]
    let days = days as f64;
    Some(days * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second - offset(zone)?)
}

fn offset(zone: &str) -> Option<f64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return Some(0.0),
        '+' => 1.0,
        _ => -1.0,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<f64>().ok()? * 3_600.0 + minutes.parse::<f64>().ok()? * 60.0))
}

/// Seconds between two instants; none when either cannot be read or they are the wrong way round.
pub(crate) fn elapsed(started: &str, finished: &str) -> Option<f64> {
    let elapsed = seconds(finished)? - seconds(started)?;
    (elapsed >= 0.0).then_some(elapsed)
}

/// `850 ms`, `12.3 s`, `4 min 10 s`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!(
            "{:.0} min {:.0} s",
            (seconds / 60.0).floor(),
            (seconds % 60.0).floor()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_and_without_an_offset() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(seconds("2013-07-01T00:00:00Z"), Some(1_372_636_800.0));
        assert_eq!(seconds("2000-02-29T12:00:00.5+01:30"), Some(951_820_200.5));
        for bad in [
            "",
            "yesterday",
            "2013-07-01",
            "2013-07-01T00:00Z",
            "2013-07-01T00:00:00",
            "2013-xx-01T00:00:00Z",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(
            elapsed("2026-01-01T00:00:00Z", "2026-01-01T00:04:10Z")
                .map(duration)
                .as_deref(),
            Some("4 min 10 s")
        );
        assert_eq!(elapsed("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"), None);
    }
}
