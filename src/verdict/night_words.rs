//! What people read of a night's judgement, and of a drift.

use super::drift::{Drift, LEAST, LEAST_OF_LEVEL};
use super::night::{Confirmation, Judgement};
use super::one_point::LEAST_HISTORY;
use super::words::{change, percent};
use super::{Limit, Verdict};

impl Judgement {
    /// One sentence without a full stop: what was measured, what noise would explain, and what could not be seen.
    /// `names` is what each run is called.
    pub fn sentence(&self, limit: Limit, names: &[&str]) -> String {
        let (Some(ratio), Some(noise)) = (self.ratio, self.noise()) else {
            return match self.noise() {
                Some(noise) if self.verdict != Verdict::Invalid => short(noise.history),
                _ => "no number that counts".to_owned(),
            };
        };
        let against = format!("{} against {} earlier points", change(ratio, limit), noise.history);
        let Some(resolution) = noise.resolution.filter(|_| noise.history >= LEAST_HISTORY) else {
            return format!("{against}: {}", short(noise.history));
        };
        let (delta, least) = (percent(limit.delta), percent(resolution));
        let explained = noise.bound.map_or(0.0, |bound| limit.loss(bound.ln()).exp_m1());
        let explained = format!("of which noise explains {}", percent(explained));
        let unseen = format!("a loss below {least} cannot be seen in one run at this noise");
        match (self.verdict, &self.confirmation) {
            (Verdict::Regress, Some(Confirmation::OneNode(node))) => format!(
                "{against}, {explained}; all runs were on {node}, and a bad node would show it, too"
            ),
            (Verdict::Regress, _) => format!("{against}, {explained}"),
            (Verdict::Pass, _) if self.improved => {
                format!("{against}, {explained}")
            }
            (Verdict::Pass | Verdict::Invalid, _) => format!("{against}; {unseen}"),
            (Verdict::Inconclusive, _) => match self.disagreement(limit, names) {
                Some(runs) => format!("the runs disagree: {runs}; suspect the node"),
                None => format!("{against}: more than {delta}, but {unseen}"),
            },
        }
    }

    /// What each run says, when they do not say the same.
    fn disagreement(&self, limit: Limit, names: &[&str]) -> Option<String> {
        let told: Vec<_> = self
            .runs
            .iter()
            .zip(names)
            .filter(|(run, _)| run.verdict != Verdict::Invalid)
            .collect();
        let differ = told.windows(2).any(|pair| pair[0].0.verdict != pair[1].0.verdict);
        let one = |(run, name): &(&super::one_point::PointJudgement, &&str)| {
            let ratio = run.ratio.map_or_else(|| "no ratio".to_owned(), |it| change(it, limit));
            format!("{} on {name} ({ratio})", run.verdict.word())
        };
        differ.then(|| told.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

fn short(history: usize) -> String {
    format!("nothing is said before {LEAST_HISTORY} earlier points, and there are {history}")
}

impl Drift {
    /// What the level says against `standard`, e.g. "release 1.1.0"; with the budget as a share.
    pub fn sentence(&self, standard: &str, limit: Limit, budget: f64) -> String {
        let Some(ratio) = self.ratio().filter(|_| self.drifted.is_some()) else {
            return if self.standard.is_none() {
                format!("{standard} has no level: it takes {LEAST_OF_LEVEL} points")
            } else {
                let points = self.points;
                format!(
                    "nothing is said against {standard} before {LEAST} points, and there are {points}"
                )
            };
        };
        let against = format!(
            "the level of the newest {} points is {} against {standard}",
            self.points,
            change(ratio, limit)
        );
        match self.drifted {
            Some(true) => format!("drift: {against}, beyond the budget of {}", percent(budget)),
            _ if limit.loss(ratio.ln()) > budget.ln_1p() => {
                format!("{against}, but noise alone could explain it")
            }
            _ => against,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::change_points::Point;
    use super::super::drift::{self, Standard};
    use super::super::night::{Run, judge};
    use super::*;
    use crate::metric::Better;

    /// Logarithms with a standard deviation of 0.011548: a bound of 5.3 %.
    const EARLIER: [f64; 10] = [99.0, 101.0, 100.0, 98.0, 102.0, 100.0, 99.0, 101.0, 100.0, 100.0];

    fn sentence(earlier: &[f64], runs: &[(f64, &str)]) -> String {
        let earlier: Vec<Point<'_>> = earlier.iter().copied().map(Point::from).collect();
        let given: Vec<Run<'_>> =
            runs.iter().map(|(value, node)| Run { value: *value, node: Some(node) }).collect();
        let names: Vec<&str> = runs.iter().map(|(_, node)| *node).collect();
        let limit = Limit::new(Better::Lower);
        judge(&earlier, &given, limit).sentence(limit, &names)
    }

    #[test]
    fn a_sentence_says_what_could_not_be_seen() {
        for (new, expected) in [
            (106.0, "+6.0 % worse against 10 earlier points, of which noise explains 5.3 %"),
            (
                104.0,
                "+4.0 % worse against 10 earlier points: more than 3 %, but a loss below 5.3 % cannot be seen in one run \
                 at this noise",
            ),
            (
                101.0,
                "+1.0 % worse against 10 earlier points; a loss below 5.3 % cannot be seen in one run at this noise",
            ),
            (94.0, "-6.0 % better against 10 earlier points, of which noise explains 5.3 %"),
            (f64::NAN, "no number that counts"),
        ] {
            assert_eq!(sentence(&EARLIER, &[(new, "a")]), expected);
        }
        assert_eq!(
            sentence(&EARLIER[..9], &[(100.0, "a")]),
            "no change against 9 earlier points: nothing is said before 10 earlier points, and there are 9"
        );
        let none = "nothing is said before 10 earlier points, and there are 0";
        assert_eq!(sentence(&[], &[(100.0, "a")]), none);
    }

    #[test]
    fn runs_that_disagree_are_named() {
        assert_eq!(
            sentence(&EARLIER, &[(110.0, "n1"), (100.0, "n2")]),
            "the runs disagree: regress on n1 (+10.0 % worse), pass on n2 (no change); suspect the node"
        );
        assert_eq!(
            sentence(&EARLIER, &[(110.0, "n1"), (110.0, "n1")]),
            "+10.0 % worse against 10 earlier points, of which noise explains 5.3 %; all runs were on n1, and a bad node \
             would show it, too"
        );
    }

    #[test]
    fn a_drift_says_from_what_and_how_far() {
        let limit = Limit::new(Better::Lower);
        let told = |values: &[f64], budget| {
            drift::judge(values, Standard::Blessed(100.0), limit, budget)
                .sentence("B", limit, budget)
        };
        let values = [106.0, 105.0, 107.0, 106.0, 106.5, 105.5];
        assert_eq!(
            told(&values, 0.05),
            "drift: the level of the newest 6 points is +6.0 % worse against B, beyond the budget of 5 %"
        );
        assert_eq!(
            told(&values, 0.07),
            "the level of the newest 6 points is +6.0 % worse against B"
        );
        assert_eq!(
            told(&[126.0, 88.0, 127.0, 90.0, 125.0, 99.0], 0.05),
            "the level of the newest 6 points is +7.8 % worse against B, but noise alone could explain it"
        );
        assert_eq!(
            told(&values[..4], 0.05),
            "nothing is said against B before 5 points, and there are 4"
        );
    }
}
