//! Why there is no module.

use std::fmt;

/// Why a list of queries cannot be written as a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeScriptError {
    /// Two different types have the same name in TypeScript.
    #[non_exhaustive]
    SameName {
        /// The name.
        name: String,
    },
    /// The name of a query is no name in TypeScript.
    #[non_exhaustive]
    BadName {
        /// The name.
        name: String,
    },
}

impl fmt::Display for TypeScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameName { name } => write!(
                f,
                "two different types or functions are named `{name}` in TypeScript: \
                 rename one of them with `#[ts(rename = \"..\")]`"
            ),
            Self::BadName { name } => {
                write!(f, "the query `{name}` cannot be a function in TypeScript: give it another name")
            }
        }
    }
}

impl std::error::Error for TypeScriptError {}
