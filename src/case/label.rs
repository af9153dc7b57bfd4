//! The label grammar: fields separated by `-`, consumed strictly from the front.

use std::ops::Range;
use std::str::FromStr;

use super::fields::{Backend, Case, DataType, DisaggSide, KvCacheDtype, Lengths, Mode, Runtime};
use super::models::ModelTable;
use super::validate;
use super::values::{batch_sizes, list, pairs, parse_number};
use crate::list::nearest;

/// A label that means nothing: what is wrong and which part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .help.as_deref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct LabelError {
    /// Bytes of the label the message is about.
    pub span: Range<usize>,
    pub message: String,
    /// What is accepted, or what to write instead.
    pub help: Option<String>,
}

/// The only field with a key before the data type.
const SUBTYPE: &str = "subtype";
/// The fields after the data type, in the only order that is accepted. Those before it are positional words.
const TAIL: [&str; 20] = [
    "gwp",
    "mp",
    "maxbs",
    "maxnt",
    "kv_frac",
    "build_only",
    "bs",
    "input_output_len",
    "input_len",
    "beams",
    "loras",
    "quant",
    "kv_cache_dtype",
    "reqs",
    "con",
    "ep",
    "tp",
    "pp",
    "gpus",
    "extra",
];
/// The lengths of a case that only builds, as its canonical label states them.
const LENGTHS_OF_BUILD_ONLY: &str = "input_output_len:8,1";
/// Words that stand before the data type.
const FLAGS: [&str; 5] = ["exe", "pytorch", "_autodeploy", "streaming", "static_batching"];

impl Case {
    /// Parses and validates a label, e.g. `llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128`.
    ///
    /// # Errors
    /// The first fault, with the part of the label it is in.
    pub fn parse(label: &str, models: &ModelTable) -> Result<Self, LabelError> {
        let mut parser = Parser::new(label);
        let mut case = parser.case()?;
        validate::validate(&mut case, &parser.spans, models)?;
        Ok(case)
    }
}

/// Where each field stands in the label, for faults found after parsing.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(&'static str, Range<usize>)>);

impl Spans {
    /// Place of a field; the whole start of the label when it is not written out.
    pub fn of(&self, field: &str) -> Range<usize> {
        self.0.iter().find(|(name, _)| *name == field).map_or(0..0, |(_, span)| span.clone())
    }
}

struct Parser<'a> {
    label: &'a str,
    /// The parts between the dashes, with their place.
    parts: Vec<(&'a str, Range<usize>)>,
    next: usize,
    spans: Spans,
}

impl<'a> Parser<'a> {
    fn new(label: &'a str) -> Self {
        let mut at = 0;
        let parts = label
            .split('-')
            .map(|part| {
                let span = at..at + part.len();
                at = span.end + 1;
                (part, span)
            })
            .collect();
        Self { label, parts, next: 0, spans: Spans::default() }
    }

    fn case(&mut self) -> Result<Case, LabelError> {
        let model = self.word("model", "a model name")?;
        let subtype = self.keyed(SUBTYPE).map(|(value, _)| value.to_owned());
        let word = self.word("runtime", "a runtime")?;
        let runtime = Runtime::from_word(word)
            .ok_or_else(|| self.unknown("runtime", "runtime", word, Runtime::WORDS))?;
        let mut case = Case::new(model, runtime);
        case.device_subtype = subtype;
        if runtime == Runtime::DisaggServer {
            case.disagg = Some(self.disagg()?);
            return Ok(case);
        }
        self.head(&mut case)?;
        self.tail(&mut case)?;
        match self.parts.get(self.next) {
            None => Ok(case),
            Some(_) => Err(self.misplaced("unexpected")),
        }
    }

    /// The words up to the data type.
    fn head(&mut self, case: &mut Case) -> Result<(), LabelError> {
        case.exe_api = self.flag("exe");
        case.backend = if self.flag("pytorch") {
            Backend::PyTorch
        } else if self.flag("_autodeploy") {
            Backend::AutoDeploy
        } else {
            Backend::TensorRt
        };
        case.streaming = self.flag("streaming");
        case.static_batching = self.flag("static_batching");
        if !matches!(case.runtime, Runtime::Bench | Runtime::Serve) {
            let word = self.word("mode", "a mode")?;
            case.mode = Mode::from_word(word)
                .ok_or_else(|| self.unknown("mode", "mode", word, Mode::WORDS))?;
        }
        let word = self.word("data_type", "a data type")?;
        case.data_type = DataType::from_word(word).ok_or_else(|| {
            if FLAGS.contains(&word) || keyed_field(word).is_some() {
                self.next -= 1;
                return self.misplaced("no data type before");
            }
            self.unknown("data_type", "data type", word, DataType::WORDS)
        })?;
        Ok(())
    }

