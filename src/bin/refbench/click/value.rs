//! Option values: from text to what the option takes, with Click's wording when it is not that.

use std::fs;
use std::path::Path;

use super::option::Kind;

/// A value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Flag(bool),
    Int(i64),
    Float(f64),
}

/// Reads `text` as `kind`.
///
/// # Errors
/// Why it is none, as Click words it.
pub fn convert(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
        Kind::Flag | Kind::Switch(_) | Kind::Bool => boolean(text).map(Value::Flag),
        Kind::Int => integer(text).map(Value::Int),
        Kind::IntFrom(least) => match integer(text)? {
            value if value < least => Err(format!("{value} is not in the range x>={least}.")),
            value => Ok(Value::Int(value)),
        },
        Kind::Float => match text.trim().parse() {
            Ok(value) => Ok(Value::Float(value)),
            Err(_) => Err(format!("'{text}' is not a valid float.")),
        },
        Kind::Choice(choices) if choices.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Choice(choices) => {
            let choices: Vec<String> = choices.iter().map(|choice| format!("'{choice}'")).collect();
            let one_of = if choices.len() == 1 { "is not" } else { "is not one of" };
            Err(format!("'{text}' {one_of} {}.", choices.join(", ")))
        }
        Kind::ExistingPath => match fs::metadata(text) {
            Ok(_) => Ok(Value::Text(text.to_owned())),
            Err(_) => Err(format!("Path '{text}' does not exist.")),
        },
        Kind::OutputFile if Path::new(text).is_dir() => {
            Err(format!("File '{text}' is a directory."))
        }
        Kind::OutputFile => Ok(Value::Text(text.to_owned())),
    }
}

fn integer(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("'{text}' is not a valid integer."))
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err(format!("'{text}' is not a valid boolean.")),
    }
}
