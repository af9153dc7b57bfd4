//! The paired gate, live: base and candidate in turn on the same GPUs, until the pairs say enough.
//!
//! Three output directories, each a whole one: `base` and `candidate` hold every run of a side as an attempt, and the one
//! around them holds a verdict for each case as a test. All have the same run, so that `--resume` goes on with all three.

mod budget;
mod case_verdict;
mod files;
mod pairs;
mod side;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use crate::case::Engine;
use crate::cli::Cli;
use crate::failure::Exit;
use crate::history::Place;
use crate::metric::Metric;
use crate::process::Interrupt;
use crate::record::{Expected, RecordError};
use crate::settings::{Baseline, Settings};
use crate::verdict::Verdict;

use super::open::{self, Occasion, OpenWorld};
use super::prepare::{self, Body, Prepared, Ready};
use super::world::World;
use super::{Asked, Host, dry_run, notes};
use budget::Budget;
pub use case_verdict::CaseVerdict;
use pairs::Sides;
use side::{Opening, Side, check_program};
use standing::{Standing, Worth};

/// What a gate is asked for besides the selection.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// The bench programs, by name or path; without a name the one that a run would use.
    pub base: Option<String>,
    pub candidate: Option<String>,
    /// The practical limit δ, as a share.
    pub delta: f64,
    /// Runs of each side before the pairs, which count for nothing.
    pub warm_up: u32,
    /// How many pairs of a case may be lost to failures and to certificates.
    pub repeats: u32,
    /// GPU time that may be spent, in minutes of one GPU.
    pub budget_minutes: Option<f64>,
    /// How often each case is judged, each time from the start.
    pub rounds: u32,
}

/// What came of a gate.
#[derive(Debug)]
pub struct Gated {
    pub verdicts: Vec<CaseVerdict>,
    /// GPU time spent, in minutes of one GPU.
    pub gpu_minutes: f64,
    /// Lines for the head of a report: which programs, which rule, what the verdicts are worth.
    pub head: Vec<String>,
    worth: Worth,
    /// Where self-checks are kept.
    pub history: Place,
}

impl Gated {
    /// Whether any verdict is advice: no self-check shows how often such verdicts are wrong.
    pub fn is_advisory(&self) -> bool {
        self.verdicts.iter().any(|judged| judged.advisory)
    }

    /// What the verdicts are worth on what was measured on and is not in the head: a line each.
    pub fn late_standings(&self) -> Vec<String> {
        self.worth.late(&self.measured_on()).iter().map(Standing::line).collect()
    }

    /// What was measured on: machine class and engine.
    pub fn measured_on(&self) -> BTreeSet<(&str, &str)> {
        let verdicts = self.verdicts.iter().filter(|judged| !judged.machine_class.is_empty());
        verdicts.map(|judged| (judged.machine_class.as_str(), judged.engine.as_str())).collect()
    }
}

/// Runs a gate; `told` hears of each verdict as it comes. `Err` of an exit code where a listing or a plan was all that
/// was asked for.
///
/// # Errors
/// What stopped it other than a verdict.
pub fn gate(
    options: &GateOptions,
    cli: Cli,
    host: Host,
    told: &mut dyn FnMut(&CaseVerdict),
) -> Result<Result<Gated, ExitCode>, Exit> {
    let libtest = cli.libtest.clone();
    let asked = Asked::new(cli, libtest.list)?;
    let settings = &asked.settings;
    let lines = asked.lines();
    notes::print(settings, &lines, &asked.waives, &asked.facts, asked.today);
    if matches!(settings.baseline, Baseline::File(_)) {
        eprintln!(
            "note: --baseline judges nothing here: a gate holds the candidate against the base"
        );
    }
    check_program("--base", options.base.as_deref())?;
    check_program("--candidate", options.candidate.as_deref())?;
    let of_base = Settings { bench_bin: options.base.clone(), ..settings.clone() };
    let mut world = World::new(&of_base, host)?;
    if asked.gpus.driver.is_some() {
        world.usable_gpus = asked.gpus.usable().ok().map(|gpus| gpus.len());
    }
    if let Some(format) = settings.dry_run {
        return dry_run::print(format, &lines, &of_base, &world, &libtest).map(Err);
    }
    let prepared = prepare::prepare(&lines, settings, &world, None, &libtest);
    if libtest.list {
        let names = prepared.iter().filter(|it| it.case().is_some()).map(Prepared::name);
        return prepare::list(names).map(Err);
    }
    if settings.strict_names {
        prepare::refuse_broken(&prepared)?;
    }
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Exit::CannotRun(format!("listen for ctrl-c: {error}")))?;
    let cases = cases(&prepared);
    if cases.is_empty() {
        let kept_out = notes::kept_out(&lines, &prepared, &libtest);
        return notes::nothing_ran(&kept_out, &libtest, true).map(Err);
    }
    let mut engines: Vec<Engine> = cases.iter().map(|(_, ready)| ready.engine).collect();
    engines.dedup();
    let (earlier, held) = super::Earlier::load(settings, &interrupt)?.unzip();
    let worth = Worth::read(&settings.history, &engines, &asked);
    let standings = worth.expected.iter();
    let standings = standings.map(|it| (format!("self-check {}", it.place()), it.tally.line()));
    let properties: Vec<_> = standings.chain([("rule".to_owned(), rule(options))]).collect();
    let occasion = Occasion {
        asked: &asked,
        properties: &properties,
        settings: &of_base,
        engines: &engines,
        selected: cases.len(),
        interrupt: &interrupt,
    };
    let main = world.open(&occasion, held)?;
    let run_id = main.stage.run_id.clone();
    let opening = Opening { occasion, host, run_id: &run_id };
    let sides = Sides {
        base: Side::open("base", options.base.as_deref(), &opening)?,
        candidate: Side::open("candidate", options.candidate.as_deref(), &opening)?,
        options,
        interrupt: &interrupt,
    };
    if let Some(earlier) = &earlier {
        eprintln!("going on with run {}", earlier.run_id);
    }
    let mut head = head(options, &sides);
    head.extend(worth.expected.iter().map(|it| format!("standing   {}", it.line())));
    head.iter().for_each(|line| eprintln!("{line}"));
    let mut budget = Budget::new(options.budget_minutes);
    let done = judge(&main, &sides, &worth, cases, &mut budget, told);
    let verdicts = match done {
        Ok(verdicts) => verdicts,
        Err(exit) => {
            // What was measured stands in the folders of the sides.
            close(sides, main)?;
            return Err(exit);
        }
    };
    let history = settings.history.clone();
    let gated = Gated { verdicts, gpu_minutes: budget.spent_minutes(), head, worth, history };
    files::write(&settings.output_dir, &gated)
        .map_err(|error| Exit::CannotRun(error.to_string()))?;
    close(sides, main)?;
    Ok(Ok(gated))
}

