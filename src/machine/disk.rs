//! Room on a disk.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

/// Bytes that this user may still write where `path` lies, or would lie once its missing folders are made.
///
/// # Errors
/// When the file system does not tell.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let data = statvfs(there)?;
    Ok(data.blocks_available() as u64 * data.fragment_size() as u64)
}
