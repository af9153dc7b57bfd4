//! The help pages.

use super::option::{Kind, Opt};
use super::parse::Command;

/// Width of a page.
const WIDTH: usize = 80;
/// Column of the descriptions.
const TEXT_COLUMN: usize = 30;

/// The page of a command called as `path`.
pub fn command_help(command: &Command, path: &str) -> String {
    let mut page =
        format!("Usage: {path} {}\n\n  {}\n\nOptions:\n", command.usage(), command.about);
    for option in command.options {
        page += &entry(&spelling(option), &description(option));
    }
    page + &entry("--help", "Show this message and exit.")
}

/// The page of the group, with its commands.
pub fn group_help(group: &Command, commands: &[Command], path: &str) -> String {
    let mut page = command_help(group, path) + "\nCommands:\n";
    for command in commands {
        page += &entry(command.name, command.about);
    }
    page
}

fn spelling(option: &Opt) -> String {
    // Click puts the short spelling first.
    let mut names = option.names.to_vec();
    names.sort_by_key(|name| name.starts_with("--"));
    let names = names.join(", ");
    match option.kind {
        Kind::Flag => names,
        Kind::Switch(off) => format!("{names} / {off}"),
        Kind::Text => format!("{names} TEXT"),
        Kind::Int => format!("{names} INTEGER"),
        Kind::IntFrom(_) => format!("{names} INTEGER RANGE"),
        Kind::Float => format!("{names} FLOAT"),
        Kind::Bool => format!("{names} BOOLEAN"),
        Kind::Choice(choices) => format!("{names} [{}]", choices.join("|")),
        Kind::Path | Kind::ExistingPath => format!("{names} PATH"),
        Kind::OutputFile => format!("{names} FILE"),
    }
}

fn description(option: &Opt) -> String {
    let mut notes = Vec::new();
    if let Kind::IntFrom(least) = option.kind {
        notes.push(format!("x>={least}"));
    }
    if let Some(default) = option.default {
        notes.push(format!("default: {default}"));
    }
    if option.required {
        notes.push("required".to_owned());
    }
    match notes.is_empty() {
        true => option.help.to_owned(),
        false => format!("{}  [{}]", option.help, notes.join("; ")),
    }
}

fn entry(spelling: &str, description: &str) -> String {
    let mut text = format!("  {spelling}");
    if text.len() + 2 > TEXT_COLUMN {
        text.push('\n');
        text += &" ".repeat(TEXT_COLUMN);
    } else {
        text += &" ".repeat(TEXT_COLUMN - text.len());
    }
    let mut column = TEXT_COLUMN;
    for (index, word) in description.split(' ').enumerate() {
        if index > 0 && column + 1 + word.len() > WIDTH {
            text.push('\n');
            text += &" ".repeat(TEXT_COLUMN);
            column = TEXT_COLUMN;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += word.len();
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_descriptions_wrap_under_their_column() {
        let text = entry("--concurrency INTEGER", &"word ".repeat(20));
        let lines: Vec<&str> = text.trim_end().lines().collect();
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{text}");
        assert!(lines[1].starts_with(&" ".repeat(TEXT_COLUMN)));
    }
}
