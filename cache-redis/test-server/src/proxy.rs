//! A proxy on a loopback port that behaves as a bad network does. Knows nothing of what passes.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What clients send.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They pass this long after they came, or a little later. Bytes that wait pass when the flow changes.
    Delay(Duration),
    /// They are lost, and so is the end of a connection. A connection that has lost something never passes bytes
    /// again in that direction: it ends when the flow changes.
    Swallow,
}

/// A proxy to one server. Dropping it ends all connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    /// Wakes what waits for its time to pass.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// To the server, and to the client.
    flows: [Flow; 2],
    /// New connections end at once.
    is_cut: bool,
    is_dropped: bool,
    next_link: u64,
    links: HashMap<u64, Link>,
}

/// A connection of a client, and the one to the server.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// The server's side has ended, and the client must not notice.
    is_half_open: bool,
    has_lost: bool,
    /// Directions that are still copied.
    copying: u8,
}

impl Proxy {
    /// Starts a proxy to a server on this loopback port, which need not run yet.
    ///
    /// # Errors
    /// If no port is free.
    pub fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = State {
            flows: [Flow::Pass; 2],
            is_cut: false,
            is_dropped: false,
            next_link: 0,
            links: HashMap::new(),
        };
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let shared = Arc::new(Shared { server, state: Mutex::new(state), changed: Condvar::new() });
        let port = listener.local_addr()?.port();
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { port, shared, accepting: Some(accepting) })
    }

    /// Returns the port on 127.0.0.1 for clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets everything pass again. Connections that have lost something end; half-open ones stay as they are.
    pub fn pass(&self) {
        self.shared.change(|state| {
            state.is_cut = false;
            state.set([Flow::Pass; 2]);
        });
    }

    /// Sets what happens to one direction of all connections, also of those to come.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.shared.change(|state| {
            let mut flows = state.flows;
            flows[direction as usize] = flow;
            state.set(flows);
        });
    }

    /// Ends all connections, and new ones at once, until [`pass`](Self::pass) is called.
    pub fn cut(&self) {
        self.shared.change(|state| {
            state.is_cut = true;
            state.links.values().for_each(Link::end);
        });
    }

    /// Ends the server's side of all connections without telling the clients: what they send is lost, and nothing
    /// comes. New connections pass.
    pub fn half_open(&self) {
        self.shared.change(|state| {
            for link in state.links.values_mut() {
                link.is_half_open = true;
                // It may have ended already.
                let _ = link.server.shutdown(Shutdown::Both);
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.is_dropped = true;
            state.links.values().for_each(Link::end);
        });
        // Wakes the thread that accepts. If that fails, it is not there any more.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits until what has just come may pass. Returns false if it is lost.
    fn may_pass(&self, id: u64, direction: Direction) -> bool {
        let came = Instant::now();
        let mut state = self.state();
        loop {
            let flow = state.flows[direction as usize];
            // Without a link the connection has ended, and passing fails.
            let Some(link) = state.links.get_mut(&id) else { return true };
            match flow {
                _ if link.is_half_open => return false,
                Flow::Pass => return true,
                Flow::Swallow => {
                    link.has_lost = true;
                    return false;
                }
                Flow::Delay(delay) => {
                    let left = delay.saturating_sub(came.elapsed());
                    if left.is_zero() {
                        return true;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Copies one direction to its end.
    fn copy(&self, id: u64, direction: Direction, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            // A connection that is reset has ended.
            let read = from.read(&mut bytes).unwrap_or(0);
            let may_pass = self.may_pass(id, direction);
            if read == 0 {
                if may_pass {
                    // The other side may have ended already.
                    let _ = to.shutdown(Shutdown::Write);
                }
                break;
            }
            if may_pass && to.write_all(&bytes[..read]).is_err() {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
        }
        self.copied(id);
    }

    /// One direction has ended. A half-open connection ends when the client ends it, since the proxy keeps it.
    fn copied(&self, id: u64) {
        let mut state = self.state();
        if let Some(link) = state.links.get_mut(&id) {
            link.copying -= 1;
            if link.copying == 0 {
                state.links.remove(&id);
            }
        }
    }
}

impl State {
    fn set(&mut self, flows: [Flow; 2]) {
        if flows != self.flows {
            self.links.values().filter(|link| link.has_lost).for_each(Link::end);
        }
        self.flows = flows;
    }
}

impl Link {
    fn end(&self) {
        // Either side may have ended already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.state().is_dropped {
            return;
        }
        // Without a server, or without a file descriptor, the client's connection ends at once.
        if let Ok(client) = client {
            let _ = link(client, shared);
        }
    }
}

fn link(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    if shared.state().is_cut {
        return Ok(());
    }
    let server = TcpStream::connect(shared.server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let copies = [
        (Direction::ToServer, client.try_clone()?, server.try_clone()?),
        (Direction::ToClient, server.try_clone()?, client.try_clone()?),
    ];
    let mut state = shared.state();
    if state.is_cut || state.is_dropped {
        return Ok(());
    }
    let id = state.next_link;
    state.next_link += 1;
    state.links.insert(id, Link { client, server, is_half_open: false, has_lost: false, copying: 2 });
    drop(state);
    for (direction, from, to) in copies {
        let shared = Arc::clone(shared);
        thread::spawn(move || shared.copy(id, direction, from, to));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
