//! A decoder-only transformer of Llama's shape: configuration, weights, adapters, forward pass.

mod adapter;
mod config;
mod decoder;
#[cfg(test)]
mod reference;
mod weights;

pub use adapter::{Adapter, AdapterConfig};
pub use config::ModelConfig;
pub use decoder::{Decoder, Row};
pub use weights::Weights;
