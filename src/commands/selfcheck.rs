//! `trtllm-perf selfcheck`: the gate with the same program on both sides.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::fleet;
use super::gate::tell;
use crate::cli::Cli;
use crate::failure::Exit;
use crate::history::{Entry, HistoryError, Made, Mode, Place, SelfCheck};
use crate::machine;
use crate::run::{self, CaseVerdict, GateOptions, Gated, Host};
use crate::verdict::{Limit, selfcheck::Tally};

/// Measure how often the gate is wrong: a program held against itself, through the very same path.
///
/// Prints the observed rate of false regressions with its interval, and keeps it where the gate finds it: while the
/// promise is not shown to be kept on this machine, the gate calls its verdicts advisory. With --fleet nothing is run:
/// the false reds of a month of nights are simulated with the noise of each series of the history. Exit code: 0 whatever
/// came out, 2 usage, 3 nothing can be run, 4 nothing ran.
#[derive(Debug, Args)]
pub struct SelfcheckArgs {
    /// Simulate a month of nights with the noise of the history: how many false reds, and what confirmation keeps them at
    /// one a month. The flags of selection choose the cases [default: all of the history]
    #[arg(long, conflicts_with_all = ["rounds", "budget", "resume", "failed", "dry_run", "list"])]
    pub fleet: bool,
    /// With --fleet: how many days of the history, counted back from its newest run
    #[arg(long, value_name = "N", default_value_t = 90, requires = "fleet")]
    pub days: u32,
    /// How often each case is judged
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub rounds: u32,
    /// GPU-minutes that may be spent (minutes times GPUs)
    #[arg(long, value_name = "MINUTES", value_parser = super::gate::minutes)]
    pub budget: Option<f64>,
    /// Print one JSON object a verdict, and the tally last; with --fleet one for each machine class and engine
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub cli: Cli,
}

/// Runs the self-check; `--bench-bin` names the program, as for `run`.
///
/// # Errors
/// What stopped it other than a verdict.
pub fn run(args: SelfcheckArgs, host: Host) -> Result<ExitCode, Exit> {
    if args.fleet {
        return fleet::run(&run::chosen(args.cli)?, args.days, args.json);
    }
    let options = GateOptions {
        base: args.cli.bench_bin.clone(),
        candidate: args.cli.bench_bin.clone(),
        delta: Limit::DELTA,
        warm_up: 1,
        repeats: 2,
        budget_minutes: args.budget,
        rounds: args.rounds,
    };
    let json = args.json;
    let mut told = |judged: &CaseVerdict| {
        if json {
            tell(judged, true);
        } else {
            eprintln!("{:<20} {} round {}", judged.verdict_words(), judged.series, judged.round);
        }
    };
    let gated = match run::gate(&options, args.cli, host, &mut told)? {
        Err(code) => return Ok(code),
        Ok(gated) => gated,
    };
    let mut tally = Tally::default();
    gated.verdicts.iter().for_each(|judged| tally.add(judged.verdict, judged.improved));
    if gated.history != Place::Nowhere {
        keep(&gated).map_err(|error| {
            Exit::CannotRun(format!("keep the self-check in {}: {error}", gated.history))
        })?;
    }
    run::print("tally", |out| {
        use std::io::Write;
        if json {
            serde_json::to_writer(&mut *out, &tally)?;
            return writeln!(out);
        }
        writeln!(out, "{}", tally.line())
    })
}

/// Puts the tally of each class of machines and engine into the history.
fn keep(gated: &Gated) -> Result<(), HistoryError> {
    let mut store = gated.history.open(Mode::Create)?;
    for (machine_class, engine) in gated.measured_on() {
        let mut tally = Tally::default();
        let here = |judged: &&CaseVerdict| {
            (&*judged.machine_class, &*judged.engine) == (machine_class, engine)
        };
        gated
            .verdicts
            .iter()
            .filter(here)
            .for_each(|judged| tally.add(judged.verdict, judged.improved));
        store.add(&Entry::SelfCheck(SelfCheck {
            made: Made { at: Timestamp::now(), by: machine::user() },
            machine_class: machine_class.to_owned(),
            engine: engine.to_owned(),
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            tally,
        }))?;
    }
    Ok(())
}
