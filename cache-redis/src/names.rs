//! The names of what lies in the server for one key.

use cache_client::shared::protocol::{Key, Shape};

/// The name under the namespace. The length of the table's name keeps names of different keys apart.
pub(crate) fn of_key(namespace: &str, key: &Key) -> Vec<u8> {
    let table = key.table();
    // Up to 20 digits, and colons.
    let mut name = Vec::with_capacity(namespace.len() + table.len() + key.bytes().len() + 25);
    for part in [namespace, ":v:", &table.len().to_string(), ":", table, ":"] {
        name.extend_from_slice(part.as_bytes());
    }
    name.extend_from_slice(key.bytes());
    name
}

/// The field of the value's hash that holds the envelope.
pub(crate) fn value_field(shape: Shape) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[(shape.0 >> (60 - 4 * at) & 15) as usize])
}

/// The field of the value's hash that holds the lease.
pub(crate) fn lease_field(shape: Shape) -> Vec<u8> {
    [b"l", &value_field(shape)[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_by_16_hexadecimal_digits() {
        assert_eq!(value_field(Shape(0x0123_4567_89ab_cdef)), *b"0123456789abcdef");
        assert_eq!(lease_field(Shape(0xf0)), b"l00000000000000f0");
    }

    #[test]
    fn names_of_keys_on_the_server_differ_wherever_the_table_ends() {
        assert_eq!(of_key("blog", &Key::new("posts", b"7")), b"blog:v:5:posts:7");
        assert_ne!(of_key("n", &Key::new("a:b", b"c")), of_key("n", &Key::new("a", b"b:c")));
    }
}
