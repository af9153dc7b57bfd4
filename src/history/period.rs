//! Moments as people write them: a date, a time, or how long ago.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// What is accepted, for messages.
const ACCEPTED: &str = "accepted: 2026-11-24, 2026-11-24T08:15:02Z, 12h or 30d (ago)";

/// The first moment of what `text` says; a date is one of UTC.
///
/// # Errors
/// When it says no moment.
pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match text.parse::<Date>() {
        Ok(date) if !text.contains(['T', ' ']) => start_of(date),
        _ => moment(text, now),
    }
}

/// The moment after what `text` says: of a date, the end of the day.
///
/// # Errors
/// When it says no moment.
pub fn until(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match text.parse::<Date>() {
        Ok(date) if !text.contains(['T', ' ']) => {
            start_of(date.checked_add(1.day()).map_err(|error| error.to_string())?)
        }
        _ => moment(text, now),
    }
}

fn start_of(date: Date) -> Result<Timestamp, String> {
    let start = date.to_zoned_datetime(TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(start.timestamp())
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = |number: &str, hours: i64| {
        let number: u32 = number.parse().ok()?;
        now.checked_sub(SignedDuration::from_hours(i64::from(number) * hours)).ok()
    };
    let known = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => ago(days, 24),
        (_, Some(hours)) => ago(hours, 1),
        _ => text.parse().ok(),
    };
    known.ok_or_else(|| format!("`{text}` is no moment; {ACCEPTED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_whole_day_and_a_time_is_itself() {
        let now: Timestamp = "2026-11-24T08:15:02Z".parse().expect("time");
        let shown = |found: Result<Timestamp, String>| found.expect("a moment").to_string();
        assert_eq!(shown(since("2026-11-20", now)), "2026-11-20T00:00:00Z");
        assert_eq!(shown(until("2026-11-20", now)), "2026-11-21T00:00:00Z");
        assert_eq!(shown(until("2026-11-20T01:00:00+01:00", now)), "2026-11-20T00:00:00Z");
        assert_eq!(shown(since("2d", now)), "2026-11-22T08:15:02Z");
        assert_eq!(shown(since("12h", now)), "2026-11-23T20:15:02Z");
        for bad in ["", "yesterday", "-3d", "2026-13-01", "99999999999d"] {
            let error = since(bad, now).expect_err(bad);
            assert!(error.contains("accepted: 2026-11-24"), "{error}");
        }
    }
}
