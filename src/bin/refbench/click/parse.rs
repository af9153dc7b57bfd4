//! The parser: words to options, options to values.
//!
//! Faults are found in Click's order: first those of form (an unknown option, a missing or superfluous value) in the
//! order of the words, then `--help`, then values in the order given, then what is missing, then words left over.

use std::collections::HashMap;

use super::error::UsageError;
use super::option::{Kind, Opt, OptionGroup};
use super::suggestion::close_matches;
use super::value::{Value, convert};

/// A command (or the group before it).
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// How it is called, e.g. `throughput`; empty for the group.
    pub name: &'static str,
    /// What it does, for the help.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [Opt],
    /// Options that go together.
    pub groups: &'static [OptionGroup],
    /// Whether the first word that is no option ends its own part: the group's case.
    pub stops_at_word: bool,
}

/// The values of a command's options.
#[derive(Debug)]
pub struct Arguments {
    values: HashMap<&'static str, Value>,
}

/// The outcome of reading a command line without faults.
#[derive(Debug)]
pub enum Parsed {
    /// `--help` was given.
    Help,
    /// Values, and for a group the words that are left.
    Run(Arguments, Vec<String>),
}

impl Command {
    /// What stands after the command's name in a usage line.
    pub fn usage(&self) -> &'static str {
        if self.stops_at_word { "[OPTIONS] COMMAND [ARGS]..." } else { "[OPTIONS]" }
    }

    /// A fault of this command, which was called as `path`.
    pub fn fault(&self, path: &str, message: impl Into<String>) -> UsageError {
        UsageError { path: path.to_owned(), arguments: self.usage(), message: message.into() }
    }

    /// Reads `words`; `path` is the program with the commands before.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(&self, path: &str, words: &[String]) -> Result<Parsed, UsageError> {
        let (given, rest) = self.split(words).map_err(|message| self.fault(path, message))?;
        if given.iter().any(|given| given.option.is_none()) {
            return Ok(Parsed::Help);
        }
        let values = self.values(&given, &rest).map_err(|message| self.fault(path, message))?;
        Ok(Parsed::Run(Arguments { values }, rest))
    }

    fn values(
        &self,
        given: &[Given],
        rest: &[String],
    ) -> Result<HashMap<&'static str, Value>, String> {
        let mut values = HashMap::new();
        for Given { option, text } in given {
            let Some(option) = option else { continue };
            let value = convert(option.kind, text)
                .map_err(|why| format!("Invalid value for {}: {why}", option.label()))?;
            values.insert(option.name(), value);
        }
        for option in self.options {
            match option.default {
                _ if values.contains_key(option.name()) => {}
                Some(default) => {
                    values.insert(option.name(), convert(option.kind, default)?);
                }
                None if option.required => {
                    return Err(format!("Missing option {}.", option.label()));
                }
                None => {}
            }
        }
        for group in self.groups {
            let missing: Vec<_> =
                group.options.iter().filter(|name| !values.contains_key(**name)).collect();
            if !missing.is_empty() && missing.len() < group.options.len() {
                let list: Vec<String> =
                    missing.iter().map(|name| format!("\n  '{name}'")).collect();
                return Err(format!(
                    "All options from '{}' option group should be specified or none should be specified. \
                     Missing required options:{}",
                    group.name,
                    list.concat()
                ));
            }
        }
        match rest {
            _ if self.stops_at_word => Ok(values),
            [] => Ok(values),
            [one] => Err(format!("Got unexpected extra argument ({one})")),
            several => Err(format!("Got unexpected extra arguments ({})", several.join(" "))),
        }
    }

    /// Tells options with their texts from other words.
    fn split(&self, words: &[String]) -> Result<(Vec<Given>, Vec<String>), String> {
        let mut given = Vec::new();
        let mut rest = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                rest.extend(words.cloned());
                break;
            }
            if !word.starts_with('-') || word == "-" {
                rest.push(word.clone());
                if self.stops_at_word {
                    rest.extend(words.cloned());
                    break;
                }
                continue;
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            if name == "--help" {
                given.push(Given { option: None, text: String::new() });
            } else if let Some((option, on)) = self.find(name) {
                given.push(self.take(option, name, on, attached, &mut words)?);
            } else if word.starts_with("--") {
                return Err(self.no_such(name));
            } else {
                given.push(self.short(word, &mut words)?);
            }
        }
        Ok((given, rest))
    }

    fn take<'w>(
        &self,
        option: &'static Opt,
        name: &str,
        on: bool,
        attached: Option<String>,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<Given, String> {
        let text = match (option.is_flag(), attached) {
            (true, Some(_)) => return Err(format!("Option '{name}' does not take a value.")),
            (true, None) => on.to_string(),
            (false, Some(value)) => value,
            (false, None) => words
                .next()
                .cloned()
                .ok_or_else(|| format!("Option '{name}' requires an argument."))?,
        };
        Ok(Given { option: Some(option), text })
    }

    /// `-mVALUE` or `-m VALUE`; no one-letter flags exist.
    fn short<'w>(
        &self,
        word: &str,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<Given, String> {
        let name: String = word.chars().take(2).collect();
        let Some((option, on)) = self.find(&name) else {
            return Err(format!("No such option: {name}"));
        };
        let attached = &word[name.len()..];
        let attached = if attached.is_empty() { None } else { Some(attached.to_owned()) };
        self.take(option, &name, on, attached, words)
    }

    /// The option spelt `name`, and whether that spelling switches it on.
    fn find(&self, name: &str) -> Option<(&'static Opt, bool)> {
        self.options.iter().find_map(|option| {
            if option.names.contains(&name) {
                return Some((option, true));
            }
            matches!(option.kind, Kind::Switch(off) if off == name).then_some((option, false))
        })
    }

    fn no_such(&self, name: &str) -> String {
        let spellings = self.options.iter().flat_map(|option| {
            let off = if let Kind::Switch(off) = option.kind { Some(off) } else { None };
            option.names.iter().copied().chain(off)
        });
        let spellings = spellings.chain(["--help"]).filter(|name| name.len() > 2);
        match close_matches(name, spellings).as_slice() {
            [] => format!("No such option: {name}"),
            [one] => format!("No such option: {name} Did you mean {one}?"),
            several => {
                format!("No such option: {name} (Possible options: {})", several.join(", "))
            }
        }
    }
}

