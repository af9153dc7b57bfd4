//! The shared libraries of an installed TensorRT-LLM, which a benchmark finds through `LD_LIBRARY_PATH`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// `LD_LIBRARY_PATH` for a benchmark by `program`: the `libs` folder of the Python package that it was installed with,
/// before what the variable held. `None` when there is no such package beside it.
///
/// The package is looked for where installers put it; upstream asks Python, which takes seconds.
pub fn library_path(program: &Path, inherited: Option<&OsStr>) -> Option<OsString> {
    let libs = package_libs(program)?;
    let inherited = inherited.map(std::env::split_paths);
    std::env::join_paths([libs].into_iter().chain(inherited.into_iter().flatten())).ok()
}

/// `PREFIX/bin/trtllm-bench` belongs to `PREFIX/lib/python3.*/{site,dist}-packages/tensorrt_llm`.
fn package_libs(program: &Path) -> Option<PathBuf> {
    let prefix = program.parent()?.parent()?;
    let pythons = fs::read_dir(prefix.join("lib")).ok()?.flatten().map(|entry| entry.path());
    let pythons = pythons.filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3"))
    });
    let packages = pythons
        .flat_map(|python| ["site-packages", "dist-packages"].map(|folder| python.join(folder)));
    let mut libs = packages.map(|packages| packages.join("tensorrt_llm/libs"));
    libs.find(|libs| libs.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_of_the_package_beside_the_program_come_first() {
        let prefix = tempfile::tempdir().expect("folder");
        let libs = prefix.path().join("lib/python3.12/dist-packages/tensorrt_llm/libs");
        fs::create_dir_all(&libs).expect("package");
        let program = prefix.path().join("bin/trtllm-bench");
        let path = library_path(&program, Some(OsStr::new("/a:/b"))).expect("found");
        assert_eq!(path, OsString::from(format!("{}:/a:/b", libs.display())));
        assert_eq!(library_path(&program, None).expect("found"), libs.into_os_string());
    }

    #[test]
    fn a_program_without_the_package_leaves_the_variable_alone() {
        let prefix = tempfile::tempdir().expect("folder");
        assert_eq!(library_path(&prefix.path().join("bin/refbench"), None), None);
    }
}
