//! ISO 8601 dates and times, read and written without a calendar library: the proleptic Gregorian calendar is
//! arithmetic (H. Hinnant, "chrono-compatible low-level date algorithms", 2013).

/// Days since 1970-01-01 of a civil date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The civil date of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Reads as many digits as asked for.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

/// `2013-01-31` as days since 1970-01-01.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // The 31st of April would come back as the 1st of May.
    (civil_from_days(days) == (year, month, day)).then_some(days)
}

/// `2013-01-31T05:06[:07[.123456]][Z|+01:00]` as microseconds since 1970-01-01, and whether it names its zone.
pub(crate) fn parse_timestamp(text: &str) -> Option<(i64, bool)> {
    let bytes = text.as_bytes();
    if bytes.len() < 16 || !matches!(bytes[10], b'T' | b' ') || bytes[13] != b':' {
        return None;
    }
    let days = parse_date(text.get(..10)?)?;
    let (hour, minute) = (digits(&bytes[11..13])?, digits(&bytes[14..16])?);
    let mut rest = &bytes[16..];
    let mut second = 0;
    let mut micros = 0;
    if let [b':', tens, ones, tail @ ..] = rest {
        second = digits(&[*tens, *ones])?;
        rest = tail;
        if let [b'.', tail @ ..] = rest {
            let count = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 || count > 9 {
                return None;
            }
            for place in 0..6 {
                micros = micros * 10
                    + tail
                        .get(place)
                        .filter(|_| place < count)
                        .map_or(0, |byte| i64::from(byte - b'0'));
            }
            rest = &tail[count..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (offset, zoned) = match rest {
        [] => (0, false),
        [b'Z' | b'z'] => (0, true),
        [sign @ (b'+' | b'-'), h1, h2, tail @ ..] => {
            let minutes = match tail {
                [] => 0,
                [b':', m1, m2] | [m1, m2] => digits(&[*m1, *m2])?,
                _ => return None,
            };
            let minutes = digits(&[*h1, *h2])? * 60 + minutes;
            (if *sign == b'-' { -minutes } else { minutes }, true)
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some((seconds * 1_000_000 + micros, zoned))
}

/// `2013-01-31`.
pub(crate) fn date_text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2013-01-31T05:06:07.5Z`, with as many digits as there are.
pub(crate) fn timestamp_text(ticks: i64, per_second: i64, zoned: bool) -> String {
    let (seconds, part) = (ticks.div_euclid(per_second), ticks.rem_euclid(per_second));
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut text = format!(
        "{}T{:02}:{:02}:{:02}",
        date_text(days),
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    );
    if part != 0 {
        let nanos = part * (1_000_000_000 / per_second);
        text.push('.');
        text.push_str(format!("{nanos:09}").trim_end_matches('0'));
    }
    if zoned {
        text.push('Z');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip_over_all_of_a_long_calendar() {
        for days in (-719_000..2_900_000).step_by(37) {
            let text = date_text(days);
            if text.len() == 10 {
                assert_eq!(parse_date(&text), Some(days), "{text}");
            }
        }
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(parse_date("2000-02-29"), Some(11_016));
        for bad in [
            "2013-02-29",
            "2013-13-01",
            "2013-00-10",
            "2013-04-31",
            "2013-1-01",
            "20130101",
            "2013-01-0x",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn timestamps_are_read_with_and_without_a_zone() {
        assert_eq!(parse_timestamp("1970-01-01 00:00:01"), Some((1_000_000, false)));
        assert_eq!(parse_timestamp("1970-01-01T00:00:01.5Z"), Some((1_500_000, true)));
        assert_eq!(parse_timestamp("1970-01-01T01:00:00+01:00"), Some((0, true)));
        assert_eq!(parse_timestamp("1969-12-31T19:00-0500"), Some((0, true)));
        for bad in [
            "1970-01-01",
            "1970-01-01T25:00",
            "1970-01-01T00:00:01.",
            "1970-01-01T00:00x",
            "1970-01-01 00:61",
        ] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
        assert_eq!(timestamp_text(-1, 1_000, true), "1969-12-31T23:59:59.999Z");
    }
}
