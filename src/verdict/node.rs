//! The node as a factor: what a node is slower by is taken out before levels are compared.

use std::collections::{BTreeMap, BTreeSet};

use super::detector::{Cut, cuts};
use super::stats;

/// A node that was seen less often than this has no effect of its own: it would explain whatever its values say.
const LEAST_SEEN: usize = 3;

/// With so many nodes on each side their differences are noise like any other, also when none is on both.
const MANY: usize = 3;

/// Rounds of cutting and fitting, and of fitting levels and effects in turn.
const ROUNDS: usize = 3;
const FITS: usize = 25;

/// The cuts of a series whose values come from several nodes.
pub(super) struct OfNodes {
    pub cuts: Vec<Cut>,
    /// Places where the level changes together with the node, so that nothing tells which it was.
    pub switches: Vec<Cut>,
    /// The values without the effects of their nodes.
    pub adjusted: Vec<f64>,
}

/// Cuts `values`, logarithms without outliers, after taking out the mean effect of each node.
///
/// At first a node's effect is its mean, so that a change which comes with the node is put down to the node. Then levels
/// and effects are fitted in turn, y = level + effect, and the series is cut again.
pub(super) fn cuts_of_nodes(values: &[f64], nodes: &[&str]) -> OfNodes {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes {
        *counts.entry(node).or_default() += 1;
    }
    let known: BTreeSet<&str> =
        counts.into_iter().filter(|(_, seen)| *seen >= LEAST_SEEN).map(|(node, _)| node).collect();
    let mut places: Vec<usize> = Vec::new();
    let mut effects = BTreeMap::new();
    let (mut found, mut adjusted) = (Vec::new(), values.to_vec());
    for _ in 0..ROUNDS {
        fit(values, nodes, &known, &places, &mut effects);
        let effect = |node: &str| effects.get(node).copied().unwrap_or(0.0);
        adjusted = values.iter().zip(nodes).map(|(value, node)| value - effect(node)).collect();
        found = cuts(&adjusted);
        let now: Vec<usize> = found.iter().map(|cut| cut.at).collect();
        if now == places {
            break;
        }
        places = now;
    }
    let (told, mut switches): (Vec<Cut>, Vec<Cut>) =
        found.iter().partition(|cut| tells(&found, **cut, nodes));
    // What the effects have swallowed shows without them.
    let plain = cuts(values);
    let near = |a: &Cut, b: &Cut| a.at.abs_diff(b.at) <= super::detector::LEAST;
    for cut in &plain {
        let known = found.iter().any(|it| near(it, cut));
        if !known && !tells(&plain, *cut, nodes) {
            switches.push(*cut);
        }
    }
    switches.sort_by_key(|cut| cut.at);
    OfNodes { cuts: told, switches, adjusted }
}

/// Whether a change can be told from one of the node: a node was seen on both sides, or many on each.
fn tells(cuts: &[Cut], cut: Cut, nodes: &[&str]) -> bool {
    let start = cuts.iter().map(|it| it.at).filter(|at| *at < cut.at).max().unwrap_or(0);
    let end = cuts.iter().map(|it| it.at).find(|at| *at > cut.at).unwrap_or(nodes.len());
    let of = |nodes: &[&str]| nodes.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    let (left, right) = (of(&nodes[start..cut.at]), of(&nodes[cut.at..end]));
    !left.is_disjoint(&right) || left.len().min(right.len()) >= MANY
}

/// Levels between the places and effects of the known nodes, each fitted to what the other leaves.
fn fit<'a>(
    values: &[f64],
    nodes: &[&'a str],
    known: &BTreeSet<&'a str>,
    places: &[usize],
    effects: &mut BTreeMap<&'a str, f64>,
) {
    let mut level = vec![0.0; values.len()];
    for _ in 0..FITS {
        let mut start = 0;
        for end in places.iter().copied().chain([values.len()]) {
            let rest: Vec<f64> = (start..end)
                .map(|i| values[i] - effects.get(nodes[i]).copied().unwrap_or(0.0))
                .collect();
            level[start..end].fill(stats::mean(&rest).unwrap_or(0.0));
            start = end;
        }
        for node in known {
            let of_node = (0..values.len()).filter(|i| nodes[*i] == *node);
            let rest: Vec<f64> = of_node.map(|i| values[i] - level[i]).collect();
            effects.insert(node, stats::mean(&rest).unwrap_or(0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(level: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..120).map(|i| 0.01 * ((i * 7919 % 101) as f64 / 50.0 - 1.0) + level(i)).collect()
    }

    fn places(cuts: &[Cut]) -> Vec<usize> {
        cuts.iter().map(|cut| cut.at).collect()
    }

    #[test]
    fn a_change_that_comes_with_the_node_is_a_switch() {
        let nodes: Vec<&str> = (0..120).map(|i| if i < 60 { "a" } else { "b" }).collect();
        let found = cuts_of_nodes(&series(|i| if i < 60 { 0.0 } else { 0.08 }), &nodes);
        assert_eq!((places(&found.cuts), places(&found.switches)), (vec![], vec![60]));
    }

    #[test]
    fn a_change_on_every_node_is_found_behind_their_differences() {
        let node = |i: usize| if i * 31 % 7 < 3 { "slow" } else { "fast" };
        let nodes: Vec<&str> = (0..120).map(node).collect();
        let slow = |i| if node(i) == "slow" { 0.1 } else { 0.0 };
        let found = cuts_of_nodes(&series(|i| slow(i) + if i < 70 { 0.0 } else { 0.04 }), &nodes);
        assert_eq!((places(&found.cuts), places(&found.switches)), (vec![70], vec![]));
        let found = cuts_of_nodes(&series(slow), &nodes);
        assert_eq!((places(&found.cuts), places(&found.switches)), (vec![], vec![]));
    }

    #[test]
    fn a_node_seen_once_explains_nothing() {
        let names: Vec<String> = (0..120).map(|i| format!("n{i}")).collect();
        let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = cuts_of_nodes(&series(|i| if i < 50 { 0.0 } else { 0.05 }), &nodes);
        assert_eq!((places(&found.cuts), places(&found.switches)), (vec![50], vec![]));
    }
}
