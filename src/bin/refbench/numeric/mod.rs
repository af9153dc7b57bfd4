//! Arithmetic on `f32` rows: what a decoder layer is made of.
//!
//! Every function computes one row without looking at its neighbours, in an order that depends on
//! the row's length alone. A token's value is therefore the same bit for bit however requests are
//! batched, chunked or spread over threads: that is what makes the engine's output reproducible.

mod activation;
mod attention;
mod kv_cache;
mod norm;
mod product;
mod random;
mod rope;
mod simd;
mod threads;

pub use activation::silu_times;
pub use attention::{Place, attend};
pub use kv_cache::{BLOCK_TOKENS, KvCache};
pub use norm::rms_norm;
pub use product::{Matrix, few_rows, many_rows};
pub use random::fill_uniform;
pub use rope::Rope;
pub use threads::{each_row, team};
