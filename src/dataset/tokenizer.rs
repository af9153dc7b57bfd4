//! What a data set needs to know of a model's tokenizer: how many ids there are, and which ends a sequence.
//!
//! `tokenizer.json` of today's models has 9 to 17 MB. It is walked once with borrowed strings, and
//! nothing of it is built in memory; all of it is checked to be JSON, so that a download cut short
//! does not pass.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::DatasetError;

/// The largest vocabulary that is accepted; ids then have at most seven digits. Ten times more than any
/// model's.
pub const MAX_VOCAB: u32 = 10_000_000;

const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";

/// The facts of a tokenizer that a synthetic data set depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenizerFacts {
    /// Entries of the base vocabulary, added tokens not counted: ids are drawn from `0..vocab_size`.
    pub vocab_size: u32,
    /// The id that ends a sequence and is never drawn. May lie beyond `vocab_size`.
    pub eos_id: u32,
}

impl TokenizerFacts {
    /// Reads `tokenizer.json`, `tokenizer_config.json` and, if need be, `special_tokens_map.json` of a model directory.
    ///
    /// # Errors
    /// When a file is missing, is not JSON, has no vocabulary, or the EOS token is not named or has no id.
    pub fn read(directory: &Path) -> Result<Self, DatasetError> {
        if !directory.is_dir() {
            return Err(DatasetError::NoTokenizerDirectory(directory.to_owned()));
        }
        let (path, text) = read_file(directory, TOKENIZER)?;
        let token = read_eos_token(directory)?;
        let mut json = serde_json::Deserializer::from_slice(&text);
        let found = Document { eos: &token }
            .deserialize(&mut json)
            .and_then(|found| json.end().map(|()| found))
            .map_err(|error| json_error(&path, &error))?;
        let Some(vocab_size) = found.vocab_size else {
            return Err(DatasetError::NoVocabulary(path));
        };
        match found.eos_added.or(found.eos_in_vocab) {
            Some(eos_id) => Ok(Self { vocab_size, eos_id }),
            None => Err(DatasetError::EosNotInVocabulary { path, token }),
        }
    }

    /// Refuses a vocabulary from which nothing can be drawn.
    pub(super) fn check(&self) -> Result<(), DatasetError> {
        match *self {
            Self { vocab_size: 1, eos_id: 0 } => Err(DatasetError::OnlyEos),
            Self { vocab_size: 1..=MAX_VOCAB, .. } => Ok(()),
            Self { vocab_size, .. } => Err(DatasetError::VocabularySize(vocab_size.into())),
        }
    }
}

fn read_file(directory: &Path, file: &'static str) -> Result<(PathBuf, Vec<u8>), DatasetError> {
    let path = directory.join(file);
    match fs::read(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(DatasetError::NoTokenizerFile { file, directory: directory.to_owned() })
        }
        Err(source) => Err(DatasetError::Read { path, source }),
    }
}

/// What is read of `tokenizer_config.json`, and of `special_tokens_map.json`, which has no class.
#[derive(Deserialize)]
struct Config {
    eos_token: Option<Token>,
    #[cfg(feature = "real-datasets")]
    tokenizer_class: Option<String>,
}

impl Config {
    fn read(directory: &Path, file: &'static str) -> Result<(PathBuf, Self), DatasetError> {
        let (path, text) = read_file(directory, file)?;
        match serde_json::from_slice(&text) {
            Ok(config) => Ok((path, config)),
            Err(error) => Err(json_error(&path, &error)),
        }
    }
}

/// The text of the EOS token. Models that were saved long ago have it in the map of special tokens alone.
fn read_eos_token(directory: &Path) -> Result<String, DatasetError> {
    let (path, config) = Config::read(directory, CONFIG)?;
    let token = match config.eos_token {
        None if directory.join(SPECIAL_TOKENS).exists() => {
            Config::read(directory, SPECIAL_TOKENS)?.1.eos_token
        }
        token => token,
    };
    token.map(|Token(text)| text).ok_or(DatasetError::NoEosToken(path))
}

