//! Fills a new database with a newspaper, which is always the same for the same size. `prose` has the sentences;
//! `grammar` makes articles of them.

mod grammar;
mod people;
mod prose;

use std::fmt::{self, Display};

use fastrand::Rng;
use rusqlite::{Connection, Result, Statement, params};

use crate::model::{Article, Card, Section};
use grammar::Story;

/// Identifies the file; must be raised when the tables change.
pub(super) const FORMAT: i64 = 0x4e52_0002;

/// The seed of all random choices.
const SEED: u64 = 1605;

/// When the newest article was published: 1 June 2026, 6:40.
const NEWEST: i64 = 1_780_296_000;

/// Seconds between one article and the next, at most.
const PACE: u32 = 5_400;

const TABLES: &str = "
    CREATE TABLE edition (number INTEGER NOT NULL, edits INTEGER NOT NULL);
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, about TEXT NOT NULL);
    CREATE TABLE articles (
        id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES authors, section TEXT NOT NULL,
        title TEXT NOT NULL, standfirst TEXT NOT NULL, body TEXT NOT NULL,
        published INTEGER NOT NULL, checksum INTEGER NOT NULL
    );
    CREATE TABLE comments (
        id INTEGER PRIMARY KEY, article INTEGER NOT NULL REFERENCES articles, number INTEGER NOT NULL,
        author INTEGER NOT NULL REFERENCES authors, text TEXT NOT NULL, posted INTEGER NOT NULL,
        UNIQUE (article, number)
    );
    CREATE VIRTUAL TABLE words USING fts5(
        title, standfirst, body, content='articles', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
    );";

const INDEXES: &str = "
    CREATE INDEX newest ON articles (published DESC, id DESC);
    CREATE INDEX newest_of_section ON articles (section, published DESC, id DESC);
    CREATE INDEX newest_of_author ON articles (author, published DESC, id DESC);
    CREATE INDEX latest ON comments (posted DESC, id DESC);
    INSERT INTO words (words) VALUES ('rebuild');
    ANALYZE;";

/// The size of a new database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Articles; the newest has the highest number.
    pub articles: u32,
    /// Reporters and readers.
    pub authors: u32,
}

impl Size {
    /// This many articles, and enough authors for them and their comments.
    #[must_use]
    pub fn of(articles: u32) -> Self {
        Self { articles, authors: (articles.saturating_mul(6) / 5).max(120) }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::of(10_000)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} articles, {} authors and their comments", self.articles, self.authors)
    }
}

/// Makes the tables and fills them.
pub(super) fn fill(connection: &mut Connection, size: Size) -> Result<()> {
    // The file is not visible before it is complete.
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    let tx = connection.transaction()?;
    tx.execute_batch(TABLES)?;
    // Another file is another edition, even with the same content: later comments are in only one of them.
    tx.execute("INSERT INTO edition VALUES (?, 0)", [fastrand::i64(1..)])?;
    let people = people::draw(&mut Rng::with_seed(SEED), size.authors);
    let mut insert = tx.prepare("INSERT INTO authors (name, about) VALUES (?, ?)")?;
    for person in &people.all {
        insert.execute(params![person.name, person.about])?;
    }
    drop(insert);
    Press { rng: Rng::with_seed(SEED ^ 1), people }.print(&tx, size.articles)?;
    tx.execute_batch(INDEXES)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()
}

/// Writes one article after the other.
struct Press {
    rng: Rng,
    people: people::People,
}

impl Press {
    fn print(&mut self, connection: &Connection, count: u32) -> Result<()> {
        let mut article = connection.prepare("INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
        let mut comment = connection
            .prepare("INSERT INTO comments (article, number, author, text, posted) VALUES (?, ?, ?, ?, ?)")?;
        // From the newest backwards; the numbers fall with the dates.
        let mut published = NEWEST;
        for id in (1..=u64::from(count)).rev() {
            self.print_one(id, published, &mut article, &mut comment)?;
            published -= i64::from(self.rng.u32(PACE / 4..PACE));
        }
        Ok(())
    }

    fn print_one(
        &mut self,
        id: u64,
        published: i64,
        insert: &mut Statement<'_>,
        insert_comment: &mut Statement<'_>,
    ) -> Result<()> {
        let section = Section::ALL[self.rng.usize(..Section::ALL.len())];
        let author = self.people.reporter(&mut self.rng, section);
        let mut story = Story::new(section, self.rng.fork());
        let (title, standfirst) = (story.title(), story.standfirst());
        let card = Card { id, author, section, title, standfirst, published };
        let mut article = Article { card, paragraphs: story.paragraphs(), checksum: 0 };
        article.checksum = article.checksum_with(self.people.name(author));
        let body = article.paragraphs.join("\n\n");
        let Card { title, standfirst, .. } = article.card;
        let values =
            params![id, author, section.name(), title, standfirst, body, published, article.checksum];
        insert.execute(values)?;
        let mut posted = published;
        for number in 1..=self.comment_count() {
            posted += i64::from(self.rng.u32(40..4_000));
            let reader = self.people.reader(&mut self.rng);
            insert_comment.execute(params![id, number, reader, story.comment(), posted])?;
        }
        Ok(())
    }

    /// A few for most articles, and many for some.
    fn comment_count(&mut self) -> u32 {
        match self.rng.u32(..40) {
            0 => self.rng.u32(20..60),
            1..10 => self.rng.u32(4..12),
            _ => self.rng.u32(..4),
        }
    }
}
