//! Times as web servers write them, read by hand because every line has one. All become UTC microseconds; finer digits are cut off.

use crate::time::Time;

/// The last year that is read. The calendar of `jiff` ends within the one after it.
const LAST_YEAR: i64 = 9_998;
const MICROS: i64 = 1_000_000;

/// `10/Feb/2012:16:42:07 -0500`, as in the Common Log Format and in nginx's `$time_local`.
#[must_use]
#[inline]
pub fn ncsa(text: &[u8]) -> Option<Time> {
    let text: &[u8; 26] = text.try_into().ok()?;
    if text[2] != b'/' || text[6] != b'/' || text[11] != b':' || text[20] != b' ' {
        return None;
    }
    let month = match &text[3..6] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let day = day(digits(&text[7..11])?, month, digits(&text[..2])?)?;
    at(day, clock(&text[12..20])?, zone(&text[21..])?, 0)
}

/// `2015-05-13T23:39:43.945958Z`, with a blank for the `T`, without fraction or with an offset just as well. A time
/// without a zone is none: nobody knows when that was.
#[must_use]
pub fn iso(text: &[u8]) -> Option<Time> {
    let (day, rest) = text.split_at_checked(10)?;
    let (b'T' | b't' | b' ', rest) = rest.split_first()? else { return None };
    let (clock_text, rest) = rest.split_at_checked(8)?;
    let (micros, rest) = fraction(rest)?;
    at(date(day)?, clock(clock_text)?, zone(rest)?, micros)
}

/// A date and a time of day in two fields, both in UTC: `2012-04-01` and `00:00:13`.
#[must_use]
pub fn utc(day: &[u8], time: &[u8]) -> Option<Time> {
    let (clock_text, rest) = time.split_at_checked(8)?;
    let (micros, rest) = fraction(rest)?;
    rest.is_empty().then_some(())?;
    at(date(day)?, clock(clock_text)?, 0, micros)
}

/// Any time that tells by its look what it is: [`ncsa`], [`iso`], or a number since 1970. The number is of seconds below
/// 10¹¹ (the year 5138), else of milliseconds below 10¹⁴, of microseconds below 10¹⁷, and of nanoseconds.
#[must_use]
pub fn any(text: &[u8]) -> Option<Time> {
    if text.get(2) == Some(&b'/') {
        return ncsa(text);
    }
    if text.get(4) == Some(&b'-') {
        return iso(text);
    }
    let power = match text.iter().position(|byte| *byte == b'.').unwrap_or(text.len()) {
        ..=11 => 6,
        12..=14 => 3,
        15..=17 => 0,
        _ => -3,
    };
    i64::try_from(scaled(text, power)?).ok().map(Time::from_micros)
}

/// The decimal number `text` times 10 to the `power`, without what is behind the point then. No sign, no exponent.
#[must_use]
pub fn scaled(text: &[u8], power: i32) -> Option<u64> {
    let point = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let (whole, behind) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    if whole.is_empty() || !behind.iter().all(u8::is_ascii_digit) || (behind.is_empty() && point < text.len()) {
        return None;
    }
    let whole = number(whole)?;
    let shift = 10_u64.checked_pow(power.unsigned_abs())?;
    if power < 0 {
        return Some(whole / shift);
    }
    let behind = (0..usize::try_from(power).ok()?)
        .fold(0_u64, |sum, at| sum * 10 + behind.get(at).map_or(0, |digit| u64::from(digit - b'0')));
    whole.checked_mul(shift)?.checked_add(behind)
}

/// A whole number in digits and nothing else.
#[must_use]
#[inline]
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then_some(())?;
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// At most four digits, so that nothing overflows.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Days since 1970 on `2012-04-01`.
fn date(text: &[u8]) -> Option<i64> {
    let text: &[u8; 10] = text.try_into().ok()?;
    (text[4] == b'-' && text[7] == b'-').then_some(())?;
    day(digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..])?)
}

