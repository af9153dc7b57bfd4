//! The header of a perf CSV: which column is where, in whatever order.

use std::fmt;

use csv::StringRecord;

/// The columns with a meaning; those of upstream's result and baseline files, and `state` of `perf_samples.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    NetworkName,
    SmClk,
    MemClk,
    GpuIdx,
    DeviceSubtype,
    PerfCaseName,
    TestName,
    OriginalTestName,
    PerfMetric,
    TotalTime,
    StartTimestamp,
    EndTimestamp,
    State,
    Command,
    Threshold,
    AbsoluteThreshold,
    MetricType,
}

impl Column {
    /// Every column, in upstream's order.
    pub const ALL: [Column; 17] = [
        Column::NetworkName,
        Column::SmClk,
        Column::MemClk,
        Column::GpuIdx,
        Column::DeviceSubtype,
        Column::PerfCaseName,
        Column::TestName,
        Column::OriginalTestName,
        Column::PerfMetric,
        Column::TotalTime,
        Column::StartTimestamp,
        Column::EndTimestamp,
        Column::State,
        Column::Command,
        Column::Threshold,
        Column::AbsoluteThreshold,
        Column::MetricType,
    ];

    /// What a baseline has, in upstream's order.
    pub const BASELINE: [Column; 7] = [
        Column::NetworkName,
        Column::PerfCaseName,
        Column::TestName,
        Column::Threshold,
        Column::AbsoluteThreshold,
        Column::MetricType,
        Column::PerfMetric,
    ];

    /// The name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Column::NetworkName => "network_name",
            Column::SmClk => "sm_clk",
            Column::MemClk => "mem_clk",
            Column::GpuIdx => "gpu_idx",
            Column::DeviceSubtype => "device_subtype",
            Column::PerfCaseName => "perf_case_name",
            Column::TestName => "test_name",
            Column::OriginalTestName => "original_test_name",
            Column::PerfMetric => "perf_metric",
            Column::TotalTime => "total_time__sec",
            Column::StartTimestamp => "start_timestamp",
            Column::EndTimestamp => "end_timestamp",
            Column::State => "state",
            Column::Command => "command",
            Column::Threshold => "threshold",
            Column::AbsoluteThreshold => "absolute_threshold",
            Column::MetricType => "metric_type",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A header: all names as the file has them, and the places of those with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    places: [Option<usize>; Column::ALL.len()],
}

impl Columns {
    /// Reads a header. Blanks around a name do not count, nor does its case.
    ///
    /// # Errors
    /// The name of a column with a meaning that stands there twice.
    pub(super) fn read(header: &StringRecord) -> Result<Self, Column> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut places = [None; Column::ALL.len()];
        for (place, column) in places.iter_mut().zip(Column::ALL) {
            let is_it = |(_, name): &(usize, &String)| name.eq_ignore_ascii_case(column.name());
            let mut found = names.iter().enumerate().filter(is_it).map(|(index, _)| index);
            *place = found.next();
            if found.next().is_some() {
                return Err(column);
            }
        }
        Ok(Self { names, places })
    }

    /// The names, as the file has them and in its order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a column is, from 0.
    pub fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// Whether the file has it.
    pub fn has(&self, column: Column) -> bool {
        self.place(column).is_some()
    }

    /// Whether rows can be told apart: by `perf_case_name`, or, in `perf_samples.csv`, by what that is made of.
    pub(super) fn names_cases(&self) -> bool {
        self.has(Column::PerfCaseName)
            || (self.has(Column::OriginalTestName) && self.has(Column::NetworkName))
    }
}