    /// The keyed fields after the data type.
    fn tail(&mut self, case: &mut Case) -> Result<(), LabelError> {
        case.gpu_weights_fraction = self.number("gwp")?;
        case.multiple_profiles = self.flag("mp");
        set(&mut case.max_batch_size, self.number("maxbs")?);
        set(&mut case.max_num_tokens, self.number("maxnt")?);
        set(&mut case.kv_cache_fraction, self.number("kv_frac")?);
        case.build_only = self.flag("build_only");
        if case.build_only {
            // The canonical label states the lengths that nothing will run with.
            self.flag(LENGTHS_OF_BUILD_ONLY);
        } else {
            if let Some((text, span)) = self.keyed("bs") {
                case.batch_sizes = batch_sizes(text, &span)?;
            }
            case.lengths = self.lengths()?;
        }
        set(&mut case.beams, self.number("beams")?);
        set(&mut case.loras, self.number("loras")?);
        case.quantization =
            self.keyed("quant").map(|(text, _)| text.to_owned()).filter(|text| !text.is_empty());
        if let Some((word, _)) = self.keyed("kv_cache_dtype") {
            case.kv_cache_dtype = KvCacheDtype::from_word(word).ok_or_else(|| {
                self.unknown("kv_cache_dtype", "KV cache data type", word, KvCacheDtype::WORDS)
            })?;
        }
        set(&mut case.requests, self.number("reqs")?);
        case.concurrency = self.number("con")?;
        case.parallel.ep = self.number("ep")?;
        set(&mut case.parallel.tp, self.number("tp")?);
        set(&mut case.parallel.pp, self.number("pp")?);
        set(&mut case.parallel.gpus, self.number("gpus")?);
        if let Some(fraction) = self.number("kv_frac")? {
            case.kv_cache_fraction = fraction;
            // The default is not printed, so it stands nowhere.
            case.kv_frac_last = fraction != Case::DEFAULT_KV_CACHE_FRACTION;
        }
        case.extra = self.flag("extra");
        Ok(())
    }

    fn lengths(&mut self) -> Result<Lengths, LabelError> {
        if let Some((text, span)) = self.keyed("input_output_len") {
            return pairs(text, &span);
        }
        if let Some((text, span)) = self.keyed("input_len") {
            return Ok(Lengths { inputs: list(text, &span, "input_len")?, outputs: Vec::new() });
        }
        if self.next == self.parts.len() {
            return Err(self.ended("input_output_len:<ISL>,<OSL>"));
        }
        Err(self.misplaced("no sequence lengths before"))
    }

    fn disagg(&mut self) -> Result<(DisaggSide, DisaggSide), LabelError> {
        // The canonical form repeats the runtime, and says nothing of a side of one GPU.
        let canonical = self.flag("disagg_server");
        let context = self.side("ctx", canonical)?;
        let generation = self.side("gen", canonical)?;
        Ok((context, generation))
    }

