//! The libtest executable of the target `perf`, as Cargo builds it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// Where it is. Cargo is asked, since a file of that name may be left from an older build; it builds nothing when
/// `cargo test` has built all targets.
pub fn perf() -> &'static Path {
    static PERF: LazyLock<PathBuf> = LazyLock::new(locate);
    &PERF
}

fn locate() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["test", "--no-run", "--frozen", "--test", "perf", "--message-format=json"])
        .args(same_build())
        .output()
        .expect("cargo starts");
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let perf = artifacts
        .filter(|message| message["target"]["name"] == "perf" && message["executable"].is_string())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    perf.unwrap_or_else(|| {
        panic!("cargo built no target perf:\n{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// The options that make Cargo build into the folders of this executable: `TARGET_DIR/[TRIPLE/]PROFILE/deps`.
pub fn same_build() -> Vec<String> {
    let profile = Path::new(env!("CARGO_BIN_EXE_trtllm-perf")).parent().expect("a profile folder");
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder");
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut options = vec!["--target-dir".to_owned(), target_dir.to_string_lossy().into_owned()];
    match name(profile).as_str() {
        "debug" => {}
        profile => options.extend(["--profile".to_owned(), profile.to_owned()]),
    }
    match profile.parent() {
        Some(above) if above != target_dir => options.extend(["--target".to_owned(), name(above)]),
        _ => {}
    }
    options
}
