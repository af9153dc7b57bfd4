//! The attempts of a run, folded into one case a trial and rendered once each, so that the views after a trial
//! cost little more than writing them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::{Problem, RecordError};
use super::folder::RunFolder;
use super::junit::{self, JunitCase};
use super::perf_row::{self, CASE_NAME, PerfRow, TEST_NAME};
use super::read::Attempt;
use super::result::AttemptResult;
use super::run_info::RunInfo;
use super::views::{PERF_CSV, PERF_YAML};
use super::{open_metrics, perf_csv, perf_yaml, pytest_csv, samples};

/// What a run has so far.
#[derive(Debug)]
pub(super) struct Fold {
    pub info: RunInfo,
    cases: BTreeMap<String, Case>,
    /// Attempt folders with a result, which never change again.
    pub finished: BTreeSet<PathBuf>,
    /// Files passed over that were reported already.
    pub reported: BTreeSet<Problem>,
    /// Header of the perf CSV, with the rows of earlier runs where this run appends.
    csv_head: Vec<u8>,
    /// Largest text of a JUnit element; smaller than it could be where the file would become too large.
    text_limit: usize,
}

#[derive(Debug, Default)]
struct Case {
    attempts: BTreeMap<u32, Attempt>,
    rendered: Option<Rendered>,
}

#[derive(Debug)]
struct Rendered {
    rows: Vec<PerfRow>,
    /// The YAML entry of each row, where the run writes YAML.
    yaml: Vec<String>,
    csv: Vec<u8>,
    samples: Vec<u8>,
    open_metrics: open_metrics::Lines,
    pytest: Vec<u8>,
    junit: JunitCase,
}

impl Fold {
    /// An empty fold of the run in `folder`.
    pub fn new(info: RunInfo, folder: &RunFolder) -> Result<Self, RecordError> {
        let base = info.views.append.then(|| folder.before(PERF_CSV));
        let csv_head = perf_csv::head(base.as_deref(), info.views.device_subtype)?;
        Ok(Self {
            info,
            cases: BTreeMap::new(),
            finished: BTreeSet::new(),
            reported: BTreeSet::new(),
            csv_head,
            text_limit: junit::TEXT_LIMIT,
        })
    }

    /// Takes an attempt in; returns whether it says anything new. A result outweighs its absence.
    pub fn add(&mut self, attempt: Attempt) -> Result<bool, RecordError> {
        let case = self.cases.entry(attempt.result.name.clone()).or_default();
        let number = attempt.result.attempt;
        let outdated = |known: &Attempt| known == &attempt || (known.finished && !attempt.finished);
        if case.attempts.get(&number).is_some_and(outdated) {
            return Ok(false);
        }
        if attempt.finished {
            self.finished.insert(attempt.folder.clone());
        }
        case.attempts.insert(number, attempt);
        case.render(&self.info, self.text_limit)?;
        Ok(true)
    }

    /// Number of trials.
    pub fn trials(&self) -> usize {
        self.cases.len()
    }

    /// The attempt that decides each trial, in the order of the views.
    fn ordered(&self) -> Vec<(&AttemptResult, &Rendered)> {
        let mut cases: Vec<_> = self
            .cases
            .values()
            .filter_map(|case| {
                Some((&case.attempts.values().next_back()?.result, case.rendered.as_ref()?))
            })
            .collect();
        cases.sort_by_key(|(result, _)| (result.ordinal, &result.name));
        cases
    }

    /// `perf_script_test_results.csv`.
    pub fn perf_csv(&self) -> Vec<u8> {
        let mut text = self.csv_head.clone();
        self.ordered().iter().for_each(|(_, case)| text.extend(&case.csv));
        text
    }

    /// `perf_samples.csv`.
    pub fn samples(&self) -> Vec<u8> {
        let mut text = samples::header();
        self.ordered().iter().for_each(|(_, case)| text.extend(&case.samples));
        text
    }

