//! "Did you mean …?" for any closed or known set of names.

/// The candidate nearest to `name` by edit distance, when it is near enough to be what was meant:
/// at most a third of the longer name's characters differ. The first of several equally near ones.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    candidates
        .into_iter()
        .map(|candidate| (candidate, candidate.chars().count()))
        // The distance is at least the difference in length. Not measured then, it costs nothing when a whole
        // file was taken for a name.
        .filter(|(_, other)| length.abs_diff(*other) * 3 <= length.max(*other))
        .map(|(candidate, other)| (strsim::osa_distance(name, candidate), candidate, other))
        .filter(|(distance, _, other)| distance * 3 <= length.max(*other))
        .map(|(distance, candidate, _)| (distance, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A help text for a name outside a known set: the nearest spelling, else what is accepted.
pub fn suggestion<'a>(name: &str, accepted: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, accepted.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<_> = accepted.into_iter().collect();
            format!("accepted: {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_candidate_of_another_length_is_passed_over_only_when_it_is_too_far(
            name in "[a-c]{0,9}",
            candidates in prop::collection::vec("[a-c]{0,9}", 0..6),
        ) {
            let near = candidates
                .iter()
                .map(|other| (strsim::osa_distance(&name, other), other.as_str()))
                .filter(|(distance, other)| distance * 3 <= name.len().max(other.len()))
                .min_by_key(|(distance, _)| *distance);
            let found = nearest(&name, candidates.iter().map(String::as_str));
            prop_assert_eq!(found, near.map(|(_, other)| other));
        }
    }

    #[test]
    fn a_slip_is_corrected_and_a_stranger_is_not() {
        let keys = ["gpu", "gpu_memory", "system_gpu_count"];
        assert_eq!(nearest("system_gpu_cuont", keys), Some("system_gpu_count"));
        assert_eq!(nearest("gpus", keys), Some("gpu"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(suggestion("colour", keys), "accepted: gpu, gpu_memory, system_gpu_count");
    }
}
