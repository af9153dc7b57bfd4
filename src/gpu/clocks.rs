//! Holding clocks for the time of a step.
//!
//! Locking and unlocking are commands of our own executable, which the step's supervisor runs before the program and
//! after it: that way the clocks are given back also when the harness has died meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Driver, Gpu, device_subtype, driver};

/// Hidden first argument that makes one of our executables hold or give back clocks.
const CLOCKS: &str = "__clocks";

/// Clocks to be held, in MHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    pub sm: u32,
    pub memory: Option<u32>,
}

impl std::fmt::Display for Clocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SM {} MHz", self.sm)?;
        self.memory.map_or(Ok(()), |memory| write!(f, ", memory {memory} MHz"))
    }
}

/// `perf-tests/clocks.yml`: clocks by device subtype.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ClockTable(BTreeMap<String, Clocks>);

impl ClockTable {
    /// Reads the table.
    ///
    /// # Errors
    /// When the text is not such a table.
    pub fn parse(yaml: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(yaml)
    }

    /// The clocks of a GPU.
    ///
    /// # Errors
    /// When the table has none; the text says what to add.
    pub fn of(&self, gpu: &Gpu) -> Result<Clocks, String> {
        let subtype = device_subtype(&gpu.name);
        self.0.get(&subtype).copied().ok_or_else(|| {
            format!("clocks.yml has no clocks for {subtype}; add them in a folder for --tables")
        })
    }
}

/// The commands that hold and give back clocks, as words behind the name of an executable of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockCommands {
    pub lock: Vec<String>,
    pub unlock: Vec<String>,
}

impl ClockCommands {
    /// For these GPUs of the driver, or of the recording that is played in its place.
    ///
    /// # Errors
    /// As [`ClockTable::of`].
    pub fn new(gpus: &[Gpu], table: &ClockTable, recording: Option<&Path>) -> Result<Self, String> {
        let recording = recording.map(|path| path.to_string_lossy().into_owned());
        let command = |action: &str| {
            vec![CLOCKS.to_owned(), action.to_owned(), recording.clone().unwrap_or_default()]
        };
        let (mut lock, mut unlock) = (command("lock"), command("unlock"));
        for gpu in gpus {
            let Clocks { sm, memory } = table.of(gpu)?;
            let words = [Some(gpu.index), Some(sm), memory];
            let word = words.iter().flatten().map(u32::to_string).collect::<Vec<_>>().join(":");
            lock.push(word.clone());
            unlock.push(word);
        }
        Ok(Self { lock, unlock })
    }
}

/// Must be called early in `main` of every executable that runs steps: if the process was started to hold or give back
/// clocks, it does that and never returns.
pub fn clocks_entry() {
    let mut words = std::env::args();
    if words.nth(1).as_deref() != Some(CLOCKS) {
        return;
    }
    let action = words.next().unwrap_or_default();
    let recording = words.next().filter(|path| !path.is_empty()).map(PathBuf::from);
    let gpus: Vec<(u32, Clocks)> = words.filter_map(|word| parse(&word)).collect();
    let driver = driver(recording.as_deref()).map_err(|error| error.to_string());
    let done = driver.and_then(|driver| match action.as_str() {
        "lock" => lock(driver.as_ref(), &gpus),
        _ => unlock(driver.as_ref(), &gpus),
    });
    std::process::exit(match done {
        Ok(()) => 0,
        Err(error) => {
            // Goes to the step's log.
            eprintln!("trtllm-perf: {action} the clocks: {error}");
            1
        }
    })
}

fn parse(word: &str) -> Option<(u32, Clocks)> {
    let mut numbers = word.split(':').map(str::parse);
    let (index, sm) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((index, Clocks { sm, memory: numbers.next().and_then(Result::ok) }))
}

/// Holds the clocks of all, or of none.
fn lock(driver: &dyn Driver, gpus: &[(u32, Clocks)]) -> Result<(), String> {
    for (done, (index, clocks)) in gpus.iter().enumerate() {
        if let Err(refused) = driver.lock_clocks(*index, clocks.sm, clocks.memory) {
            // Also the one that refused: its SM clock may be held already.
            let undone = unlock(driver, &gpus[..=done]);
            let undone = undone.err().map(|error| format!("; {error}")).unwrap_or_default();
            return Err(format!("GPU {index} refuses: {refused}{undone}"));
        }
    }
    Ok(())
}

/// Gives the clocks of all back, whatever some of them answer.
fn unlock(driver: &dyn Driver, gpus: &[(u32, Clocks)]) -> Result<(), String> {
    let unlock = |(index, clocks): &(u32, Clocks)| {
        let done = driver.unlock_clocks(*index, clocks.memory.is_some());
        done.err().map(|error| format!("GPU {index} may be locked still: {error}"))
    };
    let failed: Vec<String> = gpus.iter().filter_map(unlock).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_of_the_table_is_found_by_its_subtype_and_another_is_named() {
        let table = ClockTable::parse("H100_PCIe: { sm: 1200, memory: 1593 }").expect("a table");
        let gpu = |name: &str| Gpu { index: 3, name: name.to_owned(), ..Gpu::default() };
        let commands = ClockCommands::new(&[gpu("NVIDIA H100 PCIe")], &table, None);
        let commands = commands.expect("an entry");
        assert_eq!(commands.lock, ["__clocks", "lock", "", "3:1200:1593"]);
        assert_eq!(parse(&commands.unlock[3]), Some((3, Clocks { sm: 1200, memory: Some(1593) })));
        let error = table.of(&gpu("NVIDIA B200")).expect_err("no entry");
        assert!(error.contains("no clocks for B200"), "{error}");
    }

    #[test]
    fn the_table_that_comes_with_the_harness_is_one() {
        ClockTable::parse(include_str!("../../perf-tests/clocks.yml")).expect("a table");
    }
}
