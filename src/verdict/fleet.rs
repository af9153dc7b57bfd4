//! How many false reds a fleet has in a month: the rule for a new number, every night, over all series of a list.
//!
//! A false red is rare, and two of them for one case rarer still. So nothing waits for them: the numbers of earlier nights
//! are drawn, and how often the next runs lie beyond the bound that they set is reckoned from the noise itself
//! ([`noise::Runs::beyond`](super::noise::Runs::beyond)), each run following the one before it. The gate's pairs are drawn and
//! judged by [`paired::sequential`](super::paired::sequential).
//!
//! The reds of a list add up whatever their dependence; so does what Holm's correction lets through at most, for metrics
//! that are judged as one family.

mod chance;
mod member;
mod sums;

use std::collections::BTreeMap;

use super::{Limit, one_point, stats};
use chance::Chance;
pub use chance::Source;
use member::{Draws, of_member};
use sums::Sums;

/// False reds a month that a fleet may have: one in 9,000 judgements, 150 cases × 2 × 30 nights.
pub const PROMISE: f64 = 1.0;

/// Losses for which it is told how many become red.
pub const LOSSES: [f64; 2] = [0.05, 0.10];

/// How many stretches of earlier nights are drawn in all, at least so many for each series; and how many gates.
const DRAWS: usize = 40_000;
const LEAST_DRAWS: usize = 40;
const GATES: usize = 10_000;
const GATES_OF_A_LOSS: usize = 1_000;

const SEED: u64 = 20_261_124;

/// One series of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Coefficient of variation of a run.
    pub cv: f64,
    /// Whether it is the metric that decides for its case.
    pub is_main: bool,
    /// How many metrics are corrected together; 1 for the main metric.
    pub family: usize,
    /// What runs lost against their level, on logarithms; none where there are too few to stand for those to come.
    pub losses: Vec<f64>,
}

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Month {
    /// Earlier numbers that each new one is held against.
    pub history: usize,
    pub nights: u32,
    /// The practical limit δ, as a share.
    pub delta: f64,
}

impl Default for Month {
    fn default() -> Self {
        Self { history: 30, nights: 30, delta: Limit::DELTA }
    }
}

/// What must be seen before a case is called red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmation {
    /// One run.
    None,
    /// A second run on another node says the same.
    SecondRun,
    /// Two further runs on other nodes say the same.
    TwoRuns,
    /// The paired gate says regress.
    Gate,
}

impl Confirmation {
    /// All, what costs least first.
    pub const ALL: [Self; 4] = [Self::None, Self::SecondRun, Self::TwoRuns, Self::Gate];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecondRun => "second_run",
            Self::TwoRuns => "two_runs",
            Self::Gate => "gate",
        }
    }
}

/// A number and the interval at 95 % that the simulation leaves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What a fleet is in for with one kind of noise and one confirmation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub confirmation: Confirmation,
    /// False reds a month.
    pub reds: Estimate,
    /// The share of the main metrics whose loss of [`LOSSES`] becomes red in its first night; 0 without main metrics.
    pub caught: [f64; 2],
}

impl Outlook {
    /// Whether it is shown that no more false reds come than promised.
    pub fn keeps_promise(&self) -> bool {
        self.reds.high <= PROMISE
    }
}

/// The false reds of a month and the losses seen, for each confirmation.
pub fn outlook(members: &[Member], source: Source, month: Month) -> [Outlook; 4] {
    let mut sums = Sums::default();
    let mut chance = Chance::new(SEED);
    let share = |all: usize| all.div_ceil(members.len().max(1));
    let plan = Draws {
        histories: share(DRAWS).max(LEAST_DRAWS),
        gates: share(GATES),
        gates_of_a_loss: share(GATES_OF_A_LOSS),
    };
    let mut reaches = BTreeMap::new();
    for member in members {
        let reach = *reaches.entry(member.family).or_insert_with(|| reach(month, member.family));
        chance.start(member, source);
        sums.add(&of_member(member, month, reach, plan, &mut chance));
    }
    sums.outlook(month)
}

/// t·√(1 + 1/n) of the one-sided prediction interval. Of a family the smallest p counts times its number.
fn reach(month: Month, family: usize) -> f64 {
    let n = month.history as f64;
    stats::t_quantile(1.0 - one_point::ALPHA / family as f64, n - 1.0) * (1.0 + 1.0 / n).sqrt()
}

