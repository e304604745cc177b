//! Serves the newspaper until Ctrl-C or SIGTERM, and saves the cache for the next start. A second signal ends it at
//! once.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use cache_client::Client;
use newsroom::app::{self, Newsroom, log, with_causes};
use newsroom::arguments::{self, Command, Options};
use newsroom::service::Service;
use newsroom::{claim, sharing};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The exit status of a program that a second signal has ended: that of a shell for SIGINT.
const ENDED_BY_SIGNAL: u8 = 130;

fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Command::Serve(options)) => options,
        Ok(Command::Help) => {
            say(&arguments::HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            log(&format_args!("error: {error}; see `newsroom --help`"));
            return ExitCode::from(2);
        }
    };
    let result = Runtime::new().map_err(Box::from).and_then(|runtime| {
        let result = runtime.block_on(run(&options));
        // Loads without callers and statements of the database may still run.
        runtime.shutdown_background();
        result
    });
    result.unwrap_or_else(|error| {
        log(&format_args!("error: {}", with_causes(&*error)));
        ExitCode::FAILURE
    })
}

async fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    // Installed before anything that takes time.
    let listener = TcpListener::bind(options.address).await;
    let listener = listener.map_err(|error| cannot_serve(options.address, &error))?;
    match &options.shared {
        None => {
            let _claim = claim::alone(&options.data)?;
            serve(app::open(&options.data, options.size, say).await?, listener, options).await
        }
        Some(server) => {
            let mut claim = claim::shared(&options.data).await?;
            let client = app::open_shared(&options.data, options.size, server, claim.is_first, say).await?;
            claim.started();
            serve(client, listener, options).await
        }
    }
}

async fn serve(
    client: Client<Newsroom>,
    listener: TcpListener,
    options: &Options,
) -> Result<ExitCode, Box<dyn Error>> {
    // Until now a signal ends the program at once, since there is nothing to save yet.
    let mut signals = Signals::new()?;
    let service = Service::start(client, listener, &options.settings)?;
    if let Some(link) = service.inspector() {
        say(&format_args!("the cache: {link}"));
    }
    say(&format_args!("serving at http://{}/, until Ctrl-C", service.address()));
    signals.next().await;
    say(&"stopping ... (again to end at once)");
    tokio::select! {
        ended = end(service) => ended.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            log(&match options.shared {
                None => "ended at once: the cache was not saved, so the next start is colder",
                Some(_) => "ended at once: the other newsrooms may not know the last changes",
            });
            Ok(ExitCode::from(ENDED_BY_SIGNAL))
        }
    }
}

async fn end(service: Service) -> Result<(), Box<dyn Error>> {
    let client = service.client().clone();
    match service.stop().await {
        0 => {}
        1 => say(&"1 connection was cut off"),
        cut_off => say(&format_args!("{cut_off} connections were cut off")),
    }
    if client.shared_state().is_some() {
        let unfinished = sharing::end(&client).await;
        unfinished.iter().for_each(|line| log(line));
        if unfinished.is_empty() {
            say(&"the other newsrooms know all changes");
        }
        return Ok(());
    }
    let Some(report) = app::save(&client).await? else {
        say(&"saved nothing, since the database is missing");
        return Ok(());
    };
    let (answers, plural) = (report.entries(), if report.entries() == 1 { "" } else { "s" });
    say(&format_args!("saved {answers} answer{plural}, {} bytes, for a warm start", report.bytes));
    Ok(())
}

/// Prints a line. Ignores errors, as when the output is closed.
fn say(line: &dyn Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn cannot_serve(address: SocketAddr, error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "; another program uses it: choose another port, or any free one with --address 127.0.0.1:0"
        }
        ErrorKind::PermissionDenied => "; ports below 1024 need special permissions",
        _ => "",
    };
    format!("cannot serve at {address}: {error}{advice}")
}

/// Ctrl-C and, where it exists, SIGTERM.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}
