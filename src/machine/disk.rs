//! Room on a disk, and whether it is one of this machine's own.

use std::io;
use std::path::Path;

use nix::sys::statfs::statfs;
use nix::sys::statvfs::statvfs;

/// The part of `path` that exists, for a file that is yet to be made.
fn existing(path: &Path) -> &Path {
    let nothing = Path::new(if path.is_absolute() { "/" } else { "." });
    path.ancestors().find(|path| path.exists()).unwrap_or(nothing)
}

/// Bytes that this user may still write where `path` lies, or would lie once its missing folders are made.
///
/// # Errors
/// When the file system does not tell.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let data = statvfs(existing(path))?;
    Ok(data.blocks_available() as u64 * data.fragment_size() as u64)
}

/// The kind of the network file system that `path` lies on, or would lie on; `None` on one of this machine's own, and
/// where it cannot be told.
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    // The type of the number differs from platform to platform.
    network_kind(statfs(existing(path)).ok()?.filesystem_type().0 as u32)
}

/// File systems that other machines may share, by the number that `statfs` gives them (Linux, `include/uapi/linux/magic.h`
/// and the sources of each). What is served by a program of a user (FUSE) may be shared, too.
fn network_kind(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "CIFS",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x00c3_6400 => "Ceph",
        0x1983_0326 => "BeeGFS",
        0xaad7_aaea => "PanFS",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        0x2003_0528 => "OrangeFS",
        0x0102_1997 => "9P",
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_those_of_the_machine() {
        let named = [0x6969, 0xff53_4d42, 0x0bd0_0bd0, 0x4750_4653, 0x6573_5546].map(network_kind);
        assert_eq!(named, ["NFS", "CIFS", "Lustre", "GPFS", "FUSE"].map(Some));
        // ext4, XFS, Btrfs, tmpfs, overlay.
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630] {
            assert_eq!(network_kind(local), None, "{local:#x}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_yet_lies_where_its_folder_does() {
        let proc = Path::new("/proc/self/no/such/file");
        assert_eq!(existing(proc), Path::new("/proc/self"));
        assert_eq!(existing(Path::new("no_such_file.sqlite")), Path::new("."));
        assert_eq!(network_file_system(proc), None);
    }
}
