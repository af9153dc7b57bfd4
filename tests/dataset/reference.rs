//! The data sets once more: short, slow, everything in memory, sharing nothing with the crate.

use std::collections::HashSet;

use serde_json::{Value, json};
use trtllm_perf::dataset::{Lengths, Spec, TaskIds, TokenizerFacts};

/// The Mersenne Twister as the recurrence of its paper, over a sequence that is kept from the beginning.
struct Twister {
    sequence: Vec<u32>,
    used: usize,
}

impl Twister {
    fn seeded(seed: u32) -> Self {
        let mut sequence = vec![seed];
        for i in 1..624_u32 {
            let last = *sequence.last().expect("not empty");
            sequence.push(1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i));
        }
        Self { sequence, used: 0 }
    }

    fn seeded_by_words(words: &[u32]) -> Self {
        let mut twister = Self::seeded(19_650_218);
        let x = &mut twister.sequence;
        let mut at = 1;
        let before = |x: &[u32], at: usize| x[at - 1] ^ (x[at - 1] >> 30);
        let next = |x: &mut [u32], at: usize| {
            if at == 623 {
                x[0] = x[623];
                1
            } else {
                at + 1
            }
        };
        for round in 0..624.max(words.len()) {
            let j = round % words.len();
            x[at] = (x[at] ^ before(x, at).wrapping_mul(1_664_525))
                .wrapping_add(words[j])
                .wrapping_add(j as u32);
            at = next(x, at);
        }
        for _ in 0..623 {
            x[at] = (x[at] ^ before(x, at).wrapping_mul(1_566_083_941)).wrapping_sub(at as u32);
            at = next(x, at);
        }
        x[0] = 0x8000_0000;
        twister
    }

    fn word(&mut self) -> u32 {
        let x = &mut self.sequence;
        let joined = (x[self.used] & 0x8000_0000) | (x[self.used + 1] & 0x7FFF_FFFF);
        let odd = if joined % 2 == 1 { 0x9908_B0DF } else { 0 };
        x.push(x[self.used + 397] ^ (joined >> 1) ^ odd);
        self.used += 1;
        let mut y = *x.last().expect("just pushed");
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        y ^ (y >> 18)
    }

    fn unit(&mut self) -> f64 {
        let high = u64::from(self.word() >> 5);
        let low = u64::from(self.word() >> 6);
        (high << 26 | low) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: u128) -> u128 {
        let bits = 128 - bound.leading_zeros();
        loop {
            let (mut value, mut have) = (0_u128, 0);
            while have < bits {
                let take = (bits - have).min(32);
                value |= u128::from(self.word() >> (32 - take)) << have;
                have += take;
            }
            if value < bound {
                return value;
            }
        }
    }
}

fn normal_lengths(seed: u64, mean: i64, stdev: i64, count: u64) -> Vec<u64> {
    let mut twister = Twister::seeded(seed as u32);
    let mut deviates = Vec::new();
    while (deviates.len() as u64) < count {
        let (x, y) = (2.0 * twister.unit() - 1.0, 2.0 * twister.unit() - 1.0);
        let r2 = x * x + y * y;
        if r2 > 0.0 && r2 < 1.0 {
            let f = (-2.0 * r2.ln() / r2).sqrt();
            deviates.extend([f * y, f * x]);
        }
    }
    deviates.truncate(count as usize);
    deviates.iter().map(|g| (mean as f64 + stdev as f64 * g).ceil().max(1.0) as u64).collect()
}

/// The 32-bit outputs of NumPy's `default_rng`, as many as asked for.
fn pcg_words(seed: u64, count: usize) -> Vec<u32> {
    let mut key: u64 = 0x43B0_D7E5;
    let mut hashed = |value: u64| {
        let value = value ^ key;
        key = key * 0x931E_8875 % (1 << 32);
        let value = value * key % (1 << 32);
        value ^ (value >> 16)
    };
    let mut pool: Vec<u64> =
        [seed % (1 << 32), seed >> 32, 0, 0].iter().map(|&w| hashed(w)).collect();
    for (s, t) in (0..16).map(|i| (i / 4, i % 4)).filter(|(s, t)| s != t) {
        let (x, y) = (u128::from(pool[t]), u128::from(hashed(pool[s])));
        let value = ((0xCA01_F9DD * x + ((1 << 64) - 0x4973_F715 * y)) % (1 << 32)) as u64;
        pool[t] = value ^ (value >> 16);
    }
    let mut key: u64 = 0x8B51_F9DD;
    let mut quads = [0_u128; 4];
    for i in 0..8 {
        let value = pool[i % 4] ^ key;
        key = key * 0x58F3_8DED % (1 << 32);
        let value = value * key % (1 << 32);
        quads[i / 2] |= u128::from(value ^ (value >> 16)) << (32 * (i % 2));
    }
    let increment = ((quads[2] << 64) | quads[3]) << 1 | 1;
    let step = |state: u128| {
        state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(increment)
    };
    let mut state = step(increment.wrapping_add((quads[0] << 64) | quads[1]));
    let mut words = Vec::new();
    while words.len() < count {
        state = step(state);
        let folded = ((state >> 64) ^ state) as u64;
        let out = folded.rotate_right((state >> 122) as u32);
        words.extend([out as u32, (out >> 32) as u32]);
    }
    words
}

fn uniform_lengths(seed: u64, low: i64, high: i64, count: u64) -> Vec<u64> {
    let size = (high - low + 1) as u64;
    if size == 1 {
        return vec![low as u64; count as usize];
    }
    // Fewer than half of the draws are rejected.
    pcg_words(seed, 4 * count as usize + 1000)
        .into_iter()
        .map(|word| u64::from(word) * size)
        .filter(|product| product % (1 << 32) >= (1 << 32) % size)
        .map(|product| low as u64 + (product >> 32))
        .take(count as usize)
        .collect()
}

