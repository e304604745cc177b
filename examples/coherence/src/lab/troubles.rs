//! What can be done to the machines, the network and the server.

use std::io;
use std::time::Duration;

use cache_redis_test_server::{Direction, Flow};
use rustix::process::Signal;

use super::{Lab, Machine};
use crate::act::Act;
use crate::clock;
use crate::message::Order;

/// How late [`Act::Delay`] is.
const LATE: Duration = Duration::from_millis(300);

impl Lab {
    /// Does something. Does nothing if it cannot be done now, such as stopping a machine that does not run.
    ///
    /// # Errors
    /// If a process cannot be started, or the server does not take a command.
    pub fn act(&mut self, act: Act) -> io::Result<()> {
        if let Act::Write { node, key } = act {
            return self.send(node, &Order::Write { key });
        }
        self.disturb(true);
        match act {
            Act::Write { .. } => {}
            Act::Cut(node)
            | Act::HalfOpen(node)
            | Act::Delay(node)
            | Act::SwallowRequests(node)
            | Act::SwallowAnswers(node)
            | Act::Mend(node) => self.network(node, act),
            Act::Stop(node) => self.signal(node, Signal::STOP)?,
            Act::Continue(node) => self.signal(node, Signal::CONT)?,
            Act::Kill(node) => self.kill(node),
            Act::Start(node) => self.start_again(node)?,
            Act::Replace { node, build } => {
                self.kill(node);
                self.machines[node].build = build;
                self.start_again(node)?;
            }
            Act::KillOrigin => {
                self.origin = None;
                self.is_origin_ready = false;
            }
            Act::StartOrigin => {
                if self.origin.is_none() {
                    self.start_origin()?;
                }
            }
            Act::StopServer | Act::ContinueServer if self.server.is_running() => {
                self.is_server_stopped = act == Act::StopServer;
                self.server.signal(if self.is_server_stopped { "STOP" } else { "CONT" });
            }
            Act::StopServer | Act::ContinueServer => {}
            Act::KillServer => {
                self.is_server_stopped = false;
                self.memory = None;
                self.server.kill();
            }
            Act::StartServer => self.server.try_restart().map_err(io::Error::other)?,
            Act::Flush => self.command(&["FLUSHALL"])?,
            Act::KillClients => self.command(&["CLIENT", "KILL", "TYPE", "normal"])?,
            Act::LoseState => self.command(&["DEL", "coherence:state"])?,
            Act::Trim => self.command(&["XTRIM", "coherence:feed", "MAXLEN", "1"])?,
            Act::Fill | Act::Evict | Act::Free => self.memory(act)?,
        }
        self.disturb(self.is_disturbed());
        Ok(())
    }

    fn kill(&mut self, node: usize) {
        if self.machines[node].process.take().is_some() {
            self.machines[node].is_stopped = false;
            self.record.ended(node, clock::now());
        }
    }

    fn start_again(&mut self, node: usize) -> io::Result<()> {
        if self.machines[node].process.is_none() {
            self.start_machine(node)?;
            self.send(node, &Order::Begin)?;
        }
        Ok(())
    }

    fn signal(&mut self, node: usize, signal: Signal) -> io::Result<()> {
        let machine = &mut self.machines[node];
        let Some(process) = &machine.process else { return Ok(()) };
        process.signal(signal)?;
        machine.is_stopped = signal == Signal::STOP;
        Ok(())
    }

    fn network(&mut self, node: usize, act: Act) {
        let Machine { proxy, network, .. } = &mut self.machines[node];
        // What half-open connections have lost stays lost, and they are not told even then.
        *network = (!matches!(act, Act::Mend(_) | Act::HalfOpen(_))).then_some(act);
        proxy.pass();
        match act {
            Act::Cut(_) => proxy.cut(),
            Act::HalfOpen(_) => proxy.half_open(),
            Act::Delay(_) => proxy.set(Direction::ToServer, Flow::Delay(LATE)),
            Act::SwallowRequests(_) => proxy.set(Direction::ToServer, Flow::Swallow),
            Act::SwallowAnswers(_) => proxy.set(Direction::ToClient, Flow::Swallow),
            _ => {}
        }
    }

    fn memory(&mut self, act: Act) -> io::Result<()> {
        // An empty server has about a megabyte.
        let bytes = match act {
            Act::Fill => "1",
            Act::Evict => "1100000",
            _ => "0",
        };
        self.command(&[
            "CONFIG",
            "SET",
            "maxmemory-policy",
            if act == Act::Fill { "noeviction" } else { "volatile-lru" },
        ])?;
        self.command(&["CONFIG", "SET", "maxmemory", bytes])?;
        self.memory = (act != Act::Free).then_some(act);
        Ok(())
    }

    fn command(&self, words: &[&str]) -> io::Result<()> {
        if !self.server.is_running() || self.is_server_stopped {
            return Ok(());
        }
        let answer = self.server.command(words)?;
        if let Some(error) = answer.strip_prefix('-') {
            return Err(io::Error::other(error.to_owned()));
        }
        Ok(())
    }
}
