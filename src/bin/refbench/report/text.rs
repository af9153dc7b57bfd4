//! The text report, in the real tool's layout of release 1.2: its labels, columns, tabs and trailing blanks.

use std::fmt::Display;

use super::figures::{DatasetDetails, EngineDetails, Report, StreamingMetrics};
use super::python::{scientific_4, table_cell};
use super::stats::Percentiles;

const RULER: &str = "===========================================================";

/// The whole report; it begins with two line ends, so that it stands below the log prefix.
pub fn report_text(report: &Report) -> String {
    let mut page = Page("\n\n".to_owned());
    engine(&mut page, &report.engine);
    page.heading("MACHINE DETAILS ");
    match &report.machine {
        Some(machine) => {
            let clock = machine.clocks_mem.map_or("N/A".to_owned(), |ghz| format!("{ghz:.2} GHz"));
            page.line(format!("{}, memory {:.2} GB, {clock}", machine.name, machine.memory_total));
        }
        None => page.line("No GPU info available"),
    }
    page.line("");
    requests_and_world(&mut page, report);
    performance(&mut page, report);
    page.0 + &dataset_table(&report.dataset)
}

/// Lines being put together.
struct Page(String);

impl Page {
    fn line(&mut self, text: impl Display) {
        self.0 += &format!("{text}\n");
    }

    fn heading(&mut self, title: &str) {
        self.line(format_args!("{RULER}\n= {title}\n{RULER}"));
    }

