//! Shows the newsroom until `q`. `dashboard --help` says how.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use dashboard::arguments::{self, Command, Options};
use dashboard::newsroom::with_causes;
use dashboard::session;
use dashboard::terminal::Screen;

// One thread is enough for one who looks on.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
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
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let client = session::client(&options)?;
    // Given back when it is dropped: before an error is printed.
    let mut screen = Screen::take()?;
    session::run(client, options, &mut screen).await?;
    Ok(())
}
