//! `trtllm-perf history bless`: levels that somebody answers for.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::Timestamp;

use super::filter::metric;
use super::named::named;
use super::table::number;
use crate::history::{Blessing, Entry, Filter, Made, Series, Store};
use crate::machine;
use crate::metric::Metric;
use crate::trend::{LEAST_BLESSED, level_to_bless};

/// Freeze the level of each series: the median of its valid samples, three or more. `judge` holds slow decline against it.
///
/// Without --release and --run it is the newest level: of up to 10 runs with the settings of the newest one, since the last
/// step. A blessing is never changed; a later one of the same series counts in its place.
#[derive(Debug, clap::Args)]
pub(super) struct BlessArgs {
    /// Labels, as a shell pattern over the whole of it.
    #[arg(long, value_name = "GLOB")]
    case: Option<String>,
    /// One metric, e.g. TOKEN_THROUGHPUT.
    #[arg(long, value_name = "NAME", value_parser = metric)]
    metric: Option<Metric>,
    /// Machine classes, as a shell pattern, e.g. 'H100*'.
    #[arg(long, value_name = "GLOB")]
    machine: Option<String>,
    /// The samples of this release.
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    release: Option<String>,
    /// The samples of this run: its id, or the start of one.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Why these levels are right.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Adds an entry a series, and tells of each that is refused; exit code 1 when any is.
pub(super) fn run(args: &BlessArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let reason = args.reason.trim();
    anyhow::ensure!(
        !reason.is_empty(),
        "bless: the reason is empty; say why these levels are right"
    );
    let filter = filter(args, store)?;
    let entries = store.entries()?;
    let (mut blessings, mut refused) = (Vec::new(), BTreeMap::new());
    let made = Made { at: Timestamp::now(), by: machine::user() };
    for series in store.series()?.into_iter().filter(|series| filter.series(series)) {
        let points = store.points(&series, &filter, None)?;
        let (case, metric) = (&series.case, series.metric);
        let name = format!("{metric} of {} on {}", case.label, series.machine_class);
        match level_to_bless(&points, filter.names_runs()) {
            Ok((level, release)) => {
                let earlier = entries.blessed(case, metric, &series.machine_class, &series.engine);
                if let Some(earlier) = earlier {
                    let (was, by) = (number(earlier.level), &earlier.made.by);
                    eprintln!("{name}: {} in place of {was} by {by}", number(level));
                }
                blessings.push(blessing(&made, series, level, release, reason));
            }
            // Nothing of a release or run that is asked for: another case's business.
            Err(0) if filter.names_runs() => {}
            Err(samples) => drop(refused.insert(name, samples)),
        }
    }
    for (name, samples) in &refused {
        eprintln!(
            "note: {name}: {samples} valid samples, and a level takes {LEAST_BLESSED}; not blessed"
        );
    }
    if blessings.is_empty() {
        anyhow::bail!(
            "bless: no series of {} that fits has {LEAST_BLESSED} valid samples; `history query` counts them",
            store.place()
        );
    }
    let count = blessings.len();
    for blessing in blessings {
        store.add(&Entry::Blessing(blessing))?;
    }
    let series = if count == 1 { "level" } else { "levels" };
    eprintln!("blessed {count} {series} by {} in {}", made.by, store.place());
    Ok(ExitCode::from(u8::from(!refused.is_empty())))
}

fn filter(args: &BlessArgs, store: &mut dyn Store) -> anyhow::Result<Filter> {
    let run = args.run.as_deref().map(|name| {
        named("bless", name, store)?.ok_or_else(|| {
            anyhow::anyhow!("bless {name}: there is no run of this name; `history list` names them")
        })
    });
    Ok(Filter {
        case: args.case.clone(),
        metric: args.metric,
        machine: args.machine.clone(),
        release: args.release.clone(),
        run_id: run.transpose()?.map(|run| run.id),
        ..Filter::default()
    })
}

fn blessing(
    made: &Made,
    series: Series,
    level: f64,
    release: Option<String>,
    reason: &str,
) -> Blessing {
    Blessing {
        made: made.clone(),
        case: series.case,
        metric: series.metric,
        machine_class: series.machine_class,
        engine: series.engine,
        level,
        release,
        reason: reason.to_owned(),
    }
}