    /// `metrics.txt`.
    pub fn open_metrics(&self) -> Vec<u8> {
        let cases = self.ordered();
        open_metrics::document(cases.iter().map(|(_, case)| &case.open_metrics))
    }

    /// Folders of the attempts with a result, in the order in which they ended.
    pub fn by_end(&self) -> Vec<&Path> {
        let attempts = self.cases.values().flat_map(|case| case.attempts.values());
        let mut finished: Vec<&Attempt> = attempts.filter(|attempt| attempt.finished).collect();
        finished.sort_by_key(|attempt| (attempt.result.end, &attempt.result.name));
        finished.into_iter().map(|attempt| attempt.folder.as_path()).collect()
    }

    /// `perf_script_test_results.yaml`.
    pub fn perf_yaml(&self) -> Result<String, RecordError> {
        let mut text = String::new();
        let mut seen = BTreeSet::new();
        for (_, case) in self.ordered() {
            for (row, entry) in case.rows.iter().zip(&case.yaml) {
                // `llm/perf/…` and `perf/…` of one label have equal test names, and a mapping with equal keys
                // loses one of them.
                if seen.insert(perf_yaml::column(row, TEST_NAME)) {
                    text += entry;
                } else {
                    text += &yaml_entry(&self.info, row, CASE_NAME)?;
                }
            }
        }
        Ok(text)
    }

    /// The file of `--csv`.
    pub fn pytest_csv(&self) -> Vec<u8> {
        let mut text = pytest_csv::header();
        self.ordered().iter().for_each(|(_, case)| text.extend(&case.pytest));
        text
    }

    /// `junit.xml`; texts are cut further where the file would become too large for its readers.
    pub fn junit(&mut self) -> Result<String, RecordError> {
        loop {
            let size: usize = self.ordered().iter().map(|(_, case)| case.junit.xml.len()).sum();
            if size <= junit::FILE_LIMIT || self.text_limit == 0 {
                break;
            }
            self.text_limit /= 2;
            for case in self.cases.values_mut() {
                case.render(&self.info, self.text_limit)?;
            }
        }
        let cases = self.ordered();
        Ok(junit::document(&self.info, cases.iter().map(|(_, case)| &case.junit)))
    }

    /// When the last attempt ended, the beginning of the run if there is none.
    pub fn ended(&self) -> jiff::Timestamp {
        let ends = self.cases.values().flat_map(|case| case.attempts.values());
        ends.map(|attempt| attempt.result.end).max().unwrap_or(self.info.started)
    }
}

impl Case {
    fn render(&mut self, info: &RunInfo, text_limit: usize) -> Result<(), RecordError> {
        let mut attempts = self.attempts.values();
        let Some(last) = attempts.next_back() else { return Ok(()) };
        let earlier: Vec<&AttemptResult> = attempts.map(|attempt| &attempt.result).collect();
        let prefix = info.prefix.as_deref();
        let rows = perf_row::perf_rows(&last.result, prefix, info.views.device_subtype);
        let junit = junit::case(last, &earlier, info, text_limit).map_err(|error| {
            RecordError::Encode { path: last.folder.clone(), reason: error.to_string() }
        })?;
        let yaml =
            rows.iter().filter(|_| info.views.yaml).map(|row| yaml_entry(info, row, TEST_NAME));
        self.rendered = Some(Rendered {
            yaml: yaml.collect::<Result<_, _>>()?,
            csv: perf_csv::lines(&rows),
            samples: samples::lines(self.attempts.values().map(|attempt| &attempt.result)),
            open_metrics: open_metrics::lines(&last.result),
            pytest: pytest_csv::line(&last.result, prefix),
            rows,
            junit,
        });
        Ok(())
    }
}

fn yaml_entry(info: &RunInfo, row: &PerfRow, key: &str) -> Result<String, RecordError> {
    perf_yaml::entry(row, key, info.views.device_subtype).map_err(|error| RecordError::Encode {
        path: PathBuf::from(PERF_YAML),
        reason: error.to_string(),
    })
}
