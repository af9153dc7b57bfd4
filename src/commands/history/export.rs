//! `trtllm-perf history export`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::filter::FilterArgs;
use crate::history::{self, Format, HistoryError, Store};

/// Write samples, one a row, with all that is known of each.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// In what form.
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// Write to FILE instead of stdout.
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
    /// One run alone.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Exports, and tells on stderr how much that was.
pub(super) fn run(args: &ExportArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let mut filter = args.filter.filter()?;
    filter.run_id = args.run.clone();
    let (mut out, name): (Box<dyn Write + Send>, String) = match &args.output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
            (Box::new(file), path.display().to_string())
        }
        None => (Box::new(io::stdout()), "stdout".to_owned()),
    };
    let mut buffered = BufWriter::new(&mut out);
    let done = history::export(store, &filter, args.format, &mut buffered).and_then(|count| {
        let flushed = buffered.flush();
        flushed.map(|()| count).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => HistoryError::Closed,
            _ => HistoryError::Reader(format!("write {name}: {error}")),
        })
    });
    match done {
        Ok(count) => {
            eprintln!("{name}: {count} samples");
            Ok(ExitCode::SUCCESS)
        }
        // A reader that has seen enough, such as `head`, is no failure.
        Err(HistoryError::Closed) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}
