//! Readings kept in a file, and a driver that plays them back.
//!
//! One JSON object a line: first what was there ([`Gpus`] and a word on where the file comes from), then one
//! [`Moment`] a line. The telemetry of an attempt is such a file, so any run can be played back.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Driver, GpuError, Gpus, Moment, Reading};

/// The first line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Head {
    /// Where the readings come from.
    source: String,
    #[serde(default)]
    pids_are_ours: bool,
    /// File beside the recording that takes down what a played device is told to do; without one it takes no orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    orders: Option<PathBuf>,
    /// GPUs that refuse orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusing: Vec<u32>,
    gpus: Gpus,
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("read the recording {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("read the recording {}:{line}: {source}", path.display())]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("read the recording {}: it has no reading of GPU {index}", path.display())]
    NoReading { path: PathBuf, index: u32 },
    #[error("write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// Not a fault of the file: the recorded device is made to refuse.
    #[error("GPU {index} of the recording {} takes no orders", path.display())]
    Refused { path: PathBuf, index: u32 },
}

/// A driver that plays readings back, one a question; the last one stays.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    head: Head,
    readings: BTreeMap<u32, Vec<Reading>>,
    /// How many questions each GPU was asked.
    asked: Mutex<BTreeMap<u32, usize>>,
}

impl Recording {
    /// Reads a recording whole.
    ///
    /// # Errors
    /// When it cannot be read, or a line means nothing; the line is named.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let at_file = |source| RecordingError::Read { path: path.to_owned(), source };
        let at_line =
            |line, source| RecordingError::Line { path: path.to_owned(), line: line + 1, source };
        let mut lines = BufReader::new(File::open(path).map_err(at_file)?).lines();
        let head = lines.next().transpose().map_err(at_file)?.unwrap_or_default();
        let head: Head = serde_json::from_str(&head).map_err(|error| at_line(0, error))?;
        let mut readings = BTreeMap::<u32, Vec<Reading>>::new();
        for (number, line) in lines.enumerate() {
            let line = line.map_err(at_file)?;
            let moment: Moment =
                serde_json::from_str(&line).map_err(|error| at_line(number + 1, error))?;
            for reading in moment.gpus {
                readings.entry(reading.index).or_default().push(reading);
            }
        }
        Ok(Self { path: path.to_owned(), head, readings, asked: Mutex::default() })
    }

    /// Takes an order down.
    fn order(&self, index: u32, order: &str) -> Result<(), GpuError> {
        let path = self.path.clone();
        let Some(orders) =
            self.head.orders.as_ref().filter(|_| !self.head.refusing.contains(&index))
        else {
            return Err(RecordingError::Refused { path, index }.into());
        };
        let path = self.path.with_file_name(orders);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("GPU {index}: {order}\n").as_bytes()))
            .map_err(|source| RecordingError::Write { path, source }.into())
    }
}

impl Driver for Recording {
    fn source(&self) -> String {
        format!("recording {}", self.path.display())
    }

    fn pids_are_ours(&self) -> bool {
        self.head.pids_are_ours
    }

    fn gpus(&self) -> Result<Gpus, GpuError> {
        Ok(self.head.gpus.clone())
    }

    fn read(&self, index: u32, _counters: bool) -> Result<Reading, GpuError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = asked.entry(index).or_default();
        let readings = self.readings.get(&index).map(Vec::as_slice).unwrap_or_default();
        let reading = readings.get(*turn).or(readings.last());
        *turn += 1;
        reading
            .cloned()
            .ok_or_else(|| RecordingError::NoReading { path: self.path.clone(), index }.into())
    }

    fn lock_clocks(&self, index: u32, sm: u32, memory: Option<u32>) -> Result<(), GpuError> {
        let memory = memory.map(|memory| format!(", memory {memory} MHz")).unwrap_or_default();
        self.order(index, &format!("lock SM {sm} MHz{memory}"))
    }

    fn unlock_clocks(&self, index: u32, _memory: bool) -> Result<(), GpuError> {
        self.order(index, "unlock")
    }
}

/// The moments of a recording, up to the first line that is none: the writer may have been killed within it.
///
/// # Errors
/// When the file cannot be opened.
pub fn moments(path: &Path) -> io::Result<impl Iterator<Item = Moment> + use<>> {
    let lines = BufReader::new(File::open(path)?).lines().skip(1);
    Ok(lines.map_while(|line| serde_json::from_str(&line.ok()?).ok()))
}

/// Writes a recording, a moment at a time, so that a killed process leaves what it saw.
#[derive(Debug)]
pub struct RecordingWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl RecordingWriter {
    /// Begins a recording of `gpus`; `source` says where the readings come from.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, source: &str, gpus: Gpus) -> Result<Self, RecordingError> {
        let file = File::create_new(path)
            .map_err(|source| RecordingError::Write { path: path.to_owned(), source })?;
        let mut writer = Self { path: path.to_owned(), file: BufWriter::new(file) };
        let head = Head { source: source.to_owned(), gpus, ..Head::default() };
        writer.line(&head)?;
        Ok(writer)
    }

    /// Adds a moment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, moment: &Moment) -> Result<(), RecordingError> {
        self.line(moment)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), RecordingError> {
        let written = serde_json::to_writer(&mut self.file, line)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .and_then(|()| self.file.flush());
        written.map_err(|source| RecordingError::Write { path: self.path.clone(), source })
    }
}
