//! Station 2, the case: what one test id means.
//!
//! A label is parsed field by field (`label`), checked as a whole (`validate`) and printed again in
//! canonical form (`canonical`); parsing and printing are inverse. The model table (`models`) says what a
//! model name stands for.

mod canonical;
mod fields;
mod label;
mod models;
mod validate;
mod values;

pub use fields::{
    Backend, Case, DataType, DisaggSide, KvCacheDtype, Lengths, Mode, Parallel, Point, Runtime,
};
pub use label::LabelError;
pub use models::{Adapters, Engine, Kind, Model, ModelTable, Shape, hub_label};