    fn side(&mut self, name: &str, optional: bool) -> Result<DisaggSide, LabelError> {
        let accepted = format!("one of {name}_tp:<n>, {name}_dp:<n>, {name}_pp:<n>");
        let next = self.parts.get(self.next).cloned();
        if optional && next.as_ref().is_none_or(|(text, _)| !text.starts_with(name)) {
            return Ok(DisaggSide { tp: 1, dp: 1, pp: 1 });
        }
        let Some((text, span)) = next else { return Err(self.ended(&accepted)) };
        self.next += 1;
        let mut side = DisaggSide { tp: 1, dp: 1, pp: 1 };
        let size = text
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('_'))
            .and_then(|rest| rest.split_once(':'));
        let slot = match size {
            Some(("tp", _)) => &mut side.tp,
            Some(("dp", _)) => &mut side.dp,
            Some(("pp", _)) => &mut side.pp,
            _ => {
                return Err(error(
                    span.clone(),
                    format!("unexpected `{text}`"),
                    format!("expected {accepted}"),
                ));
            }
        };
        let digits = size.map_or("", |(_, digits)| digits);
        *slot = parse_number(digits, &span, name)?;
        if *slot == 0 {
            return Err(error(span, format!("`{text}` is no size"), "write 1 or more"));
        }
        Ok(side)
    }

    /// The next part, whatever it is.
    fn word(&mut self, field: &'static str, what: &str) -> Result<&'a str, LabelError> {
        let Some((text, span)) = self.parts.get(self.next).cloned() else {
            return Err(self.ended(what));
        };
        if text.is_empty() {
            return Err(error(
                span,
                format!("nothing between two dashes where {what} is expected"),
                order_help(),
            ));
        }
        self.next += 1;
        self.spans.0.push((field, span));
        Ok(text)
    }

    fn flag(&mut self, word: &'static str) -> bool {
        let found = self.parts.get(self.next).is_some_and(|(text, _)| *text == word);
        if found {
            self.spans.0.push((word, self.parts[self.next].1.clone()));
            self.next += 1;
        }
        found
    }

    /// The value of `key:value` when that is the next part, with the place of the value.
    fn keyed(&mut self, key: &'static str) -> Option<(&'a str, Range<usize>)> {
        let (text, span) = self.parts.get(self.next)?.clone();
        let value = text.strip_prefix(key)?.strip_prefix(':')?;
        self.next += 1;
        let at = span.end - value.len();
        let end = span.end;
        self.spans.0.push((key, span));
        Some((value, at..end))
    }

    fn number<T: FromStr>(&mut self, key: &'static str) -> Result<Option<T>, LabelError> {
        self.keyed(key).map(|(text, span)| parse_number(text, &span, key)).transpose()
    }

    fn ended(&self, what: &str) -> LabelError {
        let end = self.label.len();
        error(end..end, format!("label ends where {what} is expected"), order_help())
    }

    fn unknown(&self, field: &str, what: &str, word: &str, accepted: &[&str]) -> LabelError {
        unknown(self.spans.of(field), what, word, accepted)
    }

    /// The first field already read that comes after `field` in the grammar.
    fn first_after(&self, field: &str) -> Option<&'static str> {
        let place = |name: &str| TAIL.iter().position(|known| *known == name);
        let read = self.spans.0.iter().map(|(name, _)| *name);
        read.into_iter().find(|name| place(name).is_some_and(|other| Some(other) > place(field)))
    }

    /// A part that cannot stand where it does: a known field out of order, or no field at all.
    fn misplaced(&self, fault: &str) -> LabelError {
        let (text, span) = self.parts[self.next].clone();
        let message = format!("{fault} `{text}`");
        let help = match keyed_field(text) {
            Some(SUBTYPE) => "write it behind the model".to_owned(),
            Some(field) => match self.first_after(field) {
                Some(later) => format!("write it before `{later}`"),
                None => order_help(),
            },
            None if FLAGS.contains(&text) => order_help(),
            None => {
                let key = text.split(':').next().unwrap_or(text);
                match nearest(key, TAIL) {
                    Some(near) => format!("did you mean `{near}`? {}", order_help()),
                    None => order_help(),
                }
            }
        };
        error(span, message, help)
    }
}

/// The field a part spells, when it spells one (`maxbs:8`, `mp`).
fn keyed_field(text: &str) -> Option<&'static str> {
    let key = text.split(':').next().unwrap_or(text);
    [SUBTYPE].into_iter().chain(TAIL).find(|field| *field == key)
}

fn order_help() -> String {
    format!(
        "order of fields: model, {SUBTYPE}, runtime, {}, mode, data type, {}",
        FLAGS.join(", "),
        TAIL.join(", ")
    )
}

/// A word outside a closed set.
pub(super) fn unknown(span: Range<usize>, what: &str, word: &str, accepted: &[&str]) -> LabelError {
    let near = nearest(word, accepted.iter().copied());
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    error(
        span,
        format!("unknown {what} `{word}`"),
        format!("{near}accepted: {}", accepted.join(", ")),
    )
}

pub(super) fn error(
    span: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> LabelError {
    LabelError { span, message: message.into(), help: Some(help.into()) }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
