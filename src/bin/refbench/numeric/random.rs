//! Seeded random weights.

/// Fills `out` with values drawn evenly from `[-scale, scale)`. The sequence depends on `seed` and
/// `name` alone, so each tensor has its own whatever the order in which they are made.
///
/// The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014): statistical quality is of no matter here, being the same everywhere is.
pub fn fill_uniform(seed: u64, name: &str, scale: f32, out: &mut [f32]) {
    let mut state = seed ^ fnv1a(name);
    for value in out {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The top 24 bits are as many as a float's mantissa holds.
        let unit = (z >> 40) as f32 / (1 << 24) as f32;
        *value = (2.0 * unit - 1.0) * scale;
    }
}

/// The 64-bit FNV-1a hash.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_fixed_by_seed_and_name() {
        let draw = |seed, name| {
            let mut values = [0.0; 4];
            fill_uniform(seed, name, 0.5, &mut values);
            values
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn values_fill_the_interval_evenly() {
        let mut values = vec![0.0; 100_000];
        fill_uniform(0, "w", 2.0, &mut values);
        assert!(values.iter().all(|v| (-2.0..2.0).contains(v)));
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        let square = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((square - 4.0 / 3.0).abs() < 0.02, "{square}");
    }
}
