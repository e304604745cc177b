//! The names of what lies in the server for one key.

use cache_client::shared::protocol::{Key, Shape};

/// The name under the namespace. The length of the table's name keeps names of different keys apart.
pub(crate) fn of_key(namespace: &str, key: &Key) -> Vec<u8> {
    let mut name = format!("{namespace}:v:{}:{}:", key.table().len(), key.table()).into_bytes();
    name.extend_from_slice(key.bytes());
    name
}

/// The field of the value's hash that holds the envelope.
pub(crate) fn value_field(shape: Shape) -> String {
    format!("{:016x}", shape.0)
}

/// The field of the value's hash that holds the lease.
pub(crate) fn lease_field(shape: Shape) -> String {
    format!("l{:016x}", shape.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_on_the_server_differ_wherever_the_table_ends() {
        assert_eq!(of_key("blog", &Key::new("posts", b"7")), b"blog:v:5:posts:7");
        assert_ne!(of_key("n", &Key::new("a:b", b"c")), of_key("n", &Key::new("a", b"b:c")));
    }
}