/// Judges every case, as often as asked for.
fn judge(
    main: &OpenWorld,
    sides: &Sides<'_>,
    worth: &Worth,
    cases: Vec<(&Prepared, &Ready)>,
    budget: &mut Budget,
    told: &mut dyn FnMut(&CaseVerdict),
) -> Result<Vec<CaseVerdict>, Exit> {
    let cases = most_telling_first(main, sides, cases);
    let mut verdicts = Vec::new();
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    for round in 1..=sides.options.rounds {
        for (prepared, ready) in &cases {
            let primary = main.world.tables.primary.of(&ready.case);
            let number = next.get(prepared.name()).copied().unwrap_or(1);
            let judged = match files::read_verdict(&main.stage.recorder, prepared.name(), round) {
                Some(judged) => judged,
                None => {
                    let mut judged =
                        sides.judge(prepared, ready, primary, round, number, budget)?;
                    judged.advisory = worth.is_advisory(&judged.machine_class, &judged.engine);
                    record(main, prepared, &judged, round)?;
                    judged
                }
            };
            next.insert(prepared.name(), judged.next);
            told(&judged);
            verdicts.push(judged);
        }
    }
    Ok(verdicts)
}

/// Puts a verdict into the run of the gate, as the result of a test.
fn record(
    main: &OpenWorld,
    prepared: &Prepared,
    judged: &CaseVerdict,
    round: u32,
) -> Result<(), Exit> {
    let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
    let blank = prepared.result(&main.stage, crate::record::result::Outcome::Passed);
    let result = case_verdict::result(
        judged,
        crate::record::result::AttemptResult { attempt: round, ..blank },
    );
    files::write_verdict(&main.stage.recorder, prepared.name(), round, judged).map_err(cannot)?;
    main.record(&result).map_err(cannot)
}

/// The cases that can run.
fn cases(prepared: &[Prepared]) -> Vec<(&Prepared, &Ready)> {
    let mut cases = Vec::new();
    for prepared in prepared {
        if let Body::Ready(ready) = &prepared.body {
            cases.push((prepared, &**ready));
        }
    }
    cases
}

/// Where a budget ends the gate, what was asked for last has no verdict: first what had none or a bad one in the gate
/// before, then what costs least.
fn most_telling_first<'a>(
    main: &OpenWorld,
    sides: &Sides<'_>,
    mut cases: Vec<(&'a Prepared, &'a Ready)>,
) -> Vec<(&'a Prepared, &'a Ready)> {
    if sides.options.budget_minutes.is_none() {
        return cases;
    }
    let output = sides.base.open.stage.recorder.output();
    let before = files::verdicts_before(main.stage.recorder.output().path());
    let names = cases.iter().map(|(prepared, _)| prepared.name());
    let now = jiff::Timestamp::now();
    let expected = Expected::from_earlier(output, &main.stage.run_id, names, now);
    cases.sort_by_cached_key(|(prepared, ready)| {
        let settled = before.get(prepared.name()) == Some(&Verdict::Pass);
        let seconds = expected.test(prepared.name()).map(|it| it.as_secs());
        (settled, seconds.map(|it| it * u64::from(ready.case.parallel.gpus)).unwrap_or(u64::MAX))
    });
    cases
}

/// What every report of a gate begins with.
fn head(options: &GateOptions, sides: &Sides<'_>) -> Vec<String> {
    vec![
        format!("base       {}", sides.base.title()),
        format!("candidate  {}", sides.candidate.title()),
        format!("rule       {}", rule(options)),
    ]
}

fn rule(options: &GateOptions) -> String {
    format!(
        "a loss of {} % counts; looks after 4, 6, 8 and 10 pairs at a one-sided α of 0.003",
        options.delta * 100.0
    )
}

fn close(sides: Sides<'_>, main: OpenWorld) -> Result<(), Exit> {
    for world in [sides.base.open, sides.candidate.open, main] {
        open::close(std::sync::Arc::new(world))?;
    }
    Ok(())
}

/// A metric's name as a report shows it.
fn metric_title(metric: Metric) -> String {
    format!("{metric} ({})", metric.unit())
}
