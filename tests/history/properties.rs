//! However runs are added, in parts, again, in any order: what is there in the end is each attempt once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use trtllm_perf::history::{AttemptRecord, Mode, Place, RunRecord};

use crate::support::*;

/// The run of a day with attempts of which each has its own label.
fn whole(night: i64) -> RunRecord {
    let labels = (1..=4).map(|case| format!("{LLAMA}-con:{case}"));
    let attempts = labels.map(|label| attempt(&label, day(night), 10.0 * night as f64)).collect();
    run(&format!("night-{night}"), day(night), "1.2.0", attempts)
}

fn names(attempts: &[AttemptRecord]) -> Vec<&str> {
    let mut names: Vec<_> = attempts.iter().map(|attempt| attempt.test_name.as_str()).collect();
    names.sort_unstable();
    names
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_runs_in_any_order_and_number_are_each_there_once(
        // Appends of several parts: which night, and which of its attempts.
        appends in prop::collection::vec(
            prop::collection::vec((1..4_i64, prop::collection::vec(any::<bool>(), 4)), 1..4), 1..6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::File(folder.path().join("history.sqlite"));
        let mut expected: BTreeMap<i64, [bool; 4]> = BTreeMap::new();
        let (mut attempts, mut known, mut given) = (0, 0, 0);
        for parts in &appends {
            let part = |(night, chosen): &(i64, Vec<bool>)| {
                let mut run = whole(*night);
                let mut chosen = chosen.iter();
                run.attempts.retain(|_| chosen.next() == Some(&true));
                run
            };
            for (night, chosen) in parts {
                let of_night = expected.entry(*night).or_default();
                of_night.iter_mut().zip(chosen).for_each(|(there, chosen)| *there |= chosen);
                given += chosen.iter().filter(|chosen| **chosen).count();
            }
            let mut store = place.open(Mode::Create).expect("opened");
            let done = add(store.as_mut(), parts.iter().map(part).collect());
            prop_assert_eq!(done.problems, []);
            attempts += done.attempts;
            known += done.known;
        }
        prop_assert_eq!(attempts + known, given);
        let found = content(place.open(Mode::Existing).expect("opened").as_mut());
        prop_assert_eq!(found.len(), expected.len());
        for (run, (night, there)) in found.iter().zip(&expected) {
            let mut wanted = whole(*night);
            let mut there = there.iter();
            wanted.attempts.retain(|_| there.next() == Some(&true));
            prop_assert_eq!(&run.id, &wanted.id);
            prop_assert_eq!(names(&run.attempts), names(&wanted.attempts));
            for attempt in &run.attempts {
                prop_assert!(wanted.attempts.contains(attempt));
            }
        }
    }
}
