//! Newsrooms on one database share answers by a server of Redis or Valkey: the connection, and the beginning and the
//! end of sharing. `queries` says which are shared.

use std::fmt::{self, Debug, Display};
use std::str::FromStr;
use std::time::Duration;

use cache_client::Client;
use cache_client::shared::{ConnectError, SharedTier};
use cache_redis::RedisTier;

use crate::app::Newsroom;

/// How long a newsroom may call an answer fresh after another one has changed it.
pub(crate) const MAX_LAG: Duration = Duration::from_secs(2);

/// How long a start waits until the server is in use. It was reached just before.
const LONGEST_START: Duration = Duration::from_secs(5);

/// How long it may take to tell the other newsrooms the last changes.
const LAST_CHANGES: Duration = Duration::from_secs(2);

/// Where the server is. `Display` and `Debug` leave the user and the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    url: String,
    /// The url without user and password.
    shown: String,
}

/// A text that is not the url of a server. The text is not shown, since it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the url must be like redis://127.0.0.1:6379, redis://USER:PASSWORD@HOST:PORT or redis://HOST:PORT/NUMBER; in a \
     user and a password, characters such as `/` and `@` are written as %2F and %40"
)]
pub struct NotAServerUrl;

/// Why answers cannot be shared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharingFailure {
    /// The server cannot be reached or used.
    #[error("cannot share answers by {server}; {}", advice(source))]
    Connect {
        /// Where it should be.
        server: ServerUrl,
        /// The cause.
        source: ConnectError,
    },
    /// The server was reached, and is not in use 5 s later.
    #[error(
        "{server} was reached and then stopped answering; start again when it answers, or without --shared"
    )]
    Silent {
        /// Where it is.
        server: ServerUrl,
    },
}

fn advice(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::Unreachable { .. } => "start a Redis or Valkey server there, or leave --shared out",
        _ => "change what is said here, or choose another server with --shared",
    }
}

/// Connects to the server. Newsrooms on different databases do not share anything there, whatever url they have.
pub(crate) async fn connect(server: &ServerUrl, database: u64) -> Result<SharedTier, SharingFailure> {
    let tier = RedisTier::at(&server.url).namespace(format!("newsroom-{database:016x}")).max_lag(MAX_LAG);
    tier.connect().await.map_err(|source| SharingFailure::Connect { server: server.clone(), source })
}

/// Waits until answers are shared, and the other newsrooms know what was invalidated here.
pub(crate) async fn begin(client: &Client<Newsroom>, server: &ServerUrl) -> Result<(), SharingFailure> {
    let is_in_use = || {
        let state = client.shared_state();
        state.is_none_or(|state| state.is_usable && state.outbox + state.under_way == 0)
    };
    let in_use = async {
        while !is_in_use() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let begun = tokio::time::timeout(LONGEST_START, in_use).await;
    begun.map_err(|_elapsed| SharingFailure::Silent { server: server.clone() })
}

/// Stops sharing: gives up what is being loaded for all, and tells the other newsrooms the last changes. Takes 2 s at
/// most, after a moment for comments and edits that are being written. Call it when nothing is served any more. Returns
/// a line for each thing that did not finish.
pub async fn end(client: &Client<Newsroom>) -> Vec<String> {
    let (is_written, is_edited) = client.app().last_writes().await;
    let left = client.shutdown(LAST_CHANGES).await;
    let (answers, loads) = (left.outbox + left.under_way, left.leases);
    let unfinished = [
        (!(is_written && is_edited)).then(|| {
            "something is still being written, and the other newsrooms will not be told".to_owned()
        }),
        (answers > 0).then(|| {
            format!("the other newsrooms were not told what changed; answers that they may show for an hour: {answers}")
        }),
        (loads > 0).then(|| {
            format!("loads that were not given up, so that the other newsrooms wait up to 10 s for them: {loads}")
        }),
    ];
    unfinished.into_iter().flatten().collect()
}

impl FromStr for ServerUrl {
    type Err = NotAServerUrl;

    /// Stricter than the driver, so that it is certain which part may be shown.
    fn from_str(url: &str) -> Result<Self, NotAServerUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(NotAServerUrl)?;
        let (login, number) = rest.split_once('/').unwrap_or((rest, ""));
        let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
        let in_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        let is_url = matches!(scheme, "redis" | "rediss")
            && !login.contains(['?', '#'])
            && !host.is_empty()
            && host.chars().all(in_host)
            && number.chars().all(|c| c.is_ascii_digit());
        let path = if number.is_empty() { String::new() } else { format!("/{number}") };
        is_url
            .then(|| Self { url: url.to_owned(), shown: format!("{scheme}://{host}{path}") })
            .ok_or(NotAServerUrl)
    }
}

impl Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://cache/3", "redis://cache/3"),
            ("redis://[::1]:6379/", "redis://[::1]:6379"),
            ("rediss://ada:secret@cache.example:1", "rediss://cache.example:1"),
            ("redis://:sec@ret@cache:1/0", "redis://cache:1/0"),
        ] {
            let parsed: ServerUrl = url.parse().unwrap();
            assert_eq!((parsed.to_string(), format!("{parsed:?}")), (shown.to_owned(), shown.to_owned()));
            assert_eq!(parsed.url, url);
        }
    }

    #[test]
    fn a_text_of_which_any_part_may_be_a_password_is_refused_and_not_shown() {
        for url in [
            "",
            "cache:6379",
            "http://cache:6379",
            "redis://",
            "redis://ada:sec/ret@cache",
            "redis://ada:sec?ret@cache",
            "redis://ada:sec#ret@cache",
            "redis://cache?password=secret",
            "redis://cache/secret",
            "redis+unix:///run/redis?pass=secret",
        ] {
            let error = url.parse::<ServerUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{url}");
        }
    }
}