/// The Python class of a tokenizer. `save_pretrained` leaves out the `Fast` that `AutoTokenizer` puts back where there
/// is a `tokenizer.json`; a directory that names no class has the general one.
#[cfg(feature = "real-datasets")]
pub(super) fn python_class(directory: &Path) -> Result<String, DatasetError> {
    let class = match Config::read(directory, CONFIG) {
        Ok((_, config)) => config.tokenizer_class,
        Err(DatasetError::NoTokenizerFile { .. }) => None,
        Err(error) => return Err(error),
    };
    let class = class.unwrap_or_else(|| "PreTrainedTokenizerFast".to_owned());
    Ok(if class.ends_with("Fast") { class } else { class + "Fast" })
}

/// A special token: its text, or an object that has it as `content`.
struct Token(String);

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct TextOrObject;
        impl<'de> Visitor<'de> for TextOrObject {
            type Value = Token;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token (a string, or an object with `content`)")
            }

            fn visit_str<E>(self, text: &str) -> Result<Token, E> {
                Ok(Token(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Token, A::Error> {
                #[derive(Deserialize)]
                struct Object {
                    content: String,
                }
                let object = Object::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Token(object.content))
            }
        }
        json.deserialize_any(TextOrObject)
    }
}

fn json_error(path: &Path, error: &serde_json::Error) -> DatasetError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    // A fault before the first character is told as column 0.
    DatasetError::Json { path: path.to_owned(), line, column: column.max(1), message }
}

/// What the walk through `tokenizer.json` has found.
#[derive(Default)]
struct Found {
    vocab_size: Option<u32>,
    eos_in_vocab: Option<u32>,
    eos_added: Option<u32>,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    AddedTokens,
    Model,
    Vocab,
    #[serde(other)]
    Other,
}

/// The whole file.
struct Document<'a> {
    eos: &'a str,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tokenizer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::AddedTokens => {
                    let tokens: Vec<AddedToken> = map.next_value()?;
                    found.eos_added = tokens.iter().find(|t| t.content == self.eos).map(|t| t.id);
                }
                Key::Model => {
                    if let Some(vocab) = map.next_value_seed(Model { eos: self.eos })? {
                        found.vocab_size = Some(vocab.size);
                        found.eos_in_vocab = vocab.eos;
                    }
                }
                Key::Vocab | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// The object `model`, of which only `vocab` counts.
struct Model<'a> {
    eos: &'a str,
}

impl<'de> DeserializeSeed<'de> for Model<'_> {
    type Value = Option<Counted>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model<'_> {
    type Value = Option<Counted>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tokenizer model")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut counted = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Vocab => counted = Some(map.next_value_seed(Vocab { eos: self.eos })?),
                Key::AddedTokens | Key::Model | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(counted)
    }
}

/// `model.vocab`: an object of ids (BPE, WordPiece, WordLevel) or an array of `[token, score]` (Unigram).
struct Vocab<'a> {
    eos: &'a str,
}

struct Counted {
    size: u32,
    eos: Option<u32>,
}

impl Counted {
    const NONE: Self = Self { size: 0, eos: None };

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.size += 1;
        if self.size > MAX_VOCAB {
            Err(E::custom("more vocabulary entries than any tokenizer has"))
        } else {
            Ok(())
        }
    }
}

impl<'de> DeserializeSeed<'de> for Vocab<'_> {
    type Value = Counted;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Counted, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Vocab<'_> {
    type Value = Counted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vocabulary (an object of ids, or an array of [token, score])")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counted, A::Error> {
        let mut counted = Counted::NONE;
        while let Some(is_eos) = map.next_key_seed(Is(self.eos))? {
            if is_eos {
                counted.eos = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            counted.count()?;
        }
        Ok(counted)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Counted, A::Error> {
        let mut counted = Counted::NONE;
        while let Some(is_eos) = seq.next_element_seed(Piece(self.eos))? {
            if is_eos {
                counted.eos = Some(counted.size);
            }
            counted.count()?;
        }
        Ok(counted)
    }
}

/// Whether a string is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }

    fn visit_str<E>(self, token: &str) -> Result<bool, E> {
        Ok(token == self.0)
    }
}

/// Whether the token of a `[token, score]` is this one.
struct Piece<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Piece<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Piece<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pair of token and score")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let is_eos = seq
            .next_element_seed(Is(self.0))?
            .ok_or_else(|| A::Error::invalid_length(0, &"a pair of token and score"))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(is_eos)
    }
}
