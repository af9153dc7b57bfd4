//! The worker threads. The only user of `rayon`.

use std::ops::Range;

use rayon::prelude::*;

/// Runs `work` with `threads` worker threads at the disposal of everything in [`crate::numeric`].
///
/// # Errors
/// The system cannot start that many threads.
pub fn team<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, String> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(pool.install(work))
}

/// Calls `work` on disjoint ranges that cover `0..n`, none shorter than `grain` while there are
/// several: waking a thread costs some microseconds, which short work does not repay.
pub fn split(n: usize, grain: usize, work: impl Fn(Range<usize>) + Sync) {
    let threads = rayon::current_num_threads();
    // Twice as many parts as threads let a thread that was held up be overtaken.
    let parts = if threads == 1 { 1 } else { (n / grain.max(1)).clamp(1, 2 * threads) };
    if parts == 1 {
        return work(0..n);
    }
    (0..parts).into_par_iter().for_each(|part| work(n * part / parts..n * (part + 1) / parts));
}

/// Calls `work(index, row)` for every row of `width` values, spreading rows over threads in
/// groups of at least `grain`.
pub fn each_row(
    rows: &mut [f32],
    width: usize,
    grain: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) {
    if rayon::current_num_threads() == 1 || rows.len() < 2 * width * grain {
        rows.chunks_exact_mut(width).enumerate().for_each(|(index, row)| work(index, row));
    } else {
        rows.par_chunks_exact_mut(width)
            .enumerate()
            .with_min_len(grain)
            .for_each(|(index, row)| work(index, row));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_split_covers_every_index_once() {
        for (n, grain) in [(0, 1), (1, 8), (7, 2), (1000, 3)] {
            let seen = Mutex::new(vec![0; n]);
            split(n, grain, |range| {
                let mut seen = seen.lock().expect("no thread panicked");
                range.for_each(|index| seen[index] += 1);
            });
            let seen = seen.into_inner().expect("no thread panicked");
            assert!(seen.iter().all(|&count| count == 1), "{n} {grain}");
        }
    }

    #[test]
    fn a_team_has_the_size_asked_for() {
        assert_eq!(team(3, rayon::current_num_threads), Ok(3));
    }
}