/// Days since 1970, in the proleptic Gregorian calendar.
fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || !(1..=LAST_YEAR).contains(&year) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Seconds of the day at `16:42:07`. A leap second is the first one of the next minute, as in the count of seconds since 1970.
fn clock(text: &[u8]) -> Option<i64> {
    let text: &[u8; 8] = text.try_into().ok()?;
    (text[2] == b':' && text[5] == b':').then_some(())?;
    let (hour, minute, second) = (digits(&text[..2])?, digits(&text[3..5])?, digits(&text[6..])?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// Seconds east of Greenwich: `Z`, `-05`, `-0500`, `-05:00`.
fn zone(text: &[u8]) -> Option<i64> {
    let (hours, minutes) = match text {
        b"Z" | b"z" => return Some(0),
        [_, hours @ ..] if hours.len() == 2 => (hours, &b"00"[..]),
        [_, rest @ ..] if rest.len() == 4 => rest.split_at(2),
        [_, rest @ ..] if rest.len() == 5 && rest[2] == b':' => (&rest[..2], &rest[3..]),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(())?;
    let seconds = hours * 3_600 + minutes * 60;
    match text[0] {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// The microseconds of `.945958123`, and what follows it. Without a point there are none.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', behind)) = text.split_first() else { return Some((0, text)) };
    let len = behind.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(behind.len());
    let micros = (0..6).fold(0, |sum, at| sum * 10 + if at < len { i64::from(behind[at] - b'0') } else { 0 });
    (len > 0).then(|| (micros, &behind[len..]))
}

fn at(day: i64, second: i64, zone: i64, micros: i64) -> Option<Time> {
    Some(Time::from_micros((day * 86_400 + second - zone) * MICROS + micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time: Option<Time>) -> String {
        time.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn times_of_any_zone_are_the_same_time_in_utc() {
        assert_eq!(shown(ncsa(b"10/Feb/2012:16:42:07 -0500")), "2012-02-10T21:42:07.000000Z");
        assert_eq!(shown(ncsa(b"31/Dec/2025:23:59:60 +0000")), "2026-01-01T00:00:00.000000Z");
        assert_eq!(shown(ncsa(b"01/Mar/2024:05:00:00 +0530")), "2024-02-29T23:30:00.000000Z");
        assert_eq!(shown(iso(b"2013-10-10T16:52:00+02:00")), "2013-10-10T14:52:00.000000Z");
        assert_eq!(shown(iso(b"2023-08-11T11:39:21.773360139Z")), "2023-08-11T11:39:21.773360Z");
        assert_eq!(shown(utc(b"2012-04-01", b"00:00:13")), "2012-04-01T00:00:13.000000Z");
        for number in ["1703373474.8155608", "1703373474815.5608", "1703373474815560", "1703373474815560800"] {
            assert_eq!(shown(any(number.as_bytes())), "2023-12-23T23:17:54.815560Z", "{number}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["30/Feb/2012:16:42:07 -0500", "10/Feb/2012:24:42:07 -0500", "10/feb/2012:16:42:07 -0500"] {
            assert_eq!(any(text.as_bytes()), None, "{text}");
        }
        for text in ["2023-08-11T11:39:21", "2023-02-29T00:00:00Z", "", "1e9", "-5", "9999999999999999999999", "1."] {
            assert_eq!(any(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_the_day_of_the_calendar() {
        for days in (-719_000..2_932_000_i64).step_by(13) {
            let time = Time::from_micros(days * 86_400 * MICROS);
            assert_eq!(iso(time.to_string().as_bytes()), Some(time));
        }
        assert_eq!(any(b"99999999999.999999"), iso(b"5138-11-16T09:46:39.999999Z"));
    }

    #[test]
    fn numbers_are_scaled_without_a_float() {
        assert_eq!(scaled(b"0.001335486", 6), Some(1_335));
        assert_eq!(scaled(b"0.008", 3), Some(8));
        assert_eq!(scaled(b"10002425284", -3), Some(10_002_425));
        assert_eq!(scaled(b"1687", 3), Some(1_687_000));
        assert_eq!(scaled(b"99999999999999999999", 6), None);
    }
}
