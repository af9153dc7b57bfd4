//! What every store does. [`store_suite!`] makes a test of each of these for one kind of store.

use trtllm_perf::history::{
    About, Alias, Annotation, Aspect, Blessing, Ended, Entry, Filter, Invalidation, Made,
    SelfCheck, Store,
};
use trtllm_perf::metric::Metric;
use trtllm_perf::record::result::State;
use trtllm_perf::sample::Standing;
use trtllm_perf::verdict::selfcheck::Tally;

use crate::support::*;

/// Makes and opens a history of its own for one test.
pub trait Factory {
    fn new() -> Self;
    /// Opens the history, each time anew.
    fn open(&self) -> Box<dyn Store>;
}

macro_rules! store_suite {
    ($factory:ty: $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            crate::suite::$test(&<$factory as crate::suite::Factory>::new());
        })*
    };
    ($factory:ty) => {
        crate::suite::store_suite!($factory:
            a_run_is_read_back_as_it_was_kept,
            what_is_there_is_not_added_twice,
            a_run_that_grew_gets_what_is_new,
            numbers_that_differ_stay_as_they_were_and_are_told,
            an_attempt_of_a_killed_harness_is_replaced_by_what_came_of_it,
            what_is_no_number_or_there_twice_is_told_and_the_rest_kept,
            points_come_in_the_order_of_time_and_by_the_page,
            values_are_those_that_the_filter_wants,
            a_renamed_case_keeps_its_history,
            an_invalid_point_stays_and_is_told_from_others,
            what_people_say_is_kept_in_order,
            entries_that_make_no_sense_are_refused,
            an_export_is_cut_to_what_is_wanted,
        );
    };
}
pub(crate) use store_suite;

fn made(by: &str) -> Made {
    Made { at: day(30), by: by.to_owned() }
}

pub fn a_run_is_read_back_as_it_was_kept(factory: &impl Factory) {
    let mut failed = attempt(QWEN, day(2), 1.0);
    failed.samples.clear();
    failed.certificate = None;
    failed.ended =
        Ended::Failed { kind: "gpu_oom".into(), message: "out of memory\n'é\t\\".into() };
    let mut retried = attempt(QWEN, day(2), 7.5);
    (retried.number, retried.ended) = (2, Ended::Flaky);
    retried.samples.iter_mut().for_each(|sample| sample.state = State::Flaky);
    let mut skipped = attempt("some new-serve", day(2), 1.0);
    skipped.samples.clear();
    skipped.ended = Ended::Skipped("waived".into());
    let mut second = run("b", day(2), "1.2.0", vec![failed, retried, skipped]);
    second.release = None;
    let first = run("a", day(1), "1.1.0", vec![attempt(LLAMA, day(1), 1000.5)]);
    let runs = vec![first, second];
    let done = add(factory.open().as_mut(), runs.clone());
    assert_eq!((done.runs, done.attempts, done.samples, done.known), (2, 4, 4, 0));
    let mut store = factory.open();
    assert_eq!(content(store.as_mut()), runs);
    let summaries = all_runs(store.as_mut());
    let counts = store.counts(&summaries[1]).expect("counts");
    assert_eq!((counts.failed, counts.flaky, counts.skipped, counts.samples), (1, 1, 1, 2));
}

pub fn what_is_there_is_not_added_twice(factory: &impl Factory) {
    let mut store = factory.open();
    add(store.as_mut(), nights(1..=3, "1.2.0"));
    let before = content(store.as_mut());
    let again = add(factory.open().as_mut(), nights(1..=3, "1.2.0"));
    assert_eq!((again.runs, again.attempts, again.samples, again.known), (0, 0, 0, 6));
    assert_eq!(again.problems, []);
    assert_eq!(content(store.as_mut()), before);
}

pub fn a_run_that_grew_gets_what_is_new(factory: &impl Factory) {
    let mut store = factory.open();
    let [whole] = &nights(1..=1, "1.2.0")[..] else { panic!("one run") };
    let mut part = whole.clone();
    part.attempts.truncate(1);
    part.ended = part.attempts.iter().map(|attempt| attempt.end).max();
    part.release = None;
    add(store.as_mut(), vec![part]);
    let mut grown = whole.clone();
    grown.attempts[1].end += jiff::SignedDuration::from_secs(5);
    grown.ended = Some(grown.attempts[1].end);
    let done = add(store.as_mut(), vec![grown.clone()]);
    assert_eq!((done.runs, done.attempts, done.samples, done.known), (0, 1, 2, 1));
    assert_eq!(content(store.as_mut()), [grown]);
}

