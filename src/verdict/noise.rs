//! What makes two runs of one program differ: the kinds of noise that every rule is simulated with.
//!
//! Numbers are losses on logarithms, positive is worse. Runs are drawn one after the other, from a seed. How often the
//! next one loses more than some bound is not counted but reckoned ([`Runs::beyond`]), so that rare alarms need no
//! millions of draws.

use rand_mt::Mt64;

use super::{Pair, stats};

/// How the deviations of runs are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Normal on the logarithm.
    Normal,
    /// The same, and one run in five is on a node that is 10 % slower.
    Nodes,
    /// The same, and one run in twenty loses 10 % more on average, exponentially distributed.
    Tail,
    /// Each run takes over 0.6 of the deviation of the one before it.
    Drift,
}

/// Share of the slow nodes, and what of its speed such a node has.
const SLOW: f64 = 0.2;
const SLOW_SPEED: f64 = 0.9;

/// Share of the runs with a further loss, and its mean.
const TAIL: f64 = 0.05;
const TAIL_LOSS: f64 = 0.1;

/// How much of its deviation a run hands to the next.
const RHO: f64 = 0.6;

impl Kind {
    /// All, the quietest first.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Nodes, Self::Tail, Self::Drift];

    /// The word in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Nodes => "nodes",
            Self::Tail => "tail",
            Self::Drift => "ar1",
        }
    }

    fn slow(self) -> f64 {
        if self == Self::Nodes { SLOW } else { 0.0 }
    }

    fn tail(self) -> f64 {
        if self == Self::Tail { TAIL } else { 0.0 }
    }

    fn rho(self) -> f64 {
        if self == Self::Drift { RHO } else { 0.0 }
    }
}

/// The noise of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    pub kind: Kind,
    /// Coefficient of variation of a run, but for slow nodes and the tail.
    pub cv: f64,
}

/// Runs one after the other.
pub struct Runs {
    random: Mt64,
    noise: Noise,
    deviation: f64,
}

impl Runs {
    /// Runs that are the same for the same seed; the first deviates from nothing before it.
    pub fn new(noise: Noise, seed: u64) -> Self {
        Self { random: Mt64::new(seed), noise, deviation: 0.0 }
    }

