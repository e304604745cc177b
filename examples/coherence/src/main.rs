//! Shows four machines with one shared tier. `coherence --help` prints the options.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use coherence::arguments::{self, Command, Limits};
use coherence::lab::Settings;
use coherence::script::{self, Outcome};
use coherence::{node, origin, session};
use dashboard::newsroom::with_causes;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let command = match arguments::parse(env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}; see `coherence --help`");
            return ExitCode::from(2);
        }
    };
    run(command).unwrap_or_else(|error| {
        eprintln!("error: {}", with_causes(&*error));
        ExitCode::from(2)
    })
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = match command {
        // Drawing happens on this thread and may block; signals are noticed on another.
        Command::Show(_) => Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        _ => Builder::new_current_thread().enable_all().build()?,
    };
    // On this thread, since the machines end with the thread that starts them.
    runtime.block_on(async {
        match command {
            Command::Help => print!("{}", arguments::HELP),
            Command::Origin(folder) => origin::serve(&folder).await?,
            Command::Node(settings) => node::run(settings).await?,
            Command::Show(limits) => session::run(settings(limits)?).await?,
            Command::Script(limits) => {
                if script::run(settings(limits)?, std::io::stdout()).await? == Outcome::Broken {
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn settings(Limits { max_lag, lease }: Limits) -> Result<Settings, std::io::Error> {
    Ok(Settings { program: env::current_exe()?, max_lag, lease })
}
