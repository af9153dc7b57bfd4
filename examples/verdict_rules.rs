//! How often each rule is wrong: the paired gate, and the rules for one new number that are in use elsewhere.
//!
//! `cargo run --release --example verdict_rules [TRIALS]` prints the tables of docs/VERDICT.md (20,000 trials a cell).
//! Values are throughputs, a loss of 5 % multiplies them by 0.95. The seed is fixed, so the output is, too.

use trtllm_perf::metric::Better;
use trtllm_perf::verdict::noise::{Kind, Noise, Runs};
use trtllm_perf::verdict::paired::{self, LOOKS};
use trtllm_perf::verdict::{Limit, Verdict, one_point, stats};

const LOSSES: [f64; 4] = [0.0, 0.02, 0.05, 0.10];

/// How many earlier numbers the rules for one new number are given.
const HISTORY: usize = 20;

const SEED: u64 = 20_260_101;

fn main() {
    let trials = std::env::args().nth(1).map_or(20_000, |text| text.parse().expect("a number"));
    let limit = Limit::new(Better::Higher);
    println!("The paired gate, live: looks after 4, 6, 8, 10 pairs; {trials} trials a row.\n");
    println!(
        "| noise | loss | regress | pass | inconclusive | pairs | recorded pairs judged again: regress |"
    );
    println!("|---|---|---|---|---|---|---|");
    for noise in [NOISES.as_slice(), &LOUD].concat() {
        for loss in LOSSES {
            paired_row(noise, loss, trials, limit);
        }
    }
    println!(
        "\nTen recorded pairs, one look; {trials} trials a cell: regress with a loss of 0 / 2 / 5 / 10 %, then pass with none.\n"
    );
    println!("| noise | regress | pass |");
    println!("|---|---|---|");
    for noise in [NOISES.as_slice(), &LOUD].concat() {
        recorded_row(noise, trials, limit);
    }
    println!(
        "\nOne new number after {HISTORY}: alarms in % with a loss of 0 / 2 / 5 / 10 %; {trials} trials.\n"
    );
    let names: Vec<_> = NOISES.iter().map(|noise| noise.name).collect();
    println!("| rule | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    for (name, rule) in RULES {
        let cells: Vec<_> = NOISES.iter().map(|noise| one_cell(*noise, rule, trials)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// A noise and what it is called in the tables.
#[derive(Clone, Copy)]
struct Named {
    name: &'static str,
    noise: Noise,
}

const fn named(name: &'static str, kind: Kind, cv: f64) -> Named {
    Named { name, noise: Noise { kind, cv } }
}

const NOISES: [Named; 7] = [
    named("CV 1 %", Kind::Normal, 0.01),
    named("CV 2 %", Kind::Normal, 0.02),
    named("CV 3 %", Kind::Normal, 0.03),
    named("CV 5 %", Kind::Normal, 0.05),
    named("nodes, CV 1.5 %", Kind::Nodes, 0.015),
    named("tail, CV 2 %", Kind::Tail, 0.02),
    named("AR(1) 0.6, CV 3 %", Kind::Drift, 0.03),
];

/// More noise than anyone should measure with: the promise holds there, too.
const LOUD: [Named; 2] =
    [named("CV 10 %", Kind::Normal, 0.10), named("CV 20 %", Kind::Normal, 0.20)];

fn runs(named: Named) -> Runs {
    Runs::new(named.noise, SEED)
}

fn percent(hits: usize, trials: usize) -> String {
    format!("{:.2}", hits as f64 / trials as f64 * 100.0)
}

fn paired_row(noise: Named, loss: f64, trials: usize, limit: Limit) {
    let mut runs = runs(noise);
    let (mut regress, mut pass, mut looked, mut again) = (0, 0, 0, 0);
    for _ in 0..trials {
        let pairs = runs.pairs(LOOKS[LOOKS.len() - 1], loss);
        let judgement = paired::sequential(&pairs, limit);
        regress += usize::from(judgement.verdict == Verdict::Regress);
        pass += usize::from(judgement.verdict == Verdict::Pass);
        looked += judgement.pairs;
        let recorded = paired::judge(&pairs[..judgement.pairs], limit);
        again += usize::from(recorded.verdict == Verdict::Regress);
    }
    println!(
        "| {} | {:.0} % | {} % | {} % | {} % | {:.1} | {} % |",
        noise.name,
        loss * 100.0,
        percent(regress, trials),
        percent(pass, trials),
        percent(trials - regress - pass, trials),
        looked as f64 / trials as f64,
        percent(again, trials),
    );
}

fn recorded_row(noise: Named, trials: usize, limit: Limit) {
    let share = |loss, verdict| {
        let mut runs = runs(noise);
        let hits = (0..trials)
            .filter(|_| paired::judge(&runs.pairs(10, loss), limit).verdict == verdict)
            .count();
        percent(hits, trials)
    };
    let regress: Vec<_> = LOSSES.iter().map(|loss| share(*loss, Verdict::Regress)).collect();
    println!("| {} | {} % | {} % |", noise.name, regress.join(" / "), share(0.0, Verdict::Pass));
}

/// Whether a rule raises an alarm about a new number after earlier ones.
type Rule = fn(&[f64], f64) -> bool;

const RULES: [(&str, Rule); 9] = [
    ("ours: prediction interval 99.9 % and δ 3 %", |earlier, new| {
        one_point::judge(earlier, new, Limit::new(Better::Higher)).verdict == Verdict::Regress
    }),
    ("prediction interval 99.9 %", |earlier, new| {
        let limit = Limit { better: Better::Higher, delta: 1e-9 };
        one_point::judge(earlier, new, limit).verdict == Verdict::Regress
    }),
    ("95th percentile of the rolling mean of 3, −5 %", |earlier, new| {
        new < rolling(earlier) * 0.95
    }),
    ("95th percentile of the rolling mean of 3, −10 %", |earlier, new| {
        new < rolling(earlier) * 0.90
    }),
    ("−5 % of the mean", |earlier, new| new < mean(earlier) * 0.95),
    ("−10 % of the mean", |earlier, new| new < mean(earlier) * 0.90),
    ("rustc-perf: Q3 + 3·IQR of changes", rustc_perf),
    ("Conbench: z < −5", |earlier, new| {
        let sd = stats::sd(earlier).expect("twenty numbers");
        (new - mean(earlier)) / sd < -5.0
    }),
    ("median − 5·MAD, scaled", |earlier, new| {
        let mad = stats::mad(earlier).expect("twenty numbers") * stats::MAD_TO_SD;
        new < stats::median(earlier).expect("twenty numbers") - 5.0 * mad
    }),
];

fn mean(values: &[f64]) -> f64 {
    stats::mean(values).expect("twenty numbers")
}

fn rolling(earlier: &[f64]) -> f64 {
    let means: Vec<f64> = earlier.windows(3).map(mean).collect();
    stats::percentile(&means, 0.95).expect("twenty numbers")
}

/// The last change against the changes before it: beyond the third quartile by three times the quartiles' distance.
fn rustc_perf(earlier: &[f64], new: f64) -> bool {
    let changes: Vec<f64> =
        earlier.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).collect();
    let quartile = |share| stats::percentile(&changes, share).expect("twenty numbers");
    let threshold = (quartile(0.75) + 3.0 * (quartile(0.75) - quartile(0.25))).max(0.002);
    new / earlier[earlier.len() - 1] - 1.0 < -threshold
}

fn one_cell(noise: Named, rule: Rule, trials: usize) -> String {
    let rate = |loss| {
        let mut runs = runs(noise);
        let alarms = (0..trials)
            .filter(|_| {
                let mut run = |loss| {
                    let node = runs.node();
                    runs.throughput(node, loss)
                };
                let earlier: Vec<f64> = (0..HISTORY).map(|_| run(0.0)).collect();
                rule(&earlier, run(loss))
            })
            .count();
        format!("{:.1}", alarms as f64 / trials as f64 * 100.0)
    };
    LOSSES.map(rate).join(" / ")
}
