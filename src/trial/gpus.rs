//! The GPUs of an attempt: leased before the first step that uses them, seen empty around each, watched meanwhile.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Attempt, Stage};
use crate::case::{Case, Engine};
use crate::gpu::{
    ClockCommands, ClockTable, Driver, Gpu, Gpus, Lease, LeaseError, Leases, Moment, Reading,
    RecordingWriter, Sampler,
};
use crate::logs::Observations;
use crate::machine::{self, CpuTimes};
use crate::metric::Metric;
use crate::plan::StepKind;
use crate::process::{self, Frame};
use crate::progress;
use crate::record::TELEMETRY;
use crate::record::result::{Failure, FailureKind};
use crate::sample::{Certificate, Evidence, GpuEvidence, HostLoad, Watched};

/// How often a GPU that must become empty is looked at.
const RETRY: Duration = Duration::from_millis(250);

/// The GPUs that trials may use.
#[derive(Debug)]
pub struct GpuAccess {
    pub driver: Arc<dyn Driver>,
    /// What is there, for the heads of telemetry files.
    pub gpus: Gpus,
    pub leases: Leases,
    /// Clocks to hold the GPUs at while a step runs.
    pub clocks: Option<ClockTable>,
    /// The recording that is played in place of a driver.
    pub recording: Option<PathBuf>,
}

/// What was seen of GPUs and host while a step ran.
#[derive(Debug, Default)]
pub(super) struct Seen {
    moments: Vec<Moment>,
    foreign: BTreeSet<String>,
    /// Why not everything is in the telemetry file.
    unwritten: Option<String>,
    host: Option<HostLoad>,
}

/// What the thread that looks finds out.
#[derive(Debug, Default)]
struct Shared {
    foreign: BTreeSet<String>,
    /// Why not everything is in the telemetry file.
    unwritten: Option<String>,
}

/// Sees them.
pub(super) struct Lookout {
    sampler: Option<Sampler>,
    shared: Arc<Mutex<Shared>>,
    cpu: Option<CpuTimes>,
    load_before: Option<f64>,
}

impl Lookout {
    /// Whether a GPU worked when it was looked at last.
    pub(super) fn is_active(&self) -> bool {
        self.sampler.as_ref().is_some_and(Sampler::is_active)
    }

    pub(super) fn end(self) -> Seen {
        let moments = self.sampler.map(Sampler::stop).unwrap_or_default();
        let shared =
            std::mem::take(&mut *self.shared.lock().unwrap_or_else(PoisonError::into_inner));
        let Shared { foreign, unwritten } = shared;
        let host =
            self.cpu.zip(CpuTimes::now()).zip(self.load_before).map(|((before, after), load)| {
                HostLoad { steal_pct: after.steal_pct_since(&before), load_before_per_core: load }
            });
        Seen { moments, foreign, unwritten, host }
    }
}

impl Stage {
    /// Leases the GPUs of a case, those first that are empty.
    ///
    /// # Errors
    /// When there are too few, or waiting for them was interrupted.
    pub fn lease(&self, access: &GpuAccess, name: &str, case: &Case) -> Result<Lease, Failure> {
        let mut waiting =
            |what: &str| self.board.say(&format!("note: {name} waits for GPUs: {what}"));
        let give_up = || self.interrupt.is_raised();
        self.take(access, case, &give_up, &mut waiting)?.ok_or_else(interrupted)
    }

    /// The same if the GPUs can be had at once.
    pub fn lease_if_free(&self, access: &GpuAccess, case: &Case) -> Option<Lease> {
        self.take(access, case, &|| true, &mut |_| ()).ok().flatten()
    }

