//! What a client does with bytes that it finds in the server: as an envelope, and as an entry of the feed.

use cache_client::shared::protocol::{Envelope, Mark};

/// The bytes of the shortest mark: its kind, and two lengths.
const SHORTEST_MARK: usize = 9;

/// Reads bytes as both. What can be read has no more parts than the bytes have room for, and is written as it was.
pub fn feed(bytes: &[u8]) {
    if let Some(envelope) = Envelope::decode(bytes.to_vec()) {
        assert!(2 * envelope.tags.len() + envelope.body.len() < bytes.len());
        assert_eq!(envelope.encode(), bytes);
    }
    if let Some(marks) = Mark::decode(bytes) {
        assert!(SHORTEST_MARK * marks.len() <= bytes.len());
        assert_eq!(Mark::encode(&marks), bytes);
    }
}
