//! What the keys mean.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the user requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave the program.
    Quit,
    /// Select another machine, so many down.
    Machine(isize),
    /// Select another key, so many to the right.
    Key(isize),
    /// Change the selected key on the selected machine.
    Write,
    /// Cut the selected machine off, or mend its network.
    Cut,
    /// End its connections without its notice.
    HalfOpen,
    /// Lose what it sends, or mend its network.
    Swallow,
    /// Stop the selected machine, or let it go on.
    Stop,
    /// Kill the selected machine, or start it again.
    Kill,
    /// Make the server forget everything.
    Flush,
    /// Stop the server, or let it go on.
    StopServer,
    /// Kill the server, or start it again.
    KillServer,
    /// Pause the changes at random, or go on with them.
    Pause,
}

/// The command that an event means.
#[must_use]
pub fn command(event: &Event) -> Option<Command> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) =
        *event
    else {
        return None;
    };
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (code == KeyCode::Char('c')).then_some(Command::Quit);
    }
    Some(match code {
        KeyCode::Char('q') | KeyCode::Esc => Command::Quit,
        KeyCode::Up => Command::Machine(-1),
        KeyCode::Down => Command::Machine(1),
        KeyCode::Left => Command::Key(-1),
        KeyCode::Right => Command::Key(1),
        KeyCode::Char('w') => Command::Write,
        KeyCode::Char('c') => Command::Cut,
        KeyCode::Char('h') => Command::HalfOpen,
        KeyCode::Char('l') => Command::Swallow,
        KeyCode::Char('s') => Command::Stop,
        KeyCode::Char('k') => Command::Kill,
        KeyCode::Char('f') => Command::Flush,
        KeyCode::Char('S') => Command::StopServer,
        KeyCode::Char('K') => Command::KillServer,
        KeyCode::Char('p') => Command::Pause,
        _ => return None,
    })
}

#[test]
fn keys_mean_commands() {
    let press = |code, modifiers| command(&Event::Key(KeyEvent::new(code, modifiers)));
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Some(Command::Cut));
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Quit));
    assert_eq!(press(KeyCode::Char('S'), KeyModifiers::SHIFT), Some(Command::StopServer));
    assert_eq!(press(KeyCode::Char('x'), KeyModifiers::NONE), None);
}
