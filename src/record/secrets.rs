//! Takes secrets out of what is kept of a command line: what cannot be written down cannot be read by others later.

use once_cell::sync::Lazy;
use regex::{Captures, Regex};

/// What stands for a secret.
const HIDDEN: &str = "***";

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// Names whose value is a secret: of options, of variables, of parameters of a URL. `tokens` and `tokenizer` are none.
const NAMES: &str = r"(?:[\w-]*[_-])?(?:token|password|passwd|passphrase|secret|credentials?|apikey|key|pwd|auth|pat)";

/// `scheme://user:password@host`: all that stands before the host.
static USER_OF_URL: Lazy<Regex> = Lazy::new(|| pattern(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@"));
/// `NAME=VALUE` in any place: an option, a variable, a parameter of a URL.
static ASSIGNED: Lazy<Regex> = Lazy::new(|| {
    pattern(&format!(
        r#"(?i)(^|[\s?&;,"'{{-])({NAMES}["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s&;,"'}}]+)"#
    ))
});
/// An option whose next word is its value.
static OPTION: Lazy<Regex> = Lazy::new(|| pattern(&format!(r"(?i)^--?{NAMES}$")));
/// Tokens that are known by their shape, and what follows `Bearer`.
static SHAPED: Lazy<Regex> = Lazy::new(|| {
    pattern(
        r"(?i:\b(bearer|basic)\s+)[\w.~+/=-]{6,}|\b(?:hf_|ghp_|gho_|ghs_|github_pat_|glpat-|nvapi-|sk-|xox[abp]-|AKIA)[\w-]{10,}|\beyJ[\w-]{10,}\.[\w.-]+",
    )
});

/// A text without the secrets in it.
pub fn without_secrets(text: &str) -> String {
    let text = USER_OF_URL.replace_all(text, format!("${{1}}{HIDDEN}@"));
    let text = SHAPED.replace_all(&text, |found: &Captures<'_>| match found.get(1) {
        Some(kind) => format!("{} {HIDDEN}", kind.as_str()),
        None => HIDDEN.to_owned(),
    });
    ASSIGNED.replace_all(&text, format!("${{1}}${{2}}{HIDDEN}")).into_owned()
}

/// The words of a command line without the secrets in them, also where a secret is a word of its own.
pub fn words_without_secrets<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut value_follows = false;
    let strip = |word: &str| {
        let is_value = value_follows && !word.starts_with("--");
        value_follows = !is_value && OPTION.is_match(word);
        if is_value { HIDDEN.to_owned() } else { without_secrets(word) }
    };
    words.into_iter().map(strip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        for (text, stripped) in [
            ("--hf-token=hunter2", "--hf-token=***"),
            ("--password=a b", "--password=*** b"),
            ("HF_TOKEN=hf_abcdefghijklm", "HF_TOKEN=***"),
            ("AWS_SECRET_ACCESS_KEY=x/y", "AWS_SECRET_ACCESS_KEY=***"),
            ("https://ann:s3cret@host/path?q=1", "https://***@host/path?q=1"),
            ("postgres://ann:p@ss@db:5432/perf", "postgres://***@db:5432/perf"),
            ("https://host/x?a=1&access_token=abc&b=2", "https://host/x?a=1&access_token=***&b=2"),
            ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
            ("use hf_abcdefghijklmnop here", "use *** here"),
            ("{\"api_key\": \"x\"}", "{\"api_key\": \"x\"}"),
        ] {
            let found = without_secrets(text);
            if text.starts_with('{') {
                assert!(!found.contains("\"x\""), "{found}");
            } else {
                assert_eq!(found, stripped);
            }
        }
    }

    #[test]
    fn words_that_are_no_secrets_stay() {
        let words = [
            "--test-list=a.yml",
            "--tokenizer=/models/llama",
            "--output-tokens=128",
            "--max_num_tokens=2048",
            "--concurrency=250",
            "keyboard=x",
            "monkey=1",
            "llama_v3.1_8b-bench-pytorch-float16-input_output_len:128,128",
            "user@host",
        ];
        assert_eq!(words_without_secrets(words), words);
    }

    #[test]
    fn a_secret_that_is_a_word_of_its_own_is_taken_out() {
        let words = ["--hf-token", "hunter2", "--password", "--case", "x", "-s"];
        let stripped = ["--hf-token", "***", "--password", "--case", "x", "-s"];
        assert_eq!(words_without_secrets(words), stripped);
    }
}
