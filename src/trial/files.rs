//! The files around the steps: links, options, reports of one point kept apart from the next, and tidying up.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Attempt;
use crate::plan::{Step, StepKind};
use crate::record::result::{Failure, FailureKind};

impl Attempt<'_> {
    /// Everything the first step finds in its working directory.
    pub(super) fn prepare_files(&mut self) -> Result<(), Failure> {
        let made = |path: &Path| {
            let path = path.to_owned();
            move |error| io_failure("make", &path, &error)
        };
        fs::create_dir_all(&self.work_dir).map_err(made(&self.work_dir))?;
        for (adapter, link) in &self.plan.adapter_links {
            let link = Path::new(link);
            make_parent(link).map_err(made(link))?;
            remove(link).map_err(made(link))?;
            symlink(adapter, link).map_err(made(link))?;
        }
        if let Some((path, options)) = &self.plan.options_file {
            let path = self.work_dir.join(path);
            let text = serde_yaml::to_string(options).map_err(|error| Failure {
                kind: FailureKind::Infra,
                message: format!("write the engine options {}: {error}", path.display()),
                hint: None,
                details: String::new(),
            })?;
            make_parent(&path).map_err(made(&path))?;
            fs::write(&path, text).map_err(made(&path))?;
        }
        Ok(())
    }

    /// The log of a step: `bench.log`, or `bench-2.log` for the second of several benches.
    pub(super) fn log_path(&self, step: usize) -> PathBuf {
        self.folder.join(self.numbered(step, "log"))
    }

    /// Puts a bench step's report into the journal folder under its own name, so that the next point's can never be
    /// taken for it. `None` when the step wrote none.
    pub(super) fn archive_report(&mut self, step: usize) -> Option<PathBuf> {
        let StepKind::Bench { report } = &self.plan.steps[step].kind else { return None };
        let written = Path::new(report);
        let name = self.numbered(step, "json").replacen("bench", "report", 1);
        let kept = self.folder.join(name);
        if written == kept {
            return written.exists().then_some(kept);
        }
        match fs::copy(written, &kept) {
            Ok(_) => {
                if let Err(error) = fs::remove_file(written) {
                    self.result.problems.push(format!("remove {}: {error}", written.display()));
                }
                Some(kept)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.result
                    .problems
                    .push(format!("keep the report {}: {error}", written.display()));
                written.exists().then(|| written.to_owned())
            }
        }
    }

    /// A report of an earlier run must not be there when the step begins.
    pub(super) fn remove_stale_report(&self, step: usize) -> io::Result<()> {
        match &self.plan.steps[step].kind {
            StepKind::Bench { report } => remove(Path::new(report)),
            _ => Ok(()),
        }
    }

    /// Engines are large and of no use after the trial; a workspace folder holds nothing else of it.
    pub(super) fn tidy(&mut self) {
        let engine = self.plan.engine_dir.as_ref().map(PathBuf::from);
        let folder =
            if self.stage.workspace.is_some() { Some(self.work_dir.clone()) } else { engine };
        let Some(folder) = folder else { return };
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.result.problems.push(format!("remove {}: {error}", folder.display()));
            }
            _ => self.remove_empty_above(&folder),
        }
    }

    /// The folders that trtllm-bench made above its engine go with it, as far as they are empty.
    fn remove_empty_above(&self, folder: &Path) {
        let above = folder.ancestors().skip(1);
        for above in
            above.take_while(|above| *above != self.work_dir && above.starts_with(&self.work_dir))
        {
            if fs::remove_dir(above).is_err() {
                return;
            }
        }
    }

    fn numbered(&self, step: usize, ending: &str) -> String {
        let steps = &self.plan.steps;
        let kind = steps[step].kind.word();
        let of_kind = |steps: &[Step]| steps.iter().filter(|it| it.kind.word() == kind).count();
        // The first of several is numbered, too: `report.json` is what the next bench writes.
        if of_kind(steps) == 1 {
            format!("{kind}.{ending}")
        } else {
            format!("{kind}-{}.{ending}", of_kind(&steps[..=step]))
        }
    }
}

pub(super) fn io_failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free disk space, or name another --output-dir")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("name a directory that can be written with --output-dir or --workspace")
        }
        _ => None,
    };
    Failure {
        kind: FailureKind::Io,
        message: format!("{verb} {}: {error}", path.display()),
        hint: hint.map(str::to_owned),
        details: String::new(),
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
