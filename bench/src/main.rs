//! The comparison with peers.
fn main() {}