fn token_ids(twister: &mut Twister, facts: TokenizerFacts, length: usize) -> Vec<u64> {
    let vocab = u64::from(facts.vocab_size);
    let mut set_size = 21.0;
    if length > 5 {
        set_size += 4_f64.powf((3.0 * length as f64).log(4.0).ceil());
    }
    let mut ids: Vec<u64> = Vec::new();
    if length as u64 >= vocab {
        ids.extend((0..length).map(|_| (twister.unit() * vocab as f64).floor() as u64));
    } else if vocab as f64 <= set_size {
        let mut pool: Vec<u64> = (0..vocab).collect();
        for i in 0..length {
            let left = vocab as usize - i;
            let j = twister.below(left as u128) as usize;
            ids.push(pool[j]);
            pool[j] = pool[left - 1];
        }
    } else {
        let mut seen = HashSet::new();
        while ids.len() < length {
            let id = twister.below(u128::from(vocab)) as u64;
            if seen.insert(id) {
                ids.push(id);
            }
        }
    }
    let eos = u64::from(facts.eos_id);
    let replaced = |id| if id == eos && eos < vocab { (eos + 1) % vocab } else { id };
    ids.into_iter().map(replaced).collect()
}

/// (ids, output length, task id) of every request.
fn requests(spec: &Spec, facts: TokenizerFacts) -> Vec<(Vec<u64>, u64, i64)> {
    let (seed, count) = (spec.seed, spec.requests);
    let (inputs, outputs) = match spec.lengths {
        Lengths::Normal { input, output } => (
            normal_lengths(seed, input.mean, input.stdev, count),
            normal_lengths(seed, output.mean, output.stdev, count),
        ),
        Lengths::Uniform { input, output } => (
            uniform_lengths(seed, input.low, input.high, count),
            uniform_lengths(seed, output.low, output.high, count),
        ),
    };
    let words = [seed as u32, (seed >> 32) as u32];
    let mut twister = Twister::seeded_by_words(if words[1] == 0 { &words[..1] } else { &words });
    let ids: Vec<_> = inputs.iter().map(|&n| token_ids(&mut twister, facts, n as usize)).collect();
    let tasks: Vec<i64> = match spec.task_ids {
        TaskIds::None => vec![-1; ids.len()],
        TaskIds::Fixed(task) => vec![task; ids.len()],
        TaskIds::Random { low, high } => {
            let size = (i128::from(high) - i128::from(low) + 1) as u128;
            ids.iter().map(|_| (i128::from(low) + twister.below(size) as i128) as i64).collect()
        }
    };
    ids.into_iter()
        .zip(outputs)
        .zip(tasks)
        .map(|((ids, output), task)| (ids, output, task))
        .collect()
}

pub fn jsonl(spec: &Spec, facts: TokenizerFacts) -> String {
    let mut text = String::new();
    for (i, (ids, output, task)) in requests(spec, facts).into_iter().enumerate() {
        text += &format!(r#"{{"task_id":{i},"input_ids":{},"output_tokens":{output}"#, json!(ids));
        if let (Some(dir), true) = (&spec.lora_dir, task != -1) {
            let slash = if dir.ends_with('/') { "" } else { "/" };
            let (name, path) =
                (json!(format!("lora_{task}")), json!(format!("{dir}{slash}{task}")));
            text += &format!(
                r#","lora_request":{{"lora_name":{name},"lora_int_id":{task},"lora_path":{path}}}"#
            );
        }
        text += "}\n";
    }
    text
}

pub fn document(spec: &Spec, facts: TokenizerFacts) -> String {
    let requests = requests(spec, facts);
    let (kind, mut pairs) = match spec.lengths {
        Lengths::Normal { input: i, output: o } => (
            "token-norm-dist",
            vec![
                ("input_mean", json!(i.mean)),
                ("input_stdev", json!(i.stdev)),
                ("output_mean", json!(o.mean)),
                ("output_stdev", json!(o.stdev)),
            ],
        ),
        Lengths::Uniform { input: i, output: o } => (
            "token-unif-dist",
            vec![
                ("input_min", json!(i.low)),
                ("input_max", json!(i.high)),
                ("output_min", json!(o.low)),
                ("output_max", json!(o.high)),
            ],
        ),
    };
    pairs.insert(0, ("workload_type", json!(kind)));
    pairs.push(("num_requests", json!(spec.requests)));
    pairs.push(("tokenize_vocabsize", json!(facts.vocab_size)));
    pairs.push(("max_input_len", json!(requests.iter().map(|r| r.0.len()).max())));
    pairs.push(("max_output_len", json!(requests.iter().map(|r| r.1).max())));
    let plain = |value: &Value| value.to_string().replace('"', "");
    let name: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}:{}", plain(v))).collect();
    pairs.push(("workload_name", json!(name.join("__"))));
    let metadata: Vec<String> = pairs.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect();
    let samples: Vec<String> = requests
        .iter()
        .map(|(ids, output, task)| {
            format!(
                r#"{{"input_len": {}, "input_ids": {}, "output_len": {output}, "task_id": {task}}}"#,
                ids.len(),
                json!(ids).to_string().replace(',', ", ")
            )
        })
        .collect();
    format!(r#"{{"metadata": {{{}}}, "samples": [{}]}}"#, metadata.join(", "), samples.join(", "))
}