    fn take(
        &self,
        access: &GpuAccess,
        case: &Case,
        give_up: &dyn Fn() -> bool,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Option<Lease>, Failure> {
        let needed = case.parallel.gpus as usize;
        let empty = |gpu: &Gpu| {
            let reading = access.driver.read(gpu.index, false);
            reading.is_ok_and(|it| it.occupied(self.tolerances.empty_memory_mib).is_none())
        };
        let taken = access.leases.take(needed, &empty, give_up, waiting);
        taken.map_err(|error| lease_failure(&error))
    }
}

impl Attempt<'_> {
    fn uses_gpus(&self, step: usize) -> bool {
        self.trial.engine == Engine::TrtllmBench
            && !matches!(self.plan.steps[step].kind, StepKind::Dataset { .. })
    }

    /// Has the GPUs of the case for a step that uses them, empty.
    pub(super) fn take_gpus(&mut self, step: usize) -> Result<(), Failure> {
        let Ok(access) = &self.stage.gpus else { return Ok(()) };
        if !self.uses_gpus(step) {
            return Ok(());
        }
        if self.lease.is_none() {
            let held = self.trial.lease.clone().map(Ok);
            let take = || self.stage.lease(access, &self.trial.line.name, self.trial.case);
            self.lease = Some(held.unwrap_or_else(|| take().map(Arc::new))?);
            self.result.facts.insert("gpu_telemetry".to_owned(), access.driver.source());
            let titles: Vec<String> = self.leased().iter().map(Gpu::title).collect();
            self.result.facts.insert("gpus".to_owned(), titles.join(", "));
        }
        let deadline = Instant::now() + self.stage.tolerances.empty_within();
        for gpu in self.leased() {
            self.wait_until_empty(access, gpu, deadline).map_err(|why| Failure {
                kind: FailureKind::Infra,
                message: format!("{} cannot be used: {why}", gpu.title()),
                hint: Some("end what runs there; the harness ends nothing but its own".to_owned()),
                details: String::new(),
            })?;
        }
        Ok(())
    }

    fn leased(&self) -> &[Gpu] {
        self.lease.as_deref().map(Lease::gpus).unwrap_or_default()
    }

    /// What holds the GPUs.
    pub(super) fn lease_locks(&self) -> &[File] {
        self.lease.as_deref().map(Lease::locks).unwrap_or_default()
    }

    /// What tells CUDA which GPUs are the step's.
    pub(super) fn visible_devices(&self, step: usize) -> Option<String> {
        if !self.uses_gpus(step) || self.lease.is_none() {
            return None;
        }
        let name = |gpu: &Gpu| gpu.uuid.clone().unwrap_or_else(|| gpu.index.to_string());
        Some(self.leased().iter().map(name).collect::<Vec<_>>().join(","))
    }

    /// What holds the clocks of the step's GPUs, where that is asked for.
    pub(super) fn clock_frame(&mut self, step: usize) -> Result<Option<Frame>, Failure> {
        let (Ok(access), true) = (&self.stage.gpus, self.uses_gpus(step)) else { return Ok(None) };
        let Some(table) = &access.clocks else { return Ok(None) };
        let recording = access.recording.as_deref();
        let commands = ClockCommands::new(self.leased(), table, recording).map_err(|message| {
            Failure { kind: FailureKind::Infra, message, hint: None, details: String::new() }
        })?;
        let clocks = self.leased().first().and_then(|gpu| table.of(gpu).ok());
        let clocks = clocks.map(|clocks| ("gpu_clocks_locked".to_owned(), clocks.to_string()));
        self.result.facts.extend(clocks);
        Ok(Some(Frame { before: commands.lock, after: commands.unlock }))
    }

    /// Gives the clocks back in the place of a supervisor that is lost.
    pub(super) fn unlock_clocks(&mut self) {
        let Ok(access) = &self.stage.gpus else { return };
        let Some(table) = &access.clocks else { return };
        let unlock = |gpu: &Gpu| {
            let memory = table.of(gpu).is_ok_and(|clocks| clocks.memory.is_some());
            let error = access.driver.unlock_clocks(gpu.index, memory).err()?;
            Some(format!("the clocks of {} may be locked still: {error}", gpu.title()))
        };
        let remarks: Vec<String> = self.leased().iter().filter_map(unlock).collect();
        for remark in remarks {
            self.stage.board.say(&format!("warning: {remark}"));
            self.result.problems.push(remark);
        }
    }

