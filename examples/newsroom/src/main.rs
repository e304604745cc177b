//! Serves the newspaper until Ctrl-C or SIGTERM, and saves the cache for the next start.

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;

use newsroom::app::{self, with_causes};
use newsroom::arguments::{self, Command, Options};
use newsroom::database::Size;
use newsroom::service::Service;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Command::Serve(options)) => options,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `newsroom --help`");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    // Before anything that takes time.
    let listener = TcpListener::bind(options.address).await;
    let listener = listener.map_err(|error| cannot_serve(options.address, &error))?;
    let client = app::open(&options.data, Size::default(), |line| println!("{line}")).await?;
    let service = Service::start(client.clone(), listener)?;
    println!("serving at http://{}/, until Ctrl-C", service.address());
    told_to_stop().await?;
    println!("stopping ...");
    service.stop().await?;
    let report = app::save(&client).await?;
    println!("saved {} answers, {} bytes, for a warm start", report.entries(), report.bytes);
    Ok(())
}

fn cannot_serve(address: SocketAddr, error: &std::io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "; something else is served there: choose another with --address 127.0.0.1:0",
        ErrorKind::PermissionDenied => "; ports below 1024 are not for everybody",
        _ => "",
    };
    format!("cannot serve at {address}: {error}{advice}")
}

/// Waits for Ctrl-C, or for SIGTERM where there is such a thing.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
