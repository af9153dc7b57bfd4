//! Which part of the history: the options that several commands share.

use jiff::Timestamp;

use crate::history::{Filter, since, until};
use crate::metric::Metric;

/// All that is given must hold.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// Labels, as a shell pattern over the whole of it.
    #[arg(long, value_name = "GLOB")]
    case: Option<String>,
    /// One metric, e.g. TOKEN_THROUGHPUT.
    #[arg(long, value_name = "NAME", value_parser = metric)]
    metric: Option<Metric>,
    /// Machine classes, as a shell pattern, e.g. 'H100*'.
    #[arg(long, value_name = "GLOB")]
    machine: Option<String>,
    /// Releases, as a shell pattern, e.g. 1.2.0 or '1.2*'.
    #[arg(long, value_name = "GLOB")]
    release: Option<String>,
    /// From this date, time, or so long ago (12h, 30d) on.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to this date, time, or so long ago.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

impl FilterArgs {
    /// The filter that they say.
    ///
    /// # Errors
    /// When a time is none.
    pub fn filter(&self) -> anyhow::Result<Filter> {
        let now = Timestamp::now();
        let read = |option: &str, text: &Option<String>, read: fn(&str, Timestamp) -> _| {
            let read: Option<Result<Timestamp, String>> =
                text.as_deref().map(|text| read(text, now));
            read.transpose().map_err(|error| anyhow::anyhow!("read {option}: {error}"))
        };
        Ok(Filter {
            case: self.case.clone(),
            metric: self.metric,
            machine: self.machine.clone(),
            release: self.release.clone(),
            run_id: None,
            since: read("--since", &self.since, since)?,
            until: read("--until", &self.until, until)?,
        })
    }
}

/// A metric by its name, in any case of letters.
pub(super) fn metric(name: &str) -> Result<Metric, String> {
    let known = |metric: &Metric| metric.wire_name().eq_ignore_ascii_case(name);
    Metric::ALL.into_iter().find(known).ok_or_else(|| {
        let names: Vec<_> = Metric::ALL.iter().map(|metric| metric.wire_name()).collect();
        format!("accepted: {}", names.join(", "))
    })
}
