//! Shows the newsroom until `q`. `dashboard --help` prints the options.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use dashboard::arguments::{self, Command, Options};
use dashboard::newsroom::with_causes;
use dashboard::terminal::Screen;
use dashboard::{session, stop};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Command::Show(options)) => options,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `dashboard --help`");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    // Drawing happens on this thread and may block; loads and signals run on another.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(async {
        let stop = stop::signals()?;
        let client = session::client(&options)?;
        // Restored when it is dropped, before an error is printed.
        let mut screen = Screen::open()?;
        session::run(client, options, stop, &mut screen).await?;
        Ok(())
    });
    // Loads and lookups of host names may still run.
    runtime.shutdown_background();
    result
}
