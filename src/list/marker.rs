//! Line markers: what a list or a waives file says about a test besides its name.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;

/// The marker words, in the order in which upstream's parser looks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The test is expected to fail.
    Xfail,
    /// The test is not run.
    Skip,
    /// The test runs, its failure does not count.
    Unstable,
    /// The test has its own time limit, in minutes.
    Timeout,
    /// The test wants a process of its own. Every case has one here, so this changes nothing.
    Isolation,
    /// Each step of the test may be silent for its own time, in minutes. Ours: upstream has no such word.
    Stall,
}

impl Word {
    /// The words that upstream knows, in its search order.
    pub const UPSTREAM: [Self; 5] =
        [Self::Xfail, Self::Skip, Self::Unstable, Self::Timeout, Self::Isolation];
    /// All words: upstream's, then ours.
    pub const ALL: [Self; 6] =
        [Self::Xfail, Self::Skip, Self::Unstable, Self::Timeout, Self::Isolation, Self::Stall];

    /// The word as it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Xfail => "XFAIL",
            Self::Skip => "SKIP",
            Self::Unstable => "UNSTABLE",
            Self::Timeout => "TIMEOUT",
            Self::Isolation => "ISOLATION",
            Self::Stall => "STALL",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The text in a marker's parentheses, with our two additions that pytest reads as plain text:
/// `owner=NAME` and `until=YYYY-MM-DD`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// All of the text, additions included; empty when the marker stands alone.
    pub text: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// The last day on which the marker counts.
    pub until: Option<Date>,
}

/// An `until=` that is no date: its byte range within the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadDate(pub std::ops::Range<usize>);

impl Reason {
    /// Reads the additions out of a reason's text.
    pub(super) fn parse(text: &str) -> Result<Self, BadDate> {
        let mut reason = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split(|c: char| c.is_whitespace() || c == ',' || c == ';') {
            if let Some(owner) = word.strip_prefix("owner=") {
                reason.owner = (!owner.is_empty()).then(|| owner.to_owned());
            } else if let Some(date) = word.strip_prefix("until=") {
                let start = date.as_ptr() as usize - text.as_ptr() as usize;
                let parsed = date.parse().map_err(|_| BadDate(start..start + date.len()))?;
                reason.until = Some(parsed);
            }
        }
        Ok(reason)
    }

    /// Whether the marker no longer counts on `today`.
    pub fn expired(&self, today: Date) -> bool {
        self.until.is_some_and(|until| today > until)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "no reason given" } else { &self.text })
    }
}

/// How long a step may be silent: `STALL (idle[, active])`, and `stall` of a list. Zero is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Silent and idle. With zero nothing is watched.
    pub idle: Duration,
    /// Silent, whatever it does; `None` leaves it as it is set for the run.
    pub active: Option<Duration>,
}

impl Silence {
    /// From whole minutes; `None` when the step would have less time for being active.
    pub(super) fn of_minutes(idle: u32, active: Option<u32>) -> Option<Self> {
        if active.is_some_and(|active| active != 0 && active < idle) {
            return None;
        }
        let minutes = |number: u32| Duration::from_mins(number.into());
        Some(Self { idle: minutes(idle), active: active.map(minutes) })
    }
}

/// All markers of one line. Reasons are boxed because a list has thousands of lines and few reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markers {
    /// `SKIP (reason)`
    pub skip: Option<Box<Reason>>,
    /// `XFAIL (reason)`
    pub xfail: Option<Box<Reason>>,
    /// `UNSTABLE (reason)`
    pub unstable: Option<Box<Reason>>,
    /// `TIMEOUT (minutes)`; zero means no limit.
    pub timeout: Option<Duration>,
    /// `ISOLATION`
    pub isolation: bool,
    /// `STALL (minutes[, minutes])`
    pub stall: Option<Silence>,
}

