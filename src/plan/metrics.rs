//! Which metrics a case must give, in the order of the result rows, and their names.

use super::{Context, PlannedMetric};
use crate::case::{Backend, Case, Kind, Mode, Point, Runtime};
use crate::engine::Flow;
use crate::metric::Metric;

/// The metrics of the engine build.
pub(super) fn build(case: &Case, context: &Context<'_>, step: Option<usize>) -> Vec<PlannedMetric> {
    let metrics: &[Metric] = match (case.runtime, case.backend) {
        (Runtime::Bench, Backend::TensorRt) => &[Metric::BuildTime],
        (Runtime::Cpp | Runtime::CppManager, _) => &[
            Metric::BuildTime,
            Metric::BuildPeakCpuMemory,
            Metric::BuildPeakGpuMemory,
            Metric::EngineSize,
        ],
        _ => &[],
    };
    named(metrics, &case.to_string(), context, step)
}

/// The metrics of the benchmark of one point.
pub(super) fn inference(
    case: &Case,
    point: Point,
    context: &Context<'_>,
    step: Option<usize>,
) -> Vec<PlannedMetric> {
    named(&inference_metrics(case, context), &case.label_of(point), context, step)
}

/// The metrics of a case that is planned but has no steps.
pub(super) fn without_steps(case: &Case, context: &Context<'_>) -> Vec<PlannedMetric> {
    if context.flow >= Flow::V1_2 && case.runtime != Runtime::Bench {
        return Vec::new();
    }
    let mut metrics = build(case, context, None);
    if !case.build_only {
        for point in case.points() {
            metrics.extend(inference(case, point, context, None));
        }
    }
    metrics
}

fn inference_metrics(case: &Case, context: &Context<'_>) -> Vec<Metric> {
    use Metric::{
        ContextGpuMemory, DisaggServerE2el, DisaggServerTtft, FirstTokenTime,
        InferencePeakGpuMemory, InferenceTime, KvCacheSize, OutputTokenTime, SeqLatency,
        SeqThroughput, TokenThroughput,
    };
    let shape = context.models.shape(&case.model);
    let mut metrics = match case.runtime {
        Runtime::Bench => vec![InferenceTime, TokenThroughput, SeqThroughput],
        Runtime::Cpp if shape.kind == Kind::Bert => vec![InferenceTime, ContextGpuMemory],
        Runtime::Cpp => {
            vec![InferenceTime, InferencePeakGpuMemory, ContextGpuMemory, TokenThroughput]
        }
        Runtime::CppManager => {
            vec![InferenceTime, TokenThroughput, ContextGpuMemory, SeqThroughput, SeqLatency]
        }
        Runtime::DisaggServer => vec![DisaggServerE2el, DisaggServerTtft],
        Runtime::Serve => vec![],
    };
    let has_cache = match case.runtime {
        Runtime::Bench => context.flow >= Flow::V1_2,
        Runtime::CppManager => case.mode == Mode::PluginIfb && !shape.mamba,
        _ => false,
    };
    metrics.extend(has_cache.then_some(KvCacheSize));
    if case.streaming {
        match case.runtime {
            Runtime::Bench => metrics.extend([FirstTokenTime, OutputTokenTime]),
            Runtime::CppManager => metrics.push(FirstTokenTime),
            _ => {}
        }
    }
    metrics
}

fn named(
    metrics: &[Metric],
    label: &str,
    context: &Context<'_>,
    step: Option<usize>,
) -> Vec<PlannedMetric> {
    metrics
        .iter()
        .map(|&metric| PlannedMetric {
            metric,
            name: format!("test_perf_metric_{}[{label}]", metric.wire_name().to_lowercase()),
            limits: context.limits.limits(metric),
            step,
        })
        .collect()
}
