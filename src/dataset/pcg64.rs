//! NumPy's `default_rng(seed).integers(low, high)`: PCG64 seeded through `SeedSequence`, Lemire's bounded draws.
//!
//! Sources: O'Neill, "PCG" (2014), the XSL-RR 128/64 variant; Lemire, "Fast random integer generation
//! in an interval" (2019).

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// `np.random.default_rng(seed)`.
pub(super) struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of an output of which only the lower half has been used.
    kept: Option<u32>,
}

impl Pcg64 {
    pub(super) fn new(seed: u64) -> Self {
        let words = seed_words(seed);
        let long = |i: usize| u128::from(words[i]) | u128::from(words[i + 1]) << 32;
        let start = long(0) << 64 | long(2);
        let stream = long(4) << 64 | long(6);
        let mut pcg = Self { state: 0, increment: stream << 1 | 1, kept: None };
        pcg.step();
        pcg.state = pcg.state.wrapping_add(start);
        pcg.step();
        pcg
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    fn long(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn word(&mut self) -> u32 {
        if let Some(word) = self.kept.take() {
            return word;
        }
        let long = self.long();
        self.kept = Some((long >> 32) as u32);
        long as u32
    }

    /// A number from 0 to `range`, both included; `range` is below `u32::MAX`. A range of 0 draws nothing.
    pub(super) fn up_to(&mut self, range: u32) -> u32 {
        if range == 0 {
            return 0;
        }
        let count = range + 1;
        let mut product = u64::from(self.word()) * u64::from(count);
        if (product as u32) < count {
            let threshold = count.wrapping_neg() % count;
            while (product as u32) < threshold {
                product = u64::from(self.word()) * u64::from(count);
            }
        }
        (product >> 32) as u32
    }
}

/// The eight words that `SeedSequence(seed)` gives to PCG64.
fn seed_words(seed: u64) -> [u32; 8] {
    let mut key = 0x43B0_D7E5_u32;
    let mut hash = |word: u32| {
        let word = word ^ key;
        key = key.wrapping_mul(0x931E_8875);
        let word = word.wrapping_mul(key);
        word ^ word >> 16
    };
    // A 64-bit seed has at most two words; the other two of the pool's four are hashed as zero.
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hash);
    for source in 0..4 {
        for target in 0..4 {
            if source != target {
                pool[target] = mix(pool[target], hash(pool[source]));
            }
        }
    }
    let mut key = 0x8B51_F9DD_u32;
    std::array::from_fn(|i| {
        let word = pool[i % 4] ^ key;
        key = key.wrapping_mul(0x58F3_8DED);
        let word = word.wrapping_mul(key);
        word ^ word >> 16
    })
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = 0xCA01_F9DD_u32.wrapping_mul(x).wrapping_sub(0x4973_F715_u32.wrapping_mul(y));
    mixed ^ mixed >> 16
}
