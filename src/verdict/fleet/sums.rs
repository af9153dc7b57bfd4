//! The series of a fleet added up.

use super::super::stats;
use super::member::{Caught, OfMember};
use super::{Confirmation, Estimate, Month, Outlook};

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// The whole fleet, a night.
#[derive(Default)]
pub struct Sums {
    /// Reds after one, two and three runs, and their variance.
    reds: [(f64, f64); 3],
    gates: Gates,
    /// How many series are main metrics; of them, how many losses are seen.
    mains: usize,
    losses: [Caught; 2],
}

/// The weights of all gates, their squares, and the weights of those that said regress.
#[derive(Default)]
struct Gates {
    all: f64,
    squares: f64,
    regress: f64,
}

impl Sums {
    /// Takes a series in.
    pub fn add(&mut self, it: &OfMember) {
        for (sum, one) in self.reds.iter_mut().zip(it.reds) {
            *sum = (sum.0 + one.0, sum.1 + one.1);
        }
        for (weight, regress) in &it.gates {
            self.gates.all += weight;
            self.gates.squares += weight * weight;
            self.gates.regress += if *regress { *weight } else { 0.0 };
        }
        self.mains += usize::from(it.is_main);
        for (sum, one) in self.losses.iter_mut().zip(it.losses) {
            sum.gate += one.gate;
            sum.runs.iter_mut().zip(one.runs).for_each(|(sum, one)| *sum += one);
        }
    }

    /// What it comes to in a month.
    pub fn outlook(&self, month: Month) -> [Outlook; 4] {
        let mains = self.mains.max(1) as f64;
        let first = self.of_runs(0, month);
        Confirmation::ALL.map(|confirmation| {
            let (reds, caught) = match confirmation {
                Confirmation::None => (first, self.losses.map(|it| it.runs[0])),
                Confirmation::SecondRun => {
                    (self.of_runs(1, month), self.losses.map(|it| it.runs[1]))
                }
                Confirmation::TwoRuns => (self.of_runs(2, month), self.losses.map(|it| it.runs[2])),
                Confirmation::Gate => (self.gated(first), self.losses.map(|it| it.gate)),
            };
            Outlook { confirmation, reds, caught: caught.map(|sum| sum / mains) }
        })
    }

    fn of_runs(&self, further: usize, month: Month) -> Estimate {
        let (value, variance) = self.reds[further];
        let half = stats::normal_quantile(0.5 + CONFIDENCE / 2.0) * variance.sqrt();
        let a_month = |value: f64| value * f64::from(month.nights);
        Estimate {
            value: a_month(value),
            low: a_month((value - half).max(0.0)),
            high: a_month(value + half),
        }
    }

    /// Of the first reds, those that the gate confirms: their share by its Wilson interval, for as many gates as weights of
    /// this unevenness are worth.
    fn gated(&self, first: Estimate) -> Estimate {
        let Gates { all, squares, regress } = self.gates;
        if all == 0.0 {
            return Estimate { value: 0.0, low: 0.0, high: 0.0 };
        }
        let (share, worth) = (regress / all, all * all / squares);
        let hits = (share * worth).round() as u64;
        let worth = (worth.floor() as u64).max(hits).max(1);
        let (low, high) = stats::wilson(hits, worth, CONFIDENCE).expect("at least one");
        Estimate { value: first.value * share, low: first.low * low, high: first.high * high }
    }
}
