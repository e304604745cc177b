//! Settings of the service: limits, and which clients may inspect it.

use std::str::FromStr;
use std::time::Duration;

/// Settings of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which clients may see `/_cache`, with its token, and `/api/stats`.
    pub inspection: Inspection,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            inspection: Inspection::default(),
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
