//! Where a history is kept, as the user names it, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::HistoryError;
use super::sql::SqlStore;
use super::sqlite::Sqlite;
use super::store::Store;

/// Where the history is, when nothing else is said: in the working directory.
pub const DEFAULT_FILE: &str = "perf-history.sqlite";

/// What `--history` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database by its URL, which may hold a password.
    Postgres(String),
    /// Nothing is kept.
    Nowhere,
}

/// Whether a history that is not there is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Create,
    Existing,
}

impl Default for Place {
    fn default() -> Self {
        Self::File(DEFAULT_FILE.into())
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("it is empty; name a file, postgres://… or none".to_owned()),
            "none" => Ok(Self::Nowhere),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            other => match other.split_once("://") {
                Some((scheme, _)) => Err(format!(
                    "`{scheme}` is no kind of store; accepted: a file, postgres://…, none"
                )),
                None => Ok(Self::File(other.into())),
            },
        }
    }
}

/// For people: without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&crate::record::without_secrets(url)),
            Self::Nowhere => f.write_str("none"),
        }
    }
}

impl Place {
    /// The same from any working directory.
    #[must_use]
    pub fn absolute(self) -> Self {
        match self {
            Self::File(path) => Self::File(std::path::absolute(&path).unwrap_or(path)),
            other => other,
        }
    }

    /// The file, of a history that is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// Opens the history; an older one is brought up to date.
    ///
    /// # Errors
    /// When it cannot be opened, lies where it must not, or is of a newer version.
    pub fn open(&self, mode: Mode) -> Result<Box<dyn Store>, HistoryError> {
        match self {
            Self::File(path) => {
                Ok(Box::new(SqlStore::new(Sqlite::open(path, mode == Mode::Create)?)?))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => Ok(Box::new(SqlStore::new(
                super::postgres::Postgres::connect(url, &self.to_string())?,
            )?)),
            #[cfg(not(feature = "postgres"))]
            Self::Postgres(_) => Err(HistoryError::Location(format!(
                "{self}: this build knows no PostgreSQL; build with `--features postgres`, or name a file"
            ))),
            Self::Nowhere => Err(HistoryError::Location(
                "none is no history to work with; name a file or postgres://…".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_a_database_or_nowhere_and_shows_no_password() {
        let place = |text: &str| text.parse::<Place>();
        assert_eq!(place("a/b.sqlite"), Ok(Place::File("a/b.sqlite".into())));
        assert_eq!(place("none"), Ok(Place::Nowhere));
        assert!(place("").is_err());
        let error = place("mysql://db").expect_err("no kind of store");
        assert_eq!(error, "`mysql` is no kind of store; accepted: a file, postgres://…, none");
        let shown = place("postgres://ann:s3cret@db/perf").expect("a URL").to_string();
        assert_eq!(shown, "postgres://***@db/perf");
    }
}
