//! `gpu_monitoring.csv`: upstream's columns of a GPU monitor record, taken from the telemetry of the attempts.
//!
//! The only view that grows instead of being replaced: a night on eight GPUs leaves hundreds of thousands of records.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::cell::{Cell, csv_line};
use super::error::RecordError;
use super::folder::TELEMETRY;
use crate::gpu::{self, Moment, Reading};

/// The header line.
pub(super) fn header() -> Vec<u8> {
    csv_line([
        "gpu_id",
        "timestamp",
        "gpu_clock__MHz",
        "memory_clock__MHz",
        "graphics_clock__MHz",
        "gpu_utilization__pct",
        "memory_utilization__pct",
        "encoder_utilization__pct",
        "decoder_utilization__pct",
        "gpu_temperature__C",
        "memory_temperature__C",
        "fan_speed__pct",
        "perf_state",
        "power_draw__W",
        "process_num",
    ])
}

/// Adds the records of an attempt to the view; there are none without a GPU.
///
/// # Errors
/// When the view cannot be written; it is as it was then.
pub(super) fn append(view: &Path, attempt: &Path) -> Result<(), RecordError> {
    let rows = rows(attempt)?;
    if rows.is_empty() {
        return Ok(());
    }
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(view)?;
        let end = file.seek(SeekFrom::End(0))?;
        let written = file.write_all(&rows);
        if written.is_err() {
            // A torn line would mislead a reader more than a missing one.
            file.set_len(end)?;
        }
        written
    };
    write().map_err(RecordError::file("write", view))
}

/// The records of an attempt.
///
/// # Errors
/// When there is telemetry and it cannot be read.
pub(super) fn rows(attempt: &Path) -> Result<Vec<u8>, RecordError> {
    let path = attempt.join(TELEMETRY);
    let moments = match gpu::moments(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        moments => moments.map_err(RecordError::file("read", &path))?,
    };
    let row = |moment: &Moment, gpu: &Reading| {
        let cell = |number: Option<u32>| number.map_or(Cell::Empty, Cell::Integer);
        let cells = [
            Cell::Integer(gpu.index),
            Cell::time(moment.at),
            cell(gpu.sm_clock_mhz),
            cell(gpu.memory_clock_mhz),
            cell(gpu.graphics_clock_mhz),
            cell(gpu.utilization_pct),
            cell(gpu.memory_utilization_pct),
            cell(gpu.encoder_utilization_pct),
            cell(gpu.decoder_utilization_pct),
            cell(gpu.temperature_c),
            Cell::Empty,
            cell(gpu.fan_speed_pct),
            cell(gpu.perf_state),
            gpu.power_mw.map_or(Cell::Empty, |mw| Cell::Number(f64::from(mw) / 1000.0)),
            cell(gpu.processes.as_ref().map(|processes| processes.len() as u32)),
        ];
        csv_line(cells.iter().map(ToString::to_string))
    };
    let of_moment = |moment: Moment| -> Vec<u8> {
        moment.gpus.iter().flat_map(|gpu| row(&moment, gpu)).collect()
    };
    Ok(moments.flat_map(of_moment).collect())
}
