//! `throughput`: serves a data set as fast as the limits allow and reports how fast that was.

mod output;
mod prepare;
mod settings;
mod warmup;

use super::group::Environment;
use crate::click::Arguments;
use crate::engine::{Clock, Completion, Drag, Engine, Event, Request};
use crate::failure::Exception;
use crate::host;
use crate::log::Log;
use crate::numeric::{BLOCK_TOKENS, team};
use crate::report::{
    DatasetDetails, EngineDetails, Performance, Report, RequestInfo, StreamingMetrics, WorldInfo,
    issue_rate, log_line, report_text, statistics_line,
};
use output::Outputs;
use prepare::{Prepared, prepare};
use settings::Settings;

/// Runs the command.
///
/// # Errors
/// An option, a file or a request is not usable, or a result cannot be written.
pub fn run(environment: &Environment, arguments: &Arguments) -> Result<(), Exception> {
    environment.log.info("Preparing to run throughput benchmark...");
    let settings = Settings::new(arguments)?;
    let threads = host::threads()?;
    let slowdown = host::slowdown()?;
    let prepared = prepare(environment, &settings, slowdown)?;
    team(threads, || benchmark(environment, &settings, prepared, threads))
        .map_err(|error| Exception::runtime(format!("cannot start {threads} threads: {error}")))?
        .map_err(Exception::while_benchmarking)
}

fn benchmark(
    environment: &Environment,
    settings: &Settings,
    prepared: Prepared,
    threads: usize,
) -> Result<(), Exception> {
    let log = &environment.log;
    log.info("Setting up throughput benchmark.");
    settings.warn(log);
    let Prepared { plan, requests, engine, dataset, details, slowdown } = prepared;
    if let Some(share) = slowdown {
        log.info(format_args!(
            "Slowed on purpose: {} % more work ({}).",
            share * 100.0,
            host::SLOWDOWN
        ));
    }
    let mut engine = engine.start(&plan).dragged(slowdown.map(Drag::new));
    engine.check(&requests)?;
    let (bytes, tokens) = engine.cache_size();
    log.engine(format_args!("Number of worker threads: {threads}."));
    log.engine(format_args!("Number of tokens per block: {BLOCK_TOKENS}."));
    log.engine(format_args!(
        "[MemUsageChange] Allocated {} GiB for max tokens in paged KV cache ({tokens}).",
        gib(bytes)
    ));
    if settings.warmup > 0 {
        log.info("Setting up for warmup...");
        let drawn = warmup::draw(&requests, settings.warmup);
        log.info("Running warmup.");
        measure(log, settings, &mut engine, &drawn, &mut Outputs::none())?;
        log.info("Warmup done.");
    }
    let mut outputs = Outputs::open(log, settings)?;
    let served = measure(log, settings, &mut engine, &requests, &mut outputs)?;
    log.info("Benchmark done. Reporting results...");
    let world = WorldInfo {
        tp_size: 1,
        pp_size: 1,
        ep_size: settings.expert_parallel,
        world_size: 1,
        max_batch_size: plan.limits.requests,
        max_num_tokens: plan.limits.tokens,
        scheduling_policy: "GUARANTEED_NO_EVICT",
        kv_cache_percentage: plan.fraction,
        issue_rate: issue_rate(&served),
    };
    let report = assemble(settings, details, world, &served, dataset);
    output::write_reports(log, settings, &report, &served)?;
    log.info(report_text(&report));
    Ok(())
}

/// Serves `requests` and logs the phases.
fn measure(
    log: &Log,
    settings: &Settings,
    engine: &mut Engine,
    requests: &[Request],
    outputs: &mut Outputs,
) -> Result<Vec<Completion>, Exception> {
    log.info("Starting benchmarking async task.");
    log.info("Starting benchmark...");
    let mut previous = None;
    let mut written = Ok(());
    let served = engine.serve(
        requests,
        settings.concurrency,
        settings.streaming,
        &Clock::start(),
        |event| match event {
            Event::Submitted(time) => {
                let (count, seconds) = (requests.len(), time.as_secs_f64());
                log.info(format_args!(
                    "Request submission complete. [count={count}, time={seconds:.4}s, rate={:.2} req/s]",
                    count as f64 / seconds
                ));
            }
            Event::Iterated(iteration) => {
                if settings.options.print_iterations {
                    log.info(log_line(iteration, requests.len(), previous));
                }
                if written.is_ok() {
                    written = outputs.iteration(|| statistics_line(iteration));
                }
                previous = Some(iteration.compute_time);
            }
        },
    );
    written?;
    log.info("Benchmark complete.");
    log.info("Stopping LLM backend.");
    log.info("LLM Backend stopped.");
    Ok(served)
}

fn assemble(
    settings: &Settings,
    engine: EngineDetails,
    world_info: WorldInfo,
    served: &[Completion],
    dataset: DatasetDetails,
) -> Report {
    Report {
        engine,
        machine: host::machine(),
        request_info: RequestInfo::of(served),
        performance: Performance::of(served, world_info.world_size),
        world_info,
        streaming_metrics: settings.streaming.then(|| StreamingMetrics::of(served)),
        dataset,
    }
}

/// GiB with two decimals, or as many as show three digits of a small cache.
fn gib(bytes: usize) -> String {
    let gib = bytes as f64 / (1u64 << 30) as f64;
    let leading_zeros = -gib.log10().floor();
    format!("{gib:.*}", (leading_zeros + 2.0).clamp(2.0, 12.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_three_digits_however_small() {
        assert_eq!(gib(56_371_445_760), "52.50");
        assert_eq!(gib(503_316_480), "0.469");
        assert_eq!(gib(49_152), "0.0000458");
        assert_eq!(gib(0), "0.000000000000");
    }
}
