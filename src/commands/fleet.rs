//! `trtllm-perf selfcheck --fleet`: the false reds of a month, simulated with what the history says of each series.

mod json;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;

use crate::case::Case;
use crate::failure::Exit;
use crate::history::{CaseIdentity, Filter, HistoryError, Mode, Origin, RunSummary, Series, Store};
use crate::metric::Metric;
use crate::run::{self, Chosen};
use crate::tables::Tables;
use crate::verdict::fleet::{Confirmation, Member, Month, Outlook, Source, needed, outlook};
use crate::verdict::scatter::{LEAST, LEAST_OWN, Scatter, scatter};
use jiff::SignedDuration;

/// What is simulated of one class of machines and engine.
struct Fleet {
    machine_class: String,
    engine: String,
    /// Whether numbers of it were made by a script.
    synthetic: bool,
    /// Fewer numbers than are needed: so many series are left out.
    short: usize,
    cases: usize,
    /// Cases of which the main metric, and of which others have enough numbers.
    mains: usize,
    families: usize,
    /// Series whose own numbers are enough to draw from.
    own: usize,
    members: Vec<Member>,
    outlooks: Vec<(Source, [Outlook; 4])>,
}

/// Simulates and prints; nothing is kept.
///
/// # Errors
/// [`Exit::NothingRan`] when no series has enough numbers, and what makes the history unreadable.
pub fn run(chosen: &Chosen, days: u32, json: bool) -> Result<ExitCode, Exit> {
    let mut store = chosen.history.open(Mode::Existing).map_err(|error| match error {
        HistoryError::Absent { .. } => Exit::NothingRan(error.to_string()),
        other => Exit::CannotRun(other.to_string()),
    })?;
    let cannot = |error: HistoryError| Exit::CannotRun(error.to_string());
    let mut fleets = fleets(store.as_mut(), chosen, days).map_err(cannot)?;
    let (seen, short) = fleets.iter().fold((0, 0), |(seen, short), fleet| {
        (seen + fleet.members.len() + fleet.short, short + fleet.short)
    });
    fleets.retain(|fleet| !fleet.members.is_empty());
    if fleets.is_empty() {
        return Err(Exit::NothingRan(nothing(store.place(), seen, days, chosen.labels.is_some())));
    }
    if short > 0 {
        eprintln!(
            "note: {short} of {seen} series have fewer than {LEAST} numbers and are left out"
        );
    }
    let month = Month::default();
    for fleet in &mut fleets {
        let sources = Source::ALL.into_iter().filter(|it| *it != Source::Own || fleet.own > 0);
        fleet.outlooks =
            sources.map(|source| (source, outlook(&fleet.members, source, month))).collect();
    }
    run::print("fleet", |out| {
        for (place, fleet) in fleets.iter().enumerate() {
            match json {
                true => writeln!(out, "{}", json::object(fleet, month))?,
                false if place > 0 => write!(out, "\n{}", text::text(fleet, month))?,
                false => write!(out, "{}", text::text(fleet, month))?,
            }
        }
        Ok(())
    })
}

/// Why there is nothing to simulate, and what to do.
fn nothing(place: &str, series: usize, days: u32, selected: bool) -> String {
    match (series, selected) {
        (0, true) => format!(
            "simulate a month: no series of the last {days} days of {place} is of a case that is selected; \
             `history list --series` names what is there"
        ),
        (0, false) => format!(
            "simulate a month: {place} has no number of the last {days} days; runs of the harness add them, and so does \
             `history import`"
        ),
        _ => format!(
            "simulate a month: no series of the last {days} days of {place} has {LEAST} numbers or more, and fewer say \
             nothing of their noise; run more nights, or reach further back with --days"
        ),
    }
}

