//! Name and build of the operating system, for the facts and the session records.

use nix::sys::utsname;
use nix::unistd::{Uid, User};

/// The host and its system; texts are empty where the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    pub hostname: String,
    /// `Linux`
    pub name: String,
    /// `x86_64`, `aarch64` …
    pub machine: String,
    /// Name, release and machine in one, e.g. `Linux-6.1.0-x86_64`.
    pub platform: String,
    /// The build text of the kernel.
    pub version: String,
}

/// Asks the kernel.
pub fn system() -> System {
    let Ok(name) = utsname::uname() else { return System::default() };
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let (system, release, machine) =
        (text(name.sysname()), text(name.release()), text(name.machine()));
    System {
        hostname: text(name.nodename()),
        platform: format!("{system}-{release}-{machine}"),
        name: system,
        machine,
        version: text(name.version()),
    }
}

/// The name of the user who runs this; the number, where the system has no name for it.
pub fn user() -> String {
    let uid = Uid::effective();
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
