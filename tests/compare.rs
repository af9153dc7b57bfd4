//! Station 12, comparisons: runs made by hand, laid beside each other. The command is tested in `harness/comparisons.rs`.

#[path = "compare/forms.rs"]
mod forms;
#[path = "compare/rules.rs"]
mod rules;
#[path = "compare/runs.rs"]
mod runs;
