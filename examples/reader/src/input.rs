//! What the keys mean: commands, and a line of text while there is a question.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Maximum number of characters of a line.
const LONGEST: usize = 2_000;

/// How many articles, or lines, the page keys move.
const FAR: isize = 10;

/// What the user requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave the program.
    Quit,
    /// Load everything again, now.
    Refresh,
    /// Select the article this many places down the list.
    Select(isize),
    /// Scroll the text of the article by this many lines.
    Scroll(isize),
    /// Ask for a comment on the article.
    Comment,
    /// Ask for a name for the author.
    Rename,
    /// Ask whether to delete the article.
    Delete,
}

/// The command that an event means while there is no question.
#[must_use]
pub fn command(event: &Event) -> Option<Command> {
    let key = pressed(event)?;
    let command = match key.code {
        _ if is_interrupt(key) => Command::Quit,
        _ if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => return None,
        KeyCode::Char('q' | 'Q') => Command::Quit,
        KeyCode::Char('u' | 'U') => Command::Refresh,
        KeyCode::Char('c' | 'C') => Command::Comment,
        KeyCode::Char('r' | 'R') => Command::Rename,
        KeyCode::Char('d' | 'D') => Command::Delete,
        KeyCode::Up => Command::Select(-1),
        KeyCode::Down => Command::Select(1),
        KeyCode::PageUp => Command::Select(-FAR),
        KeyCode::PageDown => Command::Select(FAR),
        KeyCode::Home => Command::Select(isize::MIN),
        KeyCode::End => Command::Select(isize::MAX),
        KeyCode::Left => Command::Scroll(-FAR),
        KeyCode::Right => Command::Scroll(FAR),
        _ => return None,
    };
    Some(command)
}

/// A question that the user answers with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What the user has written.
    pub text: String,
}

/// What has become of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user still writes.
    Open,
    /// The user has finished the line.
    Given(String),
    /// The user gives no answer.
    Cancelled,
    /// The user leaves the program.
    Quit,
}

impl Line {
    /// Applies an event.
    pub fn edit(&mut self, event: &Event) -> Answer {
        let Some(key) = pressed(event) else { return Answer::Open };
        match key.code {
            _ if is_interrupt(key) => return Answer::Quit,
            KeyCode::Enter => return Answer::Given(self.text.trim().to_owned()),
            KeyCode::Esc => return Answer::Cancelled,
            KeyCode::Backspace => drop(self.text.pop()),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.text.clear(),
            KeyCode::Char(letter)
                if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
                    && self.text.chars().count() < LONGEST =>
            {
                self.text.push(letter);
            }
            _ => {}
        }
        Answer::Open
    }
}

fn pressed(event: &Event) -> Option<&KeyEvent> {
    let Event::Key(key) = event else { return None };
    (key.kind != KeyEventKind::Release).then_some(key)
}

fn is_interrupt(key: &KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn a_line_is_written_corrected_and_given() {
        let mut line = Line { text: "An".to_owned() };
        for code in [KeyCode::Char('x'), KeyCode::Backspace, KeyCode::Char('n'), KeyCode::Char(' ')] {
            assert_eq!(line.edit(&key(code, KeyModifiers::NONE)), Answer::Open);
        }
        assert_eq!(line.edit(&key(KeyCode::Enter, KeyModifiers::NONE)), Answer::Given("Ann".to_owned()));
        assert_eq!(line.edit(&key(KeyCode::Char('u'), KeyModifiers::CONTROL)), Answer::Open);
        assert_eq!(line.text, "");
    }

    #[test]
    fn letters_are_commands_only_while_there_is_no_question() {
        let q = key(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(command(&q), Some(Command::Quit));
        assert_eq!(Line { text: String::new() }.edit(&q), Answer::Open);
        let interrupt = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(command(&interrupt), Some(Command::Quit));
        assert_eq!(Line { text: String::new() }.edit(&interrupt), Answer::Quit);
    }
}
