//! What options a command has: plain data.

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// All spellings, the principal one first.
    pub names: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Value when it is not given.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// One sentence for the help.
    pub help: &'static str,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Text,
    /// Present or not.
    Flag,
    /// Present, or its opposite, which is named.
    Switch(&'static str),
    Int,
    /// A whole number of at least this.
    IntFrom(i64),
    Float,
    Bool,
    Choice(&'static [&'static str]),
    /// A path that need not exist.
    Path,
    /// A path that must exist.
    ExistingPath,
    /// A path to write to, which must not be a directory.
    OutputFile,
}

impl Opt {
    /// An option without default.
    pub const fn new(names: &'static [&'static str], kind: Kind, help: &'static str) -> Self {
        Self { names, kind, default: None, required: false, help }
    }

    /// The same option with a default.
    pub const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The same option, which must be given.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The principal spelling, by which the program asks for it.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// How messages name it: `'--model' / '-m'`.
    pub fn label(&self) -> String {
        let mut names: Vec<String> = self.names.iter().map(|name| format!("'{name}'")).collect();
        if let Kind::Switch(off) = self.kind {
            names.push(format!("'{off}'"));
        }
        names.join(" / ")
    }

    /// Whether it takes no value.
    pub fn is_flag(&self) -> bool {
        matches!(self.kind, Kind::Flag | Kind::Switch(_))
    }
}

/// Options of which all or none must be given.
#[derive(Debug, Clone, Copy)]
pub struct OptionGroup {
    /// Its name in messages.
    pub name: &'static str,
    /// Principal spellings.
    pub options: &'static [&'static str],
}
