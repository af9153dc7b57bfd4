//! Station 15, pages: the report and a comparison, each one HTML file that stands alone.
//! The only user of `askama`.
//!
//! [`gather()`] puts runs together into [`ReportData`], with the evidence that a run folder has beside the numbers
//! ([`evidence()`]). From that [`page()`] draws: charts as SVG (`trend`, `spread`, `trade_off`, `strip`, all with the small
//! writer in `svg`), tables and texts by templates. The page loads nothing and works without JavaScript; with it, tables
//! can be sorted and filtered, and the trends of further metrics are drawn from the numbers in it (`embed`).
//! Labels and logs may hold anything: all text goes through [`Visible`].

mod compare_page;
mod csp;
mod data;
mod embed;
mod evidence;
mod gather;
mod page;
mod row;
mod scale;
mod section;
mod series;
mod spread;
mod steps;
mod strip;
mod summary;
mod svg;
mod telemetry;
mod text;
mod trade_off;
mod trend;

pub use compare_page::compare_page;
pub use data::{
    Band, CaseData, Change, Outcome, Point, Remark, ReportData, RunNote, SelfChecked, Series, Way,
};
pub use evidence::{Evidence, StepNote, evidence};
pub use gather::{Said, gather};
pub use page::{STYLE, page};
pub use telemetry::{Telemetry, Traces};
pub use text::Visible;
