//! Station 9, verdicts: properties of the rules, their rates of error as simulated, and the two commands.

use std::fs;

use assert_cmd::Command;
use proptest::prelude::*;
use rand_mt::Mt64;
use trtllm_perf::metric::Better;
use trtllm_perf::verdict::change_points::{Kind, Point, change_points};
use trtllm_perf::verdict::paired::{self, Judgement, LOOKS};
use trtllm_perf::verdict::{Limit, Pair, Verdict, drift, night, one_point, stats};

/// Pairs of these candidates and bases.
fn pairs(values: &[(f64, f64)]) -> Vec<Pair> {
    values.iter().map(|(base, candidate)| Pair { base: *base, candidate: *candidate }).collect()
}

fn lower() -> Limit {
    Limit::new(Better::Lower)
}

type Gate = fn(&[Pair], Limit) -> Judgement;

const GATES: [Gate; 2] = [paired::judge, paired::sequential];

/// Measurements, some of them close together so that verdicts of all kinds come up.
fn some_pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    (0.9f64..1.1, 0.001f64..0.05).prop_flat_map(|(ratio, noise)| {
        let pair = (50.0f64..200.0, -1.0f64..1.0, -1.0f64..1.0).prop_map(move |(base, a, b)| {
            (base * (1.0 + noise * a), base * ratio * (1.0 + noise * b))
        });
        prop::collection::vec(pair, 0..13)
    })
}

