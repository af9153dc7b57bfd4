//! CPython's `random` module, as far as data sets use it. The only user of `rand_mt` here beside `numpy_random`.

use rand_mt::Mt;

/// `random.Random(seed)`: Mersenne Twister seeded by its array method.
#[derive(Clone)]
pub(super) struct PythonRandom(Mt);

impl PythonRandom {
    /// `random.seed(seed)`: the seed in 32-bit words, low word first, without leading zero words.
    pub(super) fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let words = if high == 0 { &[low][..] } else { &[low, high][..] };
        Self(Mt::new_with_key(words.iter().copied()))
    }

    /// The next 32 random bits.
    #[inline]
    pub(super) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// `random()`: a double in [0, 1) of 53 random bits.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        unit(&mut self.0)
    }

    /// `getrandbits(bits)` for 1 to 64 bits.
    fn bits(&mut self, bits: u32) -> u64 {
        if bits <= 32 {
            return u64::from(self.word() >> (32 - bits));
        }
        let low = u64::from(self.word());
        low | u64::from(self.word() >> (64 - bits)) << 32
    }

    /// `_randbelow(bound)`: draws as many bits as `bound` itself has until they are below it.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let bits = u64::BITS - bound.leading_zeros();
        loop {
            let drawn = self.bits(bits);
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// `randint(low, high)`, both included. The bounds must be in order, and not all of `i64`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low.wrapping_add_unsigned(self.below(high.abs_diff(low) + 1))
    }
}

/// The double in [0, 1) that CPython and NumPy both make of two words of a Mersenne Twister.
#[inline]
pub(super) fn unit(mt: &mut Mt) -> f64 {
    let high = f64::from(mt.next_u32() >> 5);
    let low = f64::from(mt.next_u32() >> 6);
    (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
}
