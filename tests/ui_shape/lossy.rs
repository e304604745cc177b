//! Types of std that serde writes, but does not read back as they were.
use std::net::{SocketAddr, SocketAddrV6};
use std::sync::{Arc, Weak};

use cache_core::Shape;

#[derive(Shape)]
struct Peer {
    address: SocketAddr,
    local: Vec<SocketAddrV6>,
    parent: Weak<u8>,
    single: std::rc::Weak<u8>,
}

/// The ways out.
#[derive(Shape)]
struct Saved {
    #[shape(opaque)]
    address: SocketAddr,
    parent: Arc<u8>,
}

fn main() {}
