//! From the words of the command line to a command's run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::cli::{BUILD, COMMANDS, GROUP, THROUGHPUT};
use super::{build, throughput};
use crate::click::{Arguments, Command, Parsed, command_help, group_help};
use crate::failure::{Exception, Failure};
use crate::log::{self, Level, Log};

/// What the options before the command say.
#[derive(Debug)]
pub struct Environment {
    pub model: String,
    pub model_path: Option<PathBuf>,
    pub workspace: PathBuf,
    pub revision: Option<String>,
    pub log: Log,
}

impl Environment {
    fn new(arguments: &Arguments) -> Result<Self, Exception> {
        let text = |name| arguments.text(name).map(str::to_owned);
        let workspace = PathBuf::from(text("--workspace").unwrap_or_default());
        fs::create_dir_all(&workspace).map_err(|error| Exception::os(&workspace, &error))?;
        Ok(Self {
            model: text("--model").unwrap_or_default(),
            model_path: text("--model_path").map(PathBuf::from),
            workspace,
            revision: text("--revision"),
            log: Log::new(
                arguments.text("--log_level").and_then(Level::named).unwrap_or(Level::Info),
            ),
        })
    }

    /// Where the model's configuration is: the path if there is one, else the name.
    pub fn checkpoint(&self) -> &Path {
        self.model_path.as_deref().unwrap_or(Path::new(&self.model))
    }
}

/// Runs the command line `words`; `program` is how it was called.
///
/// # Errors
/// The command line is wrong, or the command failed.
pub fn run(program: &str, words: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    // Paths among them end up in reports, which are UTF-8.
    let words: Result<Vec<String>, OsString> = words.map(OsString::into_string).collect();
    let words = &words.map_err(|word| {
        GROUP.fault(program, format!("Argument '{}' is not valid UTF-8.", word.display()))
    })?;
    if words.is_empty() {
        log::line(format_args!("{}", group_help(&GROUP, COMMANDS, program)));
        return Ok(());
    }
    if let Some((command, path)) = help_of_command(program, words) {
        log::line(format_args!("{}", command_help(command, &path)));
        return Ok(());
    }
    let (arguments, rest) = match GROUP.parse(program, words)? {
        Parsed::Help => {
            log::line(format_args!("{}", group_help(&GROUP, COMMANDS, program)));
            return Ok(());
        }
        Parsed::Run(arguments, rest) => (arguments, rest),
    };
    let Some((name, words)) = rest.split_first() else {
        return Err(GROUP.fault(program, "Missing command.").into());
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(GROUP.fault(program, format!("No such command '{name}'.")).into());
    };
    let path = format!("{program} {name}");
    match command.parse(&path, words)? {
        Parsed::Help => log::line(format_args!("{}", command_help(command, &path))),
        Parsed::Run(arguments_of_command, _) => {
            let environment = Environment::new(&arguments)?;
            dispatch(command, &environment, &arguments_of_command)?;
        }
    }
    Ok(())
}

fn dispatch(
    command: &Command,
    environment: &Environment,
    arguments: &Arguments,
) -> Result<(), Exception> {
    let result = match command.name {
        name if name == BUILD.name => build::run(environment, arguments),
        name if name == THROUGHPUT.name => throughput::run(environment, arguments),
        name => Err(Exception::unsupported(name)),
    };
    result.map_err(|mut exception| {
        // Where the level keeps errors out of the log, the caller prints this one.
        exception.during_benchmark &= environment.log.shows(Level::Error);
        if exception.during_benchmark {
            let text = exception.traceback(&format!("refbench {}", command.name));
            environment.log.error(format_args!("Error during benchmarking:\n{text}"));
        }
        exception
    })
}

/// `refbench throughput --help`: pages of commands can be read without the group's required options.
fn help_of_command(program: &str, words: &[String]) -> Option<(&'static Command, String)> {
    let (first, rest) = words.split_first()?;
    let command = COMMANDS.iter().find(|command| command.name == first)?;
    rest.iter().any(|word| word == "--help").then(|| (command, format!("{program} {first}")))
}
