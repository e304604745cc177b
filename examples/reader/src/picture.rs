//! What is shown: plain data, made of what the user reads. Texts are safe to draw.

use cache_documents::{Document, Field};
use dashboard::plain;

use crate::reading::{Mark, Reading};
use crate::records::{Article, Author, Comment, CommentId};
use crate::session::Question;

/// What is shown.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The address of the server.
    pub address: String,
    /// The articles of the list: title and author.
    pub items: Vec<(String, String)>,
    /// The position of the selected one.
    pub place: usize,
    /// How good the list is.
    pub list_mark: Mark,
    /// The selected article.
    pub article: Option<ShownArticle>,
    /// How good it is.
    pub article_mark: Mark,
    /// What is shown instead, or why.
    pub article_note: Option<String>,
    /// How far its text is scrolled, in lines.
    pub scrolled: u16,
    /// Its author.
    pub author: Option<ShownAuthor>,
    /// How good that is.
    pub author_mark: Mark,
    /// Why the server gives nothing newer.
    pub problem: Option<String>,
    /// What the user is asked, and the answer so far.
    pub question: Option<(String, String)>,
    /// What has become of a change.
    pub notice: Option<Notice>,
}

/// An article.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct ShownArticle {
    pub title: String,
    pub by: String,
    pub standfirst: String,
    pub paragraphs: Vec<String>,
    pub comments: Vec<ShownComment>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownComment {
    /// Who wrote it.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where it is.
    pub progress: Progress,
}

/// How far a comment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The server has not answered.
    Pending,
    /// The server has it.
    Posted,
}

/// An author.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct ShownAuthor {
    pub name: String,
    pub about: String,
    pub articles: Vec<String>,
}

/// A message about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The message.
    pub text: String,
    /// Whether the change failed.
    pub is_error: bool,
}

impl Picture {
    /// The picture of what the user reads.
    pub fn of(
        reading: &Reading,
        question: Option<&Question>,
        notice: Option<&Notice>,
        scrolled: u16,
    ) -> Self {
        let items = reading.items();
        let selected = items.get(reading.place());
        let from_list = selected.map(|item| ShownArticle::of(&item.article, item.author.as_deref()));
        let whole = reading.selected.value.as_ref().and_then(|document| ShownArticle::whole(document));
        let author = reading.by.value.as_ref().and_then(|document| document.data());
        let author = author.or(selected.and_then(|item| item.author.as_ref()));
        let problems = [&reading.list_problem, &reading.selected.problem, &reading.by.problem];
        let problem = problems.into_iter().flatten().find(|problem| !problem.is_absent);
        let note = reading.selected.problem.as_ref().filter(|_| reading.selected.mark == Mark::Failed);
        Self {
            address: reading.client().app().address().to_string(),
            items: items
                .iter()
                .map(|item| (title(&item.article.title), name(item.author.as_deref())))
                .collect(),
            place: reading.place(),
            list_mark: reading.list_mark,
            article: whole.or(from_list),
            article_mark: reading.selected.mark,
            article_note: note.map(|problem| match problem.is_absent {
                true => "This article no longer exists.".to_owned(),
                false => format!("The text cannot be loaded: {}.", problem.text),
            }),
            scrolled,
            author: author.map(|author| ShownAuthor::of(author, reading)),
            author_mark: reading.by.mark,
            problem: problem.map(|problem| problem.text.clone()),
            question: question.map(|question| ask(question, author.map(|author| &**author))),
            notice: notice.cloned(),
        }
    }
}

fn ask(question: &Question, author: Option<&Author>) -> (String, String) {
    match question {
        Question::Comment(_, line) => ("Your comment".to_owned(), line.text.clone()),
        Question::Rename(_, line) => (format!("A new name for {}", name(author)), line.text.clone()),
        Question::Delete(_) => ("Delete this article with its comments? y/n".to_owned(), String::new()),
    }
}

impl ShownArticle {
    fn of(article: &Article, author: Option<&Author>) -> Self {
        let paragraphs = article.paragraphs.value().map_or(&[][..], Vec::as_slice);
        Self {
            title: title(&article.title),
            by: name(author),
            standfirst: text(&article.standfirst),
            paragraphs: paragraphs.iter().map(|text| plain::paragraph(text)).collect(),
            comments: Vec::new(),
        }
    }

    fn whole(document: &Document<Article>) -> Option<Self> {
        let article = document.data()?;
        let mut shown = Self::of(article, document.one(&article.author).map(|author| &**author));
        let comments = article.comments.keys().iter();
        shown.comments =
            comments.filter_map(|key| Some(ShownComment::of(key, document.get(key)?, document))).collect();
        Some(shown)
    }
}

impl ShownComment {
    fn of(key: &CommentId, comment: &Comment, document: &Document<Article>) -> Self {
        Self {
            name: name(document.one(&comment.author).map(|author| &**author)),
            text: text(&comment.text),
            progress: if key.0.lid().is_some() { Progress::Pending } else { Progress::Posted },
        }
    }
}

impl ShownAuthor {
    fn of(author: &Author, reading: &Reading) -> Self {
        let articles = reading.other_articles.value.iter().flat_map(|page| page.data());
        Self {
            name: name(Some(author)),
            about: text(&author.about),
            articles: articles.map(|article| title(&article.title)).collect(),
        }
    }
}

fn title(field: &Field<std::sync::Arc<str>>) -> String {
    field.value().map_or_else(|| "Untitled".to_owned(), |text| plain::title(text))
}

fn text(field: &Field<std::sync::Arc<str>>) -> String {
    field.value().map_or_else(String::new, |text| plain::paragraph(text))
}

fn name(author: Option<&Author>) -> String {
    let name = author.and_then(|author| author.name.value());
    name.map_or_else(|| "somebody".to_owned(), |name| plain::title(name))
}
