//! A baseline made or moved by measurements: the median of several, and only where it moved beyond what is allowed.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::bless::{Blessings, Drift, Series};
use super::columns::Column;
use super::limits::{Judgement, Policy, Standing, judge};
use super::patch::{Line, Source, Spelling};
use super::row::{MetricType, Row};
use super::sanity::limits;
use super::table::Table;
use crate::metric::Limits;

/// How many valid samples a level is made of, at least.
pub const MIN_SAMPLES: usize = 3;

/// The measurements of one series, from all files.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    pub series: Series,
    /// A row of it, for its names and limits.
    row: &'a Row,
    values: Vec<f64>,
}

impl Samples<'_> {
    /// The middle value; the mean of the two in the middle of an even number.
    fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 {
            values[middle]
        } else {
            (values[middle - 1] + values[middle]) / 2.0
        }
    }
}

/// Collects the valid samples of result files, series by series in the order in which they first appear. A row whose state
/// is `invalid` or `unmeasurable` never counts, and one measurement in two files counts once.
pub fn samples<'a>(tables: &'a [Table]) -> Vec<Samples<'a>> {
    let mut order: Vec<Samples<'a>> = Vec::new();
    let mut places: BTreeMap<Series, usize> = BTreeMap::new();
    let mut seen = HashSet::new();
    for row in tables.iter().flat_map(Table::rows) {
        let Some(value) = row.value() else { continue };
        let trusted = row.state().is_none_or(|state| state == "valid" || state == "flaky");
        if !trusted {
            continue;
        }
        let series = Series::of(row);
        let when = row.start.zip(row.end);
        if when.is_some() && !seen.insert((series.clone(), when, value.to_bits())) {
            continue;
        }
        let place = *places.entry(series.clone()).or_insert_with(|| {
            order.push(Samples { series, row, values: Vec::new() });
            order.len() - 1
        });
        order[place].values.push(value);
    }
    order
}

/// What an update asks for.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub policy: Policy,
    pub min_samples: usize,
    /// In percent.
    pub drift_budget: f64,
    /// Limits of metrics for rows that bring none along.
    pub limits: &'a dyn Fn(&MetricType) -> Option<Limits>,
}

/// One series that the update changes.
#[derive(Debug, Clone)]
pub struct Change {
    pub series: Series,
    /// Against the row that stands; a new one has no base.
    pub judgement: Judgement,
    pub samples: usize,
    /// From the blessed level, where there is one.
    pub drift: Option<Drift>,
}

/// What an update would do, and why it must not.
#[derive(Debug)]
pub struct Update {
    /// The new text of the baseline.
    pub text: String,
    pub changed: Vec<Change>,
    pub added: Vec<Change>,
    /// Series with too few valid samples for the change that they ask for.
    pub too_few: Vec<Change>,
    /// Series that would leave their drift budget.
    pub drifted: Vec<Change>,
    /// New series of a metric without limits.
    pub without_limits: Vec<Series>,
    /// Rows of the baseline without a valid sample: they stay as they are.
    pub unmeasured: Vec<Series>,
}

/// Works out an update. Rows stay where they are with the bytes they have, but for the numbers that moved; new ones follow in
/// the order in which they were measured.
pub fn update(
    source: Source<'_>,
    samples: &[Samples<'_>],
    blessings: &Blessings,
    rules: Rules<'_>,
) -> Update {
    let table = source.table;
    let mut update = Update {
        text: String::new(),
        changed: Vec::new(),
        added: Vec::new(),
        too_few: Vec::new(),
        drifted: Vec::new(),
        without_limits: Vec::new(),
        unmeasured: Vec::new(),
    };
    let spelling = Spelling::of(&[table.rows()], table.columns());
    let knows_devices = table.columns().has(Column::DeviceSubtype);
    let key = |series: &Series| match knows_devices {
        true => series.clone(),
        false => Series { device: String::new(), ..series.clone() },
    };
    let measured: BTreeMap<Series, &Samples<'_>> =
        samples.iter().map(|it| (key(&it.series), it)).collect();
    let mut known = HashSet::new();
    let mut lines = Vec::new();
    for row in table.latest() {
        let series = Series::of(row);
        known.insert(series.clone());
        let Some(samples) = measured.get(&series) else {
            update.unmeasured.push(series);
            lines.push(Line::Kept(row));
            continue;
        };
        let median = samples.median();
        let judgement = judge(rules.policy, &row.metric, row.number, Some(median), limits(row));
        if matches!(judgement.standing, Standing::Within | Standing::LeftOut) {
            lines.push(Line::Kept(row));
            continue;
        }
        let change = update.hold(series, judgement, samples, blessings, rules);
        update.changed.push(change);
        lines.push(Line::Written(spelling.cells(row, Some(median))));
    }
    for samples in samples.iter().filter(|it| !known.contains(&key(&it.series))) {
        let median = samples.median();
        let Some(own) = limits(samples.row).or_else(|| (rules.limits)(&samples.row.metric)) else {
            update.without_limits.push(samples.series.clone());
            continue;
        };
        let judgement = judge(rules.policy, &samples.row.metric, None, Some(median), Some(own));
        let change = update.hold(key(&samples.series), judgement, samples, blessings, rules);
        update.added.push(change);
        let mut cells = spelling.cells(samples.row, Some(median));
        let places = [
            (Column::Threshold, own.threshold),
            (Column::AbsoluteThreshold, own.absolute_threshold),
        ];
        for (column, number) in places {
            if let Some(cell) = table.columns().place(column).and_then(|at| cells.get_mut(at))
                && cell.is_empty()
            {
                *cell = number.to_string();
            }
        }
        lines.push(Line::Written(cells));
    }
    update.text = source.with(&lines);
    update
}

impl Update {
    /// Holds a change against the rules.
    fn hold(
        &mut self,
        series: Series,
        judgement: Judgement,
        samples: &Samples<'_>,
        blessings: &Blessings,
        rules: Rules<'_>,
    ) -> Change {
        let blessing = blessings.get(&series);
        let drift = blessing.zip(judgement.new).and_then(|(it, new)| Drift::of(new, it));
        let change = Change { series, judgement, samples: samples.values.len(), drift };
        if change.samples < rules.min_samples {
            self.too_few.push(change.clone());
        }
        if drift.is_some_and(|drift| drift.exceeds(rules.drift_budget)) {
            self.drifted.push(change.clone());
        }
        change
    }

    /// Whether the baseline would be another.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty()
    }
}

/// The text of a baseline without rows.
pub fn empty_baseline(path: &Path, device_subtype: bool) -> (Table, String) {
    let mut names: Vec<String> =
        Column::BASELINE.iter().map(|column| column.name().to_owned()).collect();
    names.extend(device_subtype.then(|| Column::DeviceSubtype.name().to_owned()));
    let text = names.join(",") + "\n";
    let (table, _) = Table::parse(text.as_bytes(), path).expect("the columns of a baseline");
    (table, text)
}
