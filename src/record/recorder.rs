//! The facade for the harness: begins a run, keeps its journal, and folds the views after every attempt.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::atomic;
use super::background::Background;
use super::error::{Problem, RecordError};
use super::fold::Fold;
use super::folder::{OutputDir, PLAN, RESULT, RunFolder, json};
use super::lock::{self, Busy, DirectoryLock, Hold, Holder, Patience};
use super::read::{Attempt, read_attempts};
use super::result::{AttemptResult, Outcome};
use super::run_id::RunId;
use super::run_info::RunInfo;
use super::started::Started;
use super::views::{self, Copies};

/// The journal and views of a run that is going on. Threads may share it.
///
/// Journal files are written before a call returns. Views follow within milliseconds and never lag behind the end
/// of the run: [`Recorder::end`] and dropping wait for them.
#[derive(Debug)]
pub struct Recorder {
    state: Arc<State>,
    background: Background,
}

#[derive(Debug)]
struct State {
    output: OutputDir,
    run: RunFolder,
    copies: Copies,
    /// Whether other processes may write into this run.
    shared: bool,
    lock: DirectoryLock,
    fold: Mutex<Fold>,
    /// Attempts of this process whose GPU records are not in their view yet.
    unmonitored: Mutex<Vec<PathBuf>>,
}

/// The output directory, held for one run.
#[derive(Debug)]
pub struct HeldOutput {
    output: OutputDir,
    run_id: RunId,
    /// Whether other processes may write into this run.
    shared: bool,
    lock: DirectoryLock,
}

impl HeldOutput {
    /// Takes the output directory for the run `run_id`. Processes that name the same `group` share the run; any other
    /// waits, also one that wants to go on with a run that is still going on.
    ///
    /// `busy` is asked when another run holds the directory: first at once, with a text for stderr, then ten
    /// times a second.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or is busy and `busy` refuses.
    pub fn take(
        output: &OutputDir,
        run_id: &RunId,
        group: Option<&str>,
        busy: &mut dyn FnMut(&Busy) -> Patience,
    ) -> Result<Self, RecordError> {
        atomic::create_directories(output.path())?;
        let holder = Holder::of_this_process(run_id, group, Timestamp::now());
        let joins = |other: &Holder| holder.shares_with(other);
        let lock = DirectoryLock::take(output.path(), &holder, &joins, busy)?;
        let shared = group.is_some() || lock.hold == Hold::Unlocked;
        Ok(Self { output: output.clone(), run_id: run_id.clone(), shared, lock })
    }

    /// The folder of the run, there or not.
    pub fn run(&self) -> RunFolder {
        self.output.run(&self.run_id)
    }

    /// The run it is held for.
    pub fn run_id(&self) -> &RunId {
        &self.run_id
    }
}

impl Recorder {
    /// Begins the run, or goes on with it where `run.json` is there already; what that file says then outweighs
    /// `info`. Also returns the files of the run that were passed over.
    ///
    /// # Errors
    /// When the directory cannot be written or appended to.
    pub fn begin(
        held: HeldOutput,
        info: RunInfo,
        copies: Copies,
    ) -> Result<(Self, Vec<Problem>), RecordError> {
        views::prepare(&copies)?;
        let run = held.run();
        let HeldOutput { output, run_id, shared, lock } = held;
        let turn = lock::views(output.path())?;
        if lock.hold == Hold::First {
            atomic::sweep(output.path())?;
        }
        let fresh = run.info().is_err();
        let info = establish(&output, &run, &run_id, info)?;
        views::write_fixed(output.path(), &info)?;
        let fold = Mutex::new(Fold::new(info, &run)?);
        let state = Arc::new(State {
            output,
            run,
            copies,
            shared,
            lock,
            fold,
            unmonitored: Mutex::default(),
        });
        let mut problems = state.read_others()?.1;
        // The processes of one nextest run add to what is there: each reading all again would take ever longer.
        if fresh || !state.shared {
            views::write_monitoring(state.output.path(), &state.fold())?;
        }
        state.write_views(&turn)?;
        if state.lock.hold == Hold::Unlocked {
            problems.push(Problem::new(
                state.output.path(),
                "its file system has no locks: another run into this directory would not be noticed",
            ));
        }
        let keeper = Arc::clone(&state);
        let background = Background::start(move || keeper.replace_views());
        Ok((Self { state, background }, problems))
    }

    /// The folder of the run.
    pub fn run(&self) -> &RunFolder {
        &self.state.run
    }

    /// The directory that it is in.
    pub fn output(&self) -> &OutputDir {
        &self.state.output
    }

    /// Makes the folder of an attempt and returns its path. What an attempt that was killed left there is moved
    /// aside, so that a stale report can never be read.
    ///
    /// # Errors
    /// When the attempt has a result already, or the folder cannot be made.
    pub fn attempt_dir(&self, name: &str, attempt: u32) -> Result<PathBuf, RecordError> {
        let folder = self.state.run.attempt(name, attempt);
        if folder.join(RESULT).exists() {
            let name = name.to_owned();
            return Err(RecordError::AttemptExists { name, attempt, path: folder });
        }
        self.state.run.set_aside(name, attempt)?;
        self.background.request_sync(atomic::create_directories(&folder)?);
        Ok(folder)
    }

