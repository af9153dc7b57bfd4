//! How the content of a run is written into cells, and read back.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::error::HistoryError;
use super::super::model::{Aspect, AttemptRecord, Ended, Facts, Origin};
use super::Row;
use crate::metric::Metric;
use crate::record::result::State;
use crate::sample::Standing;

/// What a text is found again by: the first 32 hex digits of its SHA-256.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What tells whether an attempt is still the one that was kept: outcome, times and numbers. What is derived from them,
/// or from the label, may be derived in another way one day.
pub(super) fn fingerprint(attempt: &AttemptRecord) -> i64 {
    let mut hash = Sha256::new();
    let (outcome, message) = outcome(&attempt.ended);
    for text in [outcome, message.unwrap_or_default()] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    for time in [attempt.start, attempt.end] {
        hash.update(time.as_microsecond().to_le_bytes());
    }
    for sample in &attempt.samples {
        hash.update(sample.metric.wire_name().as_bytes());
        hash.update(sample.value.to_bits().to_le_bytes());
        hash.update(sample.state.word().as_bytes());
    }
    let hash = hash.finalize();
    i64::from_le_bytes(hash[..8].try_into().expect("SHA-256 has more than eight bytes"))
}

/// One word, and what there is to say.
pub(super) fn outcome(ended: &Ended) -> (&str, Option<&str>) {
    match ended {
        Ended::Passed | Ended::Flaky => (ended.word(), None),
        Ended::Failed { kind, message } => (kind, Some(message)),
        Ended::Skipped(why) => (ended.word(), Some(why)),
    }
}

pub(super) fn ended(outcome: String, message: Option<String>) -> Ended {
    match outcome.as_str() {
        "passed" => Ended::Passed,
        "flaky" => Ended::Flaky,
        "skipped" => Ended::Skipped(message.unwrap_or_default()),
        _ => Ended::Failed { kind: outcome, message: message.unwrap_or_default() },
    }
}

pub(super) fn facts_text(facts: &Facts) -> String {
    serde_json::to_string(facts).expect("a map of texts is JSON")
}

/// Facts as they were kept. Those that this version has no word for are left out.
pub(super) fn facts(text: &str) -> Result<Facts, serde_json::Error> {
    let known: std::collections::BTreeMap<String, String> = serde_json::from_str(text)?;
    let aspect = |word: &str| Aspect::ALL.into_iter().find(|aspect| aspect.word() == word);
    Ok(known.into_iter().filter_map(|(word, text)| Some((aspect(&word)?, text))).collect())
}

pub(super) fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::RunFolder => "run_folder",
        Origin::PerfCsv => "perf_csv",
        Origin::BaselineCsv => "baseline_csv",
        Origin::Synthetic => "synthetic",
    }
}

/// Reads cells of a row, and says what is wrong with one that this version cannot have written.
pub(super) struct Reader<'a> {
    pub place: &'a str,
    pub row: &'a dyn Row,
}

impl Reader<'_> {
    fn not(&self, what: impl Into<String>) -> HistoryError {
        HistoryError::Content { place: self.place.to_owned(), what: what.into() }
    }

    pub fn time(&self, column: usize) -> Result<Timestamp, HistoryError> {
        time(self.row.integer(column)?).ok_or_else(|| self.not("a time"))
    }

    pub fn time_or_null(&self, column: usize) -> Result<Option<Timestamp>, HistoryError> {
        let number = self.row.integer_or_null(column)?;
        number.map(|number| time(number).ok_or_else(|| self.not("a time"))).transpose()
    }

    pub fn facts(&self, column: usize) -> Result<Facts, HistoryError> {
        facts(&self.row.text(column)?).map_err(|error| self.not(format!("the facts ({error})")))
    }

    pub fn metric(&self, column: usize) -> Result<Metric, HistoryError> {
        let word = self.row.text(column)?;
        let known = Metric::ALL.into_iter().find(|metric| metric.wire_name() == word);
        known.ok_or_else(|| self.not(format!("the metric {word}")))
    }

    pub fn origin(&self, column: usize) -> Result<Origin, HistoryError> {
        let word = self.row.text(column)?;
        let all = [Origin::RunFolder, Origin::PerfCsv, Origin::BaselineCsv, Origin::Synthetic];
        let known = all.into_iter().find(|origin| origin_word(*origin) == word);
        known.ok_or_else(|| self.not(format!("the origin {word}")))
    }

    pub fn state(&self, column: usize) -> Result<State, HistoryError> {
        let word = self.row.text(column)?;
        let all = [State::Valid, State::Flaky, State::Invalid, State::Unmeasurable];
        let known = all.into_iter().find(|state| state.word() == word);
        known.ok_or_else(|| self.not(format!("the state {word}")))
    }

    pub fn standing(&self, column: usize) -> Result<Option<Standing>, HistoryError> {
        let Some(word) = self.row.text_or_null(column)? else { return Ok(None) };
        let all = [Standing::Verified, Standing::Unverified, Standing::Invalid];
        let known = all.into_iter().find(|standing| standing.word() == word);
        known.map(Some).ok_or_else(|| self.not(format!("the certificate {word}")))
    }

    /// A number that was counted.
    pub fn number(&self, column: usize) -> Result<u32, HistoryError> {
        u32::try_from(self.row.integer(column)?).map_err(|_| self.not("a number"))
    }

    pub fn certificate(
        &self,
        column: usize,
    ) -> Result<Option<crate::sample::Certificate>, HistoryError> {
        let text = self.row.text_or_null(column)?;
        let read = |text: String| serde_json::from_str(&text);
        text.map(read).transpose().map_err(|error| self.not(format!("a certificate ({error})")))
    }
}

fn time(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}
