//! Random names that nobody can guess.

use std::fmt::Write;

/// A name of 128 random bits, as 32 hexadecimal digits.
pub(crate) fn name() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let mut name = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