impl Markers {
    /// Whether the line carries no marker at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The words present, in upstream's order.
    pub fn words(&self) -> impl Iterator<Item = Word> {
        Word::ALL.into_iter().filter(|word| match word {
            Word::Xfail => self.xfail.is_some(),
            Word::Skip => self.skip.is_some(),
            Word::Unstable => self.unstable.is_some(),
            Word::Timeout => self.timeout.is_some(),
            Word::Isolation => self.isolation,
            Word::Stall => self.stall.is_some(),
        })
    }

    /// The reason of a marker that has one.
    pub fn reason(&self, word: Word) -> Option<&Reason> {
        match word {
            Word::Xfail => self.xfail.as_deref(),
            Word::Skip => self.skip.as_deref(),
            Word::Unstable => self.unstable.as_deref(),
            Word::Timeout | Word::Isolation | Word::Stall => None,
        }
    }

    /// The markers that count on `today`: those whose `until=` has not passed.
    #[must_use]
    pub fn in_force(&self, today: Date) -> Self {
        let alive = |reason: &Option<Box<Reason>>| reason.clone().filter(|it| !it.expired(today));
        Self {
            skip: alive(&self.skip),
            xfail: alive(&self.xfail),
            unstable: alive(&self.unstable),
            ..*self
        }
    }

    /// The markers whose `until=` has passed, with their reasons: they hide nothing and are to be reported.
    pub fn expired(&self, today: Date) -> impl Iterator<Item = (Word, &Reason)> {
        Word::ALL
            .into_iter()
            .filter_map(|word| Some((word, self.reason(word)?)))
            .filter(move |(_, reason)| reason.expired(today))
    }

    /// These markers with those of `over` laid on top, kind by kind: a waive over a list line.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        Self {
            skip: over.skip.clone().or_else(|| self.skip.clone()),
            xfail: over.xfail.clone().or_else(|| self.xfail.clone()),
            unstable: over.unstable.clone().or_else(|| self.unstable.clone()),
            timeout: over.timeout.or(self.timeout),
            isolation: self.isolation || over.isolation,
            stall: over.stall.or(self.stall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn owner_and_until_are_read_out_of_a_reason_that_stays_whole() {
        let text = "hangs on two nodes; owner=ann, until=2026-12-31 https://example.org/1";
        let reason = Reason::parse(text).expect("a good reason");
        assert_eq!(reason.text, text);
        assert_eq!(reason.owner.as_deref(), Some("ann"));
        assert_eq!(reason.until, Some(date(2026, 12, 31)));
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused_with_its_place() {
        assert_eq!(Reason::parse("x until=2026-02-30"), Err(BadDate(8..18)));
        assert_eq!(Reason::parse("until=soon"), Err(BadDate(6..10)));
    }

    #[test]
    fn a_marker_counts_on_its_last_day_and_not_on_the_next() {
        let skip = Some(Box::new(Reason::parse("until=2026-12-31").expect("a date")));
        let markers = Markers { skip, isolation: true, ..Markers::default() };
        assert_eq!(markers.in_force(date(2026, 12, 31)), markers);
        assert_eq!(markers.expired(date(2026, 12, 31)).count(), 0);
        let later = markers.in_force(date(2027, 1, 1));
        assert_eq!(later, Markers { isolation: true, ..Markers::default() });
        let expired: Vec<_> =
            markers.expired(date(2027, 1, 1)).map(|(word, _)| word.text()).collect();
        assert_eq!(expired, ["SKIP"]);
    }

    #[test]
    fn a_waive_lies_over_the_line_kind_by_kind() {
        let reason = |text| Some(Box::new(Reason::parse(text).expect("plain text")));
        let line = Markers {
            xfail: reason("list"),
            timeout: Some(Duration::from_mins(5)),
            ..Markers::default()
        };
        let waive = Markers { skip: reason("waive"), xfail: reason("waive"), ..Markers::default() };
        let both = line.overlaid(&waive);
        assert_eq!(both.skip, reason("waive"));
        assert_eq!(both.xfail, reason("waive"));
        assert_eq!(both.timeout, Some(Duration::from_mins(5)));
    }
}
