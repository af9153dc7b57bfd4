//! `--explain ID`: why a line is or is not selected here.

use std::io::{self, Write};
use std::process::ExitCode;

use super::stdout;
use crate::failure::Exit;
use crate::list::{Facts, nearest};
use crate::selection::{CASE_OPTION, Line};

/// Prints, for each id, every line that names it and what decides about it.
///
/// # Errors
/// [`Exit::Usage`] for an id that no list has, with the nearest one.
pub fn explain(ids: &[String], lines: &[Line<'_>], facts: &Facts) -> Result<ExitCode, Exit> {
    let found = ids.iter().map(|id| Ok((id, named(id, lines)?)));
    let found: Vec<_> = found.collect::<Result<_, Exit>>()?;
    stdout::print("explanation", |out| {
        for (id, lines) in found {
            writeln!(out, "{id}")?;
            lines.into_iter().try_for_each(|line| explain_line(out, line, facts))?;
        }
        Ok(())
    })
}

/// The lines that have a test by its name, id or label.
fn named<'a>(id: &String, lines: &'a [Line<'a>]) -> Result<Vec<&'a Line<'a>>, Exit> {
    let is_named =
        |line: &&Line<'_>| [&line.name, &line.entry.id].contains(&id) || line.label() == Some(id);
    let found: Vec<_> = lines.iter().filter(is_named).collect();
    if found.is_empty() {
        let all = lines
            .iter()
            .flat_map(|line| [line.entry.id.as_str(), line.label().unwrap_or_default()]);
        let near = nearest(id, all).map(|near| format!("; did you mean {near}?"));
        let near = near.unwrap_or_default();
        return Err(Exit::usage(format!("--explain {id}: no list names it{near}")));
    }
    Ok(found)
}

fn explain_line(out: &mut impl Write, line: &Line<'_>, facts: &Facts) -> io::Result<()> {
    writeln!(out, "  {}", line.origin().unwrap_or_else(|| CASE_OPTION.to_owned()))?;
    if let Some(condition) = &line.condition {
        for finding in condition.check(facts).findings {
            writeln!(out, "    {finding}")?;
        }
    }
    match line.fate.reason() {
        None => writeln!(out, "    selected"),
        Some(reason) => writeln!(out, "    not selected: {reason}"),
    }
}
