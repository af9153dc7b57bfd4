//! Which cases the flags of a run name, for commands that run none of them.

use std::collections::BTreeSet;

use super::{Asked, prepare};
use crate::cli::Cli;
use crate::failure::Exit;
use crate::history::Place;
use crate::selection::Fate;
use crate::tables::Tables;

/// What a command line is about.
#[derive(Debug)]
pub struct Chosen {
    /// The labels that it names; `None` where it names none and means all.
    pub labels: Option<BTreeSet<String>>,
    pub history: Place,
    pub tables: Tables,
}

/// Reads lists and filters and touches no GPU. Conditions are those of other machines: a line that would not run here
/// counts; one that is waived, filtered away or a duplicate does not.
///
/// # Errors
/// A usage error, of a list or a table that cannot be read.
pub fn chosen(cli: Cli) -> Result<Chosen, Exit> {
    let libtest = cli.libtest.clone();
    let asked = Asked::new(cli, true)?;
    let settings = &asked.settings;
    settings.notes.iter().for_each(|note| eprintln!("note: {note}"));
    let narrowed = libtest.filter.is_some() || !libtest.skip.is_empty();
    let labels = (settings.selects() || narrowed).then(|| {
        let lines = asked.lines();
        let wanted = lines.iter().filter(|line| {
            matches!(line.fate, Fate::Runs | Fate::Unmatched(_))
                && prepare::passes(&line.name, &libtest)
        });
        wanted.filter_map(|line| line.label().map(str::to_owned)).collect()
    });
    let tables =
        Tables::load(settings.tables.as_deref()).map_err(|error| Exit::usage(error.to_string()))?;
    Ok(Chosen { labels, history: settings.history.clone(), tables })
}
