//! One series of the fleet: how often it is red in a night.

use super::super::stats;
use super::chance::Chance;
use super::{LOSSES, Member, Month};

/// How often things are drawn for one series.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// Stretches of earlier nights.
    pub histories: usize,
    pub gates: usize,
    /// The same for each loss.
    pub gates_of_a_loss: usize,
}

/// What was seen of one series.
pub struct OfMember {
    pub is_main: bool,
    /// How often one, two and three runs in turn are beyond the bound, each with the variance of that.
    pub reds: [(f64, f64); 3],
    /// Of the gates without a loss: how much each counts, in reds a night, and whether it said regress.
    pub gates: Vec<(f64, bool)>,
    /// With each loss; nothing is seen of a metric that is not the main one.
    pub losses: [Caught; 2],
}

/// How often a loss is seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caught {
    /// By one, two and three runs in turn.
    pub runs: [f64; 3],
    /// By a run, and then by the gate.
    pub gate: f64,
}

/// Draws earlier nights of the series again and again, and reckons what comes after them. `reach` is how many standard deviations the bound
/// lies beyond the mean.
pub fn of_member(
    member: &Member,
    month: Month,
    reach: f64,
    draws: Draws,
    chance: &mut Chance,
) -> OfMember {
    let is_main = member.is_main;
    let mut reds: [Vec<f64>; 3] = Default::default();
    let mut gates = Vec::new();
    let mut losses = [(Caught::default(), 0.0); 2];
    for draw in 0..draws.histories {
        let earlier = chance.history(month.history);
        let bound = bound(&earlier, reach, month);
        let beyond = chance.runs_beyond(bound);
        reds.iter_mut().zip(beyond).for_each(|(all, one)| all.push(one));
        for _ in turns(draw, draws.gates, draws.histories) {
            gates.push((beyond[0], chance.gate_regresses(bound, 0.0, month.delta)));
        }
        if !is_main {
            continue;
        }
        for (loss, (caught, gated)) in LOSSES.into_iter().zip(&mut losses) {
            // All runs with the loss lie so much nearer to the bound.
            let bound = bound - loss.ln_1p();
            let beyond = chance.runs_beyond(bound);
            caught.runs.iter_mut().zip(beyond).for_each(|(sum, one)| *sum += one);
            for _ in turns(draw, draws.gates_of_a_loss, draws.histories) {
                let regresses = chance.gate_regresses(bound, loss, month.delta);
                caught.gate += if regresses { beyond[0] } else { 0.0 };
                *gated += beyond[0];
            }
        }
    }
    let reds = reds.map(|all| {
        let moments = stats::Moments::of(&all);
        (moments.mean, moments.variance / moments.n)
    });
    let each = gates.len().max(1) as f64;
    for (weight, _) in &mut gates {
        // Where runs do not hang together, what the gate says has nothing to do with the first of them, and all count alike.
        *weight = if chance.hang_together() { *weight } else { reds[0].0 } / each;
    }
    let losses = losses.map(|(caught, gated)| {
        let runs = caught.runs.map(|sum| sum / draws.histories as f64);
        let gate = if gated > 0.0 { runs[0] * caught.gate / gated } else { 0.0 };
        Caught { runs, gate }
    });
    OfMember { is_main, reds, gates, losses }
}

/// What a new number must lose to be red after these: as `one_point` has it.
fn bound(earlier: &[f64], reach: f64, month: Month) -> f64 {
    let mean = stats::mean(earlier).unwrap_or(0.0);
    let noise = stats::sd(earlier).map_or(f64::INFINITY, |sd| reach * sd);
    mean + noise.max(month.delta.ln_1p())
}

/// So many of `all`, spread evenly over `draws`: those of this draw.
fn turns(draw: usize, all: usize, draws: usize) -> std::ops::Range<usize> {
    draw * all / draws..(draw + 1) * all / draws
}
