//! Steps of series made by hand.

use trtllm_perf::compare::CauseClass;
use trtllm_perf::history::{Aspect, Facts, Origin};
use trtllm_perf::metric::Better;
use trtllm_perf::record::result::State;
use trtllm_perf::trend::{Remark, Seen, Step, steps};
use trtllm_perf::verdict::change_points::Kind;

use crate::nights::*;

static NOTHING: Facts = Facts::new();

fn found_with(nights: &[Night], better: Better, said: &[Remark]) -> Vec<Step> {
    let seen = |night: &Night| Seen {
        time: night.time,
        value: night.value,
        counts: night.state.counts(),
        run_id: "",
        release: None,
        origin: night.origin,
        facts: [&NOTHING, &NOTHING],
    };
    let seen: Vec<Seen<'_>> = nights
        .iter()
        .map(|night| Seen {
            run_id: &night.run_id,
            release: night.release.as_deref(),
            facts: [&night.facts, &NOTHING],
            ..seen(night)
        })
        .collect();
    steps(&seen, better, said)
}

fn found(nights: &[Night]) -> Vec<Step> {
    found_with(nights, Better::Higher, &[])
}

/// The only one, and what came with it.
#[track_caller]
fn one(nights: &[Night]) -> (Step, Vec<String>) {
    let mut steps = found(nights);
    assert_eq!(steps.len(), 1, "{steps:?}");
    let step = steps.remove(0);
    let came_with = step.came_with.iter().map(|it| it.words()).collect();
    (step, came_with)
}

fn from(nights: Vec<Night>, at: usize, change: impl Fn(Night) -> Night) -> Vec<Night> {
    let night = |(place, night)| if place < at { night } else { change(night) };
    nights.into_iter().enumerate().map(night).collect()
}

#[test]
fn a_step_that_comes_with_a_release_names_it_and_both_levels() {
    let nights = from(nights(40, lost_at(25)), 25, |it| it.release("1.2.0"));
    let (step, came_with) = one(&nights);
    assert_eq!((step.change.kind, step.change.index), (Kind::Step, 25));
    assert_eq!((step.run_id.as_str(), step.time), ("night-25", start(25)));
    assert_eq!(step.releases, [Some("1.1.0".to_owned()), Some("1.2.0".to_owned())]);
    assert!((step.change.magnitude() + 0.05).abs() < 0.005, "{step:?}");
    assert_eq!(came_with, ["release 1.1.0 → 1.2.0"]);
    assert!(step.worse);
    assert_eq!(step.way(), "worse");
}

#[test]
fn whether_it_is_worse_is_said_by_the_direction_of_the_metric() {
    let [higher, lower] = [Better::Higher, Better::Lower]
        .map(|better| found_with(&nights(40, lost_at(25)), better, &[])[0].worse);
    assert_eq!((higher, lower), (true, false));
}

#[test]
fn a_step_that_comes_with_a_driver_is_due_to_a_dependency() {
    let nights = from(nights(40, lost_at(25)), 25, |it| it.with(Aspect::Driver, "590"));
    let (step, came_with) = one(&nights);
    assert_eq!(came_with, ["driver same → 590"]);
    assert_eq!(
        (step.cause.class, step.cause.single_variable),
        (CauseClass::Dependency, Some(true))
    );
    assert_eq!(
        step.circumstances(),
        "came with driver same → 590; cause: dependency, single-variable"
    );
}

#[test]
fn a_new_harness_measures_with_another_instrument_and_is_told() {
    let nights = from(nights(40, lost_at(25)), 25, |it| it.with(Aspect::Harness, "0.2.0"));
    let (step, came_with) = one(&nights);
    assert_eq!(came_with, ["harness same → 0.2.0"]);
    assert_eq!(step.cause.class, CauseClass::Unknown, "it is no cause by itself");
}

#[test]
fn a_step_that_comes_with_another_node_is_a_node_switch() {
    let nights = from(nights(40, lost_at(25)), 25, |it| it.with(Aspect::Node, "n2"));
    let (step, came_with) = one(&nights);
    assert_eq!(step.change.kind, Kind::NodeSwitch);
    assert_eq!(came_with, ["node same → n2"]);
    assert_eq!(step.cause.class, CauseClass::Hardware);
}

#[test]
fn a_node_that_varies_from_night_to_night_came_with_nothing() {
    let on =
        |(place, night): (usize, Night)| night.with(Aspect::Node, ["n1", "n2"][place * 7 % 3 % 2]);
    let nights: Vec<_> = nights(40, lost_at(25)).into_iter().enumerate().map(on).collect();
    let (step, came_with) = one(&nights);
    assert_eq!((step.change.kind, came_with), (Kind::Step, vec![]));
}

#[test]
fn a_step_with_nothing_says_so_and_is_not_called_noise() {
    let (step, came_with) = one(&nights(40, lost_at(25)));
    assert_eq!(came_with, [""; 0]);
    assert_eq!(step.circumstances(), "nothing that is known came with it; cause: unknown");
}

