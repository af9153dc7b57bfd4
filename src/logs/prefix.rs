//! What stands before the text of a log line: colours, launcher tags, times, levels.
//!
//! `mpirun --tag-output`, `srun -l`, docker compose, pod logs and TensorRT-LLM's own logger each put something in
//! front. The reader doesn't try to know them all: it asks whether the text before a label *ends like* a prefix,
//! and extracts only the tag that tells one process's lines from another's.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    const CLOCK: &str =
        r"(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?\s)?";
    // mpirun/prterun `[1,0]<stdout>:` · srun ` 0: ` · pdsh `node07: ` · compose `worker-1  | ` ·
    // pod logs `[pod/NAME/CONTAINER] ` · Ray `(Worker pid=77) `
    const TAGS: &str = r"\[[\w@.\-]*\d+,\d+\]<std[a-z]+>:?|\d{1,6}:(?:\s|$)|[A-Za-z][\w.\-]{2,}\d:\s|[A-Za-z][\w.\-]*\s*\||\[pod/[^\]\s]+\]|\([A-Za-z_][\w ]*pid=\d+[^)]*\)";
    compiled(&format!(r"(?-u)^\s*{CLOCK}(?P<tag>{TAGS})?\s?{CLOCK}"))
});

static CLOCK_AT_END: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?-u)\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?\s*$"));

static RECORD: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?-u)^\s*(?:\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\]|\[TRT-LLM\]|\[TensorRT-LLM\]|\[TRT\])",
    )
});

static RANK: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?-u)^\s*(?:\[[^\]]*\]\s?){0,4}\[(?:rank|RANK )(\d{1,6})\]"));

static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?-u)\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are constants that its tests compile")
}

/// How far into a line a logger's level is looked for.
const LEVEL_WITHIN: usize = 160;

/// The launcher's tag at the start of a line (which process said it), empty when there is none; and what follows
/// the tag and a time of day on either side of it.
pub fn split_tag(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(found) = TAG.captures(line) else { return (b"", line) };
    let tag = found.name("tag").map_or(b"".as_slice(), |tag| tag.as_bytes());
    let end = found.get(0).map_or(0, |all| all.end());
    (tag.trim_ascii(), &line[end..])
}

/// Which process said the line: the launcher's tag, and the rank that TensorRT-LLM's (`[RANK 1]`) or torch's loggers
/// (`[rank1]:`) put in front of the text.
pub fn speaker(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (tag, text) = split_tag(&line[..line.len().min(LEVEL_WITHIN)]);
    let rank = RANK.captures(text).and_then(|found| found.get(1));
    (tag, rank.map(|rank| rank.as_bytes()))
}

/// Longest time of day with its date, fraction and zone, rounded up.
const CLOCK_WITHIN: usize = 64;

/// Whether `head`, the text before a label, is something that a launcher or logger puts there: nothing, or text that
/// ends in one of `: | ] > )` or in a time of day. A sentence that quotes a label is not.
pub fn ends_like_prefix(head: &[u8]) -> bool {
    let head = head.trim_ascii_end();
    match head.last() {
        None | Some(b':' | b'|' | b']' | b'>' | b')') => true,
        // Not the whole of it: a line with many labels would be searched as often.
        Some(_) => CLOCK_AT_END.is_match(&head[head.len().saturating_sub(CLOCK_WITHIN)..]),
    }
}

/// Whether the line's own logger calls it a warning or less: such a line is never a cause of failure.
/// Written by hand because a debug flood may ask it for every line.
pub fn is_quiet(line: &[u8]) -> bool {
    let head = &line[..line.len().min(LEVEL_WITHIN)];
    bracketed_level(head).unwrap_or_else(|| has_quiet_word(head))
}

/// The first `[LEVEL]` of TensorRT-LLM's loggers, or `[W1124 …` of glog's: whether it is quiet.
fn bracketed_level(head: &[u8]) -> Option<bool> {
    memchr::memchr_iter(b'[', head).find_map(|open| {
        let inside = &head[open + 1..];
        if let [letter @ (b'W' | b'I' | b'E' | b'F'), date @ ..] = inside
            && date.len() >= 4
            && date[..4].iter().all(u8::is_ascii_digit)
        {
            return Some(matches!(letter, b'W' | b'I'));
        }
        match inside[..memchr::memchr(b']', inside)?].trim_ascii() {
            b"W" | b"I" | b"V" | b"D" | b"T" | b"WARNING" | b"WARN" | b"INFO" | b"VERBOSE"
            | b"DEBUG" | b"TRACE" => Some(true),
            b"E" | b"F" | b"ERROR" | b"FATAL" | b"CRITICAL" | b"INTERNAL_ERROR" => Some(false),
            _ => None,
        }
    })
}

/// `INFO`, `WARNING` … as a word of its own (`NCCL INFO`, `WARNING: `), not as a value (`NCCL_DEBUG=INFO`).
fn has_quiet_word(head: &[u8]) -> bool {
    [b"INFO".as_slice(), b"WARNING", b"DEBUG", b"TRACE"].into_iter().any(|word| {
        memchr::memmem::find(head, word).is_some_and(|at| {
            let before = at.checked_sub(1).map_or(b' ', |before| head[before]);
            let after = head.get(at + word.len()).copied().unwrap_or(b' ');
            b" ]|-".contains(&before) && b" :-".contains(&after)
        })
    })
}