    /// Begins to watch GPUs and host.
    pub(super) fn watch(&mut self, step: usize) -> Lookout {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let sampler = match (&self.stage.gpus, self.uses_gpus(step) && self.lease.is_some()) {
            (Ok(access), true) => Some(self.sampler(access, step, &shared)),
            _ => None,
        };
        Lookout { sampler, shared, cpu: CpuTimes::now(), load_before: machine::load_per_core() }
    }

    fn sampler(&mut self, access: &GpuAccess, step: usize, shared: &Arc<Mutex<Shared>>) -> Sampler {
        let gpus: Vec<u32> = self.leased().iter().map(|gpu| gpu.index).collect();
        let every = self.stage.tolerances.sample_interval();
        let telemetry = self.telemetry(access);
        let (seen, ours) = (Arc::clone(shared), access.driver.pids_are_ours());
        let (live, mut first) = (self.trial.live.clone(), true);
        let sink = move |moment: &Moment| {
            let strangers = moment.gpus.iter().flat_map(|gpu| strangers(gpu, ours, first));
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.foreign.extend(strangers);
            if let (Some(writer), None) = (&telemetry, &seen.unwritten) {
                let written = writer.lock().unwrap_or_else(PoisonError::into_inner).add(moment);
                seen.unwritten = written.err().map(|error| error.to_string());
            }
            drop(seen);
            first = false;
            live.set_gpu(progress::gpu_text(moment));
        };
        Sampler::start(Arc::clone(&access.driver), gpus, step, every, sink)
    }

    /// The file with everything that was read during the attempt.
    fn telemetry(&mut self, access: &GpuAccess) -> Option<Arc<Mutex<RecordingWriter>>> {
        if self.telemetry.is_none() {
            let indices: Vec<u32> = self.leased().iter().map(|gpu| gpu.index).collect();
            let mut gpus = access.gpus.clone();
            gpus.devices.retain(|gpu| indices.contains(&gpu.index));
            let path = self.folder.join(TELEMETRY);
            match RecordingWriter::create(&path, &access.driver.source(), gpus) {
                Ok(writer) => self.telemetry = Some(Arc::new(Mutex::new(writer))),
                Err(error) => self.result.problems.push(error.to_string()),
            }
        }
        self.telemetry.clone()
    }

    /// After a step: what was seen goes with the result, and a GPU that does not become empty is not used again.
    pub(super) fn release_gpus(&mut self, step: usize, seen: Seen) {
        let last = seen.moments.last().and_then(|moment| moment.gpus.last());
        if let (Some(last), Some(record)) = (last, self.result.steps.get_mut(step)) {
            record.gpu.sm_clk = last.sm_clock_mhz;
            record.gpu.mem_clk = last.memory_clock_mhz;
        }
        if self.uses_gpus(step) && self.lease.is_some() {
            let indices: Vec<String> =
                self.leased().iter().map(|gpu| gpu.index.to_string()).collect();
            if let Some(record) = self.result.steps.get_mut(step) {
                record.gpu.gpu_idx = Some(indices.join(","));
            }
        }
        self.result.problems.extend(seen.unwritten.clone());
        self.seen = seen;
        self.trial.live.set_gpu(None);
        let (Ok(access), true) = (&self.stage.gpus, self.uses_gpus(step)) else { return };
        let mut remarks = Vec::new();
        let deadline = Instant::now() + self.stage.tolerances.empty_within();
        for gpu in self.leased() {
            let why = match self.wait_until_empty(access, gpu, deadline) {
                Ok(xids) if xids.is_empty() => continue,
                Ok(xids) => {
                    let xids: Vec<String> = xids.iter().map(u64::to_string).collect();
                    remarks.push(format!(
                        "{} after the step: XID {}",
                        gpu.title(),
                        xids.join(", ")
                    ));
                    continue;
                }
                Err(why) => why,
            };
            if self.stage.interrupt.is_raised() {
                break;
            }
            let reason = format!("after {}: {why}", self.trial.line.name);
            remarks.push(match access.leases.poison(gpu, &reason) {
                Ok(()) => format!(
                    "{} is poisoned: {reason}; it is not used again in this run",
                    gpu.title()
                ),
                Err(error) => error.to_string(),
            });
        }
        for remark in remarks {
            self.stage.board.say(&format!("warning: {remark}"));
            self.result.problems.push(remark);
        }
    }

