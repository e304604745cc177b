//! Settings of the service: limits, which clients may inspect it, and which scripts run on its pages.

use std::str::FromStr;
use std::time::Duration;

/// Settings of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which clients may see `/_cache`, with its token, and `/api/stats`.
    pub inspection: Inspection,
    /// Which scripts run on the page of an article.
    pub scripts: Scripts,
    /// The names under which browsers open the inspector, besides the address of the service and loopback names.
    pub hosts: Vec<String>,
    /// Connections at the same time. Further clients wait until one of them ends. Below the number of files that a
    /// process may usually have open (1024), so that database and snapshot can always be opened.
    pub connections: usize,
    /// Event streams at the same time. A further one is refused with status 503.
    pub streams: usize,
    /// Event streams at the same time from one address.
    pub streams_per_address: usize,
    /// How long running requests may take when the service is told to stop. They are cut off after that.
    pub grace: Duration,
}

/// Which clients may see what is in the cache and what was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inspection {
    /// No client.
    Off,
    /// Clients on the same machine, unless a proxy says that it forwards their request.
    #[default]
    Local,
    /// Every client.
    Open,
}

/// Which scripts run on the page of an article. What carries the answers to its own script depends on that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scripts {
    /// Files of the service, and inline scripts with the nonce of the page, which carry the answers.
    #[default]
    Inline,
    /// Only scripts with the nonce of the page. Inline ones carry the answers.
    Nonce,
    /// Only files of the service. Blocks of data carry the answers.
    Blocks,
    /// The same, and they cannot turn text into markup or code.
    Strict,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inspection: Inspection::default(),
            scripts: Scripts::default(),
            hosts: Vec::new(),
            connections: 800,
            streams: 400,
            streams_per_address: 40,
            grace: Duration::from_secs(1),
        }
    }
}

impl FromStr for Inspection {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "local" => Ok(Self::Local),
            "open" => Ok(Self::Open),
            _ => Err("it must be `off`, `local` or `open`"),
        }
    }
}

impl FromStr for Scripts {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "inline" => Ok(Self::Inline),
            "nonce" => Ok(Self::Nonce),
            "blocks" => Ok(Self::Blocks),
            "strict" => Ok(Self::Strict),
            _ => Err("it must be `inline`, `nonce`, `blocks` or `strict`"),
        }
    }
}
