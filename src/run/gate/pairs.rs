//! One case judged: pairs until a look decides, in the order base, candidate, candidate, base.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::GateOptions;
use super::budget::Budget;
use super::case_verdict::{CaseVerdict, Measured, Place};
use super::side::Side;
use crate::compare::{self, Cause};
use crate::failure::Exit;
use crate::gpu::Lease;
use crate::metric::Metric;
use crate::process::Interrupt;
use crate::record::RecordError;
use crate::record::result::{AttemptResult, Outcome};
use crate::run::prepare::{Prepared, Ready};
use crate::trial::GpuAccess;
use crate::verdict::{Limit, Verdict, paired, stats};

/// The two programs, and what both are measured with.
pub struct Sides<'a> {
    pub base: Side,
    pub candidate: Side,
    pub options: &'a GateOptions,
    pub interrupt: &'a Interrupt,
}

/// Why there will be no more pairs.
enum End {
    Decided,
    /// The last look has been had.
    OutOfLooks,
    /// Too many pairs were lost; the last reason.
    Lost(String),
    OutOfBudget,
}

/// Pairs of one case at one place.
struct Series {
    measured: Vec<Measured>,
    lost: u32,
    end: End,
    /// GPU time of this series, one GPU's.
    cost: Duration,
}

/// A case that is being measured.
struct Measuring<'a> {
    prepared: &'a Prepared,
    ready: &'a Ready,
    primary: Metric,
    /// Number of the next attempt of both sides.
    number: u32,
}

