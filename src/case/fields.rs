//! The fields of a label, as types.

use std::fmt;

/// A closed set of words, each with the spelling a label uses.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every accepted spelling.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The spelling in a label.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant a label's word names.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// The program under test. Only `bench` is run; the others are gone upstream or start servers.
    Runtime {
        /// `trtllm-bench`.
        Bench = "bench",
        /// `trtllm-serve` and a client.
        Serve = "serve",
        /// Servers for the context and the generation phase.
        DisaggServer = "disagg_server",
        /// `bertBenchmark`, removed upstream.
        Cpp = "cpp",
        /// `gptManagerBenchmark`, removed upstream.
        CppManager = "cppmanager",
    }
}

words! {
    /// How the removed runtimes built their engine.
    Mode {
        Plugin = "plugin",
        Ootb = "ootb",
        OotbExceptMha = "ootb_except_mha",
        PluginIfb = "plugin_ifb",
    }
}

words! {
    /// Data type of the activations.
    DataType {
        Float32 = "float32",
        Float16 = "float16",
        Bfloat16 = "bfloat16",
        Float8 = "float8",
        Float4 = "float4",
    }
}

words! {
    /// Data type of the KV cache.
    KvCacheDtype {
        /// The checkpoint decides.
        Auto = "auto",
        Fp8 = "fp8",
    }
}

/// The backend of `trtllm-bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A TensorRT engine, built first. A label says nothing.
    TensorRt,
    PyTorch,
    AutoDeploy,
}

impl Backend {
    /// The word of a label; `None` for TensorRT, which is what a label without one means.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::TensorRt => None,
            Self::PyTorch => Some("pytorch"),
            Self::AutoDeploy => Some("_autodeploy"),
        }
    }

    /// The value of `--backend`.
    pub fn option(self) -> &'static str {
        self.word().unwrap_or("tensorrt")
    }
}

/// Parallel sizes of one side of a disaggregated server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisaggSide {
    pub tp: u32,
    pub dp: u32,
    pub pp: u32,
}

/// Input and output lengths (ISL, OSL) in tokens; `outputs` is empty for encoder-only models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lengths {
    pub inputs: Vec<u32>,
    pub outputs: Vec<u32>,
}

/// How many GPUs share the work, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parallel {
    /// Tensor parallel size.
    pub tp: u32,
    /// Pipeline parallel size.
    pub pp: u32,
    /// Expert parallel size, when given.
    pub ep: Option<u32>,
    /// GPUs in all.
    pub gpus: u32,
}

/// The meaning of one label, after validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub model: String,
    /// GPU variant the case is meant for, e.g. `H100_PCIe`.
    pub device_subtype: Option<String>,
    pub runtime: Runtime,
    /// Executor API of the removed `cppmanager` runtime.
    pub exe_api: bool,
    pub backend: Backend,
    pub streaming: bool,
    pub static_batching: bool,
    pub mode: Mode,
    pub data_type: DataType,
    /// Share of the weights kept on the GPU, 0 to 1.
    pub gpu_weights_fraction: Option<f64>,
    pub multiple_profiles: bool,
    /// Most requests in one iteration.
    pub max_batch_size: u32,
    /// Most tokens in one iteration.
    pub max_num_tokens: u32,
    /// Share of the free GPU memory given to the KV cache.
    pub kv_cache_fraction: f64,
    /// `kv_frac` stands at the end of the label, as the grammar of 1.0 and 1.1 had it. Kept, since labels are names.
    pub kv_frac_last: bool,
    pub build_only: bool,
    /// Fixed batch sizes; `[0]` means not fixed.
    pub batch_sizes: Vec<u32>,
    pub lengths: Lengths,
    pub beams: u32,
    /// Number of LoRA adapters, 0 for none.
    pub loras: u32,
    pub quantization: Option<String>,
    pub kv_cache_dtype: KvCacheDtype,
    /// Requests in the data set.
    pub requests: u32,
    /// Most requests in flight; `None` is unlimited.
    pub concurrency: Option<u32>,
    pub parallel: Parallel,
    /// TensorRT with extra LLM API options.
    pub extra: bool,
    /// The two sides of a disaggregated server (context, generation).
    pub disagg: Option<(DisaggSide, DisaggSide)>,
}

impl Case {
    /// `kv_frac` of a label that has none.
    pub const DEFAULT_KV_CACHE_FRACTION: f64 = 0.9;
    /// `reqs` of a label that has none.
    pub const DEFAULT_REQUESTS: u32 = 512;

    pub(super) fn new(model: &str, runtime: Runtime) -> Self {
        Self {
            model: model.to_owned(),
            device_subtype: None,
            runtime,
            exe_api: false,
            backend: Backend::TensorRt,
            streaming: false,
            static_batching: false,
            mode: Mode::Plugin,
            data_type: DataType::Float16,
            gpu_weights_fraction: None,
            multiple_profiles: false,
            max_batch_size: 512,
            max_num_tokens: 2048,
            kv_cache_fraction: Self::DEFAULT_KV_CACHE_FRACTION,
            kv_frac_last: false,
            build_only: false,
            batch_sizes: vec![0],
            lengths: Lengths { inputs: vec![8], outputs: vec![1] },
            beams: 1,
            loras: 0,
            quantization: None,
            kv_cache_dtype: KvCacheDtype::Auto,
            requests: Self::DEFAULT_REQUESTS,
            concurrency: None,
            parallel: Parallel { tp: 1, pp: 1, ep: None, gpus: 1 },
            extra: false,
            disagg: None,
        }
    }

    /// Every (batch size, input, output) the case measures, in the order of its benchmarks:
    /// batch size outside, length pair inside. The output is `None` for encoder-only models.
    pub fn points(&self) -> Vec<Point> {
        let outputs = &self.lengths.outputs;
        let pairs = self
            .lengths
            .inputs
            .iter()
            .enumerate()
            .map(|(i, &input)| (input, outputs.get(i).copied()));
        let pairs: Vec<_> = pairs.collect();
        self.batch_sizes
            .iter()
            .flat_map(|&batch_size| {
                pairs.iter().map(move |&(input, output)| Point { batch_size, input, output })
            })
            .collect()
    }
}

/// One measured point of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Fixed batch size, 0 when not fixed.
    pub batch_size: u32,
    /// Input length (ISL) in tokens.
    pub input: u32,
    /// Output length (OSL) in tokens.
    pub output: Option<u32>,
}
