//! A request, and what became of it.

/// What the engine is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Prompt tokens; at least one.
    pub prompt: Vec<u32>,
    /// Tokens to generate; at least one.
    pub output_tokens: usize,
    /// Index of the adapter to apply.
    pub adapter: Option<usize>,
}

impl Request {
    /// Tokens of prompt and output together.
    pub fn sequence_len(&self) -> usize {
        self.prompt.len() + self.output_tokens
    }
}

/// A request that has been served. Times are nanoseconds of one [`super::Clock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The request's place in the list given to the engine.
    pub id: usize,
    /// Prompt tokens.
    pub input_tokens: usize,
    /// Just before submission, after a concurrency slot was obtained.
    pub start: u64,
    /// When the first token was streamed; `None` without streaming.
    pub first: Option<u64>,
    /// After the last token.
    pub end: u64,
    /// The generated tokens.
    pub tokens: Vec<u32>,
}
