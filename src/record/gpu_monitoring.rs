//! `gpu_monitoring.csv`: upstream's columns of a GPU monitor record. Without records it is a header.

use super::cell::csv_line;

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
