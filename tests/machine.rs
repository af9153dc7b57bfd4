//! The facts of the machine that runs this test.

use std::ffi::OsStr;

use trtllm_perf::gpu::{self, GpuError, Gpus};
use trtllm_perf::list::{Fact, KEYS};
use trtllm_perf::machine;

#[test]
fn this_host_states_its_facts_under_keys_that_conditions_know() {
    let facts = machine::probe(&Gpus::default());
    for (key, _) in facts.iter() {
        assert!(KEYS.contains(&key), "{key}");
    }
    assert_eq!(facts.get("cpu"), Some(&Fact::from(std::env::consts::ARCH)));
    assert_eq!(facts.get("is_linux"), Some(&Fact::Bool(cfg!(target_os = "linux"))));
    assert_eq!(facts.get("system_gpu_count"), Some(&Fact::from(0)));
    let memory = facts.get("host_mem_total_mib").and_then(Fact::as_number);
    assert!(memory.is_some_and(|mib| mib > 64.0), "{memory:?}");
}

#[test]
fn nvml_gives_devices_with_names_or_a_reason() {
    match gpu::driver(None).and_then(|driver| driver.gpus()) {
        Ok(gpus) => assert!(gpus.devices.iter().all(|device| !device.name.is_empty())),
        Err(GpuError::NoDriver(reason)) => assert!(!reason.is_empty()),
        Err(error) => assert!(error.to_string().starts_with("query NVML: ")),
    }
}

#[test]
fn a_library_that_is_no_nvml_is_a_reason_and_no_crash() {
    for library in ["/nowhere/libnvidia-ml.so.1", env!("CARGO_MANIFEST_PATH")] {
        let error = gpu::open(Some(OsStr::new(library))).expect_err("no NVML").to_string();
        assert!(error.starts_with("no NVIDIA driver: ") && error.contains(library), "{error}");
    }
}

#[test]
fn a_glance_states_what_a_probe_states_less_what_only_the_library_knows() {
    let glance = machine::glance();
    for unstated in ["gpu_memory", "compute_capability", "supports_fp8"] {
        assert_eq!(glance.get(unstated), None);
    }
    let probe = machine::probe(&Gpus::default());
    for key in ["cpu", "sysname", "hostname", "linux_distribution_name", "host_mem_total_mib"] {
        assert_eq!(glance.get(key), probe.get(key), "{key}");
    }
}