/// Whether the line begins a record of TensorRT-LLM's loggers; only a record's first line carries the prefix. (Texts of
/// C++ exceptions carry it too, behind the exception's name.)
pub fn begins_record(line: &[u8]) -> bool {
    let (_, text) = split_tag(&line[..line.len().min(LEVEL_WITHIN)]);
    RECORD.is_match(text)
}

/// The text without terminal escape sequences: CSI (colours, cursor), OSC (titles, links), two or three bytes (character
/// sets). An escape that begins none of them stays.
pub fn without_ansi(text: &[u8]) -> Cow<'_, [u8]> {
    ESCAPES.replace_all(text, b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launcher_tags_are_told_from_text() {
        let tag = |line: &'static str| split_tag(line.as_bytes()).0;
        assert_eq!(tag("[1,0]<stdout>:= X"), b"[1,0]<stdout>:");
        assert_eq!(tag("[prterun-n1-77@1,12]<stderr>: = X"), b"[prterun-n1-77@1,12]<stderr>:");
        assert_eq!(tag(" 3: TP Size: 1"), b"3:");
        assert_eq!(tag("worker-1  | TP Size: 1"), b"worker-1  |");
        assert_eq!(tag("[pod/bench-0/main] x"), b"[pod/bench-0/main]");
        assert_eq!(tag("Model:\t\tx"), b"");
        assert_eq!(tag("[TPOT] P50    : 1"), b"");
        assert_eq!(tag("P50:  1006.0000"), b"");
        assert_eq!(tag("node07: P50:  1006.0000"), b"node07:");
        assert_eq!(
            tag("(Worker pid=77, ip=10.0.0.1) P50:  1006.0000"),
            b"(Worker pid=77, ip=10.0.0.1)"
        );
    }

    #[test]
    fn a_rank_is_read_from_what_stands_before_the_text() {
        let rank = |line: &'static str| speaker(line.as_bytes()).1;
        let one = Some(b"1".as_slice());
        assert_eq!(rank("[11/24/2026-06:50:32] [TRT-LLM] [RANK 1] [W] x"), one);
        assert_eq!(rank("[11/24/2026-06:50:32] [I] [executor] [RANK 1] x"), one);
        assert_eq!(rank("[1,0]<stderr>:[rank1]: x"), one);
        assert_eq!(rank("[rank1]:[W1124 06:50:32.5 x.cpp:1250] x"), one);
        assert_eq!(rank("[TRT-LLM] [I] waiting for [RANK 1]"), None);
        assert_eq!(speaker(b"[1,0]<stderr>:[rank1]: x").0, b"[1,0]<stderr>:");
    }

    #[test]
    fn a_time_of_day_is_taken_off_with_the_tag() {
        let rest = |line: &'static str| split_tag(line.as_bytes()).1;
        assert_eq!(rest("2026-11-24T06:50:32.5Z P99:  1"), b"P99:  1");
        assert_eq!(rest("worker-1  | 2026-11-24T06:50:32.5Z P99:  1"), b"P99:  1");
        assert_eq!(rest("[2026-11-24 06:50:32] [1,0]<stdout>:P99:  1"), b"P99:  1");
        assert_eq!(rest("P99:  1"), b"P99:  1");
    }

    #[test]
    fn a_label_may_follow_a_prefix_but_not_a_sentence() {
        for head in [
            "",
            "[1,0]<stdout>:",
            "[11/24/2026-06:50:32] [TRT-LLM] [RANK 0] [I] ",
            "2026-11-24T06:50:32.123456Z ",
            "2026-11-24 06:50:32,123 ",
        ] {
            assert!(ends_like_prefix(head.as_bytes()), "{head}");
        }
        for head in ["Total ", "we got a ", "GPU"] {
            assert!(!ends_like_prefix(head.as_bytes()), "{head}");
        }
    }

    #[test]
    fn warnings_and_less_are_quiet_and_errors_are_not() {
        for line in [
            "[11/24/2026-06:50:32] [TRT-LLM] [RANK 1] [W] CUDA out of memory",
            "[TensorRT-LLM][WARNING] out of memory",
            "[1,0]<stdout>:[TRT-LLM] [I] x",
            "[11/24/2026-06:50:32] [I] [executor] [RANK 0] x",
            "n1:7:8 [0] NCCL INFO error",
            "WARNING: x",
            "2026-11-24 06:50:32,123 - WARNING - x",
            "[rank0]:[W1124 06:50:32.5 ProcessGroupNCCL.cpp:1250] x",
        ] {
            assert!(is_quiet(line.as_bytes()), "{line}");
        }
        for line in [
            "[11/24/2026-06:50:32] [TRT-LLM] [E] x",
            "RuntimeError: [TensorRT-LLM][ERROR] x",
            "torch.OutOfMemoryError: CUDA out of memory.",
            "n1:7:8 [0] NCCL WARN Cuda failure",
            "RuntimeError: NCCL error, unhandled system error (run with NCCL_DEBUG=INFO for details)",
            "[rank0]:[E1124 06:50:32.5 ProcessGroupNCCL.cpp:632] x",
        ] {
            assert!(!is_quiet(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn escape_sequences_of_every_kind_are_removed_and_what_begins_none_stays() {
        assert_eq!(&*without_ansi(b"\x1b[1;31mred\x1b[0m x"), b"red x");
        assert_eq!(&*without_ansi(b"\x1b]0;title\x07x"), b"x");
        assert_eq!(&*without_ansi(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ x"), b"link x");
        assert_eq!(&*without_ansi(b"\x1b(Bx\x1b7\x1b=y"), b"xy");
        assert_eq!(&*without_ansi(b"x\x1b["), b"x\x1b[");
    }
}
