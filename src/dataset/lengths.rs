//! The input and output lengths of the requests, one pair after the other.

use super::numpy_random::NormalDeviates;
use super::pcg64::Pcg64;
use super::{Lengths, Normal, Spec, Uniform};

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) input: usize,
    pub(super) output: u64,
}

/// An endless stream of lengths.
pub(super) enum LengthDraws {
    /// Upstream seeds the generator anew for the output lengths, so that both come of the same deviate:
    /// input and output lengths are fully correlated.
    Normal { deviates: Box<NormalDeviates>, input: Normal, output: Normal },
    /// Seeded anew as well, but the two ranges may reject different draws: two generators.
    Uniform { input: (Pcg64, Uniform), output: (Pcg64, Uniform) },
}

impl LengthDraws {
    /// The lengths of a spec that has been checked.
    pub(super) fn new(spec: &Spec) -> Self {
        match spec.lengths {
            Lengths::Normal { input, output } => Self::Normal {
                deviates: Box::new(NormalDeviates::new(spec.seed as u32)),
                input,
                output,
            },
            Lengths::Uniform { input, output } => Self::Uniform {
                input: (Pcg64::new(spec.seed), input),
                output: (Pcg64::new(spec.seed), output),
            },
        }
    }

    pub(super) fn draw(&mut self) -> Length {
        match self {
            Self::Normal { deviates, input, output } => {
                let deviate = deviates.draw();
                Length { input: input.at(deviate) as usize, output: output.at(deviate) }
            }
            Self::Uniform { input, output } => Length {
                input: input.1.draw(&mut input.0) as usize,
                output: output.1.draw(&mut output.0),
            },
        }
    }
}

impl Normal {
    fn at(self, deviate: f64) -> u64 {
        (self.mean as f64 + self.stdev as f64 * deviate).ceil().max(1.0) as u64
    }
}

impl Uniform {
    fn draw(self, random: &mut Pcg64) -> u64 {
        let range = (self.high - self.low) as u32;
        self.low as u64 + u64::from(random.up_to(range))
    }
}
