//! A run of the history by what the user calls it.

use crate::history::{RunSummary, Store};

/// The run that is named, by all of its id or by a start that no other has. `doing` is the command, for the error.
///
/// # Errors
/// When several runs begin so, or the store cannot be read.
pub(super) fn named(
    doing: &str,
    name: &str,
    store: &mut dyn Store,
) -> anyhow::Result<Option<RunSummary>> {
    let mut runs = store.runs(&Default::default())?;
    if let Some(exact) = runs.iter().position(|run| run.id == name) {
        return Ok(Some(runs.swap_remove(exact)));
    }
    runs.retain(|run| run.id.starts_with(name));
    match &runs[..] {
        [] => Ok(None),
        [_] => Ok(runs.pop()),
        [first, .., last] => anyhow::bail!(
            "{doing} {name}: {} runs begin so, from {} to {}; write more of the id",
            runs.len(),
            first.id,
            last.id
        ),
    }
}
