//! How long lists take: the whole of listing 10,000 ids has a budget of 40 ms.

use std::fmt::Write as _;

use divan::Bencher;
use trtllm_perf::list::{Facts, TestList, Waives, select};

fn main() {
    divan::main();
}

const LINES: usize = 10_000;

fn id(number: usize) -> String {
    let (input, output) = (128 + number, 128 + number % 7);
    format!(
        "perf/test_perf.py::test_perf[llama_v3.1_8b_instruct_fp8-bench-pytorch-streaming-float8-\
         maxbs:512-maxnt:2048-input_output_len:{input},{output}-reqs:500-con:250-gpus:2]"
    )
}

/// Blocks of 100 lines, every tenth with a marker, as real lists look.
fn yaml() -> String {
    let mut text = String::from("version: 0.0.1\nbench:\n");
    for number in 0..LINES {
        if number % 100 == 0 {
            text.push_str("- condition:\n    ranges:\n      system_gpu_count:\n        gte: 2\n");
            text.push_str(
                "    wildcards:\n      gpu:\n      - '*h100*'\n      - '*h200*'\n  tests:\n",
            );
        }
        let marker = if number % 10 == 0 { " TIMEOUT (90) # long" } else { "" };
        writeln!(text, "  - {}{marker}", id(number)).expect("a string takes any text");
    }
    text
}

fn plain(marker: &str) -> String {
    (0..LINES).map(|number| format!("{}{marker}\n", id(number))).collect()
}

#[divan::bench]
fn parse_10_000_yaml_lines(bencher: Bencher) {
    let text = yaml();
    bencher.bench(|| TestList::parse("bench.yml", &text));
}

#[divan::bench]
fn parse_10_000_text_lines(bencher: Bencher) {
    let text = plain("");
    bencher.bench(|| TestList::parse("bench.txt", &text));
}

#[divan::bench]
fn parse_10_000_waives(bencher: Bencher) {
    let text = plain(" SKIP (https://example.org/12345)");
    bencher.bench(|| Waives::parse("waives.txt", &text, Some("H100_80GB_HBM3")));
}

#[divan::bench]
fn select_10_000_lines(bencher: Bencher) {
    let list = TestList::parse("bench.yml", &yaml()).expect("a good list");
    let mut facts = Facts::default();
    facts.set("gpu", "H100 80GB HBM3");
    facts.set("system_gpu_count", 8);
    let lists = [list];
    let today = jiff::civil::date(2026, 6, 30);
    bencher.bench(|| select(&lists, &facts, Some("H100_80GB_HBM3"), today).len());
}
