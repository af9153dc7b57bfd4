//! A file system small enough to be full.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount, umount};

/// A folder that is a file system of its own, for as long as this lives.
pub struct Disk(PathBuf);

impl Disk {
    /// `None`, with a word on stderr, where we may not mount one. `options` are those of a tmpfs, e.g. `size=64k`.
    pub fn mount(folder: impl Into<PathBuf>, options: &str) -> Option<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder).expect("a folder");
        let mounted = mount(Some("tmpfs"), &folder, Some("tmpfs"), MsFlags::empty(), Some(options));
        match mounted {
            Ok(()) => Some(Self(folder)),
            Err(error) => {
                eprintln!("not checked: only root can mount a small file system ({error})");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn make_read_only(&self) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &self.0, None::<&str>, flags, None::<&str>).expect("read-only");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        umount(&self.0).expect("unmounted");
    }
}
