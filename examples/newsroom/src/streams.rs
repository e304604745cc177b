//! Counts the open event streams, in total and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::settings::Settings;

/// Counts the open event streams and refuses those beyond the limits.
#[derive(Debug)]
pub(crate) struct Streams {
    limit: usize,
    limit_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// An open stream. It is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    address: IpAddr,
}

impl Streams {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let Settings { streams, streams_per_address, .. } = *settings;
        Arc::new(Self { limit: streams, limit_per_address: streams_per_address, open: Mutex::default() })
    }

    /// Counts one more stream of an address. `None` if a limit is reached.
    pub(crate) fn open(self: &Arc<Self>, address: IpAddr) -> Option<OpenStream> {
        let address = network(address);
        let mut open = self.lock();
        if open.all >= self.limit {
            return None;
        }
        let of_address = open.by_address.entry(address).or_default();
        if *of_address >= self.limit_per_address {
            return None;
        }
        *of_address += 1;
        open.all += 1;
        Some(OpenStream { streams: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No panic can leave the counts half changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.all -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// The address that a client is counted by. One subscriber usually has all IPv6 addresses that begin with the same 64
/// bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(streams: usize, streams_per_address: usize) -> Arc<Streams> {
        Streams::new(&Settings { streams, streams_per_address, ..Settings::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_streams_to_others() {
        let streams = streams(3, 2);
        let (one, other) = (address("203.0.113.1"), address("203.0.113.2"));
        let first = streams.open(one);
        let _second = streams.open(one).unwrap();
        assert!(streams.open(one).is_none());
        let third = streams.open(other);
        assert!(third.is_some() && streams.open(other).is_none(), "at most three in total");
        assert!(streams.open(address("203.0.113.3")).is_none());
        assert_eq!(streams.lock().by_address.len(), 2, "a refused address is not remembered");
        drop(first);
        assert!(streams.open(one).is_some());
        drop(third);
        assert_eq!(streams.lock().by_address.len(), 1, "an address without streams is forgotten");
    }

    #[test]
    fn addresses_of_one_network_are_counted_together() {
        let streams = streams(9, 1);
        let _one = streams.open(address("2001:db8::1")).unwrap();
        assert!(streams.open(address("2001:db8::ffff:2")).is_none());
        assert!(streams.open(address("2001:db8:0:1::1")).is_some());
        let _mapped = streams.open(address("::ffff:203.0.113.1")).unwrap();
        assert!(streams.open(address("203.0.113.1")).is_none());
    }
}
