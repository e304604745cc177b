//! Documents over the query client [`cache_client`]: one record for each thing, however many answers show it.
#![forbid(unsafe_code)]

#[cfg(feature = "http")]
pub mod http;