/// The series that are wanted, by machine class and engine; numbers of each from the last `days` before the newest run.
fn fleets(store: &mut dyn Store, chosen: &Chosen, days: u32) -> Result<Vec<Fleet>, HistoryError> {
    let ends = |run: &RunSummary| run.ended.unwrap_or(run.started);
    let newest = store.runs(&Filter::default())?.iter().map(ends).max();
    let back = SignedDuration::from_hours(24 * i64::from(days));
    let since = newest.and_then(|newest| newest.checked_sub(back).ok());
    let filter = Filter { since, ..Filter::default() };
    let entries = store.entries()?;
    let fields = |label: &String| {
        let fields = CaseIdentity::of(label, &chosen.tables.models).fields;
        entries.renamed(&fields).map_or(fields.clone(), |now| now.fields.clone())
    };
    let wanted: Option<BTreeSet<String>> =
        chosen.labels.as_ref().map(|labels| labels.iter().map(fields).collect());
    let mut found: BTreeMap<(String, String), Vec<(Series, Numbers)>> = BTreeMap::new();
    for series in store.series()? {
        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&series.case.fields)) {
            continue;
        }
        let numbers = Numbers::read(store, &series, &filter)?;
        if !numbers.values.is_empty() {
            let place = (series.machine_class.clone(), series.engine.clone());
            found.entry(place).or_default().push((series, numbers));
        }
    }
    let fleet = |((machine_class, engine), series): ((String, String), Vec<_>)| {
        Fleet::new(machine_class, engine, series, &chosen.tables)
    };
    Ok(found.into_iter().map(fleet).collect())
}

/// The numbers of a series that count.
struct Numbers {
    values: Vec<f64>,
    synthetic: bool,
}

impl Numbers {
    fn read(store: &mut dyn Store, series: &Series, filter: &Filter) -> Result<Self, HistoryError> {
        let mut points = store.points(series, filter, None)?;
        // The values of a baseline were measured by nobody in these nights.
        points.retain(|point| point.state.counts() && point.origin != Origin::BaselineCsv);
        Ok(Self {
            synthetic: points.iter().any(|point| point.origin == Origin::Synthetic),
            values: points.into_iter().map(|point| point.value).collect(),
        })
    }
}

impl Fleet {
    fn new(
        machine_class: String,
        engine: String,
        series: Vec<(Series, Numbers)>,
        tables: &Tables,
    ) -> Self {
        let synthetic = series.iter().any(|(_, numbers)| numbers.synthetic);
        let all = series.len();
        let mut cases: BTreeMap<String, Vec<(bool, Scatter)>> = BTreeMap::new();
        for (series, numbers) in &series {
            let is_main = main_metric(&series.case.label, tables) == series.metric;
            if let Some(found) = scatter(&numbers.values, series.metric.better()) {
                cases.entry(series.case.fields.clone()).or_default().push((is_main, found));
            }
        }
        let others = |case: &[(bool, Scatter)]| case.iter().filter(|(is_main, _)| !is_main).count();
        let mains = cases.values().filter(|case| case.len() > others(case)).count();
        let families = cases.values().filter(|case| others(case) > 0).count();
        let member = |family: usize, (is_main, found): (bool, Scatter)| Member {
            cv: found.cv,
            family: if is_main { 1 } else { family },
            is_main,
            losses: if found.losses.len() < LEAST_OWN { Vec::new() } else { found.losses },
        };
        let number = cases.len();
        let members: Vec<Member> = cases
            .into_values()
            .flat_map(|case| {
                let family = others(&case);
                case.into_iter().map(move |it| member(family, it))
            })
            .collect();
        Self {
            machine_class,
            engine,
            synthetic,
            short: all - members.len(),
            cases: number,
            mains,
            families,
            own: members.iter().filter(|member| !member.losses.is_empty()).count(),
            members,
            outlooks: Vec::new(),
        }
    }

    /// How many verdicts a month has: of main metrics, and of families of others.
    fn judgements(&self, month: Month) -> usize {
        (self.mains + self.families) * month.nights as usize
    }

    /// CVs from the least to the largest.
    fn cvs(&self) -> Vec<f64> {
        let mut cvs: Vec<f64> = self.members.iter().map(|member| member.cv).collect();
        cvs.sort_by(f64::total_cmp);
        cvs
    }

    /// The least confirmation that keeps the promise under every noise.
    fn needed(&self) -> Option<Confirmation> {
        needed(self.outlooks.iter().map(|(_, outlooks)| outlooks))
    }

    /// The same by the fleet's own numbers alone; `None` without any.
    fn needed_by_own(&self) -> Option<Option<Confirmation>> {
        let own = self.outlooks.iter().find(|(source, _)| *source == Source::Own);
        own.map(|(_, outlooks)| needed([outlooks]))
    }
}

/// The metric that decides for a label; of one that means nothing, that of most cases.
fn main_metric(label: &str, tables: &Tables) -> Metric {
    Case::parse(label, &tables.models)
        .map_or(Metric::TokenThroughput, |case| tables.primary.of(&case))
}