/// An option as written; `--help` has none.
struct Given {
    option: Option<&'static Opt>,
    text: String,
}

impl Arguments {
    /// The text given for (or the default of) the option with this principal spelling.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// The number.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.values.get(name) {
            Some(Value::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Flag(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "go",
        about: "",
        options: &[
            Opt::new(&["--tp_size", "-tp"], Kind::Int, "").or("1"),
            Opt::new(&["--quantization", "-q"], Kind::Choice(&["FP8", "INT8"]), ""),
            Opt::new(&["--streaming"], Kind::Flag, ""),
            Opt::new(&["--chunk"], Kind::Switch("--no_chunk"), "").or("true"),
            Opt::new(&["--target"], Kind::IntFrom(1), ""),
            Opt::new(&["--config", "--extra"], Kind::Text, ""),
            Opt::new(&["--fraction"], Kind::Float, ""),
            Opt::new(&["--a"], Kind::Int, ""),
            Opt::new(&["--trust"], Kind::Bool, ""),
        ],
        groups: &[OptionGroup { name: "Pair", options: &["--target", "--a"] }],
        stops_at_word: false,
    };

    fn parse(line: &str) -> Result<Arguments, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match COMMAND.parse("refbench go", &words) {
            Ok(Parsed::Run(arguments, _)) => Ok(arguments),
            Ok(Parsed::Help) => Err("help".to_owned()),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn values_follow_an_equals_sign_or_a_blank_and_the_last_one_counts() {
        let arguments =
            parse("--tp_size=2 -tp 3 -qFP8 --extra x --fraction 0.5 --trust=yes").expect("valid");
        assert_eq!(arguments.int("--tp_size"), Some(3));
        assert_eq!(arguments.text("--quantization"), Some("FP8"));
        assert_eq!(arguments.text("--config"), Some("x"));
        assert_eq!(arguments.float("--fraction"), Some(0.5));
        assert!(arguments.flag("--trust") && arguments.flag("--chunk"));
        assert!(!arguments.flag("--streaming"));
        assert!(!parse("--no_chunk").expect("valid").flag("--chunk"));
        assert_eq!(parse("--tp_size -5").expect("valid").int("--tp_size"), Some(-5));
    }

    #[test]
    fn faults_are_worded_as_click_words_them() {
        for (line, message) in [
            ("--streem", "No such option: --streem (Possible options: --streaming, --target)"),
            ("--quantizatio", "No such option: --quantizatio Did you mean --quantization?"),
            ("--zzz", "No such option: --zzz"),
            ("-x", "No such option: -x"),
            ("--streaming=1", "Option '--streaming' does not take a value."),
            ("--target", "Option '--target' requires an argument."),
            ("--target 0 --a 1", "Invalid value for '--target': 0 is not in the range x>=1."),
            (
                "--tp_size two",
                "Invalid value for '--tp_size' / '-tp': 'two' is not a valid integer.",
            ),
            ("--fraction x", "Invalid value for '--fraction': 'x' is not a valid float."),
            ("--trust perhaps", "Invalid value for '--trust': 'perhaps' is not a valid boolean."),
            (
                "-q fp8",
                "Invalid value for '--quantization' / '-q': 'fp8' is not one of 'FP8', 'INT8'.",
            ),
            ("a", "Got unexpected extra argument (a)"),
            ("a --streaming b", "Got unexpected extra arguments (a b)"),
            (
                "--a 3",
                "All options from 'Pair' option group should be specified or none should be specified. \
                 Missing required options:\n  '--target'",
            ),
            ("--help --fraction x", "help"),
            ("--help --zzz", "No such option: --zzz"),
        ] {
            assert_eq!(parse(line).map(|_| ()), Err(message.to_owned()), "{line}");
        }
    }
}
