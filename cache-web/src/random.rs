//! Random words that nobody can guess.

/// 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RandomWord([u8; 32]);

impl RandomWord {
    /// Several words at once, since each call of the system takes as long as all of them.
    pub(crate) fn several<const N: usize>() -> Result<[Self; N], getrandom::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bits = [[0; 16]; N];
        getrandom::fill(bits.as_flattened_mut())?;
        Ok(bits.map(|bits| {
            let mut digits = [0; 32];
            for (pair, byte) in digits.chunks_exact_mut(2).zip(bits) {
                pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            Self(digits)
        }))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        // Digits are always text.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// One word, as text.
pub(crate) fn name() -> Result<String, getrandom::Error> {
    RandomWord::several().map(|[word]| word.as_str().to_owned())
}
