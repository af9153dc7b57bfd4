//! The report: what is gathered from runs, and the page that is made of it.

mod command;
mod contrast;
mod gathered;
mod made;
mod markup;
