//! Whether the program did what was planned, and how its numbers were read.

use super::{Check, Finding, Tolerances};
use crate::logs::{Observations, Source};

/// What the plan asked the program to do.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Planned {
    pub requests: u64,
    /// Mean input and output length in tokens, where every request has the same.
    pub tokens: Option<(u32, u32)>,
}

pub(super) fn findings(
    observed: &Observations,
    planned: &Planned,
    tolerances: &Tolerances,
) -> Vec<Finding> {
    vec![
        warm_up(observed),
        requests(observed, planned),
        tokens(observed, planned, tolerances),
        steady_state(observed, tolerances),
        one_report(observed),
        sources(observed),
    ]
}

fn warm_up(observed: &Observations) -> Finding {
    if observed.warmed_up {
        Check::WarmUp.verified("the log says so")
    } else {
        Check::WarmUp.unverified("the log shows no warm-up")
    }
}

fn requests(observed: &Observations, planned: &Planned) -> Finding {
    let expected = planned.requests;
    match observed.facts.requests {
        None => Check::Requests.unverified("the report does not say how many"),
        Some(count) if count == expected => Check::Requests.verified(format!("{count}")),
        Some(count) => Check::Requests.invalid(format!("{count} instead of {expected}")),
    }
}

fn tokens(observed: &Observations, planned: &Planned, tolerances: &Tolerances) -> Finding {
    let Some((input, output)) = planned.tokens else {
        return Check::Tokens.unverified("lengths are drawn at random");
    };
    let facts = &observed.facts;
    let (Some(read), Some(written)) = (facts.average_input_tokens, facts.average_output_tokens)
    else {
        return Check::Tokens.unverified("the report does not say how many");
    };
    let apart = |mean: f64, planned: u32| {
        let planned = f64::from(planned);
        100.0 * (mean - planned).abs() > tolerances.tokens_pct * planned
    };
    let text = format!("{read:.2} in and {written:.2} out");
    if apart(read, input) || apart(written, output) {
        Check::Tokens.invalid(format!("{text} instead of {input} and {output}"))
    } else {
        Check::Tokens.verified(text)
    }
}

/// By Little's law (mean in flight = rate x mean latency) a run of n requests lasts n over the mean number in flight
/// times the mean latency of one.
fn steady_state(observed: &Observations, tolerances: &Tolerances) -> Finding {
    let (Some(requests), Some(in_flight)) =
        (observed.facts.requests, observed.facts.concurrency.filter(|mean| *mean > 0.0))
    else {
        return Check::SteadyState.unverified("the report does not say how many were in flight");
    };
    #[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
    let turnover = requests as f64 / in_flight;
    let text = format!("the run lasts {turnover:.1} times as long as a request");
    if turnover >= tolerances.steady_turnover {
        Check::SteadyState.verified(text)
    } else {
        Check::SteadyState.unverified(format!("{text}: ramp-up and drain are much of it"))
    }
}

fn one_report(observed: &Observations) -> Finding {
    match observed.reports {
        0 => Check::OneReport.unverified("the log holds none"),
        1 => Check::OneReport.verified("1"),
        reports => Check::OneReport.invalid(format!("the log holds {reports}")),
    }
}

fn sources(observed: &Observations) -> Finding {
    let of_log = observed.values().filter(|(_, value)| value.source == Source::Log);
    // These two stand nowhere else.
    let of_log = of_log.filter(|(metric, _)| !metric.is_logged_only());
    let names: Vec<_> = of_log.map(|(metric, _)| metric.wire_name()).collect();
    match (names.is_empty(), observed.source()) {
        (_, None) => Check::Sources.unverified("no number was read"),
        (true, _) => Check::Sources.verified("report JSON"),
        (false, _) => {
            Check::Sources.unverified(format!("{} from the log's text", names.join(", ")))
        }
    }
}
