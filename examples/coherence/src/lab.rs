//! The server, the network, the origin and the machines, all started here. What they tell is recorded.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use cache_redis_test_server::{Proxy, StartError, TestServer};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use crate::act::{Act, name};
use crate::clock::{self, nanoseconds};
use crate::message::{Order, OriginReport, Report};
use crate::process::Process;
use crate::record::Record;
use crate::{NODES, builds};

mod troubles;

/// How long a machine or the origin may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long all machines use the tier before they begin to read.
const CALM: Duration = Duration::from_millis(400);

/// What a lab needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This program, which is also the machines and the origin.
    pub program: PathBuf,
    /// How long an answer may be called fresh after another machine has dropped it.
    pub max_lag: Duration,
    /// How long a machine may load a key while the others wait.
    pub lease: Duration,
}

/// Why a lab does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// There is no server.
    #[error(transparent)]
    Server(#[from] StartError),
    /// A process, or a port, cannot be had.
    #[error("{what} cannot be used")]
    System {
        /// What it is.
        what: &'static str,
        /// What the system has reported.
        source: io::Error,
    },
    /// A process has told nothing.
    #[error("{what} has not started within {START_LIMIT:?}")]
    Silent {
        /// What it is.
        what: String,
    },
}

/// What was told, and by whom.
#[derive(Clone, Debug)]
enum Told {
    Node(usize, Report),
    Origin(OriginReport),
}

/// A machine, and what is done to it.
#[derive(Debug)]
pub struct Machine {
    process: Option<Process>,
    /// The build that it runs, or would if it did.
    build: builds::Name,
    proxy: Proxy,
    /// Whether its process is stopped.
    pub is_stopped: bool,
    /// What its network suffers.
    pub network: Option<Act>,
}

/// Everything that runs. Dropping it ends all of it.
#[derive(Debug)]
pub struct Lab {
    settings: Settings,
    // The machines end before the server.
    machines: Vec<Machine>,
    server: TestServer,
    is_server_stopped: bool,
    is_origin_ready: bool,
    /// What the server suffers.
    memory: Option<Act>,
    /// `None` if it is killed.
    origin: Option<Process>,
    /// What the origin keeps. Removed at the end.
    folder: TempDir,
    teller: UnboundedSender<Told>,
    told: UnboundedReceiver<Told>,
    /// What was told so far.
    pub record: Record,
    /// When the lab was started.
    pub began: u64,
}

impl Lab {
    /// Starts everything, and waits until all machines use the tier and have read all keys.
    ///
    /// Must be called on the thread that lives longest: on Linux the machines end with it.
    ///
    /// # Errors
    /// [`LabError`].
    pub async fn start(settings: Settings) -> Result<Self, LabError> {
        let server = TestServer::try_start_with(&["--maxmemory-policy", "volatile-lru"])?;
        let system = |what| move |source| LabError::System { what, source };
        let (teller, told) = unbounded_channel();
        let folder = TempDir::new().map_err(system("a folder"))?;
        let machine = |_| -> io::Result<_> {
            let proxy = Proxy::to(server.port())?;
            Ok(Machine { process: None, build: builds::Name::Older, proxy, is_stopped: false, network: None })
        };
        let machines = (0..NODES).map(machine).collect::<Result<_, _>>().map_err(system("a port"))?;
        let mut lab = Self {
            settings,
            machines,
            server,
            is_server_stopped: false,
            is_origin_ready: false,
            memory: None,
            origin: None,
            folder,
            teller,
            told,
            record: Record::default(),
            began: clock::now(),
        };
        lab.start_origin().map_err(system("the origin"))?;
        for node in 0..NODES {
            lab.start_machine(node).map_err(system("a machine"))?;
        }
        if !lab.wait_until(START_LIMIT, Self::is_origin_ready).await {
            return Err(LabError::Silent { what: "the origin".to_owned() });
        }
        for node in 0..NODES {
            if !lab.wait_until(START_LIMIT, |lab| lab.is_following(node)).await {
                let error = lab.record.nodes[node].state.as_ref().and_then(|state| state.error.clone());
                let error = error.map(|error| format!(": {error}")).unwrap_or_default();
                return Err(LabError::Silent { what: format!("machine {}{error}", name(node)) });
            }
        }
        // Nothing was dropped yet, so that each key is loaded once, by one machine for all.
        lab.listen(CALM).await;
        (0..NODES).try_for_each(|node| lab.send(node, &Order::Begin)).map_err(system("a machine"))?;
        for node in 0..NODES {
            let has_read = |lab: &Self| lab.record.nodes[node].seen.iter().all(Option::is_some);
            if !lab.wait_until(START_LIMIT, has_read).await {
                return Err(LabError::Silent { what: format!("a read of machine {}", name(node)) });
            }
        }
        Ok(lab)
    }

