//! Products of activations with weights. The only user of `matrixmultiply`.
//!
//! Two ways, because the two phases of serving are bound differently. *Prefill* has many rows and is
//! bound by arithmetic: there the library's packed kernel is at its best. *Decode* has one row per
//! request and is bound by reading the weights from memory once: packing them anew for each product,
//! as a general library must, would cost several times the product itself, so [`few_rows`] streams them.
//! Either way an element's sum is formed in an order that depends on the inner length alone.

use std::marker::PhantomData;
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, has_avx2};
use super::simd::{Lanes, Portable};
use super::threads::split;

/// Weights of a linear map: one row an output, contiguous.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// `rows * cols` values, row after row.
    pub data: Vec<f32>,
}

impl Matrix {
    /// A matrix over `data`, which must hold `rows * cols` values.
    pub fn new(rows: usize, cols: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows} x {cols} matrix");
        Self { rows, cols, data }
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.cols..(index + 1) * self.cols]
    }
}

/// Multiply-adds below which a product is not worth waking a second thread for.
const WORTH_A_THREAD: usize = 1 << 16;

/// `y = x wᵀ` for many rows: `x` holds rows of `w.cols`, `y` rows of `w.rows`.
pub fn many_rows(x: &[f32], w: &Matrix, y: &mut [f32]) {
    let m = rows_of(x, w, y);
    if m == 0 {
        return;
    }
    let (k, n) = (w.cols, w.rows);
    let out = Columns::new(y);
    split(n, (WORTH_A_THREAD / (m * k)).max(16), |range| {
        let b = &w.data[range.start * k..range.end * k];
        // SAFETY: x is m × k with row stride k; b is the transpose of (range.len() × k), so k × range.len()
        // with strides 1 and k; the result goes to columns `range` of y, m × n with row stride n, and
        // no other call is given those columns.
        unsafe {
            matrixmultiply::sgemm(
                m,
                k,
                range.len(),
                1.0,
                x.as_ptr(),
                k as isize,
                1,
                b.as_ptr(),
                1,
                k as isize,
                0.0,
                out.column(range.start),
                n as isize,
                1,
            );
        }
    });
}

/// `y = x wᵀ` for few rows, reading each weight once per three rows.
pub fn few_rows(x: &[f32], w: &Matrix, y: &mut [f32]) {
    let m = rows_of(x, w, y);
    if m == 0 {
        return;
    }
    let out = Columns::new(y);
    split(w.rows, (WORTH_A_THREAD / (m * w.cols)).max(16), |range| {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn wide(x: &[f32], w: &Matrix, range: Range<usize>, out: &Columns) {
                stream::<Avx2>(x, w, range, out);
            }
            if has_avx2() {
                // SAFETY: the processor has the features, as was just asked.
                return unsafe { wide(x, w, range, &out) };
            }
        }
        stream::<Portable>(x, w, range, &out);
    });
}

fn rows_of(x: &[f32], w: &Matrix, y: &[f32]) -> usize {
    let m = x.len() / w.cols;
    assert_eq!(x.len(), m * w.cols, "rows of {}", w.cols);
    assert_eq!(y.len(), m * w.rows, "{m} rows of {}", w.rows);
    m
}

/// A row-major result that several threads fill, each its own columns.
struct Columns<'a> {
    start: *mut f32,
    len: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: threads are given disjoint columns by `split`, and nobody reads before they have all returned.
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    fn new(y: &'a mut [f32]) -> Self {
        Self { start: y.as_mut_ptr(), len: y.len(), lifetime: PhantomData }
    }

    /// The first element of a column.
    fn column(&self, index: usize) -> *mut f32 {
        assert!(index < self.len);
        // SAFETY: within the slice, as just asserted.
        unsafe { self.start.add(index) }
    }

    /// Writes one element.
    ///
    /// # Safety
    /// No other thread may be given the same index.
    #[inline(always)]
    unsafe fn write(&self, index: usize, value: f32) {
        assert!(index < self.len);
        // SAFETY: within the slice, as just asserted; exclusive, by the caller's promise.
        unsafe { *self.start.add(index) = value };
    }
}

/// Weight rows taken together: enough independent sums to hide the latency of an addition.
const TILE_ROWS: usize = 4;
/// Activation rows taken together: with [`TILE_ROWS`] they fill sixteen vector registers.
const TILE_COLS: usize = 3;

