//! Standard output, for results alone, and standard error, for all else.

use std::io::{self, BufWriter, Write};

use crate::failure::{Failure, Result};

/// Prints a line.
pub fn line(text: &str) -> Result<()> {
    self::text(&format!("{text}\n"))
}

/// Prints text as it is.
pub fn text(text: &str) -> Result<()> {
    write(|to| to.write_all(text.as_bytes()))
}

/// Writes to standard output.
pub fn write(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut to = BufWriter::new(io::stdout().lock());
    write(&mut to).and_then(|()| to.flush()).map_err(Failure::output)
}

/// Prints a line on standard error. That nobody can read it (a pipe whose reader has left, a full disk) is no reason to end the work.
macro_rules! tell {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($argument)*);
    }};
}
