//! Why a run failed.

use trtllm_perf::logs::{Cause, observe, scan_log};

use crate::{PLAIN, fixture, seen};

#[test]
fn the_first_cause_is_named_and_not_a_warning_or_an_echo() {
    let seen =
        observe(Some(&fixture("fail-gpu-oom-then-echoes.log")), None, None).expect("the fixture");
    let failure = seen.failure.expect("a cause");
    assert_eq!((failure.cause, failure.line), (Cause::GpuOom, 8));
    assert!(failure.text.starts_with("torch.OutOfMemoryError"), "{}", failure.text);
    let refused = observe(Some(&fixture("fail-bad-option.log")), None, None).expect("the fixture");
    assert_eq!(refused.failure.map(|f| (f.cause, f.line)), Some((Cause::BadOption, 5)));
}

#[test]
fn the_traceback_of_an_autotuner_warning_does_not_hide_the_cause() {
    for error in ["CUDA out of memory", "[TensorRT-LLM][ERROR] Assertion failed: no such tactic"] {
        let warning = format!(
            "[03/09/2026-10:11:11] [TRT-LLM] [W] [Autotuner] Failed when profiling runner=X, tactic=3\n\
             Traceback (most recent call last):\n  File \"x.py\", line 3, in run\n\
             RuntimeError: {error}\n[03/09/2026-10:11:12] [TRT-LLM] [I] next\n"
        );
        let log = format!(
            "{warning}FileNotFoundError: [Errno 2] No such file or directory: '/ws/engine/rank0.engine'\n"
        );
        let failure = seen(log).failure.expect("a cause");
        assert_eq!((failure.cause, failure.line), (Cause::MissingEngine, 6), "{error}");
    }
}

#[test]
fn a_remark_of_pmix_and_a_retry_do_not_hide_the_cause() {
    let log = "[n1:77] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 206\n\
               '(ReadTimeoutError(\"huggingface.co: Read timed out.\"), '7')' thrown while requesting HEAD x\n\
               torch.OutOfMemoryError: CUDA out of memory\n";
    let failure = seen(log).failure.expect("a cause");
    assert_eq!((failure.cause, failure.line), (Cause::GpuOom, 3));
}

#[test]
fn a_complete_report_or_a_finished_build_clears_what_looked_fatal() {
    let noise = "RuntimeError: CUDA out of memory\n";
    assert_eq!(seen(format!("{noise}{PLAIN}")).failure, None);
    assert_eq!(seen(format!("{PLAIN}{noise}")).failure, None);
    let build = format!("{noise}ENGINE SAVED: /ws/engine\n");
    assert_eq!(seen(&build).failure, None);
    let after =
        seen(format!("{build}Segmentation fault (core dumped)\n")).failure.expect("a cause");
    assert_eq!((after.cause, after.line), (Cause::Segfault, 3));
}

#[test]
fn what_follows_a_complete_report_is_why_the_program_failed_in_the_end() {
    let crash = "Segmentation fault (core dumped)\n";
    let at_end = |log: String| {
        let findings = scan_log(log.as_bytes()).expect("memory reads");
        findings.failure_at_end().map(|failure| failure.cause)
    };
    assert_eq!(at_end(format!("{PLAIN}{crash}")), Some(Cause::Segfault));
    assert_eq!(at_end(format!("RuntimeError: CUDA out of memory\n{PLAIN}")), None);
}

#[test]
fn a_silent_log_has_neither_values_nor_a_cause() {
    for log in ["", "\n", "[TRT-LLM] [I] Preparing to run throughput benchmark...\n"] {
        let seen = seen(log);
        assert_eq!((seen.source(), seen.failure.is_none(), seen.reports), (None, true, 0));
    }
}