pub fn numbers_that_differ_stay_as_they_were_and_are_told(factory: &impl Factory) {
    let mut store = factory.open();
    let runs = nights(1..=1, "1.2.0");
    add(store.as_mut(), runs.clone());
    let mut edited = runs.clone();
    edited[0].attempts[0].samples[1].value = 9999.0;
    let done = add(store.as_mut(), edited);
    assert_eq!((done.attempts, done.samples, done.replaced), (0, 0, 0));
    let [problem] = &done.problems[..] else { panic!("{:?}", done.problems) };
    let problem = problem.to_string();
    assert!(problem.starts_with("night-1: attempt 1 of H100_80GB_HBM3/perf/"), "{problem}");
    assert!(problem.ends_with("is in the history with other numbers, which stay"), "{problem}");
    assert_eq!(content(store.as_mut()), runs);
}

pub fn an_attempt_of_a_killed_harness_is_replaced_by_what_came_of_it(factory: &impl Factory) {
    let mut store = factory.open();
    let finished = nights(1..=1, "1.2.0");
    let mut killed = finished.clone();
    killed[0].attempts[0].samples.clear();
    killed[0].attempts[0].ended =
        Ended::Failed { kind: "infra".into(), message: "the harness was killed".into() };
    add(store.as_mut(), killed);
    let done = add(store.as_mut(), finished.clone());
    assert_eq!((done.runs, done.attempts, done.replaced, done.known), (0, 0, 1, 1));
    let mut found = content(store.as_mut());
    assert_eq!(found[0].attempts.len(), 2);
    found[0].attempts.sort_by_key(|attempt| attempt.test_name.clone());
    assert_eq!(found, finished);
}

pub fn what_is_no_number_or_there_twice_is_told_and_the_rest_kept(factory: &impl Factory) {
    let mut store = factory.open();
    let good = nights(1..=2, "1.2.0");
    let mut bad = good.clone();
    bad[0].attempts[0].samples.push(sample(Metric::SeqThroughput, f64::NAN));
    bad[1].attempts[1].samples.push(sample(Metric::TokenThroughput, 5.0));
    let again = bad[1].attempts[0].clone();
    bad[1].attempts.push(again);
    let done = add(store.as_mut(), bad);
    assert_eq!((done.runs, done.attempts, done.samples, done.known), (2, 4, 8, 1));
    let told: Vec<_> = done.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("night-1: "), "{told:?}");
    assert!(
        told[0].ends_with("has SEQ_THROUGHPUT NaN, which is no number and is left out"),
        "{told:?}"
    );
    assert!(told[1].ends_with("has TOKEN_THROUGHPUT twice; the first is kept"), "{told:?}");
    assert_eq!(content(store.as_mut()), good);
}

pub fn points_come_in_the_order_of_time_and_by_the_page(factory: &impl Factory) {
    let mut store = factory.open();
    // The newest first: in the order of time all the same.
    add(store.as_mut(), nights(4..=6, "1.2.0"));
    add(store.as_mut(), nights(1..=3, "1.1.0"));
    let all = points(store.as_mut(), LLAMA, None);
    assert_eq!(values(&all), [1001.0, 1002.0, 1003.0, 1004.0, 1005.0, 1006.0]);
    let page = points(store.as_mut(), LLAMA, Some(2));
    assert_eq!(page, all[4..]);
    let last = &page[1];
    assert_eq!((last.time, last.run_id.as_str(), last.attempt), (day(6), "night-6", 1));
    assert_eq!(last.release.as_deref(), Some("1.2.0"));
    assert_eq!((last.standing, last.state), (Some(Standing::Unverified), State::Valid));
    assert_eq!(last.limits.threshold, -0.1);
    let known = |aspect| last.facts.get(&aspect).map(String::as_str);
    assert_eq!(known(Aspect::Node), Some("node1"), "of the run");
    assert_eq!(known(Aspect::EngineVersion), Some("1.2.0"), "of the attempt");
    let series = series(store.as_mut(), LLAMA, Metric::TokenThroughput);
    let period = Filter { since: Some(day(2)), until: Some(day(4)), ..Filter::default() };
    let some = store.points(&series, &period, None).expect("points");
    assert_eq!(values(&some), [1002.0, 1003.0]);
    let release = Filter { release: Some("1.1*".into()), ..Filter::default() };
    let some = store.points(&series, &release, Some(2)).expect("points");
    assert_eq!(values(&some), [1002.0, 1003.0]);
}

