//! Labels: nothing panics, refusals point into the label, and printing is the inverse of parsing.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trtllm_perf::case::{Backend, Case, ModelTable, Runtime};

static MODELS: LazyLock<ModelTable> = LazyLock::new(|| {
    ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table parses")
});

fuzz_target!(|label: &str| {
    match Case::parse(label, &MODELS) {
        Ok(case) => accepted(&case),
        Err(error) => {
            assert!(label.get(error.span.clone()).is_some(), "{:?} is no part", error.span);
            assert!(!error.to_string().is_empty());
        }
    }
});

fn accepted(case: &Case) {
    let canonical = case.to_string();
    let again = Case::parse(&canonical, &MODELS)
        .unwrap_or_else(|error| panic!("canonical `{canonical}` is refused: {error}"));
    assert_eq!(again, told(case), "`{canonical}` means something else");
    assert_eq!(again.to_string(), canonical);
    let points = case.points();
    assert_eq!(points.len(), case.batch_sizes.len() * case.lengths.inputs.len());
    for point in points {
        assert!(!case.label_of(point).is_empty());
    }
    // Its answer may be either; it has to give one.
    let _ = case.check_cpp_runtime();
}

/// The case without the words that a label may hold but that mean nothing for its runtime.
fn told(case: &Case) -> Case {
    let mut case = case.clone();
    let manager = case.runtime == Runtime::CppManager;
    case.exe_api &= manager;
    case.static_batching &= manager;
    case.streaming &= case.runtime != Runtime::Cpp;
    if !matches!(case.runtime, Runtime::Bench | Runtime::Serve) {
        case.backend = Backend::TensorRt;
    }
    case
}
