//! Reads a newsroom until `q`. `reader --help` prints the options.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use dashboard::newsroom::with_causes;
use dashboard::stop;
use dashboard::terminal::Screen;
use reader::arguments::{self, Command, Options};
use reader::{saved, session};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Command::Read(options)) => options,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `reader --help`");
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
        let (cache, file) = (client.cache().clone(), saved::file(&options));
        session::run(client, options, stop, &mut screen).await?;
        drop(screen);
        saved::save(&cache, &file)?;
        Ok(())
    });
    // Loads and lookups of host names may still run.
    runtime.shutdown_background();
    result
}