pub fn values_are_those_that_the_filter_wants(factory: &impl Factory) {
    let mut store = factory.open();
    let mut runs = nights(1..=3, "1.1.0");
    runs.extend(nights(4..=6, "1.2.0"));
    runs[4].attempts[0].samples[1].state = State::Invalid;
    runs[5].attempts[0].samples[1].state = State::Flaky;
    add(store.as_mut(), runs);
    let mut of = |filter: Filter| -> Vec<Vec<f64>> {
        let filter = Filter { metric: Some(Metric::TokenThroughput), ..filter };
        let found = store.values(&filter).expect("values");
        found.into_iter().map(|(_, values)| values).collect()
    };
    assert_eq!(of(Filter::default())[0], [1001.0, 1002.0, 1003.0, 1004.0, 1006.0]);
    let llama = Filter { case: Some("LLAMA*".into()), ..Filter::default() };
    assert_eq!(of(llama.clone()).len(), 1);
    let release = Filter { release: Some("1.2.0".into()), ..llama.clone() };
    assert_eq!(of(release.clone()), [[1004.0, 1006.0]]);
    assert_eq!(of(Filter { until: Some(day(6)), ..release }), [[1004.0]]);
    assert_eq!(of(Filter { since: Some(day(6)), ..llama.clone() }), [[1006.0]]);
    assert_eq!(of(Filter { run_id: Some("night-2".into()), ..llama.clone() }), [[1002.0]]);
    assert_eq!(of(Filter { machine: Some("B200*".into()), ..llama.clone() }).len(), 0);
    assert_eq!(of(Filter { release: Some("3.0".into()), ..llama }).len(), 0);
}

pub fn a_renamed_case_keeps_its_history(factory: &impl Factory) {
    let mut store = factory.open();
    let old = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128-con:7";
    let mut runs = nights(1..=3, "1.2.0");
    for run in &mut runs[..2] {
        run.attempts[0] = attempt(old, run.started, run.attempts[0].samples[1].value);
    }
    add(store.as_mut(), runs);
    assert_eq!(values(&points(store.as_mut(), LLAMA, None)), [1003.0]);
    let alias = Alias { made: made("ann"), old: identity(old), new: identity(LLAMA) };
    store.add(&Entry::Alias(alias)).expect("an alias");
    assert_eq!(values(&points(store.as_mut(), LLAMA, None)), [1001.0, 1002.0, 1003.0]);
    assert_eq!(values(&points(store.as_mut(), LLAMA, Some(2))), [1002.0, 1003.0]);
    let filter = Filter {
        metric: Some(Metric::TokenThroughput),
        case: Some("llama*".into()),
        ..Filter::default()
    };
    let found = store.values(&filter).expect("values");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.len(), 3);
    let back = Alias { made: made("ben"), old: identity(old), new: identity(old) };
    store.add(&Entry::Alias(back)).expect("taken back");
    assert_eq!(values(&points(store.as_mut(), LLAMA, None)), [1003.0]);
}

pub fn an_invalid_point_stays_and_is_told_from_others(factory: &impl Factory) {
    let mut store = factory.open();
    add(store.as_mut(), nights(1..=3, "1.2.0"));
    let mark = |taken_back| {
        Entry::Invalidation(Invalidation {
            made: made("ann"),
            run_id: "night-2".into(),
            case: Some("llama*".into()),
            metric: None,
            reason: "the node was throttled".into(),
            taken_back,
        })
    };
    store.add(&mark(false)).expect("marked");
    let found = points(store.as_mut(), LLAMA, None);
    assert_eq!(values(&found), [1001.0, 1002.0, 1003.0], "nothing is removed");
    assert_eq!(found[1].state, State::Invalid);
    assert_eq!(found[1].invalidated.as_deref(), Some("the node was throttled"));
    assert_eq!(found[2].invalidated, None);
    let filter = Filter { metric: Some(Metric::TokenThroughput), ..Filter::default() };
    let counted = store.values(&filter).expect("values");
    assert_eq!(counted[0].1, [1001.0, 1003.0]);
    assert_eq!(counted[1].1.len(), 3, "another case");
    store.add(&mark(true)).expect("taken back");
    let found = points(factory.open().as_mut(), LLAMA, None);
    assert_eq!((found[1].state, found[1].invalidated.as_deref()), (State::Valid, None));
    assert_eq!(store.entries().expect("entries").invalidations.len(), 2, "both are kept");
}

