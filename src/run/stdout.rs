//! What goes to stdout: the harness's own lists, plans and explanations, and what the other commands print.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use crate::failure::Exit;

/// Has `write` fill stdout. A reader that has seen enough, such as `head`, is no failure; any other error is.
///
/// # Errors
/// When stdout cannot be written, also when only its end cannot.
pub fn print(
    what: &str,
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>,
) -> Result<ExitCode, Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Exit::CannotRun(format!("write the {what}: {error}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