    /// A label padded to `width`, then a value.
    fn value(&mut self, width: usize, label: &str, value: impl Display) {
        self.line(format_args!("{label:<width$}{value}"));
    }
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

fn engine(page: &mut Page, engine: &EngineDetails) {
    page.heading("REFBENCH BACKEND");
    page.line(format_args!("Model:\t\t\t{}", engine.model));
    page.line(format_args!("Model Path:\t\t{}", engine.model_path));
    page.line(format_args!("Revision:\t\t{}", engine.revision.as_deref().unwrap_or("N/A")));
    if engine.max_sequence_length.is_some() {
        page.line(format_args!("Engine Directory:\t{}", engine.engine_dir));
    }
    page.line(format_args!("Refbench Version:\t{}", engine.version));
    page.line(format_args!("Dtype:\t\t\t{}", engine.dtype));
    page.line(format_args!("KV Cache Dtype:\t\t{}", or_none(engine.kv_cache_dtype.as_ref())));
    page.line(format_args!("Quantization:\t\t{}", or_none(engine.quantization.as_ref())));
    if let (Some(input), Some(sequence)) = (engine.max_input_length, engine.max_sequence_length) {
        page.line(format_args!("Max Input Length:\t{input}"));
        page.line(format_args!("Max Sequence Length:\t{sequence}"));
    }
    page.line("");
}

fn requests_and_world(page: &mut Page, report: &Report) {
    let (requests, world) = (&report.request_info, &report.world_info);
    page.heading("REQUEST DETAILS ");
    page.value(32, "Number of requests:", requests.num_requests);
    let concurrent = requests.avg_num_concurrent_requests;
    page.value(32, "Number of concurrent requests:", format_args!("{concurrent:.4}"));
    let (input, output) = (requests.avg_input_length, requests.avg_output_length);
    page.value(32, "Average Input Length (tokens):", format_args!("{input:.4}"));
    page.value(32, "Average Output Length (tokens):", format_args!("{output:.4}"));
    page.heading("WORLD + RUNTIME INFORMATION ");
    page.value(24, "TP Size:", world.tp_size);
    page.value(24, "PP Size:", world.pp_size);
    page.value(24, "EP Size:", or_none(world.ep_size));
    page.value(24, "Max Runtime Batch Size:", world.max_batch_size);
    page.value(24, "Max Runtime Tokens:", world.max_num_tokens);
    page.value(24, "Scheduling Policy:", world.scheduling_policy);
    let percentage = world.kv_cache_percentage.map(|share| format!("{:.2}%", share * 100.0));
    page.value(24, "KV Memory Percentage:", or_none(percentage));
    page.value(24, "Issue Rate (req/sec):", scientific_4(world.issue_rate));
    page.line("");
}

fn performance(page: &mut Page, report: &Report) {
    let figures = &report.performance;
    page.heading("PERFORMANCE OVERVIEW ");
    for (label, value) in [
        ("Request Throughput (req/sec):", figures.request_throughput_req_s),
        ("Total Output Throughput (tokens/sec):", figures.system_output_throughput_tok_s),
        ("Total Token Throughput (tokens/sec):", figures.system_total_throughput_tok_s),
        ("Total Latency (ms):", figures.total_latency_ms),
        ("Average request latency (ms):", figures.avg_request_latency_ms),
        (
            "Per User Output Throughput [w/ ctx] (tps/user):",
            figures.output_throughput_per_user_tok_s,
        ),
        ("Per GPU Output Throughput (tps/gpu):", figures.output_throughput_per_gpu_tok_s),
    ] {
        page.value(50, label, format_args!("{value:.4}"));
    }
    if let Some(streaming) = &report.streaming_metrics {
        streaming_section(page, streaming);
    }
    page.line("\n-- Request Latency Breakdown (ms) -----------------------\n");
    let latency = &figures.request_latency_percentiles_ms;
    tail(page, "Latency", latency);
    range(page, "Latency", latency);
    page.line("");
}

fn streaming_section(page: &mut Page, figures: &StreamingMetrics) {
    for (label, value) in [
        ("Average time-to-first-token [TTFT] (ms):", figures.avg_ttft_ms),
        ("Average time-per-output-token [TPOT] (ms):", figures.avg_tpot_ms),
        ("Per User Output Speed (tps/user):", figures.token_output_speed_tok_s),
    ] {
        page.value(50, label, format_args!("{value:.4}"));
    }
    for (title, key, values) in [
        (
            "-- Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)",
            "TPOT",
            &figures.tpot_percentiles,
        ),
        (
            "-- Per-Request Time-to-First-Token [TTFT] Breakdown (ms) ",
            "TTFT",
            &figures.ttft_percentiles,
        ),
        (
            "-- Per-Request Generation Throughput [GTPS] Breakdown (tps/user)",
            "GTPS",
            &figures.gen_tps_percentiles,
        ),
    ] {
        page.line(format_args!("\n{title}\n"));
        range(page, key, values);
        tail(page, key, values);
    }
}

fn range(page: &mut Page, key: &str, values: &Percentiles) {
    page.line(format_args!("[{key}] MINIMUM: {:.4}", values.minimum));
    page.line(format_args!("[{key}] MAXIMUM: {:.4}", values.maximum));
    page.line(format_args!("[{key}] AVERAGE: {:.4}", values.average));
}

fn tail(page: &mut Page, key: &str, values: &Percentiles) {
    for (name, value) in
        [("P50", values.p50), ("P90", values.p90), ("P95", values.p95), ("P99", values.p99)]
    {
        page.line(format_args!("[{key}] {name}    : {value:.4}"));
    }
}

/// The section on the data set, which is also logged by itself before the run.
pub fn dataset_table(dataset: &DatasetDetails) -> String {
    let mut text = format!(
        "{RULER}\n= DATASET DETAILS\n{RULER}\nDataset Path:         {}\nNumber of Sequences:  {}\n\n\
         -- Percentiles statistics ---------------------------------\n\n        \
         Input              Output           Seq. Length\n\
         -----------------------------------------------------------\n",
        dataset.dataset_path, dataset.num_requests
    );
    let cells = |pick: fn(&Percentiles) -> f64| {
        [&dataset.isl_stats, &dataset.osl_stats, &dataset.seq_len_stats]
            .map(|values| table_cell(pick(values)))
            .join("          ")
    };
    for (name, row) in [
        ("MIN", cells(|p| p.minimum)),
        ("MAX", cells(|p| p.maximum)),
        ("AVG", cells(|p| p.average)),
        ("P50", cells(|p| p.p50)),
        ("P90", cells(|p| p.p90)),
        ("P95", cells(|p| p.p95)),
        ("P99", cells(|p| p.p99)),
    ] {
        text += &format!("{name}:  {row}\n");
    }
    text + RULER + "\n"
}
