//! The loop: applies answers and keys to what the user reads, sends changes, and draws pictures.

use std::time::Duration;

use cache_client::{Client, Mutate, MutateError};
use cache_documents::DocumentsBuilder;
use crossterm::event::EventStream;
use dashboard::newsroom::in_short;
use dashboard::plain;
use dashboard::terminal::Screen;
use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch::Receiver;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::Options;
use crate::changes::{DeleteArticle, PostComment, Rename};
use crate::input::{self, Answer, Command, Line};
use crate::picture::{Notice, Picture};
use crate::reading::Reading;
use crate::records::{ArticleId, AuthorId};
use crate::saved::{self, SavedError};
use crate::server::{Reader, ServerError};
use crate::view;

/// The shortest time between two pictures, so that drawing does not delay the reading of keys.
const FRAME: Duration = Duration::from_millis(33);

/// A client that asks for news as often as the command line says.
///
/// # Errors
/// If the folder for what was read cannot be used.
pub fn client(options: &Options) -> Result<Client<Reader>, SavedError> {
    let cache = saved::restore(options)?;
    let reader = Reader::new(options.address.clone());
    Ok(Client::builder(cache, reader).documents().defaults(|defaults| defaults.poll(options.every)).build())
}

/// A question that the user answers before anything is changed.
#[derive(Clone, Debug)]
pub enum Question {
    /// The text of a comment.
    Comment(ArticleId, Line),
    /// The name of an author.
    Rename(AuthorId, Line),
    /// Whether to delete an article.
    Delete(ArticleId),
}

/// What the user sees and answers.
struct Session {
    reading: Reading,
    name: String,
    question: Option<Question>,
    notice: Option<Notice>,
    scrolled: u16,
    notices: UnboundedSender<Notice>,
}

/// Shows the server's articles until the user leaves or `stop` becomes true.
///
/// # Errors
/// If the terminal is gone.
pub async fn run(
    client: Client<Reader>,
    options: Options,
    mut stop: Receiver<bool>,
    screen: &mut Screen,
) -> std::io::Result<()> {
    let (notices, mut arriving): (_, UnboundedReceiver<Notice>) = unbounded_channel();
    let reading = Reading::new(client);
    let mut session =
        Session { reading, name: options.name, question: None, notice: None, scrolled: 0, notices };
    let mut keys = EventStream::new();
    let mut frame = interval(FRAME);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_drawn = false;
    loop {
        tokio::select! {
            _ = frame.tick(), if !is_drawn => {
                let picture = session.picture();
                screen.draw(|frame| view::draw(frame, &picture))?;
                is_drawn = true;
                continue;
            }
            () = session.reading.next_update() => {}
            Some(notice) = arriving.recv() => session.notice = Some(notice),
            event = keys.next() => match event.transpose()? {
                Some(event) if session.apply(&event) => {}
                _ => return Ok(()),
            },
            _ = stop.wait_for(|is_stopping| *is_stopping) => return Ok(()),
        }
        is_drawn = false;
    }
}

impl Session {
    fn picture(&self) -> Picture {
        Picture::of(&self.reading, self.question.as_ref(), self.notice.as_ref(), self.scrolled)
    }

    /// Applies an event. Returns whether the program goes on.
    fn apply(&mut self, event: &crossterm::event::Event) -> bool {
        let answer = match &mut self.question {
            None => match input::command(event) {
                Some(Command::Quit) => return false,
                Some(command) => {
                    self.obey(command);
                    return true;
                }
                None => return true,
            },
            Some(Question::Comment(_, line) | Question::Rename(_, line)) => line.edit(event),
            Some(Question::Delete(_)) => {
                let mut line = Line { text: String::new() };
                match line.edit(event) {
                    Answer::Open if ["y", "Y"].contains(&&*line.text) => Answer::Given(line.text),
                    Answer::Open if line.text.is_empty() => Answer::Open,
                    Answer::Quit => Answer::Quit,
                    _ => Answer::Cancelled,
                }
            }
        };
        match answer {
            Answer::Open => {}
            Answer::Quit => return false,
            Answer::Cancelled => self.question = None,
            Answer::Given(text) => {
                if let Some(question) = self.question.take() {
                    self.change(question, text);
                }
            }
        }
        true
    }

    fn obey(&mut self, command: Command) {
        self.notice = None;
        let empty = Line { text: String::new() };
        match command {
            Command::Quit => {}
            Command::Refresh => drop(self.reading.client().invalidate_all()),
            Command::Select(steps) => {
                self.scrolled = 0;
                self.reading.select(steps);
            }
            Command::Scroll(lines) => {
                // A few lines.
                self.scrolled = self.scrolled.saturating_add_signed(lines as i16);
            }
            Command::Comment => {
                self.question = self.reading.key().map(|key| Question::Comment(key.clone(), empty));
            }
            Command::Rename => {
                self.question = self.reading.author_key().map(|key| Question::Rename(key, empty));
            }
            Command::Delete => self.question = self.reading.key().cloned().map(Question::Delete),
        }
    }

    /// Sends a change in the background.
    fn change(&mut self, question: Question, text: String) {
        match question {
            Question::Comment(..) | Question::Rename(..) if text.is_empty() => {}
            Question::Comment(article, _) => {
                let comment = PostComment::new(article, &self.name, &text);
                self.send(comment, "The comment is posted.", "The comment was not posted");
            }
            Question::Rename(author, _) => {
                self.send(
                    Rename { author, name: text },
                    "The author is renamed.",
                    "The author was not renamed",
                );
            }
            Question::Delete(article) => {
                self.send(
                    DeleteArticle { article },
                    "The article is deleted.",
                    "The article was not deleted",
                );
            }
        }
    }

    fn send<M: Mutate<Reader, Error = ServerError>>(
        &self,
        change: M,
        done: &'static str,
        failed: &'static str,
    ) {
        let (client, notices) = (self.reading.client().clone(), self.notices.clone());
        tokio::spawn(async move {
            let notice = match client.mutate(&change).await {
                Ok(_) => Notice { text: done.to_owned(), is_error: false },
                Err(error) => Notice { text: format!("{failed}: {}", reason(&error)), is_error: true },
            };
            // The session may have ended.
            let _ = notices.send(notice);
        });
    }
}

fn reason(error: &MutateError<ServerError>) -> String {
    plain::title(&match error {
        MutateError::Failed { source, .. } => in_short(source),
        error => in_short(error),
    })
}