    fn uniform(&mut self) -> f64 {
        uniform(&mut self.random)
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Goes on with another case, in the middle of its series.
    pub fn start(&mut self, noise: Noise) {
        self.noise = noise;
        self.deviation = self.normal();
    }

    /// Whether a run says anything of those after it.
    pub fn hang_together(&self) -> bool {
        self.noise.kind.rho() != 0.0
    }

    /// What the newest run hands on, to come back to with [`Runs::back_to`].
    pub fn handed_on(&self) -> f64 {
        self.deviation
    }

    /// Goes on from an earlier run.
    pub fn back_to(&mut self, handed_on: f64) {
        self.deviation = handed_on;
    }

    /// How fast the node is that comes next: a share of the usual speed.
    pub fn node(&mut self) -> f64 {
        if self.uniform() < self.noise.kind.slow() { SLOW_SPEED } else { 1.0 }
    }

    /// What the next run loses by chance, whatever its node.
    fn deviate(&mut self) -> f64 {
        let Noise { cv, kind } = self.noise;
        let rho = kind.rho();
        self.deviation = rho * self.deviation + (1.0 - rho * rho).sqrt() * self.normal();
        let slowed =
            if self.uniform() < kind.tail() { -TAIL_LOSS * self.uniform().ln() } else { 0.0 };
        slowed - cv * self.deviation
    }

    /// What the next run loses, on whatever node.
    pub fn loss(&mut self) -> f64 {
        let node = self.node();
        self.deviate() - node.ln()
    }

    /// The throughput of the next run on a node, 100 without noise; a loss of 0.05 leaves 95 %.
    pub fn throughput(&mut self, node: f64, loss: f64) -> f64 {
        100.0 * node * (1.0 - loss) * (-self.deviate()).exp()
    }

    /// Pairs of throughputs on one node, in the order base, candidate, candidate, base.
    pub fn pairs(&mut self, n: usize, loss: f64) -> Vec<Pair> {
        let node = self.node();
        let mut one = |base_first: bool| {
            if base_first {
                let base = self.throughput(node, 0.0);
                Pair { base, candidate: self.throughput(node, loss) }
            } else {
                let candidate = self.throughput(node, loss);
                Pair { base: self.throughput(node, 0.0), candidate }
            }
        };
        (0..n).map(|pair| one(pair % 2 == 0)).collect()
    }

    /// How often the next run, on whatever node, loses more than `bound`.
    pub fn beyond(&self, bound: f64) -> f64 {
        let kind = self.noise.kind;
        let on = |node: f64| self.beyond_on(bound + node.ln());
        (1.0 - kind.slow()) * on(1.0)
            + if kind.slow() > 0.0 { kind.slow() * on(SLOW_SPEED) } else { 0.0 }
    }

    /// The same on a node of the usual speed.
    fn beyond_on(&self, bound: f64) -> f64 {
        let Noise { cv, kind } = self.noise;
        let (rho, tail) = (kind.rho(), kind.tail());
        if cv == 0.0 {
            return if bound < 0.0 { 1.0 } else { tail * (-bound / TAIL_LOSS).exp() };
        }
        let (mean, sd) = (-cv * rho * self.deviation, cv * (1.0 - rho * rho).sqrt());
        let plain = stats::normal_beyond((bound - mean) / sd);
        if tail > 0.0 { (1.0 - tail) * plain + tail * tail_beyond(bound, sd) } else { plain }
    }

    /// Goes on as if the next run had lost more than `bound`. Only where a run hands on its deviation does that say
    /// anything of those after it.
    pub fn pass_beyond(&mut self, bound: f64) {
        let Noise { cv, kind } = self.noise;
        let rho = kind.rho();
        if rho == 0.0 || cv == 0.0 {
            return;
        }
        // The normal distribution below a bound, by its inverse. A loss is a deviation to the lower side.
        let (mean, sd) = (rho * self.deviation, (1.0 - rho * rho).sqrt());
        let share = stats::normal_beyond((bound / cv + mean) / sd) * self.uniform();
        if share > 0.0 {
            self.deviation = mean + sd * stats::normal_quantile(share);
        } else {
            self.deviation = -bound / cv;
        }
    }
}

/// A number between 0 and 1, never one of them.
pub(super) fn uniform(random: &mut Mt64) -> f64 {
    ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// How often a normal deviation and an exponential loss are together beyond `bound`: with the rate λ,
/// Q(b/σ) + exp(λ²σ²/2 − λb)·Φ((b − λσ²)/σ).
fn tail_beyond(bound: f64, sd: f64) -> f64 {
    let rate = 1.0 / TAIL_LOSS;
    let moved = stats::normal_beyond((rate * sd * sd - bound) / sd);
    let exponent = rate * rate * sd * sd / 2.0 - rate * bound;
    // Far below, Φ vanishes faster than the power grows.
    let slowed = if moved == 0.0 { 0.0 } else { exponent.exp() * moved };
    (stats::normal_beyond(bound / sd) + slowed).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 7;

    #[test]
    fn what_is_reckoned_of_the_next_run_is_what_is_counted() {
        for kind in Kind::ALL {
            for cv in [0.0, 0.004, 0.02, 0.2] {
                let mut runs = Runs::new(Noise { kind, cv }, SEED);
                let trials = 20_000;
                for bound in [-0.01, 0.03, 0.08] {
                    let (mut counted, mut reckoned) = (0, 0.0);
                    for _ in 0..trials {
                        reckoned += runs.beyond(bound);
                        counted += usize::from(runs.loss() > bound);
                    }
                    let (counted, reckoned) =
                        (counted as f64 / f64::from(trials), reckoned / f64::from(trials));
                    let error = (reckoned * (1.0 - reckoned) / f64::from(trials)).sqrt();
                    assert!(
                        (counted - reckoned).abs() <= 5.0 * error + 1e-12,
                        "{kind:?} {cv} {bound}: {counted} {reckoned}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_run_beyond_a_bound_is_followed_by_one_that_is_more_often_beyond_it_only_where_runs_hang_together()
     {
        for kind in Kind::ALL {
            let bound = 0.06;
            let mut runs = Runs::new(Noise { kind, cv: 0.03 }, SEED);
            let before = runs.beyond(bound);
            runs.pass_beyond(bound);
            let after = runs.beyond(bound);
            assert_eq!(after > before, kind == Kind::Drift, "{kind:?}: {before} {after}");
        }
    }

    #[test]
    fn a_drift_that_is_told_to_be_beyond_is_as_one_that_was_found_there() {
        let noise = Noise { kind: Kind::Drift, cv: 0.03 };
        let (bound, trials) = (0.03, 40_000);
        let mut runs = Runs::new(noise, SEED);
        let (mut found, mut followed) = (0, 0);
        for _ in 0..trials {
            runs.start(noise);
            if runs.loss() > bound {
                found += 1;
                followed += usize::from(runs.loss() > bound);
            }
        }
        let mut told = (0.0, 0.0);
        for _ in 0..trials {
            runs.start(noise);
            let first = runs.beyond(bound);
            runs.pass_beyond(bound);
            told = (told.0 + first, told.1 + first * runs.beyond(bound));
        }
        let (counted, reckoned) = (followed as f64 / found as f64, told.1 / told.0);
        assert!((counted - reckoned).abs() < 0.02, "{counted} {reckoned}");
    }

    #[test]
    fn the_same_seed_draws_the_same_runs() {
        let noise = Noise { kind: Kind::Tail, cv: 0.02 };
        let draw = || {
            let mut runs = Runs::new(noise, SEED);
            (runs.loss(), runs.pairs(3, 0.05))
        };
        assert_eq!(draw(), draw());
    }
}
