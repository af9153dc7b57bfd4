//! Readings of GPUs during an attempt, thinned out to what a strip of a few hundred pixels can show.

use std::path::Path;

use jiff::Timestamp;

use crate::gpu::{self, Moment, Reading};
use crate::record::TELEMETRY;
use crate::record::result::StepRecord;

/// How many points a line has at most.
pub const POINTS: usize = 96;

/// What GPUs did, over the time of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// From the first to the last reading.
    pub seconds: f64,
    /// Kind of each step, its begin and its end in seconds after the first reading.
    pub steps: Vec<(String, f64, f64)>,
    /// By NVML index.
    pub gpus: Vec<(u32, Traces)>,
}

/// One GPU: means over equal stretches of time; `None` where there is no reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traces {
    pub sm_clock_mhz: Vec<Option<f64>>,
    pub power_w: Vec<Option<f64>>,
    pub temperature_c: Vec<Option<f64>>,
    pub utilization_pct: Vec<Option<f64>>,
}

/// Reads the telemetry beside a result; `None` where there is none.
pub fn read(attempt: &Path, steps: &[StepRecord]) -> Option<Telemetry> {
    let moments: Vec<Moment> = gpu::moments(&attempt.join(TELEMETRY)).ok()?.collect();
    let steps: Vec<_> = steps.iter().map(|it| (it.kind.clone(), it.start, it.end)).collect();
    thin(&moments, &steps)
}

/// Thins readings out; `None` of fewer than two.
pub fn thin(moments: &[Moment], steps: &[(String, Timestamp, Timestamp)]) -> Option<Telemetry> {
    let (first, last) = (moments.first()?.at, moments.last()?.at);
    let after = |at: Timestamp| at.duration_since(first).as_secs_f64();
    let seconds = after(last);
    if seconds <= 0.0 {
        return None;
    }
    let count = moments.len().min(POINTS);
    let bucket = |moment: &Moment| {
        let place = after(moment.at).max(0.0) / seconds * count as f64;
        (place as usize).min(count - 1)
    };
    let mut indices: Vec<u32> =
        moments.iter().flat_map(|it| &it.gpus).map(|reading| reading.index).collect();
    indices.sort_unstable();
    indices.dedup();
    let trace = |index: u32, value: &dyn Fn(&Reading) -> Option<f64>| {
        let mut sums = vec![(0.0, 0_u32); count];
        for moment in moments {
            let reading = moment.gpus.iter().find(|reading| reading.index == index);
            if let Some(value) = reading.and_then(value) {
                let sum = &mut sums[bucket(moment)];
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect()
    };
    let traces = |index: u32| Traces {
        sm_clock_mhz: trace(index, &|it| it.sm_clock_mhz.map(f64::from)),
        power_w: trace(index, &|it| it.power_mw.map(|power| f64::from(power) / 1000.0)),
        temperature_c: trace(index, &|it| it.temperature_c.map(f64::from)),
        utilization_pct: trace(index, &|it| it.utilization_pct.map(f64::from)),
    };
    let steps = steps.iter().map(|(kind, start, end)| (kind.clone(), after(*start), after(*end)));
    Some(Telemetry {
        seconds,
        steps: steps.collect(),
        gpus: indices.into_iter().map(|index| (index, traces(index))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_readings_become_few_means_and_a_gap_stays_a_gap() {
        let start: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        let moment = |second: i64| Moment {
            at: start + jiff::SignedDuration::from_secs(second),
            step: None,
            gpus: vec![Reading {
                index: 3,
                sm_clock_mhz: (second < 500).then_some(1980),
                power_mw: Some(700_000),
                ..Reading::default()
            }],
        };
        let moments: Vec<Moment> = (0..=1000).map(moment).collect();
        let thinned = thin(&moments, &[("bench".into(), start, start)]).expect("readings");
        let [(3, traces)] = &thinned.gpus[..] else { panic!("{:?}", thinned.gpus) };
        assert_eq!(traces.power_w, vec![Some(700.0); POINTS]);
        assert_eq!(traces.sm_clock_mhz.iter().flatten().count(), POINTS / 2);
        assert_eq!(traces.utilization_pct, vec![None; POINTS]);
        assert_eq!(thinned.steps, [("bench".to_owned(), 0.0, 0.0)]);
        assert_eq!(thin(&moments[..1], &[]), None);
    }
}
