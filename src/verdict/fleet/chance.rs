//! Where the numbers of a night come from: a model of noise, or the numbers that a series has had.

use rand_mt::Mt64;

use super::super::noise::{Kind, Noise, Runs, uniform};
use super::super::{Limit, Pair, Verdict, paired};
use super::Member;
use crate::metric::Better;

/// What a fleet's numbers are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A model with the CV of each series.
    Model(Kind),
    /// The numbers of each series about its level, one by one: what lasts for several nights is not in it. Of a series with
    /// too few of them, normal noise with its CV.
    Own,
}

impl Source {
    /// All: the models, then the fleet's own numbers.
    pub const ALL: [Self; 5] = [
        Self::Model(Kind::Normal),
        Self::Model(Kind::Nodes),
        Self::Model(Kind::Tail),
        Self::Model(Kind::Drift),
        Self::Own,
    ];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Model(kind) => kind.word(),
            Self::Own => "own",
        }
    }
}

/// The runs of one series after another.
pub struct Chance {
    runs: Runs,
    noise: Noise,
    random: Mt64,
    /// Those of the series, the best first, where they are drawn from.
    own: Option<Vec<f64>>,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        let noise = Noise { kind: Kind::Normal, cv: 0.0 };
        Self { runs: Runs::new(noise, seed), noise, random: Mt64::new(!seed), own: None }
    }

    /// Goes on with a series.
    pub fn start(&mut self, member: &Member, source: Source) {
        let own = source == Source::Own && !member.losses.is_empty();
        self.own = own.then(|| {
            let mut losses = member.losses.clone();
            losses.sort_by(f64::total_cmp);
            losses
        });
        let kind = if let Source::Model(kind) = source { kind } else { Kind::Normal };
        self.noise = Noise { kind, cv: member.cv };
    }

    /// What the next run loses.
    fn loss(&mut self) -> f64 {
        match &self.own {
            Some(losses) => losses[(uniform(&mut self.random) * losses.len() as f64) as usize],
            None => self.runs.loss(),
        }
    }

    /// What `n` runs in turn lose, in a stretch of the series that has nothing to do with those before it.
    pub fn history(&mut self, n: usize) -> Vec<f64> {
        self.runs.start(self.noise);
        (0..n).map(|_| self.loss()).collect()
    }

    /// How often the next run loses more than `bound`.
    fn beyond(&self, bound: f64) -> f64 {
        match &self.own {
            Some(losses) => {
                let within = losses.partition_point(|loss| *loss <= bound);
                (losses.len() - within) as f64 / losses.len() as f64
            }
            None => self.runs.beyond(bound),
        }
    }

    /// How often the next run, the next two and the next three all lose more than `bound`; each follows the one before.
    /// What is drawn next follows the same run as before.
    pub fn runs_beyond(&mut self, bound: f64) -> [f64; 3] {
        let first = self.beyond(bound);
        if !self.hang_together() {
            return [first, first.powi(2), first.powi(3)];
        }
        let newest = self.runs.handed_on();
        self.runs.pass_beyond(bound);
        let second = first * self.beyond(bound);
        self.runs.pass_beyond(bound);
        let third = second * self.beyond(bound);
        self.runs.back_to(newest);
        [first, second, third]
    }

    /// Whether a run says anything of those after it.
    pub fn hang_together(&self) -> bool {
        self.own.is_none() && self.runs.hang_together()
    }

    /// Whether pairs that are measured after a run beyond `bound` are called a regression, when the candidate is 1 + `loss`
    /// times worse.
    pub fn gate_regresses(&mut self, bound: f64, loss: f64, delta: f64) -> bool {
        let newest = self.runs.handed_on();
        self.runs.pass_beyond(bound);
        let pairs = self.pairs(paired::LOOKS[paired::LOOKS.len() - 1], loss / (1.0 + loss));
        self.runs.back_to(newest);
        let limit = Limit { better: Better::Higher, delta };
        paired::sequential(&pairs, limit).verdict == Verdict::Regress
    }

    /// Pairs of throughputs; a loss of 0.05 leaves 95 %.
    fn pairs(&mut self, n: usize, loss: f64) -> Vec<Pair> {
        if self.own.is_none() {
            return self.runs.pairs(n, loss);
        }
        let mut throughput = || 100.0 * (-self.loss()).exp();
        let one = |_| Pair { base: throughput(), candidate: throughput() * (1.0 - loss) };
        (0..n).map(one).collect()
    }
}
