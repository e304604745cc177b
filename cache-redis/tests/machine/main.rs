//! What one client concludes from what it is told.

mod drops;
mod feed;

use std::time::Duration;

use cache_client::shared::machine::{Action, Event, Machine};
use cache_client::shared::protocol::{
    ClientId, Dropped, Envelope, Epoch, FeedAnswer, FeedId, FeedItem, Key, Mark, Opened, Position,
};
use cache_core::Moment;

const MAX_LAG: Duration = Duration::from_secs(2);
const OWN: ClientId = ClientId([1; 8]);
const OTHER: ClientId = ClientId([2; 8]);

fn post(id: u8) -> Key {
    Key::new("posts", &[id])
}

fn mark(id: u8) -> Mark {
    Mark::Key(post(id))
}

fn epoch(number: u8) -> Epoch {
    Epoch([number; 16])
}

/// A position in the first epoch.
fn at(number: u64) -> Position {
    Position { epoch: epoch(1), number }
}

fn id(number: u64) -> FeedId {
    FeedId { milliseconds: 1000 + number, sequence: 0 }
}

fn seconds(seconds: u64) -> Moment {
    Moment::ORIGIN + Duration::from_secs(seconds)
}

fn item(number: u64, client: ClientId, mark: Mark) -> FeedItem {
    FeedItem { id: id(number), dropped: Some(Dropped { position: at(number), client, marks: vec![mark] }) }
}

fn opened(position: Position) -> Opened {
    Opened { position, last: id(position.number), wide: vec![] }
}

fn read(sent: Moment, items: Vec<FeedItem>, position: Position) -> Event {
    Event::FeedRead { sent, answer: FeedAnswer { items, position: Some(position) } }
}

fn envelope(position: Position) -> Envelope {
    let Position { epoch, number } = position;
    Envelope { epoch, number, began: 0, tags: vec![], body: vec![] }
}

/// A client that follows the feed, and has applied ten drops by now.
fn following() -> Machine {
    let mut machine = Machine::new(OWN, MAX_LAG);
    machine.handle(Event::FeedConnected);
    machine.handle(Event::Opened { sent: seconds(0), opened: opened(at(10)) });
    machine
}

fn wait_after(number: u64) -> Action {
    Action::Read { after: id(number), wait: true }
}

fn read_after(number: u64) -> Action {
    Action::Read { after: id(number), wait: false }
}
