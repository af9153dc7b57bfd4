//! From values to places on an axis, and where its ticks are.

/// An axis from one value to another over a stretch of pixels.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    high: f64,
    from: i32,
    to: i32,
}

impl Scale {
    /// The axis over the finite ones of these values, with a margin of 6 %; `None` without any.
    pub fn over(values: impl IntoIterator<Item = f64>, from: i32, to: i32) -> Option<Self> {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
        if low > high {
            return None;
        }
        // One value alone, or all the same: a band of 2 % around it.
        let margin = if low < high { (high - low) * 0.06 } else { (low.abs() * 0.01).max(1e-9) };
        Some(Self { low: low - margin, high: high + margin, from, to })
    }

    /// The axis from zero to these values.
    pub fn from_zero(values: impl IntoIterator<Item = f64>, from: i32, to: i32) -> Option<Self> {
        let high = values.into_iter().filter(|it| it.is_finite()).fold(f64::MIN, f64::max);
        (high > 0.0).then_some(Self { low: 0.0, high: high * 1.06, from, to })
    }

    /// The axis without margins.
    pub fn exact(low: f64, high: f64, from: i32, to: i32) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to }
    }

    /// The place of a value; beyond the axis, its end.
    pub fn at(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (f64::from(self.from) + share * f64::from(self.to - self.from)).round() as i32
    }

    /// Two to about `most` round values with equal steps of 1, 2 or 5 times a power of ten.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let step = self.step(most);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).take(12).map(|place| place as f64 * step).collect()
    }

    fn step(&self, most: usize) -> f64 {
        let rough = (self.high - self.low) / most.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
        round.into_iter().find(|step| *step >= rough).unwrap_or(rough)
    }

    /// The text of one of the [`ticks`](Self::ticks) of as many: as many decimals as their step needs.
    pub fn label(&self, tick: f64, most: usize) -> String {
        // A power of ten may come out a hair below itself.
        let decimals = (-(self.step(most).log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
        if decimals == 0 && tick.abs() >= 1000.0 {
            return super::text::number(tick);
        }
        format!("{tick:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_values_lie_where_they_should() {
        let scale = Scale::over([100.0, 200.0], 0, 100).expect("values");
        assert_eq!(scale.ticks(4), [100.0, 150.0, 200.0]);
        assert_eq!((scale.at(0.0), scale.at(150.0), scale.at(1e9)), (0, 50, 100));
        let fine = Scale::over([1.501, 1.504], 0, 100).expect("values");
        let labels: Vec<_> = fine.ticks(4).iter().map(|tick| fine.label(*tick, 4)).collect();
        assert_eq!(labels, ["1.501", "1.502", "1.503", "1.504"]);
        assert!(Scale::over([f64::NAN], 0, 1).is_none());
        let flat = Scale::over([5.0], 0, 100).expect("a value");
        assert_eq!(flat.at(5.0), 50);
        assert!(!flat.ticks(4).is_empty());
    }
}