impl Sides<'_> {
    /// Judges a case; its attempts are numbered from `number`. What an earlier process of the run has under a number is
    /// not measured again.
    ///
    /// # Errors
    /// When it was interrupted, or a result cannot be recorded.
    pub fn judge(
        &self,
        prepared: &Prepared,
        ready: &Ready,
        primary: Metric,
        round: u32,
        number: u32,
        budget: &mut Budget,
    ) -> Result<CaseVerdict, Exit> {
        let warm_up = self.options.warm_up;
        let mut measuring = Measuring { prepared, ready, primary, number };
        let lease = self.lease(&measuring)?;
        if round == 1 {
            for number in 1..=warm_up {
                for side in [&self.base, &self.candidate] {
                    self.half(side, &measuring, number, lease.clone(), budget)?;
                }
            }
            measuring.number += warm_up;
        }
        let series = self.series(&mut measuring, lease.clone(), budget)?;
        let mut judged = self.judged(&measuring, round, &series, lease.as_deref());
        if judged.verdict == Verdict::Regress {
            self.confirm(&mut judged, &mut measuring, lease.as_ref(), budget)?;
        }
        if judged.is_found() {
            match self.cause(&judged) {
                Ok(cause) => judged.cause = Some(cause),
                Err(error) => judged.reasons.push(format!("the cause is not known: {error}")),
            }
        }
        judged.next = measuring.number;
        Ok(judged)
    }

    /// What differs between the runs of both sides that the verdict is of.
    fn cause(&self, judged: &CaseVerdict) -> Result<Cause, RecordError> {
        let numbers: BTreeSet<u32> = judged.pairs_measured.iter().map(|it| it.number).collect();
        let facts = |side: &Side| side.facts(&judged.series, &numbers);
        let (base, candidate) = (facts(&self.base)?, facts(&self.candidate)?);
        Ok(compare::in_turn([&self.base.program, &self.candidate.program], &base, &candidate))
    }

    /// The GPUs of the case, for all its runs.
    fn lease(&self, measuring: &Measuring<'_>) -> Result<Option<Arc<Lease>>, Exit> {
        let Some(access) = self.access(measuring) else { return Ok(None) };
        let stage = &self.base.open.stage;
        let lease = stage.lease(access, measuring.prepared.name(), &measuring.ready.case);
        match lease {
            Ok(lease) => Ok(Some(Arc::new(lease))),
            Err(_) if self.interrupt.is_raised() => Err(self.interrupted()),
            Err(failure) => Err(Exit::CannotRun(failure.message)),
        }
    }

    fn access(&self, measuring: &Measuring<'_>) -> Option<&GpuAccess> {
        let uses = measuring.ready.engine == crate::case::Engine::TrtllmBench;
        self.base.open.stage.gpus.as_ref().ok().filter(|_| uses)
    }

    /// Pairs until a look decides or there may be no more.
    fn series(
        &self,
        measuring: &mut Measuring<'_>,
        lease: Option<Arc<Lease>>,
        budget: &mut Budget,
    ) -> Result<Series, Exit> {
        let mut series =
            Series { measured: Vec::new(), lost: 0, end: End::OutOfLooks, cost: Duration::ZERO };
        loop {
            let pairs: Vec<_> = series.measured.iter().map(|it| it.primary).collect();
            if paired::LOOKS.contains(&pairs.len()) {
                let look = paired::look(&pairs, self.limit(measuring.primary));
                let last = paired::LOOKS.last() == Some(&pairs.len());
                if look.verdict != Verdict::Inconclusive || last {
                    let decided = look.verdict != Verdict::Inconclusive;
                    series.end = if decided { End::Decided } else { End::OutOfLooks };
                    return Ok(series);
                }
            }
            let had = series.measured.len() as u32 + series.lost;
            let usual = if had == 0 { Duration::ZERO } else { series.cost / had };
            if budget.is_too_small_for(usual) {
                series.end = End::OutOfBudget;
                return Ok(series);
            }
            match self.pair(measuring, had, lease.clone(), budget, &mut series.cost)? {
                Ok(measured) => series.measured.push(measured),
                Err(why) => {
                    series.lost += 1;
                    if series.lost > self.options.repeats {
                        series.end = End::Lost(why);
                        return Ok(series);
                    }
                }
            }
        }
    }

    /// One pair: every second one begins with the candidate. `Ok(Err)` says why it does not count.
    fn pair(
        &self,
        measuring: &mut Measuring<'_>,
        had: u32,
        lease: Option<Arc<Lease>>,
        budget: &mut Budget,
        cost: &mut Duration,
    ) -> Result<Result<Measured, String>, Exit> {
        let number = measuring.number;
        measuring.number += 1;
        let base_first = had.is_multiple_of(2);
        let mut order = [&self.base, &self.candidate];
        if !base_first {
            order.reverse();
        }
        let known = order.map(|side| side.known(measuring.prepared.name(), number));
        if known.iter().filter(|half| half.is_some()).count() == 1 {
            // Hours may lie between its halves.
            return Ok(Err(format!("pair {number} was cut short")));
        }
        let mut halves = Vec::new();
        for side in order {
            let (result, took) = self.half(side, measuring, number, lease.clone(), budget)?;
            *cost += took;
            let fault = fault(&result, measuring.primary);
            halves.push(result);
            if let Some(fault) = fault {
                return Ok(Err(format!("{} of pair {number}: {fault}", side.name)));
            }
        }
        if !base_first {
            halves.reverse();
        }
        let [base, candidate] = &halves[..] else { unreachable!("two halves") };
        Ok(Ok(Measured::new(measuring.primary, number, base_first, base, candidate)))
    }

    /// One run of a side, or what an earlier process has of it.
    fn half(
        &self,
        side: &Side,
        measuring: &Measuring<'_>,
        number: u32,
        lease: Option<Arc<Lease>>,
        budget: &mut Budget,
    ) -> Result<(AttemptResult, Duration), Exit> {
        let result = match side.known(measuring.prepared.name(), number) {
            Some(known) => known.clone(),
            None => {
                let ran = side.run(measuring.prepared, measuring.ready, number, lease);
                let result = ran.map_err(|error| Exit::CannotRun(error.to_string()))?;
                if self.interrupt.is_raised() {
                    return Err(self.interrupted());
                }
                result
            }
        };
        let took = budget.spend(&result, measuring.ready.case.parallel.gpus);
        Ok((result, took))
    }

    /// The verdict of a series.
    fn judged(
        &self,
        measuring: &Measuring<'_>,
        round: u32,
        series: &Series,
        lease: Option<&Lease>,
    ) -> CaseVerdict {
        let limit = self.limit(measuring.primary);
        let pairs: Vec<_> = series.measured.iter().map(|it| it.primary).collect();
        let judgement = paired::look(&pairs, limit);
        let case = &measuring.ready.case;
        let mut judged = CaseVerdict::new(
            measuring.prepared.name(),
            case,
            measuring.primary,
            round,
            &judgement,
            limit,
        );
        judged.place = Place::of(lease);
        judged.lost = series.lost;
        judged.gpu_minutes = series.cost.as_secs_f64() / 60.0;
        judged.compare_others(&series.measured, self.options.delta);
        match &series.end {
            End::Decided | End::OutOfLooks => {}
            End::OutOfBudget => judged.reasons.push("the budget is used up".to_owned()),
            End::Lost(why) => {
                judged.verdict = Verdict::Invalid;
                judged
                    .reasons
                    .insert(0, format!("{} pairs were lost; the last: {why}", series.lost));
            }
        }
        judged.keep(&series.measured);
        judged
    }

    /// A regression is tried again on GPUs that are not those it was seen on, where some are free.
    fn confirm(
        &self,
        judged: &mut CaseVerdict,
        measuring: &mut Measuring<'_>,
        held: Option<&Arc<Lease>>,
        budget: &mut Budget,
    ) -> Result<(), Exit> {
        let fresh = match (held, self.access(measuring)) {
            // The first GPUs are still held, so these are others.
            (Some(_), Some(access)) => {
                let stage = &self.base.open.stage;
                stage.lease_if_free(access, &measuring.ready.case)
            }
            _ => None,
        };
        let Some(fresh) = fresh.map(Arc::new) else {
            judged.reasons.push("one node: no other GPUs were free to confirm it on".to_owned());
            return Ok(());
        };
        let series = self.series(measuring, Some(Arc::clone(&fresh)), budget)?;
        let second = self.judged(measuring, judged.round, &series, Some(&fresh));
        judged.confirm(second);
        Ok(())
    }

    fn limit(&self, metric: Metric) -> Limit {
        Limit { better: metric.better(), delta: self.options.delta }
    }

    fn interrupted(&self) -> Exit {
        Exit::Interrupted("interrupted; --resume goes on with the pairs so far".to_owned())
    }
}

/// Why the primary number of a run does not count.
fn fault(result: &AttemptResult, primary: Metric) -> Option<String> {
    match &result.outcome {
        Outcome::Failed(failure) => Some(format!("{}: {}", failure.kind.word(), failure.message)),
        Outcome::Skipped(reason) => Some(reason.clone()),
        Outcome::Passed if value(result, primary).is_none() => Some(format!("no {primary}")),
        Outcome::Passed => None,
    }
}

/// The number of a run: of a case with several pairs of lengths, their geometric mean.
pub(super) fn value(result: &AttemptResult, metric: Metric) -> Option<f64> {
    let rows = result.metrics.iter().filter(|row| row.metric == metric);
    let values: Vec<f64> = rows.map(|row| row.value).collect();
    match values[..] {
        [one] => Some(one),
        _ => stats::geometric_mean(&values),
    }
}