    /// Writes `plan.json` and shows the attempt in JUnit as one without a result, which is what a reader finds
    /// if the harness is killed. To be called between [`Recorder::attempt_dir`] and the first step. Returns the
    /// files that were passed over meanwhile, and views that could not be written.
    ///
    /// # Errors
    /// When the plan cannot be written.
    pub fn start(&self, started: Started) -> Result<Vec<Problem>, RecordError> {
        let folder = self.state.run.attempt(&started.name, started.attempt);
        let path = folder.join(PLAN);
        atomic::replace(&path, &json(&path, &started)?)?;
        // The steps need not wait for the disk: a plan lost in a power cut is an attempt that never began.
        self.background.request_sync([path, folder.clone()]);
        self.take_in([Attempt { folder, result: started.without_result(), finished: false }])
    }

    /// Writes and syncs `result.json` and asks for new views; returns the files that were passed over meanwhile, and
    /// views that could not be written: they are none of this trial's business, and tried again after the next.
    ///
    /// # Errors
    /// When the result cannot be written. Earlier results and views stay whole in any case.
    pub fn finish(&self, result: &AttemptResult) -> Result<Vec<Problem>, RecordError> {
        self.finish_all(std::slice::from_ref(result))
    }

    /// [`Recorder::finish`] for many at once, such as all trials that are waived.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub fn finish_all(&self, results: &[AttemptResult]) -> Result<Vec<Problem>, RecordError> {
        let mut attempts = Vec::new();
        for result in results {
            let result = result.clone().recordable();
            let folder = self.state.run.attempt(&result.name, result.attempt);
            self.background.request_sync(atomic::create_directories(&folder)?);
            let path = folder.join(RESULT);
            let text = json(&path, &result)?;
            if matches!(result.outcome, Outcome::Skipped(_)) {
                // Nothing was measured that a power cut could take: hundreds of waived trials need not wait.
                atomic::replace(&path, &text)?;
                self.background.request_sync([path]);
            } else {
                atomic::write_synced(&path, &text)?;
            }
            self.background.request_sync([folder.clone()]);
            self.state.unmonitored().push(folder.clone());
            attempts.push(Attempt { folder, result, finished: true });
        }
        self.take_in(attempts)
    }

    /// Waits until the views show everything that was recorded.
    ///
    /// # Errors
    /// When the views do not, since one could not be written.
    pub fn settle(&self) -> Result<Vec<Problem>, RecordError> {
        self.background.settle()
    }

    /// Ends the run: [`Recorder::settle`], and gives the output directory back. Dropping the recorder does the
    /// same in silence; `std::process::exit` does neither.
    ///
    /// # Errors
    /// As [`Recorder::settle`].
    pub fn end(self) -> Result<Vec<Problem>, RecordError> {
        self.settle()
    }

    fn take_in(
        &self,
        attempts: impl IntoIterator<Item = Attempt>,
    ) -> Result<Vec<Problem>, RecordError> {
        let mut fold = self.state.fold();
        for attempt in attempts {
            fold.add(attempt)?;
        }
        drop(fold);
        self.background.request_views();
        Ok(self.background.report())
    }
}

impl State {
    fn replace_views(&self) -> Result<Vec<Problem>, RecordError> {
        // `rebuild` may be at the views of a run that nobody else writes into.
        let turn = lock::views(self.output.path())?;
        let problems = if self.shared { self.read_others()?.1 } else { Vec::new() };
        self.write_views(&turn)?;
        // Still in turn: two that append at a time would tear each other's lines.
        let mut unmonitored = self.unmonitored();
        while let Some(attempt) = unmonitored.first() {
            views::add_monitoring(self.output.path(), &self.fold(), attempt)?;
            unmonitored.remove(0);
        }
        Ok(problems)
    }

    fn unmonitored(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.unmonitored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what other processes of this run wrote: whether there was anything, and what is newly passed over.
    fn read_others(&self) -> Result<(bool, Vec<Problem>), RecordError> {
        let mut fold = self.fold();
        let (attempts, mut problems) = read_attempts(&self.run, &fold.finished)?;
        problems.retain(|problem| fold.reported.insert(problem.clone()));
        let mut news = false;
        for attempt in attempts {
            news |= fold.add(attempt)?;
        }
        Ok((news, problems))
    }

    /// Without locks a view of another process may have been older than ours and replaced it, or the other way
    /// round. Every result is written before its view, so whoever writes last and looks again has seen them all.
    fn write_views(&self, _turn: &File) -> Result<(), RecordError> {
        loop {
            let views = views::render(&self.output, &mut self.fold(), &self.copies)?;
            views::write(&views)?;
            if self.lock.hold != Hold::Unlocked || !self.read_others()?.0 {
                return Ok(());
            }
        }
    }

    fn fold(&self) -> MutexGuard<'_, Fold> {
        // A trial that panicked leaves a fold whose cases are each whole.
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads or writes `run.json`.
fn establish(
    output: &OutputDir,
    run: &RunFolder,
    run_id: &RunId,
    info: RunInfo,
) -> Result<RunInfo, RecordError> {
    let foreign = output.newest_run().is_err();
    for changed in atomic::create_directories(run.path())? {
        atomic::sync_directory(&changed)?;
    }
    let known = match run.info() {
        Err(RecordError::File { cause: super::IoCause::Missing, .. }) => {
            views::set_aside(output.path(), run, &info.views, foreign)?;
            run.write_info(&info)?;
            info
        }
        read => read?,
    };
    output.link_latest(run_id)?;
    Ok(known)
}

impl AttemptResult {
    /// JSON and CSV have no word for infinity and "not a number": such a value is no measurement and becomes a
    /// problem instead.
    fn recordable(mut self) -> Self {
        let finite = |value: f64| value.is_finite();
        for row in self.metrics.iter().filter(|row| !finite(row.value)) {
            self.problems.push(format!("{} is {}: not recorded", row.metric, row.value));
        }
        self.metrics.retain(|row| finite(row.value));
        self
    }
}
