//! The paged key/value cache: keys and values of past tokens, in blocks that sequences borrow.

/// Tokens in a block.
pub const BLOCK_TOKENS: usize = 32;

/// Keys and values of all layers.
///
/// Within a block, keys lie dimension by dimension (32 tokens side by side) so that scores of 32 tokens are
/// formed at once, and values lie token by token so that they are summed whole rows at a time.
pub struct KvCache {
    blocks: usize,
    kv_heads: usize,
    head_dim: usize,
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

impl KvCache {
    /// A cache of `blocks` blocks. The system hands out the memory when it is first written.
    pub fn new(layers: usize, kv_heads: usize, head_dim: usize, blocks: usize) -> Self {
        let layer = || vec![0.0; blocks * BLOCK_TOKENS * kv_heads * head_dim];
        Self {
            blocks,
            kv_heads,
            head_dim,
            keys: (0..layers).map(|_| layer()).collect(),
            values: (0..layers).map(|_| layer()).collect(),
        }
    }

    /// Bytes that one token takes over all layers.
    pub fn bytes_per_token(layers: usize, kv_heads: usize, head_dim: usize) -> usize {
        2 * layers * kv_heads * head_dim * size_of::<f32>()
    }

    /// Blocks in all.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        Self::bytes_per_token(self.keys.len(), self.kv_heads, self.head_dim)
            * self.blocks
            * BLOCK_TOKENS
    }

    /// Key/value heads.
    pub fn kv_heads(&self) -> usize {
        self.kv_heads
    }

    /// Values in a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Stores the key and value rows (all heads) of the token at `position` of the sequence that owns the
    /// blocks of `table`.
    pub fn store(
        &mut self,
        layer: usize,
        table: &[u32],
        position: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let block = table[position / BLOCK_TOKENS];
        let slot = position % BLOCK_TOKENS;
        for head in 0..self.kv_heads {
            let start = self.start(block, head);
            let of_head = head * self.head_dim..(head + 1) * self.head_dim;
            for (dim, &key) in key[of_head.clone()].iter().enumerate() {
                self.keys[layer][start + dim * BLOCK_TOKENS + slot] = key;
            }
            let at = start + slot * self.head_dim;
            self.values[layer][at..at + self.head_dim].copy_from_slice(&value[of_head]);
        }
    }

    /// The keys of one head in one block: `head_dim` rows of [`BLOCK_TOKENS`].
    pub fn keys(&self, layer: usize, block: u32, head: usize) -> &[f32] {
        let start = self.start(block, head);
        &self.keys[layer][start..start + BLOCK_TOKENS * self.head_dim]
    }

    /// The values of one head in one block: [`BLOCK_TOKENS`] rows of `head_dim`.
    pub fn values(&self, layer: usize, block: u32, head: usize) -> &[f32] {
        let start = self.start(block, head);
        &self.values[layer][start..start + BLOCK_TOKENS * self.head_dim]
    }

    fn start(&self, block: u32, head: usize) -> usize {
        (block as usize * self.kv_heads + head) * BLOCK_TOKENS * self.head_dim
    }
}