#[test]
fn a_change_up_to_three_runs_off_counts_with_how_far_off_it_was() {
    for (at, expected) in [
        (21, None),
        (22, Some("driver same → 590 (3 runs earlier)")),
        (23, Some("driver same → 590 (2 runs earlier)")),
        (24, Some("driver same → 590 (1 run earlier)")),
        (26, Some("driver same → 590 (1 run later)")),
        (28, Some("driver same → 590 (3 runs later)")),
        (29, None),
    ] {
        let nights = from(nights(40, lost_at(25)), at, |it| it.with(Aspect::Driver, "590"));
        let (step, came_with) = one(&nights);
        assert_eq!(step.change.index, 25);
        assert_eq!(came_with.first().map(String::as_str), expected, "{at}");
    }
}

#[test]
fn a_change_that_is_too_far_off_to_have_come_with_a_step_is_not_its_cause_and_a_near_one_is() {
    for (at, class) in [(20, CauseClass::Unknown), (23, CauseClass::Dependency)] {
        let nights = from(nights(40, lost_at(25)), at, |it| it.with(Aspect::Driver, "590"));
        let cause = one(&nights).0.cause;
        assert_eq!((cause.class, cause.open), (class, vec![]), "{at}");
    }
}

#[test]
fn attempts_of_one_run_are_one_run_off_together() {
    let mut nights = from(nights(40, lost_at(25)), 23, |it| it.with(Aspect::Driver, "590"));
    nights[23].run_id = "night-24".to_owned();
    assert_eq!(one(&nights).1, ["driver same → 590 (1 run earlier)"]);
}

#[test]
fn what_only_one_side_knows_came_with_nothing_and_gaps_of_knowledge_do_not_hide_a_change() {
    let mut unknown = nights(40, lost_at(25));
    unknown[..25].iter_mut().for_each(|night| drop(night.facts.remove(&Aspect::Driver)));
    assert_eq!(one(&unknown).1, [""; 0]);
    let mut gaps = from(nights(40, lost_at(25)), 25, |it| it.with(Aspect::Driver, "590"));
    for night in [22, 26] {
        gaps[night].facts.remove(&Aspect::Driver);
    }
    assert_eq!(one(&gaps).1, ["driver same → 590"]);
}

#[test]
fn outliers_and_nights_that_do_not_count_are_passed_over_and_keep_their_place() {
    let mut nights = from(nights(40, lost_at(25)), 25, |it| it.release("1.2.0"));
    nights[7].value *= 0.8;
    for night in [3, 12, 24] {
        nights[night].state = State::Invalid;
        nights[night].value = 5.0;
    }
    let (step, came_with) = one(&nights);
    assert_eq!((step.change.index, step.run_id.as_str()), (25, "night-25"));
    assert_eq!(came_with, ["release 1.1.0 → 1.2.0"]);
}

#[test]
fn newest_nights_that_are_too_few_are_pending_and_told_with_what_came_with_them() {
    let nights = from(nights(40, lost_at(38)), 38, |it| it.release("1.2.0"));
    let (step, came_with) = one(&nights);
    assert_eq!((step.change.kind, step.change.index), (Kind::Pending, 38));
    assert_eq!(came_with, ["release 1.1.0 → 1.2.0"]);
}

#[test]
fn what_a_script_made_is_no_level_that_measured_numbers_are_held_against() {
    let mut nights = nights(60, |night| if night < 30 { 1000.0 } else { 500.0 });
    nights[..30].iter_mut().for_each(|night| night.origin = Origin::Synthetic);
    assert_eq!(found(&nights), []);
    let mut nights = self::nights(60, |night| if night / 2 < 15 { 1000.0 } else { 900.0 });
    nights.iter_mut().step_by(2).for_each(|night| night.origin = Origin::Synthetic);
    let places: Vec<_> = found(&nights).iter().map(|it| (it.change.index, it.synthetic)).collect();
    assert_eq!(places, [(30, true), (31, false)]);
}

#[test]
fn remarks_near_a_step_are_told_with_it_and_others_are_not() {
    let said: Vec<Remark> = [21, 22, 25, 28, 29]
        .map(|night| Remark { at: start(night), text: format!("on {night}") })
        .into();
    let steps = found_with(&nights(40, lost_at(25)), Better::Higher, &said);
    assert_eq!(steps[0].remarks, ["on 22", "on 25", "on 28"]);
    assert!(steps[0].circumstances().ends_with("; remark: on 22; remark: on 25; remark: on 28"));
}

#[test]
fn two_steps_each_have_what_came_with_them_and_nothing_of_the_other() {
    let level = |night| match night {
        0..20 => 1000.0,
        20..45 => 900.0,
        _ => 990.0,
    };
    let nights = from(nights(70, level), 20, |it| it.release("1.2.0"));
    let nights = from(nights, 45, |it| it.with(Aspect::Cuda, "13.1"));
    let steps = found(&nights);
    let told: Vec<_> = steps
        .iter()
        .map(|it| (it.change.index, it.worse, it.came_with[0].words(), it.came_with.len()))
        .collect();
    let expected = [
        (20, true, "release 1.1.0 → 1.2.0".to_owned(), 1),
        (45, false, "cuda same → 13.1".to_owned(), 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(steps[1].cause.class, CauseClass::Dependency);
}

#[test]
fn nothing_one_night_and_what_never_varies_have_no_step() {
    assert_eq!(found(&[]), []);
    assert_eq!(found(&nights(1, |_| 1000.0)), []);
    let mut flat = nights(60, |_| 1000.0);
    flat.iter_mut().for_each(|night| night.value = 1000.0);
    assert_eq!(found(&flat), []);
}