/// The least confirmation with which the promise is kept whatever the noise.
pub fn needed<'a>(outlooks: impl IntoIterator<Item = &'a [Outlook; 4]>) -> Option<Confirmation> {
    let outlooks: Vec<_> = outlooks.into_iter().collect();
    let keeps = |place: &usize| outlooks.iter().all(|of| of[*place].keeps_promise());
    (0..Confirmation::ALL.len()).find(keeps).map(|place| Confirmation::ALL[place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;
    use crate::verdict::Verdict;
    use crate::verdict::noise::{Kind, Noise, Runs};

    /// The fleet of 150 cases with a main metric and one more each, all with this CV.
    fn fleet(cv: f64) -> Vec<Member> {
        vec![Member { cv, is_main: true, family: 1, losses: Vec::new() }; 300]
    }

    fn reds(cv: f64, source: Source) -> [Estimate; 4] {
        outlook(&fleet(cv), source, Month::default()).map(|it| it.reds)
    }

    #[test]
    fn nine_thousand_judgements_of_normal_noise_have_nine_false_reds_and_confirmed_ones_hardly_any()
    {
        for cv in [0.02, 0.05] {
            let [none, second, ..] = reds(cv, Source::Model(Kind::Normal));
            assert!((none.value - 9.0).abs() < 0.5, "{none:?}");
            assert!(none.low < none.value && none.high - none.low < 1.5, "{none:?}");
            assert!(second.high < 0.3, "{second:?}");
        }
    }

    #[test]
    fn noise_far_below_the_practical_limit_alarms_nowhere_and_no_noise_at_all_never() {
        let [none, ..] = reds(0.004, Source::Model(Kind::Normal));
        assert!(none.high < 0.1, "{none:?}");
        for kind in [Kind::Normal, Kind::Drift] {
            let nothing = Estimate { value: 0.0, low: 0.0, high: 0.0 };
            assert_eq!(reds(0.0, Source::Model(kind)), [nothing; 4], "{kind:?}");
        }
    }

    #[test]
    fn more_confirmation_never_has_more_reds_and_never_sees_more_losses() {
        for source in Source::ALL {
            let of = outlook(&fleet(0.02), source, Month::default());
            let [none, second, two, gate] = of.map(|it| it.reds.value);
            assert!(none >= second && second >= two && none >= gate, "{source:?}: {of:?}");
            for place in 0..LOSSES.len() {
                let [none, second, two, gate] = of.map(|it| it.caught[place]);
                assert!(none >= second && second >= two && none >= gate, "{source:?}: {of:?}");
            }
        }
    }

    #[test]
    fn what_is_reckoned_is_what_is_counted_when_the_rule_itself_judges_run_after_run() {
        let (cv, trials) = (0.02, 20_000);
        let limit = Limit::new(Better::Lower);
        for kind in [Kind::Nodes, Kind::Tail, Kind::Drift] {
            let noise = Noise { kind, cv };
            let mut runs = Runs::new(noise, 5);
            let (mut first, mut second) = (0, 0);
            for _ in 0..trials {
                runs.start(noise);
                let earlier: Vec<f64> = (0..30).map(|_| runs.loss().exp()).collect();
                let mut is_red = || {
                    let judged = one_point::judge(&earlier, runs.loss().exp(), limit);
                    judged.verdict == Verdict::Regress
                };
                let red = is_red();
                first += u64::from(red);
                second += u64::from(red && is_red());
            }
            let reckoned = reds(cv, Source::Model(kind));
            for (counted, reckoned) in [first, second].into_iter().zip(reckoned) {
                let (low, high) = stats::wilson(counted, trials, 0.999).expect("trials");
                let (low, high) = (low * 9000.0, high * 9000.0);
                assert!(
                    reckoned.high > low && reckoned.low < high,
                    "{kind:?}: {reckoned:?}, {low} to {high}"
                );
            }
        }
    }

    #[test]
    fn a_family_of_metrics_has_no_more_reds_than_one() {
        let family = vec![Member { cv: 0.03, is_main: false, family: 4, losses: Vec::new() }; 4];
        let one = vec![Member { cv: 0.03, is_main: true, family: 1, losses: Vec::new() }];
        let reds = |members: &[Member]| {
            outlook(members, Source::Model(Kind::Normal), Month::default())[0].reds.value
        };
        let (family, one) = (reds(&family), reds(&one));
        assert!((family / one - 1.0).abs() < 0.1, "{family} {one}");
    }

    #[test]
    fn a_fleet_is_drawn_from_its_own_numbers_where_it_has_any() {
        let spiky: Vec<f64> = (0..40).map(|i| if i == 0 { 0.5 } else { 0.001 }).collect();
        let members = vec![Member { cv: 0.08, is_main: true, family: 1, losses: spiky }; 30];
        let own = outlook(&members, Source::Own, Month::default());
        let normal = outlook(&members, Source::Model(Kind::Normal), Month::default());
        assert!(own[0].reds.value > 5.0 * normal[0].reds.value, "{own:?} {normal:?}");
        let without: Vec<Member> =
            members.iter().map(|it| Member { losses: Vec::new(), ..it.clone() }).collect();
        assert_eq!(outlook(&without, Source::Own, Month::default()), normal);
    }

    #[test]
    fn the_least_confirmation_that_keeps_the_promise_under_every_noise_is_named() {
        let fleet = fleet(0.02);
        let of = |kinds: &[Kind]| {
            let outlooks: Vec<_> = kinds
                .iter()
                .map(|kind| outlook(&fleet, Source::Model(*kind), Month::default()))
                .collect();
            needed(&outlooks)
        };
        assert_eq!(of(&[Kind::Normal]), Some(Confirmation::SecondRun));
        assert!(of(&[Kind::Normal, Kind::Tail]) > Some(Confirmation::SecondRun));
        assert_eq!(outlook(&[], Source::Own, Month::default()).map(|it| it.reds.high), [0.0; 4]);
    }
}
