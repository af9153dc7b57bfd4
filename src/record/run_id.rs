//! The name of a run, which is also the name of its folder.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use super::error::RecordError;

/// A run id: safe as a folder name, and either made here or given by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new id, `2026-11-24T08-15-02Z-1a2b3c4d`: the second it began and a random tail, so that two machines
    /// that begin at the same moment on one network folder do not meet.
    pub fn fresh(now: Timestamp) -> Self {
        let random = RandomState::new().hash_one(std::process::id());
        let text = format!("{}-{:08x}", now.strftime("%Y-%m-%dT%H-%M-%SZ"), random as u32);
        Self(text)
    }

    /// An id from elsewhere: `NEXTEST_RUN_ID`, or that of an earlier run.
    ///
    /// # Errors
    /// When it would not be a plain folder name.
    pub fn given(text: &str) -> Result<Self, RecordError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=100).contains(&text.len())
            && text.chars().all(plain)
            && !text.starts_with('.')
            && text != super::folder::LATEST;
        if !fits {
            return Err(RecordError::RunId(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_id_begins_with_the_second_and_never_repeats() {
        let now: Timestamp = "2026-11-24T08:15:02.7Z".parse().expect("time");
        let (one, other) = (RunId::fresh(now), RunId::fresh(now));
        assert!(one.as_str().starts_with("2026-11-24T08-15-02Z-"), "{one}");
        assert_eq!(one.as_str().len(), 29);
        assert_ne!(one, other);
        assert_eq!(RunId::given(one.as_str()).expect("is a folder name").as_str(), one.as_str());
    }

    #[test]
    fn an_id_that_is_no_plain_folder_name_is_refused() {
        for bad in ["", ".", "../x", "a/b", "latest", ".hidden", "a b", &"x".repeat(101)] {
            let error = RunId::given(bad).expect_err(bad);
            assert!(error.to_string().starts_with("use run id `"), "{error}");
        }
        RunId::given("0f2c1e9a-6a58-4a3c-9c3e-3f8d1d1f9d11").expect("nextest's ids are accepted");
    }
}