    /// Waits for a GPU to be without processes and memory in use; the faults (XID) that it told of meanwhile.
    fn wait_until_empty(
        &self,
        access: &GpuAccess,
        gpu: &Gpu,
        deadline: Instant,
    ) -> Result<Vec<u64>, String> {
        let mut xids = Vec::new();
        loop {
            let why = match access.driver.read(gpu.index, false) {
                Err(error) => format!("it does not answer: {error}"),
                Ok(reading) => {
                    xids.extend(reading.xids.iter().flatten());
                    match reading.occupied(self.stage.tolerances.empty_memory_mib) {
                        Some(why) => why,
                        None => return Ok(xids),
                    }
                }
            };
            if Instant::now() >= deadline || self.stage.interrupt.is_raised() {
                return Err(why);
            }
            thread::sleep(RETRY);
        }
    }

    /// What is known of the numbers of a bench step.
    pub(super) fn certificate(&self, step: usize, observed: &Observations) -> Certificate {
        let foreign: Vec<String> = self.seen.foreign.iter().cloned().collect();
        let indices: Vec<u32> = self.leased().iter().map(|gpu| gpu.index).collect();
        let total = observed.get(Metric::InferenceTime).map(|total| total.value / 1000.0);
        let gpus = match &self.stage.gpus {
            _ if self.trial.engine == Engine::Refbench => GpuEvidence::NotUsed,
            Err(reason) => GpuEvidence::Unknown(reason),
            Ok(access) => GpuEvidence::Watched(Watched {
                moments: &self.seen.moments,
                gpus: &indices,
                measured: total.and_then(|total| Duration::try_from_secs_f64(total).ok()),
                pids_are_ours: access.driver.pids_are_ours(),
                foreign: &foreign,
            }),
        };
        let evidence =
            Evidence { gpus, observed, planned: self.planned(step), host: self.seen.host };
        Certificate::new(&evidence, &self.stage.tolerances)
    }
}

/// Processes on a GPU that are none of ours. Where their numbers mean nothing, those that were there first.
fn strangers(gpu: &Reading, pids_are_ours: bool, first: bool) -> Vec<String> {
    let processes = gpu.processes.iter().flatten();
    let title = |pid: &dyn std::fmt::Display| format!("process {pid} on GPU {}", gpu.index);
    if pids_are_ours {
        let strangers = processes.filter_map(|it| process::stranger(it.pid));
        strangers.map(|it| format!("{} ({})", title(&it.pid), it.command)).collect()
    } else if first {
        processes.map(|it| title(&it.pid)).collect()
    } else {
        Vec::new()
    }
}

fn lease_failure(error: &LeaseError) -> Failure {
    Failure {
        kind: match error {
            LeaseError::TooFew { .. } => FailureKind::Infra,
            _ => FailureKind::Io,
        },
        message: error.to_string(),
        hint: None,
        details: String::new(),
    }
}

fn interrupted() -> Failure {
    Failure {
        kind: FailureKind::Infra,
        message: "interrupted while it waited for GPUs".to_owned(),
        hint: None,
        details: String::new(),
    }
}