/// Weights come from memory with the first activation rows, one weight row after the other, which is the order that
/// memory is fastest in; with the other activation rows they come from the nearest cache, several at a time.
#[inline(always)]
fn stream<L: Lanes>(x: &[f32], w: &Matrix, range: Range<usize>, out: &Columns) {
    let m = x.len() / w.cols;
    let first = TILE_COLS.min(m);
    for start in range.clone().step_by(TILE_ROWS) {
        let rows = start..range.end.min(start + TILE_ROWS);
        for n in rows.clone() {
            tile_cols::<L, 1>(x, w, n, 0, first, out);
        }
        // While these are computed, the weight rows after them are fetched, an equal share with each tile.
        let next = &w.data[rows.end * w.cols..range.end.min(rows.end + TILE_ROWS) * w.cols];
        let share =
            next.len().div_ceil((m - first).div_ceil(TILE_COLS).max(1)).next_multiple_of(16);
        let mut ahead = next.chunks(share.max(16));
        let mut row = first;
        while row < m {
            let cols = TILE_COLS.min(m - row);
            if let Some(part) = ahead.next() {
                for line in part.chunks(16) {
                    L::prefetch(line);
                }
            }
            if rows.len() == TILE_ROWS {
                tile_cols::<L, TILE_ROWS>(x, w, start, row, cols, out);
            } else {
                rows.clone().for_each(|n| tile_cols::<L, 1>(x, w, n, row, cols, out));
            }
            row += cols;
        }
    }
}

/// Weight rows `n..n + R` against activation rows `row..row + cols`.
#[inline(always)]
fn tile_cols<L: Lanes, const R: usize>(
    x: &[f32],
    w: &Matrix,
    n: usize,
    row: usize,
    cols: usize,
    out: &Columns,
) {
    match cols {
        1 => one_tile::<L, R, 1>(x, w, n, row, out),
        2 => one_tile::<L, R, 2>(x, w, n, row, out),
        _ => one_tile::<L, R, TILE_COLS>(x, w, n, row, out),
    }
}

#[inline(always)]
fn one_tile<L: Lanes, const R: usize, const C: usize>(
    x: &[f32],
    w: &Matrix,
    n: usize,
    row: usize,
    out: &Columns,
) {
    let k = w.cols;
    // Loops, not closures: a closure that is not inlined would be compiled without the wide instructions.
    let mut weights = [(&[][..], &[][..]); R];
    for (r, row) in weights.iter_mut().enumerate() {
        *row = w.row(n + r).as_chunks::<8>();
    }
    let mut inputs = [(&[][..], &[][..]); C];
    for (c, input) in inputs.iter_mut().enumerate() {
        *input = x[(row + c) * k..(row + c + 1) * k].as_chunks::<8>();
    }
    let mut lanes = [[L::zero(); C]; R];
    for chunk in 0..k / 8 {
        let mut xs = [L::zero(); C];
        for c in 0..C {
            xs[c] = L::load(&inputs[c].0[chunk]);
        }
        for r in 0..R {
            let ws = L::load(&weights[r].0[chunk]);
            for c in 0..C {
                lanes[r][c] = lanes[r][c].plus(ws, xs[c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..C {
            let mut sum = lanes[r][c].sum();
            for (w, x) in weights[r].1.iter().zip(inputs[c].1) {
                sum = L::plus_one(sum, *w, *x);
            }
            // SAFETY: column n + r lies in this thread's range.
            unsafe { out.write((row + c) * w.rows + n + r, sum) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::random::fill_uniform;
    use super::super::threads::team;
    use super::*;

    fn values(len: usize, name: &str) -> Vec<f32> {
        let mut values = vec![0.0; len];
        fill_uniform(7, name, 1.0, &mut values);
        values
    }

    fn naive(x: &[f32], w: &Matrix) -> Vec<f64> {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        x.chunks(w.cols).flat_map(|row| (0..w.rows).map(move |n| dot(row, w.row(n)))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn both_products_agree_with_a_plain_sum(m in 1usize..9, k in 1usize..300, n in 1usize..70) {
            let (x, w) = (values(m * k, "x"), Matrix::new(n, k, values(n * k, "w")));
            let expected = naive(&x, &w);
            for product in [many_rows, few_rows] {
                let mut y = vec![f32::NAN; m * n];
                product(&x, &w, &mut y);
                for (got, want) in y.iter().zip(&expected) {
                    prop_assert!((f64::from(*got) - want).abs() < 1e-6 * k as f64, "{got} {want}");
                }
            }
        }

        #[test]
        fn a_row_has_the_same_bits_in_any_company_and_on_any_number_of_threads(
            m in 1usize..40, k in 1usize..600, n in 1usize..300, threads in 1usize..4,
        ) {
            let (x, w) = (values(m * k, "x"), Matrix::new(n, k, values(n * k, "w")));
            for product in [many_rows, few_rows] {
                let mut together = vec![0.0; m * n];
                team(threads, || product(&x, &w, &mut together)).expect("threads start");
                for row in 0..m {
                    let mut alone = vec![0.0; n];
                    team(1, || product(&x[row * k..(row + 1) * k], &w, &mut alone)).expect("starts");
                    prop_assert_eq!(&together[row * n..(row + 1) * n], &alone[..]);
                }
            }
        }
    }

    #[test]
    fn no_rows_are_no_work() {
        let w = Matrix::new(2, 3, vec![1.0; 6]);
        few_rows(&[], &w, &mut []);
        many_rows(&[], &w, &mut []);
    }
}
