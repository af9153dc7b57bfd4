//! `trtllm-perf baseline bless`: levels frozen in a file that is only ever added to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;

use super::whole;
use crate::baseline::{self, Blessings, Row, blessed_path};

#[derive(Debug, Args)]
pub(super) struct BlessArgs {
    /// The baseline
    base: PathBuf,
    /// Why these levels are right
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only the cases whose perf_case_name holds this text (repeatable)
    #[arg(long, value_name = "TEXT")]
    case: Vec<String>,
}

/// Who says why.
pub(super) struct Blesser {
    who: String,
    reason: String,
}

impl Blesser {
    pub fn new(reason: &str, who: Option<&str>) -> anyhow::Result<Self> {
        if reason.trim().is_empty() {
            bail!("the reason is empty; say why these levels are right");
        }
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let who = who.map(str::to_owned).or(user).unwrap_or_default();
        if who.trim().is_empty() {
            bail!("find out who you are: neither USER nor LOGNAME is set; give --who");
        }
        Ok(Self { who: who.trim().to_owned(), reason: reason.trim().to_owned() })
    }

    /// Adds levels to the file beside the baseline.
    pub fn write(&self, base: &Path, rows: &[&Row]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let path = blessed_path(base);
        // What is there must be readable before anything is added to it.
        Blessings::read(&path)?;
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
            file.lock()?;
            let new = file.metadata()?.len() == 0;
            let ended = fs::read(&path)?.last().is_none_or(|&byte| byte == b'\n');
            let now = Timestamp::now();
            let lines = baseline::blessing_lines(rows, new, now, &self.who, &self.reason);
            let start = if ended { "" } else { "\n" };
            file.write_all(format!("{start}{lines}").as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("write {}", path.display()))?;
        eprintln!("blessed {} levels by {} in {}", rows.len(), self.who, path.display());
        Ok(())
    }
}

/// Runs the command.
pub(super) fn run(args: &BlessArgs) -> anyhow::Result<ExitCode> {
    let blesser = Blesser::new(&args.reason, args.who.as_deref())?;
    let (table, _) = whole(&args.base)?;
    let wanted =
        |name: &str| args.case.is_empty() || args.case.iter().any(|it| name.contains(it.as_str()));
    let rows: Vec<_> = table
        .latest()
        .into_iter()
        .filter(|row| row.value().is_some() && wanted(&row.perf_case_name()))
        .collect();
    if rows.is_empty() {
        bail!("find a level to bless in {}: no case with a number fits", args.base.display());
    }
    blesser.write(&args.base, &rows)?;
    Ok(ExitCode::SUCCESS)
}