proptest! {
    #[test]
    fn swapping_base_and_candidate_mirrors_the_verdict(values in some_pairs()) {
        let swapped: Vec<(f64, f64)> = values.iter().map(|(base, candidate)| (*candidate, *base)).collect();
        for gate in GATES {
            let (one, other) = (gate(&pairs(&values), lower()), gate(&pairs(&swapped), lower()));
            // A regression one way is an improvement the other way. The live gate may stop at different looks.
            if one.pairs == other.pairs {
                prop_assert_eq!(one.verdict == Verdict::Regress, other.improved);
                prop_assert_eq!(other.verdict == Verdict::Regress, one.improved);
                if let (Some(a), Some(b)) = (one.ratio, other.ratio) {
                    prop_assert!((a * b - 1.0).abs() < 1e-12);
                }
                if let (Some(a), Some(b)) = (one.ci, other.ci) {
                    prop_assert!((a.0 * b.1 - 1.0).abs() < 1e-9 && (a.1 * b.0 - 1.0).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn a_metric_and_its_reciprocal_get_the_same_verdict(values in some_pairs()) {
        let inverse: Vec<(f64, f64)> = values.iter().map(|(base, candidate)| (1e4 / base, 1e4 / candidate)).collect();
        for gate in GATES {
            let one = gate(&pairs(&values), lower());
            let other = gate(&pairs(&inverse), Limit::new(Better::Higher));
            prop_assert_eq!((one.verdict, one.improved, one.pairs), (other.verdict, other.improved, other.pairs));
        }
    }

    #[test]
    fn scaling_changes_nothing(values in some_pairs(), power in -40i32..40) {
        // Powers of two are exact, so not even the last digit may move.
        let scale = 2f64.powi(power);
        let scaled: Vec<(f64, f64)> = values.iter().map(|(base, candidate)| (base * scale, candidate * scale)).collect();
        for gate in GATES {
            prop_assert_eq!(gate(&pairs(&values), lower()), gate(&pairs(&scaled), lower()));
        }
        let earlier: Vec<f64> = values.iter().map(|(base, _)| *base).collect();
        let earlier_scaled: Vec<f64> = scaled.iter().map(|(base, _)| *base).collect();
        let (one, other) = (one_point::judge(&earlier, 120.0, lower()), one_point::judge(&earlier_scaled, 120.0 * scale, lower()));
        prop_assert_eq!((one.verdict, one.improved), (other.verdict, other.improved));
    }

    #[test]
    fn the_order_of_recorded_pairs_does_not_matter(values in some_pairs()) {
        let mut reversed = values.clone();
        reversed.reverse();
        let (one, other) = (paired::judge(&pairs(&values), lower()), paired::judge(&pairs(&reversed), lower()));
        prop_assert_eq!((one.verdict, one.improved), (other.verdict, other.improved));
    }

    #[test]
    fn the_verdict_can_be_read_off_the_printed_interval(values in some_pairs()) {
        let judgement = paired::judge(&pairs(&values), lower());
        if let (Some(ci), Some(ratio), 4..) = (judgement.ci, judgement.ratio, judgement.pairs) {
            let expected = if ci.0 > 1.0 && ratio > 1.03 {
                Verdict::Regress
            } else if ci.1 < 1.03 {
                Verdict::Pass
            } else {
                Verdict::Inconclusive
            };
            prop_assert_eq!(judgement.verdict, expected);
        }
    }

    #[test]
    fn what_a_live_look_decides_stands_offline(values in some_pairs()) {
        let live = paired::sequential(&pairs(&values), lower());
        if live.verdict != Verdict::Inconclusive {
            let offline = paired::judge(&pairs(&values[..live.pairs]), lower());
            prop_assert_eq!(offline.verdict, live.verdict);
            // The narrower interval may show an improvement that the look could not yet.
            prop_assert!(offline.improved || !live.improved);
        }
    }

    #[test]
    fn what_is_no_measurement_makes_a_series_invalid(values in some_pairs(), at in any::<prop::sample::Index>(), bad in prop::sample::select(vec![f64::NAN, 0.0, -0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY]), base in any::<bool>()) {
        let mut pairs = pairs(&values);
        prop_assume!(!pairs.is_empty());
        let at = at.index(pairs.len());
        if base { pairs[at].base = bad } else { pairs[at].candidate = bad }
        let judgement = paired::judge(&pairs, lower());
        prop_assert_eq!((judgement.verdict, judgement.broken), (Verdict::Invalid, Some(at)));
        prop_assert_eq!((judgement.ratio, judgement.ci, judgement.improved), (None, None, false));
    }

    #[test]
    fn no_input_at_all_makes_a_rule_panic(values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40), new in any::<f64>()) {
        for gate in GATES {
            gate(&pairs(&values), lower()).sentence(lower());
        }
        let first: Vec<f64> = values.iter().map(|(base, _)| *base).collect();
        one_point::judge(&first, new, lower());
        let nodes = ["a", "b"];
        let points: Vec<Point<'_>> = first.iter().enumerate()
            .map(|(i, value)| Point { value: value.abs(), node: (new > 0.0).then(|| nodes[i % 2]) })
            .collect();
        change_points(&points);
    }

    #[test]
    fn a_series_that_never_varies_never_alarms(value in 1e-6f64..1e9, n in 0usize..80) {
        let found = change_points(&vec![Point::from(value); n]);
        prop_assert_eq!(found, vec![]);
        for gate in GATES {
            let judgement = gate(&pairs(&vec![(value, value); n]), lower());
            let expected = if n < LOOKS[0] { Verdict::Inconclusive } else { Verdict::Pass };
            prop_assert_eq!((judgement.verdict, judgement.improved), (expected, false));
        }
        let expected = if n < one_point::LEAST_HISTORY { Verdict::Inconclusive } else { Verdict::Pass };
        prop_assert_eq!(one_point::judge(&vec![value; n], value, lower()).verdict, expected);
    }

    #[test]
    fn change_points_do_not_depend_on_the_unit(seed in any::<u64>(), power in -20i32..20) {
        let mut random = Random(Mt64::new(seed));
        let (values, _) = random.series();
        let scale = 2f64.powi(power);
        let of = |scale: f64| -> Vec<(Kind, usize)> {
            let points: Vec<Point<'_>> = values.iter().map(|value| Point::from(value * scale)).collect();
            change_points(&points).iter().map(|it| (it.kind, it.index)).collect()
        };
        prop_assert_eq!(of(1.0), of(scale));
    }
}

#[test]
fn pairs_that_do_not_differ_among_themselves_are_judged_by_their_ratio() {
    for (candidate, verdict, improved) in [
        (110.0, Verdict::Regress, false),
        (102.0, Verdict::Pass, false),
        (100.0, Verdict::Pass, false),
        (90.0, Verdict::Pass, true),
    ] {
        let judgement = paired::judge(&pairs(&[(100.0, candidate); 4]), lower());
        assert_eq!((judgement.verdict, judgement.improved), (verdict, improved), "{candidate}");
    }
}

/// Random numbers of a fixed seed.
struct Random(Mt64);

impl Random {
    fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Ten pairs of throughputs with this noise and loss.
    fn pairs(&mut self, cv: f64, loss: f64) -> Vec<Pair> {
        let mut run = |factor: f64| 100.0 * factor * (cv * self.normal()).exp();
        (0..10).map(|_| Pair { base: run(1.0), candidate: run(1.0 - loss) }).collect()
    }

    /// 200 points with none to two steps, and where those are.
    fn series(&mut self) -> (Vec<f64>, Vec<usize>) {
        let steps = (self.uniform() * 3.0) as usize;
        let places: Vec<usize> =
            (0..steps).map(|step| 20 + 90 * step + (self.uniform() * 70.0) as usize).collect();
        let noise = 0.01 + 0.02 * self.uniform();
        let mut level = 100.0;
        let values = (0..200)
            .map(|index| {
                if places.contains(&index) {
                    let step = 0.03 + 0.07 * self.uniform();
                    level *= if self.uniform() < 0.5 { 1.0 + step } else { 1.0 - step };
                }
                let outlier = if self.uniform() < 0.01 { 0.8 } else { 1.0 };
                level * outlier * (1.0 + noise * self.normal())
            })
            .collect();
        (values, places)
    }
}

/// How often a gate says a verdict, as a share.
fn share(gate: Gate, cv: f64, loss: f64, verdict: Verdict) -> f64 {
    const TRIALS: usize = 2000;
    let (mut random, limit) = (Random(Mt64::new(7)), Limit::new(Better::Higher));
    let hits = (0..TRIALS).filter(|_| gate(&random.pairs(cv, loss), limit).verdict == verdict);
    hits.count() as f64 / TRIALS as f64
}

#[test]
fn the_paired_gate_keeps_its_promise_in_simulation() {
    for cv in [0.01, 0.02, 0.03, 0.05, 0.10] {
        for gate in GATES {
            let wrong = share(gate, cv, 0.0, Verdict::Regress);
            // At most 1 %: of 2,000 trials 20, and 13 more is three standard deviations.
            assert!(wrong <= 0.0165, "CV {cv}: {wrong}");
            let missed = share(gate, cv, 0.10, Verdict::Pass);
            assert!(missed <= 0.0165, "CV {cv}: {missed}");
        }
    }
    for gate in GATES {
        let (five, ten) =
            (share(gate, 0.02, 0.05, Verdict::Regress), share(gate, 0.02, 0.10, Verdict::Regress));
        assert!(five >= 0.945 && ten >= 0.99, "{five} {ten}");
    }
}

#[test]
fn a_new_point_raises_a_false_alarm_about_once_in_a_thousand_and_never_judges_itself() {
    let mut random = Random(Mt64::new(11));
    let mut alarms = 0;
    for _ in 0..5000 {
        let mut run = || 100.0 * (0.05 * random.normal()).exp();
        let earlier: Vec<f64> = (0..20).map(|_| run()).collect();
        alarms += u64::from(one_point::judge(&earlier, run(), lower()).verdict == Verdict::Regress);
    }
    let (low, _) = stats::wilson(alarms, 5000, 0.998).expect("trials");
    assert!(low <= 0.001, "{alarms} of 5000");
    // A number that is far off does not widen the interval that it is held against.
    let earlier: Vec<f64> = (0..12).map(|i| 100.0 + f64::from(i % 3)).collect();
    let bound = |new| one_point::judge(&earlier, new, lower()).bound;
    assert_eq!(bound(101.0), bound(1e6));
}

#[test]
fn change_points_of_simulated_series_are_found_with_few_false_ones() {
    let mut random = Random(Mt64::new(19));
    let (mut hits, mut wrong, mut steps) = (0, 0, 0);
    for _ in 0..60 {
        let (values, places) = random.series();
        let points: Vec<Point<'_>> = values.into_iter().map(Point::from).collect();
        let found: Vec<usize> = change_points(&points)
            .iter()
            .filter(|it| it.kind == Kind::Step)
            .map(|it| it.index)
            .collect();
        let near = |step: &&usize| found.iter().any(|index| index.abs_diff(**step) <= 3);
        let hit = places.iter().filter(near).count();
        (hits, wrong, steps) = (hits + hit, wrong + found.len() - hit, steps + places.len());
    }
    let f1 = 2.0 * f64::from(hits as u32) / (hits + wrong + steps) as f64;
    assert!(f1 >= 0.8, "{hits} of {steps}, {wrong} false: F1 {f1:.3}");
}

/// What `trtllm-perf` with these words does with a file of this text: exit code, stdout, stderr.
fn command(words: &[&str], text: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.csv"), text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"))
        .current_dir(folder.path())
        .args(words)
        .output()
        .expect("started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

const GATE: [&str; 3] = ["gate", "--pairs", "a.csv"];

fn rows(series: &str, rows: &[(f64, f64)]) -> String {
    rows.iter().map(|(base, candidate)| format!("{series},{base},{candidate}\n")).collect()
}

#[test]
fn gate_prints_one_json_object_a_series_and_exits_with_the_worst() {
    let header = "series,base,candidate\n";
    let pass = rows("same", &[(100.0, 100.2), (100.0, 99.8), (101.0, 101.1), (99.0, 98.9)]);
    let regress = rows("slow", &[(100.0, 110.2), (100.0, 109.8), (101.0, 111.0), (99.0, 109.0)]);
    let open = rows("loud", &[(100.0, 120.0), (100.0, 85.0), (101.0, 95.0), (99.0, 111.0)]);
    let broken = rows("broken", &[(100.0, 0.0)]);
    for (parts, code, verdicts) in [
        (vec![&pass], 0, vec!["pass"]),
        (vec![&pass, &open], 3, vec!["pass", "inconclusive"]),
        (vec![&open, &broken], 4, vec!["inconclusive", "invalid"]),
        (vec![&broken, &regress, &pass], 1, vec!["invalid", "regress", "pass"]),
    ] {
        let text = parts.iter().fold(header.to_owned(), |text, part| text + part);
        let (exit, out, err) = command(&[&GATE[..], &["--json"]].concat(), &text);
        assert_eq!(exit, code, "{out}{err}");
        let lines: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let words: Vec<_> =
            lines.iter().map(|line| line["verdict"].as_str().expect("text")).collect();
        assert_eq!(words, verdicts);
        assert!(verdicts.iter().all(|verdict| err.contains(verdict)), "{err}");
    }
    let (_, out, _) = command(&[&GATE[..], &["--json"]].concat(), &(header.to_owned() + &regress));
    let start = r#"{"series":"slow","verdict":"regress","ratio":1.10"#;
    assert!(out.starts_with(start) && out.ends_with("],\"pairs\":4}\n"), "{out}");
    let (_, out, _) = command(&[&GATE[..], &["--json"]].concat(), &(header.to_owned() + &broken));
    assert_eq!(
        out,
        "{\"series\":\"broken\",\"verdict\":\"invalid\",\"ratio\":null,\"ci\":null,\"pairs\":1}\n"
    );
}

#[test]
fn gate_takes_the_direction_the_limit_and_the_way_of_looking() {
    let text =
        "candidate,note,base\n110.2,,100\n109.8,,100\n110.1,,100\n110,,100\n90,,100\n90,,100\n";
    let exit = |words: &[&str]| command(&[&GATE[..], words].concat(), text).0;
    assert_eq!(exit(&[]), 3, "six pairs that disagree");
    assert_eq!(exit(&["--sequential"]), 1, "the first four were enough");
    assert_eq!(exit(&["--sequential", "--higher-is-better"]), 0);
    assert_eq!(exit(&["--sequential", "--delta", "15%"]), 0);
    let (code, out, err) = command(&GATE, text);
    assert!(code == 3 && out.contains("all     inconclusive") && err.is_empty(), "{out}{err}");
}

#[test]
fn faults_of_the_files_name_their_line_and_print_nothing_on_stdout() {
    for (words, text, expected) in [
        (
            &GATE[..],
            "base,candidate\n1,2\n1,fast\n",
            "error: a.csv:3: read `fast` as candidate: not a number\n",
        ),
        (
            &GATE,
            "base,candidate\n1,\n",
            "error: a.csv:2: read the candidate: the cell is empty; leave out what was not measured\n",
        ),
        (
            &GATE,
            "base,time\n1,2\n",
            "error: a.csv:1: find the column `candidate`: the header has `base`, `time`; name it so\n",
        ),
        (
            &["gate", "--pairs", "b.csv"],
            "",
            "error: read b.csv: No such file or directory (os error 2)\n",
        ),
        (
            &["trend", "a.csv"],
            "time,value\n1,2\n2,3 ms\n",
            "error: a.csv:3: read `3 ms` as value: not a number\n",
        ),
    ] {
        assert_eq!(command(words, text), (2, String::new(), expected.to_owned()));
    }
    let (code, _, err) = command(&["gate"], "");
    assert!(code == 2 && err.contains("--base <PROG>"), "{err}");
}

#[test]
fn trend_prints_steps_as_json_and_everything_as_a_table() {
    let noise = |i: usize| 1.0 + 0.01 * ((i * 41 % 101) as f64 / 50.0 - 1.0);
    let mut text = "series,time,node,value\n".to_owned();
    for i in 0..80 {
        let step = if i < 30 { 1.0 } else { 1.05 };
        let node = if i < 50 { "n1" } else { "n2" };
        text += &format!("step,d{i},n1,{}\n", 100.0 * step * noise(i));
        text += &format!("switch,d{i},{node},{}\n", if i < 50 { 90.0 } else { 100.0 } * noise(i));
        let newest = if i < 78 { 1.0 } else { 1.1 };
        let value = if i == 5 { "0".to_owned() } else { (100.0 * newest * noise(i)).to_string() };
        text += &format!("new,d{i},,{value}\n");
    }
    let (code, out, err) = command(&["trend", "a.csv", "--json"], &text);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{out}");
    assert_eq!((&lines[0]["series"], &lines[0]["index"]), (&"step".into(), &30.into()));
    let magnitude = lines[0]["magnitude"].as_f64().expect("a number");
    assert!((magnitude - 0.05).abs() < 0.005 && lines[0]["p"].as_f64().expect("a number") < 1e-3);
    assert!(err.contains("note: a.csv:19: pass over 0: not a positive number\n"), "{err}");
    let (_, out, _) = command(&["trend", "a.csv"], &text);
    let row = |start: &str, end: &str| {
        out.lines().any(|line| line.starts_with(start) && line.contains(end))
    };
    assert!(row("step    d30", " step") && row("switch  d50", " node switch"), "{out}");
    assert!(
        row("new     d78", " pending") && row("240 points in 3 series: 1 steps", ", 1 pending"),
        "{out}"
    );
}

/// Nights of a series, those before and the values of the night itself.
fn some_nights() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (0.001f64..0.03, 0.85f64..1.15).prop_flat_map(|(noise, ratio)| {
        let night = |level: f64| (-1.0f64..1.0).prop_map(move |it| level * (1.0 + noise * it));
        (
            prop::collection::vec(night(100.0), 0..45),
            prop::collection::vec(night(100.0 * ratio), 0..4),
        )
    })
}

fn night(earlier: &[f64], new: &[f64], limit: Limit) -> night::Judgement {
    let nodes = ["a", "b", "c", "d"];
    let points: Vec<Point<'_>> = earlier.iter().copied().map(Point::from).collect();
    let runs: Vec<night::Run<'_>> = new
        .iter()
        .zip(nodes)
        .map(|(value, node)| night::Run { value: *value, node: Some(node) })
        .collect();
    night::judge(&points, &runs, limit)
}

/// What a night and a drift against 100 say.
fn said(earlier: &[f64], new: &[f64], limit: Limit, scale: f64) -> (String, Option<bool>) {
    let all = [earlier, new].concat();
    let drift = drift::judge(&all, drift::Standard::Blessed(100.0 * scale), limit, drift::BUDGET);
    (night(earlier, new, limit).words(), drift.drifted)
}

proptest! {
    #[test]
    fn a_night_does_not_depend_on_the_unit((earlier, new) in some_nights(), power in -30i32..30) {
        let scale = 2f64.powi(power);
        let scaled = |values: &[f64]| values.iter().map(|it| it * scale).collect::<Vec<_>>();
        prop_assert_eq!(said(&earlier, &new, lower(), 1.0), said(&scaled(&earlier), &scaled(&new), lower(), scale));
    }

    #[test]
    fn a_night_of_times_and_of_their_reciprocals_is_the_same((earlier, new) in some_nights()) {
        let inverse = |values: &[f64]| values.iter().map(|it| 1e4 / it).collect::<Vec<_>>();
        let higher = Limit::new(Better::Higher);
        prop_assert_eq!(said(&earlier, &new, lower(), 1.0), said(&inverse(&earlier), &inverse(&new), higher, 1.0));
        // The other direction turns a regression into an improvement.
        let (one, other) = (night(&earlier, &new, lower()), night(&earlier, &new, higher));
        prop_assert_eq!(one.verdict == Verdict::Regress, other.improved);
        prop_assert_eq!(other.verdict == Verdict::Regress, one.improved);
    }

    #[test]
    fn a_night_is_no_part_of_what_it_is_held_against((earlier, new) in some_nights(), other in 1.0f64..1e6) {
        prop_assume!(!new.is_empty());
        let (one, another) = (night(&earlier, &new, lower()), night(&earlier, &[other], lower()));
        prop_assert_eq!(&one.level, &another.level);
        prop_assert_eq!(one.runs[0].bound, another.runs[0].bound);
        prop_assert_eq!(one.runs[0].history, another.runs[0].history);
    }

    #[test]
    fn a_night_of_a_series_that_never_varies_never_alarms(value in 1e-6f64..1e9, n in 0usize..70, runs in 1usize..4) {
        let (words, drifted) = said(&vec![value; n], &vec![value; runs], lower(), value / 100.0);
        prop_assert_eq!(words.as_str(), if n < one_point::LEAST_HISTORY { "inconclusive" } else { "pass" });
        prop_assert_ne!(drifted, Some(true));
        let judged = vec![(night(&vec![value; n], &vec![value; runs], lower()), lower()); 5];
        prop_assert!(night::others(&judged).into_iter().flatten().all(|other| !other.worse));
    }

    #[test]
    fn what_is_no_measurement_is_no_night_and_no_earlier_point((earlier, new) in some_nights(), bad in prop::sample::select(vec![f64::NAN, 0.0, -0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY]), at in any::<prop::sample::Index>()) {
        let mut with_bad = earlier.clone();
        with_bad.insert(at.index(earlier.len() + 1), bad);
        prop_assert_eq!(said(&with_bad, &new, lower(), 1.0), said(&earlier, &new, lower(), 1.0));
        prop_assert_eq!(night(&earlier, &[bad], lower()).words(), "invalid");
        let more = [&new[..new.len().min(3)], &[bad]].concat();
        prop_assert_eq!(night(&earlier, &more, lower()).verdict, night(&earlier, &new[..new.len().min(3)], lower()).verdict);
    }

    #[test]
    fn no_night_makes_the_rule_panic(earlier in prop::collection::vec(any::<f64>(), 0..70), new in prop::collection::vec(any::<f64>(), 0..4), standard in any::<f64>()) {
        let judgement = night(&earlier, &new, lower());
        judgement.sentence(lower(), &["a", "b", "c", "d"][..new.len()]);
        night::others(&[(judgement, lower())]);
        for standard in [drift::Standard::Blessed(standard), drift::Standard::Release(&new)] {
            drift::judge(&earlier, standard, lower(), drift::BUDGET).sentence("it", lower(), drift::BUDGET);
        }
    }
}

#[test]
fn a_night_without_a_change_is_a_false_alarm_at_most_twice_in_a_thousand() {
    const TRIALS: u64 = 6000;
    let (mut random, higher) = (Random(Mt64::new(23)), Limit::new(Better::Higher));
    for (cv, count) in [(0.02, 20), (0.02, 30), (0.02, 60), (0.01, 25), (0.05, 25)] {
        let (mut alarms, mut drifts, mut seen) = (0, 0, 0);
        for _ in 0..TRIALS {
            let mut run = || 100.0 * (cv * random.normal()).exp();
            let release: Vec<f64> = (0..3).map(|_| run()).collect();
            let earlier: Vec<f64> = (0..count).map(|_| run()).collect();
            let new = run();
            let judged = night(&earlier, &[new], higher);
            alarms += u64::from(judged.verdict == Verdict::Regress);
            let newest = [&earlier[judged.level.step.unwrap_or(0)..], &[new]].concat();
            let standard = drift::Standard::Release(&release);
            let drift = drift::judge(&newest, standard, higher, drift::BUDGET);
            drifts += u64::from(drift.drifted == Some(true));
            seen += u64::from(night(&earlier, &[0.9 * new], higher).verdict == Verdict::Regress);
        }
        // The rates that the page on verdicts has; the lower end of the interval may not be above the promise.
        println!("CV {cv}, {count} earlier: {alarms} alarms, {drifts} drifts, {seen} of 10 % seen");
        for wrong in [alarms, drifts] {
            let (low, _) = stats::wilson(wrong, TRIALS, 0.95).expect("trials");
            assert!(low <= 0.001, "CV {cv}, {count} earlier: {wrong} of {TRIALS}");
            assert!(wrong * 500 <= TRIALS, "CV {cv}, {count} earlier: {wrong} of {TRIALS}");
        }
        assert!(cv > 0.02 || seen * 10 > 8 * TRIALS, "CV {cv}, {count} earlier: {seen} seen");
    }
}
