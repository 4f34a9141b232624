//! Moments as Celery writes them: ISO 8601 with an offset.
//!
//! Python reads a moment without an offset in the time zone of the application, which nobody here
//! knows. So one always goes out, and one is demanded of what comes in.

const DAY_MS: i64 = 86_400_000;

/// `2026-11-21T02:09:54.330+00:00`.
pub(crate) fn write(epoch_ms: u64) -> String {
    let ms = i64::try_from(epoch_ms).unwrap_or(i64::MAX);
    let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = date_of(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}+00:00")
}

/// Milliseconds since the epoch, or nothing where `text` is not such a moment.
pub(crate) fn read(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut date = date.split('-');
    let (year, month, day) = (
        digits(date.next()?, 4)?,
        digits(date.next()?, 2)?,
        digits(date.next()?, 2)?,
    );
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at_checked(zone_at)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let (hour, minute) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?);
    let second = time.next().map_or(Some(0), |second| digits(second, 2))?;
    let possible = date.next().is_none()
        && time.next().is_none()
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !possible || date_of(days_before(year, month, day)) != (year, month, day) {
        return None;
    }
    let clock = (hour * 60 + minute) * 60_000 + second * 1000 + milliseconds(fraction)?;
    let epoch_ms = days_before(year, month, day) * DAY_MS + clock - offset_ms(zone)?;
    u64::try_from(epoch_ms).ok()
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn milliseconds(fraction: &str) -> Option<i64> {
    let valid = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    valid.then_some(())?;
    let three: String = fraction.chars().chain("000".chars()).take(3).collect();
    three.parse().ok()
}

fn offset_ms(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '+' => 1,
        _ => -1,
    };
    let zone: String = zone.chars().skip(1).filter(|char| *char != ':').collect();
    let (hour, minute) = zone.split_at_checked(2)?;
    let minutes = digits(hour, 2)? * 60 + digits(minute, 2)?;
    Some(sign * minutes * 60_000)
}

/// Days since the epoch, by the proleptic Gregorian calendar in eras of 400 years.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_celery_writes() {
        assert_eq!(write(1_795_226_994_330), "2026-11-21T02:09:54.330+00:00");
        assert_eq!(write(0), "1970-01-01T00:00:00.000+00:00");
        assert_eq!(write(1_709_210_096_000), "2024-02-29T12:34:56.000+00:00");
    }

    #[test]
    fn reads_back_what_it_writes() {
        for ms in (0..4_000_000_000_000).step_by(77_777_777_777) {
            assert_eq!(read(&write(ms)), Some(ms));
        }
    }

    #[test]
    fn reads_offsets() {
        let noon = read("2026-11-21T12:00:00Z");
        assert!(noon.is_some());
        assert_eq!(read("2026-11-21T13:30:00+01:30"), noon);
        assert_eq!(read("2026-11-21T07:00:00.000000-0500"), noon);
        assert_eq!(read("2026-11-21 12:00+00:00"), noon);
    }

    #[test]
    fn refuses_what_a_worker_would_throw_away() {
        for text in [
            "soon",
            "",
            "2026-11-21",
            "2026-11-21T12:00:00",
            "2026-02-30T12:00:00Z",
            "2026-11-21T25:00:00Z",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+1",
            "é026-11-21T12:00:00Zé",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
