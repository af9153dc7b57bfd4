//! The steps of the history's series, for the commands that tell them.

use serde_json::{Map, Value, json};

use crate::compare::{Change, Comparison, Row, Since, words};
use crate::history::{
    Entries, Filter, HistoryError, Mode, Place, Point, RunSummary, Series, Store,
};
use crate::trend::{Remarks, Seen, Step, steps};

/// Finds the steps of series.
pub(super) struct Finder {
    remarks: Remarks,
}

impl Finder {
    /// One for a history of which these are all runs.
    pub fn new(entries: &Entries, runs: &[RunSummary]) -> Self {
        Self { remarks: Remarks::new(entries, runs) }
    }

    /// One that asks the history for what it needs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(store: &mut dyn Store) -> Result<Self, HistoryError> {
        Ok(Self::new(&store.entries()?, &store.runs(&Filter::default())?))
    }

    /// The steps among `points`, which are all of the series.
    pub fn steps(&self, series: &Series, points: &[Point]) -> Vec<Step> {
        let seen: Vec<Seen<'_>> = points.iter().map(Seen::from).collect();
        steps(&seen, series.metric.better(), &self.remarks.on(&series.case.label))
    }
}

/// The fields that tell a step in JSON, after those that tell its series.
pub(super) fn json_of(step: &Step) -> Map<String, Value> {
    let [release_before, release_after] = &step.releases;
    let object = json!({
        "kind": step.change.kind.word(),
        "time": step.time,
        "run_id": step.run_id,
        "before": step.change.before,
        "after": step.change.after,
        "direction": step.way(),
        "release_before": release_before,
        "release_after": release_after,
        "came_with": step.came_with,
        "cause": step.cause,
        "remarks": step.remarks,
        "synthetic": step.synthetic,
    });
    match object {
        Value::Object(fields) => fields,
        _ => unreachable!("it is an object"),
    }
}

/// Tells each regression of a comparison the steps that lie between its sides, both of which are of the history.
///
/// # Errors
/// When the history cannot be read.
pub(super) fn tell(comparison: &mut Comparison, place: &Place) -> anyhow::Result<()> {
    // The history has the first pair of lengths of a case.
    let wanted = |row: &&mut Row| row.change == Change::Regress && row.point == 1;
    let mut rows: Vec<&mut Row> = comparison.rows.iter_mut().filter(wanted).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let mut store = place.open(Mode::Existing)?;
    let finder = Finder::of(store.as_mut())?;
    let all = store.series()?;
    let runs = [&comparison.base, &comparison.candidate]
        .map(|side| side.runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>());
    for row in &mut rows {
        let of_row = |series: &&Series| {
            series.metric == row.metric
                && series.case.label == row.case
                && words::place(&series.machine_class, &series.engine) == row.machine
        };
        let Some(series) = all.iter().find(of_row) else { continue };
        let points = store.points(series, &Filter::default(), None)?;
        row.since = between(&points, &runs, finder.steps(series, &points));
    }
    Ok(())
}

/// The steps to the worse that begin after the first point of the base, and not after the last one of the candidate.
fn between(points: &[Point], [base, candidate]: &[Vec<&str>; 2], steps: Vec<Step>) -> Vec<Since> {
    let of = |runs: &[&str], point: &Point| runs.contains(&point.run_id.as_str());
    let first = points.iter().position(|point| of(base, point));
    let last = points.iter().rposition(|point| of(candidate, point));
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let steps = steps.into_iter();
    let steps = steps.filter(|step| step.worse && (first + 1..=last).contains(&step.change.index));
    let since = |step: Step| Since {
        run_id: step.run_id,
        time: step.time,
        kind: step.change.kind.word(),
        change_pct: step.change.magnitude() * 100.0,
        p: step.change.p,
        came_with: step.came_with,
        cause: step.cause,
        remarks: step.remarks,
        synthetic: step.synthetic,
    };
    steps.map(since).collect()
}
