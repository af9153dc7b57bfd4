//! What is wanted of a data set, and whether it can be had.

use super::{DatasetError, TokenizerFacts};

/// Upstream's seed where none is given.
pub const DEFAULT_SEED: u64 = 420;

/// The longest length that may be asked for, in tokens.
pub const MAX_TOKENS: i64 = 100_000_000;

/// No normal deviate is larger: it is at most `sqrt(-2 ln(s))` of a square sum `s` that is at least 2^-104 (see
/// `NormalDeviates::draw`).
const MAX_DEVIATE: i64 = 13;

/// A synthetic data set. Together with [`TokenizerFacts`] it determines every byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// How many requests.
    pub requests: u64,
    /// How long they are.
    pub lengths: Lengths,
    /// Seed of all generators.
    pub seed: u64,
    /// Which LoRA adapters the requests use.
    pub task_ids: TaskIds,
    /// Directory that holds one adapter directory a task id; without it JSON lines carry no adapters.
    pub lora_dir: Option<String>,
}

/// Distribution of input and output lengths, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// `token-norm-dist`
    Normal { input: Normal, output: Normal },
    /// `token-unif-dist`
    Uniform { input: Uniform, output: Uniform },
}

/// Lengths `max(1, ceil(mean + stdev * g))` of standard normal deviates g.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normal {
    pub mean: i64,
    pub stdev: i64,
}

/// Lengths from `low` to `high`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uniform {
    pub low: i64,
    pub high: i64,
}

/// The LoRA task id of each request; the adapter of task `t` is `<lora_dir>/<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskIds {
    /// No adapters.
    None,
    /// The same adapter for all. -1 means none.
    Fixed(i64),
    /// Drawn from `low` to `high`, both included.
    Random { low: i64, high: i64 },
}

/// The task id that stands for "no adapter".
pub(super) const NO_TASK: i64 = -1;

impl Spec {
    /// Whether task ids are asked for that JSON lines cannot carry, since no adapter directory is known.
    pub fn task_ids_without_lora_dir(&self) -> bool {
        let in_use = !matches!(self.task_ids, TaskIds::None | TaskIds::Fixed(NO_TASK));
        in_use && self.lora_dir.is_none()
    }

    /// Refuses what upstream's script fails on, before a byte is written.
    ///
    /// # Errors
    /// The first option that cannot be met, by name.
    pub fn check(&self, tokenizer: &TokenizerFacts) -> Result<(), DatasetError> {
        tokenizer.check()?;
        match self.lengths {
            Lengths::Normal { input, output } => {
                if u32::try_from(self.seed).is_err() {
                    return Err(DatasetError::Seed(self.seed));
                }
                input.check("input")?;
                output.check("output")?;
            }
            Lengths::Uniform { input, output } => {
                input.check("input")?;
                output.check("output")?;
            }
        }
        if let TaskIds::Random { low, high } = self.task_ids
            && high.checked_sub(low).is_none_or(|apart| apart < 0)
        {
            return Err(DatasetError::TaskIdBounds { low, high });
        }
        match self.lora_dir.as_deref() {
            Some("") => Err(DatasetError::EmptyLoraDir),
            _ => Ok(()),
        }
    }
}

impl Normal {
    fn check(self, side: &'static str) -> Result<(), DatasetError> {
        let Self { mean, stdev } = self;
        if stdev < 0 {
            return Err(DatasetError::NegativeStdev { side, stdev });
        }
        within(mean, side, "mean")?;
        let longest = stdev.checked_mul(MAX_DEVIATE).and_then(|spread| spread.checked_add(mean));
        if longest.is_none_or(|longest| longest > MAX_TOKENS) {
            return Err(DatasetError::TooWide { side, mean, stdev });
        }
        Ok(())
    }
}

impl Uniform {
    fn check(self, side: &'static str) -> Result<(), DatasetError> {
        let Self { low, high } = self;
        if low > high {
            return Err(DatasetError::LengthBounds { side, low, high });
        }
        if low < 0 {
            return Err(DatasetError::NegativeLength { side, low });
        }
        within(high, side, "max")
    }
}

fn within(value: i64, side: &str, what: &str) -> Result<(), DatasetError> {
    if value.abs_diff(0) <= MAX_TOKENS.unsigned_abs() {
        Ok(())
    } else {
        Err(DatasetError::TooLong { option: format!("--{side}-{what}"), value })
    }
}