    /// Makes all machines change keys at random, together this many times a second.
    ///
    /// # Errors
    /// If a machine has ended.
    pub fn pace(&mut self, writes: u32) -> io::Result<()> {
        let writes = writes * 100 / u32::try_from(NODES).unwrap_or(1);
        (0..NODES).try_for_each(|node| self.send(node, &Order::Pace { writes }))
    }

    /// Tells a machine to shut down.
    ///
    /// # Errors
    /// If it has ended.
    pub fn leave(&mut self, node: usize) -> io::Result<()> {
        // It gives up its leases.
        self.disturb(true);
        self.send(node, &Order::Leave)
    }

    /// Records what is told, until something is so. Returns false if it took too long.
    pub async fn wait_until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if is_so(self) {
                return true;
            }
            if !self.listen_until(deadline).await {
                return false;
            }
        }
    }

    /// Records what is told for some time.
    pub async fn listen(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while self.listen_until(deadline).await {}
    }

    /// Records the next thing that is told. Returns false if there is none until then.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn listen_until(&mut self, deadline: Instant) -> bool {
        // There is always a sender: that of the lab.
        let Ok(Some(told)) = timeout_at(deadline, self.told.recv()).await else { return false };
        match told {
            Told::Node(node, report) => self.record.told(node, report),
            Told::Origin(OriginReport::Load { node, build, key, asked, is_up, at }) => {
                self.record.loaded(node, build, key, asked, at);
                if !is_up {
                    self.record.alone(asked, at);
                }
            }
            Told::Origin(OriginReport::Ready) => {
                self.is_origin_ready = self.origin.is_some();
                // Nothing that a machine has to notice.
                let now = clock::now();
                self.record.disturb(self.is_disturbed(), now, now);
            }
        }
        Instant::now() < deadline
    }

    /// The machines.
    #[must_use]
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// The port of the server.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.server.port()
    }

    /// The version of the server, in its own words.
    #[must_use]
    pub fn server_name(&self) -> &str {
        self.server.program()
    }

    /// What the server suffers.
    #[must_use]
    pub fn server_trouble(&self) -> Option<Act> {
        match (self.server.is_running(), self.is_server_stopped) {
            (false, _) => Some(Act::KillServer),
            (true, true) => Some(Act::StopServer),
            (true, false) => self.memory,
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether a machine runs, and uses the tier.
    #[must_use]
    pub fn is_following(&self, node: usize) -> bool {
        let state = self.record.nodes[node].state.as_ref();
        self.machines[node].is_running() && state.is_some_and(|state| state.is_usable)
    }

    /// Whether the origin runs and listens.
    #[must_use]
    pub fn is_origin_ready(&self) -> bool {
        self.is_origin_ready
    }

    /// A machine may notice what is done as late as its next look at the feed.
    fn disturb(&mut self, is_disturbed: bool) {
        let now = clock::now();
        self.record.disturb(is_disturbed, now, now + nanoseconds(self.settings.max_lag));
    }

    fn is_disturbed(&self) -> bool {
        let is_well =
            |machine: &Machine| machine.is_running() && !machine.is_stopped && machine.network.is_none();
        !self.is_origin_ready || self.server_trouble().is_some() || !self.machines.iter().all(is_well)
    }

    fn start_origin(&mut self) -> io::Result<()> {
        let arguments = ["origin".to_owned(), self.folder.path().display().to_string()];
        let teller = self.teller.clone();
        self.origin = Some(Process::start(&self.settings.program, &arguments, move |line| {
            if let Ok(report) = serde_json::from_str(line) {
                // The lab may be gone.
                let _ = teller.send(Told::Origin(report));
            }
        })?);
        Ok(())
    }

    fn start_machine(&mut self, node: usize) -> io::Result<()> {
        let Settings { program, max_lag, lease } = &self.settings;
        let machine = &mut self.machines[node];
        let arguments = [
            "node".to_owned(),
            node.to_string(),
            machine.build.to_string(),
            format!("redis://127.0.0.1:{}", machine.proxy.port()),
            self.folder.path().display().to_string(),
            max_lag.as_millis().to_string(),
            lease.as_millis().to_string(),
        ];
        let teller = self.teller.clone();
        machine.process = Some(Process::start(program, &arguments, move |line| {
            if let Ok(report) = serde_json::from_str(line) {
                // The lab may be gone.
                let _ = teller.send(Told::Node(node, report));
            }
        })?);
        Ok(())
    }

    fn send(&mut self, node: usize, order: &Order) -> io::Result<()> {
        self.machines[node].process.as_mut().map_or(Ok(()), |process| process.send(order))
    }
}

impl Machine {
    /// Whether its process runs, also if it is stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }
}
