//! Finds where the plain part of a text ends. Looks at sixteen bytes at a time.

/// As many bytes are looked at together.
const BLOCK: usize = 16;

/// Returns the place of the next quote, backslash or control character.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if let Some(place) = first_special(*block) {
            return Some(at + place);
        }
        at += BLOCK;
    }
    let rest = bytes.get(at..)?;
    Some(at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?)
}

/// Returns the place of the first quote, backslash or control character.
#[cfg(target_feature = "sse2")]
#[inline]
fn first_special(block: [u8; BLOCK]) -> Option<usize> {
    use safe_arch::{
        bitor_m128i, cmp_eq_mask_i8_m128i, m128i, min_u8_m128i, move_mask_i8_m128i, set_splat_i8_m128i,
    };

    let bytes = m128i::from(block);
    let equal = |byte: u8| cmp_eq_mask_i8_m128i(bytes, set_splat_i8_m128i(byte.cast_signed()));
    let control = cmp_eq_mask_i8_m128i(bytes, min_u8_m128i(bytes, set_splat_i8_m128i(0x1F)));
    let special = bitor_m128i(bitor_m128i(equal(b'"'), equal(b'\\')), control);
    let places = move_mask_i8_m128i(special);
    (places != 0).then(|| places.trailing_zeros() as usize)
}

#[cfg(not(target_feature = "sse2"))]
use first_special_anywhere as first_special;

#[cfg(any(test, not(target_feature = "sse2")))]
fn first_special_anywhere(block: [u8; BLOCK]) -> Option<usize> {
    let special = special_bytes(u128::from_le_bytes(block));
    (special != 0).then(|| special.trailing_zeros() as usize / 8)
}

/// Sets the highest bit of the first byte of a word that is a quote, a backslash or a control character. The bytes after it
/// may have this bit too.
#[cfg(any(test, not(target_feature = "sse2")))]
fn special_bytes(word: u128) -> u128 {
    const ONES: u128 = u128::MAX / 255;
    let less_than = |word: u128, limit: u8| word.wrapping_sub(ONES * u128::from(limit)) & !word & (ONES << 7);
    let equal = |byte: u8| less_than(word ^ (ONES * u128::from(byte)), 1);
    equal(b'"') | equal(b'\\') | less_than(word, 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_ends_at_the_first_special_byte_wherever_it_is() {
        for length in 0..40 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                for after in [b'"', 0x1F, 0x20, b'#', 0x7F, 0xFF] {
                    let plain = [b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xA2, 0xDC, 0xFF].iter().cycle();
                    let mut text: Vec<u8> = plain.copied().skip(length).take(length).collect();
                    assert_eq!(plain_end(&text, 0), None);
                    text.push(special);
                    text.extend([after; BLOCK]);
                    assert_eq!(plain_end(&text, length / 2), Some(length));
                    if let Some(block) = text.first_chunk() {
                        assert_eq!(first_special_anywhere(*block), Some(length).filter(|&at| at < BLOCK));
                    }
                }
            }
        }
    }
}
