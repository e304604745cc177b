//! One of the processes that ask for the same key: a child of the program, which asks when a line tells it to.

use std::env::VarError;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

use cache_client::Client;
use cache_core::Cache;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{Failure, GetPage, Origin, background, client_of, redis_tier};

/// Set for a child: the url of the server.
const CHILD: &str = "CACHE_BENCH_SHARED";

/// Tasks of each process that ask for the key at the same time.
const TASKS: usize = 1_000;

/// A process. Dropping it ends the process.
pub struct Machine {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What all tasks of a process ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: u64,
    /// How long a load takes, in milliseconds.
    pub millis: u64,
    /// Whether the machines have a tier.
    pub shared: bool,
}

impl Machine {
    /// Starts a process that uses the server at `url`.
    pub fn start(url: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(CHILD, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the process has no output")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Has all its tasks ask. Does not wait for the answer.
    pub fn order(&mut self, order: Order) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("the process has ended")?;
        Ok(writeln!(input, "{} {} {}", order.id, order.millis, order.shared)?)
    }

    /// Waits until all its tasks have their answer. Returns how often the process has loaded the key.
    pub fn loads(&mut self) -> Result<usize, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().map_err(|_| "one of the processes has failed".into())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The end of its input ends the process.
        self.input = None;
        let _ = self.child.wait();
    }
}

impl FromStr for Order {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let [id, millis, shared] = *line.split(' ').collect::<Vec<_>>() else {
            return Err(format!("expected key, milliseconds and tier, found `{line}`").into());
        };
        Ok(Self { id: id.parse()?, millis: millis.parse()?, shared: shared.parse()? })
    }
}

/// Obeys the lines of standard input, if this is the process of a [`Machine`].
pub fn run_if_child() -> Option<Result<(), Failure>> {
    match std::env::var(CHILD) {
        Err(VarError::NotPresent) => None,
        Ok(url) => Some(obey(&url)),
        Err(error) => Some(Err(error.into())),
    }
}

fn obey(url: &str) -> Result<(), Failure> {
    // Its thread runs the tasks, and follows the feed between the orders.
    let runtime = background()?;
    let tier = runtime.block_on(redis_tier(url))?;
    let origin = Origin::default();
    let shared = runtime.block_on(client_of(tier, origin.clone()))?;
    let _context = runtime.enter();
    let alone = Client::builder(Cache::new(), origin.clone()).build();
    for line in std::io::stdin().lines() {
        let Order { id, millis, shared: is_shared } = line?.parse()?;
        origin.take(millis);
        let before = origin.loads();
        ask(&runtime, if is_shared { &shared } else { &alone }, id)?;
        println!("{}", origin.loads() - before);
    }
    Ok(())
}

fn ask(runtime: &Runtime, client: &Client<Origin>, id: u64) -> Result<(), Failure> {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let client = client.clone();
            tasks.spawn(async move { client.query(&GetPage { id }).await });
        }
        while let Some(answer) = tasks.join_next().await {
            answer??;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let order = Order { id: 7, millis: 300, shared: true };
        assert_eq!("7 300 true".parse::<Order>().expect("it is an order"), order);
        assert!("7 300".parse::<Order>().is_err());
    }
}
