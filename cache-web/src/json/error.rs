//! Why a value is not written, and where in it.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use serde::ser;

/// Why a value cannot be sent to a browser as JSON. Boxed, since there rarely is one.
#[derive(Debug)]
pub(crate) struct JsonError(Box<Details>);

#[derive(Debug)]
struct Details {
    problem: Cow<'static, str>,
    /// Where in the value, from the inside out; empty for the value as a whole.
    steps: Vec<Step>,
}

/// From a value to a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Name(&'static str),
    Index(usize),
    /// An entry of a map. Its key is data, which has no place in a log.
    Entry,
}

impl JsonError {
    pub(super) fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details { problem: problem.into(), steps: Vec::new() }))
    }

    /// The same error, of a value that has the failed one as a part.
    pub(super) fn within(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }

    /// Where in the value, such as `comments[3].id`.
    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            match *step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
                Step::Entry => path.push_str("[..]"),
            }
        }
        path
    }
}

impl Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path().as_str() {
            "" => write!(f, "the value {}", self.0.problem),
            path => write!(f, "`{path}` {}", self.0.problem),
        }
    }
}

impl std::error::Error for JsonError {}

impl ser::Error for JsonError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(format!("cannot be written: {message}"))
    }
}
