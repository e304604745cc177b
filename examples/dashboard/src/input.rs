//! What the keys mean.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

/// What the user requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave the program.
    Quit,
    /// Query everything again, now.
    Refresh,
    /// Pause the queries, or resume them.
    Pause,
    /// Select the article this many places down the list.
    Select(isize),
    /// Show the next page of the list, with older articles.
    Older,
    /// Show the page before.
    Newer,
}

/// How many articles the page keys move.
const FAR: isize = 10;

/// The command that an event means.
#[must_use]
pub fn command(event: &Event) -> Option<Command> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    // Not Esc: an arrow key begins with it, and may arrive in parts.
    let command = match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Command::Quit,
        _ if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => return None,
        KeyCode::Char('q' | 'Q') => Command::Quit,
        KeyCode::Char('r' | 'R') => Command::Refresh,
        KeyCode::Char('p' | 'P') => Command::Pause,
        KeyCode::Up => Command::Select(-1),
        KeyCode::Down => Command::Select(1),
        KeyCode::PageUp => Command::Select(-FAR),
        KeyCode::PageDown => Command::Select(FAR),
        KeyCode::Home => Command::Select(isize::MIN),
        KeyCode::End => Command::Select(isize::MAX),
        KeyCode::Right => Command::Older,
        KeyCode::Left => Command::Newer,
        _ => return None,
    };
    Some(command)
}

#[cfg(test)]
mod tests {
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

    use super::{Command, command};

    #[test]
    fn two_keys_end_the_program() {
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Some(Command::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Quit));
    }

    #[test]
    fn an_arrow_key_that_arrives_in_parts_is_ignored() {
        for part in [KeyCode::Esc, KeyCode::Char('['), KeyCode::Char('A'), KeyCode::Char('B')] {
            assert_eq!(press(part, KeyModifiers::NONE), None);
        }
    }

    #[test]
    fn other_keys_with_control_or_alt_mean_nothing() {
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(press(KeyCode::Char('r'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
    }

    #[test]
    fn a_key_release_means_nothing() {
        let key = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(command(&Event::Key(key)), None);
    }

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
        command(&Event::Key(KeyEvent::new(code, modifiers)))
    }
}
