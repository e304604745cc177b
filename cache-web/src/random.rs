//! Random words that nobody can guess.

use std::cell::RefCell;

/// 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RandomWord([u8; 32]);

/// How many words a thread gets from the system at once.
const WORDS: usize = 32;

thread_local! {
    /// Random bits for the next words of this thread, and how many words they are enough for. Each call of the system
    /// takes several times as long as its bits do. A process that forks after its first page, as servers do not, would
    /// share these bits with its child.
    static NEXT: RefCell<([[u8; 16]; WORDS], usize)> = const { RefCell::new(([[0; 16]; WORDS], 0)) };
}

impl RandomWord {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bits = next_bits()?;
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bits) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        Ok(Self(digits))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        // Digits are always text.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn next_bits() -> Result<[u8; 16], getrandom::Error> {
    NEXT.with_borrow_mut(|(bits, left)| {
        if *left == 0 {
            getrandom::fill(bits.as_flattened_mut())?;
            *left = WORDS;
        }
        *left -= 1;
        // What was handed out is nowhere else.
        Ok(std::mem::take(&mut bits[*left]))
    })
}

/// One word, as text.
pub(crate) fn name() -> Result<String, getrandom::Error> {
    RandomWord::new().map(|word| word.as_str().to_owned())
}
