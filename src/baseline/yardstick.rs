//! The baseline of a run: each number is held against it as soon as it is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bless::{BlessError, Blessing, Blessings, Drift, Series, blessed_path};
use super::columns::Column;
use super::limits::{Policy, Standing, judge};
use super::problem::{Problem, Weight};
use super::row::MetricType;
use super::sanity::limits;
use super::table::{Table, TableError};
use crate::metric::{Limits, Metric};

/// A baseline that is ready to hold numbers against.
#[derive(Debug, Clone)]
pub struct Yardstick {
    path: PathBuf,
    policy: Policy,
    /// In percent.
    drift_budget: f64,
    levels: BTreeMap<String, Level>,
}

/// What is known of one case's metric.
#[derive(Debug, Clone)]
struct Level {
    line: usize,
    metric: MetricType,
    number: Option<f64>,
    limits: Option<Limits>,
    blessing: Option<Blessing>,
}

/// How one number stood to its baseline, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineVerdict {
    pub perf_case_name: String,
    pub metric: Metric,
    pub standing: Standing,
    pub base: Option<f64>,
    pub new: f64,
    /// How far it might have moved, in the metric's unit.
    pub allowed: Option<f64>,
    /// `new / base`.
    pub ratio: Option<f64>,
    /// The blessed level, and how far from it the number is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blessed: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_pct: Option<f64>,
    /// It is worse than its blessed level by more than the drift budget.
    #[serde(default)]
    pub drifted: bool,
    pub policy: Policy,
    /// Base, new, ratio, limit, and what there is to say of the drift, in words.
    pub text: String,
    /// Where the base stands, `FILE:LINE`.
    pub origin: String,
}

impl BaselineVerdict {
    /// Whether the trial fails for it.
    pub fn fails(&self) -> bool {
        self.drifted || self.standing == Standing::Worse
    }

    /// Whether the number was held against something.
    pub fn is_judged(&self) -> bool {
        !matches!(self.standing, Standing::Unjudged | Standing::LeftOut)
    }

    /// The word in tables: `regression`, `drift`, `improvement`, `within`, `unjudged`, `left_out`.
    pub fn word(&self) -> &'static str {
        match self.standing {
            Standing::Worse => Standing::Worse.word(),
            _ if self.drifted => "drift",
            standing => standing.word(),
        }
    }
}

/// Why a baseline cannot be judged with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Bless(#[from] BlessError),
    #[error("{0}; mend the baseline: a row that is passed over would not be checked")]
    Row(Problem),
    #[error("{}: its rows are of the devices {devices}, and this machine's is {here}", path.display())]
    Devices { path: PathBuf, devices: String, here: String },
}

impl Yardstick {
    /// Reads a baseline and the blessed levels beside it. Of a file for several devices the rows of `device` count, and
    /// those of no device.
    ///
    /// # Errors
    /// When either file cannot be read whole, or no row is for the device.
    pub fn load(
        path: &Path,
        policy: Policy,
        drift_budget: f64,
        device: Option<&str>,
    ) -> Result<(Self, Vec<Problem>), BaselineError> {
        let (table, mut problems) = Table::read(path)?;
        table.require(&Column::BASELINE)?;
        if let Some(at) = problems.iter().position(|it| it.weight == Weight::RowLost) {
            return Err(BaselineError::Row(problems.swap_remove(at)));
        }
        let blessings = Blessings::read(&blessed_path(path))?;
        let mut levels = BTreeMap::new();
        let mut others = Vec::new();
        let mut rows = table.latest();
        // Rows of this device after those of none, so that they win.
        rows.sort_by_key(|row| row.device_subtype().is_some());
        for row in rows {
            if row.device_subtype().is_some() && row.device_subtype() != device {
                others.extend(row.device_subtype().map(str::to_owned));
                continue;
            }
            let level = Level {
                line: row.line,
                metric: row.metric.clone(),
                number: row.value(),
                limits: limits(row),
                blessing: blessings.get(&Series::of(row)).cloned(),
            };
            levels.insert(row.perf_case_name().into_owned(), level);
        }
        if levels.is_empty() && !others.is_empty() {
            others.sort();
            others.dedup();
            return Err(BaselineError::Devices {
                path: path.to_owned(),
                devices: others.join(", "),
                here: device.unwrap_or("not known").to_owned(),
            });
        }
        Ok((Self { path: path.to_owned(), policy, drift_budget, levels }, problems))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all rows that count here, sorted.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.levels.keys().map(String::as_str)
    }

    /// Whether the rule judges this case at all: upstream's leaves build times out.
    pub fn is_left_out(&self, case: &str) -> bool {
        self.levels.get(case).is_some_and(|level| {
            let judged = judge(self.policy, &level.metric, level.number, None, level.limits);
            judged.standing == Standing::LeftOut
        })
    }

    /// Holds a number against its row; `None` when there is no such row.
    pub fn judge(&self, case: &str, metric: Metric, value: f64) -> Option<BaselineVerdict> {
        let level = self.levels.get(case)?;
        let judged = judge(self.policy, &level.metric, level.number, Some(value), level.limits);
        let blessing = level.blessing.as_ref();
        let drift = blessing.and_then(|blessing| Drift::of(value, blessing));
        let drifted = drift.is_some_and(|it| it.worse && it.exceeds(self.drift_budget));
        let mut text = format!("{metric} {}: {judged}", what(judged.standing));
        if judged.standing == Standing::Unjudged {
            text += ", which cannot be judged: the baseline has no number or no limits";
        }
        if let (Some(drift), Some(blessing), true) = (drift, blessing, drifted) {
            text += &format!(
                "; {drift} from the level {} blessed {} by {}, budget {} %",
                blessing.level, blessing.when, blessing.who, self.drift_budget
            );
        }
        Some(BaselineVerdict {
            perf_case_name: case.to_owned(),
            metric,
            standing: judged.standing,
            base: judged.base,
            new: value,
            allowed: judged.allowed,
            ratio: judged.ratio(),
            blessed: blessing.map(|it| it.level),
            drift_pct: drift.map(|drift| (drift.ratio - 1.0) * 100.0),
            drifted,
            policy: self.policy,
            text,
            origin: format!("{}:{}", self.path.display(), level.line),
        })
    }
}

fn what(standing: Standing) -> &'static str {
    match standing {
        Standing::Worse => "worse than its baseline allows",
        Standing::Better => "better than its baseline allows",
        Standing::Within => "within its baseline",
        Standing::Unjudged => "beside its baseline",
        Standing::LeftOut => "left out",
    }
}