pub fn what_people_say_is_kept_in_order(factory: &impl Factory) {
    let mut store = factory.open();
    add(store.as_mut(), nights(1..=1, "1.2.0"));
    let about = [About::Time(day(3)), About::Run("night-1".into()), About::Release("1.2.0".into())];
    let annotations = about.map(|about| Annotation {
        made: made("ann"),
        text: format!("{about:?}"),
        about,
        case: None,
    });
    let blessing = Blessing {
        made: made("ben"),
        case: identity(LLAMA),
        metric: Metric::TokenThroughput,
        machine_class: H100.into(),
        engine: "tensorrt_llm".into(),
        level: 1000.25,
        release: Some("1.2.0".into()),
        reason: "agreed".into(),
    };
    for annotation in &annotations {
        store.add(&Entry::Annotation(annotation.clone())).expect("kept");
    }
    store.add(&Entry::Blessing(blessing.clone())).expect("kept");
    let check = |pass, regress| SelfCheck {
        made: made("eve"),
        machine_class: H100.into(),
        engine: "tensorrt_llm".into(),
        harness: "0.1.0".into(),
        tally: Tally { pass, regress, improved: 1, inconclusive: 2, invalid: 3 },
    };
    for check in [check(10, 0), check(20, 1)] {
        store.add(&Entry::SelfCheck(check)).expect("kept");
    }
    let entries = factory.open().entries().expect("entries");
    let together = Tally { pass: 30, regress: 1, improved: 2, inconclusive: 4, invalid: 6 };
    assert_eq!(entries.self_check(H100, "tensorrt_llm"), together);
    assert_eq!(entries.self_check(H100, "refbench"), Tally::default());
    assert_eq!(entries.annotations, annotations);
    assert_eq!(entries.blessings, std::slice::from_ref(&blessing));
    let of = |engine| entries.blessed(&identity(LLAMA), Metric::TokenThroughput, H100, engine);
    assert_eq!(of("tensorrt_llm"), Some(&blessing));
    assert_eq!(of("refbench"), None);
}

pub fn entries_that_make_no_sense_are_refused(factory: &impl Factory) {
    let mut store = factory.open();
    add(store.as_mut(), nights(1..=1, "1.2.0"));
    let mut refused = |entry: Entry, words: &str| {
        let error = store.add(&entry).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    let mark = |run: &str, taken_back| {
        Entry::Invalidation(Invalidation {
            made: made("ann"),
            run_id: run.into(),
            case: None,
            metric: None,
            reason: "x".into(),
            taken_back,
        })
    };
    refused(mark("night-9", false), "there is none; `history list` names them");
    refused(mark("night-1", true), "there is none of just these --case and --metric");
    let about = About::Run("night-9".into());
    let annotation = Annotation { made: made("ann"), about, case: None, text: "x".into() };
    refused(Entry::Annotation(annotation), "there is none; `history list` names them");
    let alias = |old: &str, new: &str| {
        Entry::Alias(Alias { made: made("ann"), old: identity(old), new: identity(new) })
    };
    factory.open().add(&alias(LLAMA, QWEN)).expect("an alias");
    refused(alias(QWEN, LLAMA), "goes on as that case already");
    let entries = store.entries().expect("entries");
    assert_eq!((entries.invalidations.len(), entries.aliases.len()), (0, 1));
}

pub fn an_export_is_cut_to_what_is_wanted(factory: &impl Factory) {
    let mut store = factory.open();
    let mut runs = nights(1..=3, "1.1.0");
    runs.extend(nights(4..=4, "1.2.0"));
    // A run that began the day before.
    runs[1].started = day(1);
    add(store.as_mut(), runs.clone());
    let mut export = |filter: &Filter| {
        let mut found = Vec::new();
        let mut take = |run| {
            found.push(run);
            Ok(())
        };
        store.export(filter, &mut take).expect("exported");
        found
    };
    assert_eq!(export(&Filter::default()), runs);
    let wanted = Filter {
        case: Some("llama*".into()),
        metric: Some(Metric::TokenThroughput),
        since: Some(day(2)),
        release: Some("1.1.0".into()),
        ..Filter::default()
    };
    let mut expected = runs[1..3].to_vec();
    for run in &mut expected {
        run.attempts.truncate(1);
        run.attempts[0].samples.remove(0);
    }
    assert_eq!(export(&wanted), expected);
    assert_eq!(export(&Filter { machine: Some("B200".into()), ..Filter::default() }), []);
}
