//! Which options a misspelt one may have meant.

/// Up to three of `names` that resemble `word`, sorted: Python's `difflib.get_close_matches` with its cut-off of
/// 0.6, whose measure is twice the matching characters over the length of both words (Ratcliff and Obershelp).
pub fn close_matches<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| {
            let matching = matching_bytes(name.as_bytes(), word.as_bytes());
            (2.0 * matching as f64 / (name.len() + word.len()) as f64, name)
        })
        .filter(|(score, _)| *score >= 0.6)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(a.1)));
    let mut best: Vec<&str> = scored.into_iter().take(3).map(|(_, name)| name).collect();
    best.sort_unstable();
    best
}

/// Length of the longest common run plus, recursively, what matches on its left and on its right.
fn matching_bytes(a: &[u8], b: &[u8]) -> usize {
    let mut longest = (0, 0, 0);
    for i in 0..a.len() {
        for j in 0..b.len() {
            let run = a[i..].iter().zip(&b[j..]).take_while(|(a, b)| a == b).count();
            if run > longest.2 {
                longest = (i, j, run);
            }
        }
    }
    let (i, j, run) = longest;
    if run == 0 {
        return 0;
    }
    run + matching_bytes(&a[..i], &b[..j]) + matching_bytes(&a[i + run..], &b[j + run..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_those_of_difflib() {
        let names = ["--concurrency", "--config", "--dataset", "--streaming"];
        assert_eq!(close_matches("--concur", names.into_iter()), ["--concurrency", "--config"]);
        assert_eq!(close_matches("--data", names.into_iter()), ["--dataset"]);
        assert!(close_matches("--zzz", names.into_iter()).is_empty());
    }
}
