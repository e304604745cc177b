//! One flush: a part of the page's HTML, and messages that are written into it as JSON. What does not fit is taken back.

use super::script::Form;
use crate::json::JsonWriter;

pub(super) struct Flush {
    html: JsonWriter,
    form: Form,
    has_messages: bool,
}

impl Flush {
    /// Begins a flush after some HTML.
    pub(super) fn after(html: Vec<u8>, form: Form) -> Self {
        Self { html: JsonWriter::after(html, form.quoting()), form, has_messages: false }
    }

    /// Whether plain JSON means the same in this form.
    pub(super) fn is_same_here(&self, json: &[u8]) -> bool {
        self.html.is_same_here(json)
    }

    /// Adds a message of at most `most` bytes. `write` returns whether there is a message after all. Returns the number
    /// of bytes if the message was added.
    #[inline]
    pub(super) fn push(&mut self, most: usize, write: impl FnOnce(&mut JsonWriter) -> bool) -> Option<usize> {
        let before = self.html.len();
        match self.has_messages {
            true => self.html.raw(","),
            false => self.form.open(&mut self.html),
        }
        let begin = self.html.len();
        let is_message = write(&mut self.html);
        let size = self.html.len() - begin;
        if !is_message || size > most {
            self.html.truncate(before);
            return None;
        }
        self.has_messages = true;
        Some(size)
    }

    pub(super) fn has_messages(&self) -> bool {
        self.has_messages
    }

    /// The HTML with all messages.
    pub(super) fn into_html(mut self) -> Vec<u8> {
        if self.has_messages {
            self.form.close(&mut self.html);
        }
        self.html.into_bytes()
    }
}
