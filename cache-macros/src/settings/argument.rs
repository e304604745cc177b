//! The arguments of settings: none, one, or a list; and the messages about them.

use std::fmt::Display;

use proc_macro2::{Ident, TokenStream};
use syn::parse::{Parse, Parser};
use syn::{LitStr, Path};

use super::Setting;

/// One option with the token that names it, at which messages about it point.
pub(crate) struct Given<T> {
    pub(crate) name: Ident,
    pub(crate) value: T,
}

impl Setting {
    /// Reads the argument, which is required.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Ident, &TokenStream) -> syn::Result<T>,
    ) -> syn::Result<Given<T>> {
        self.refuse_list()?;
        let name = self.name.clone();
        match &self.argument {
            Some(argument) => Ok(Given { value: read(&name, argument)?, name }),
            None => read(&name, &TokenStream::new()).map(|value| Given { name, value }),
        }
    }

    /// Reads the optional argument.
    pub(crate) fn flag_or<T>(
        &self,
        read: impl FnOnce(&Ident, &TokenStream) -> syn::Result<T>,
    ) -> syn::Result<Given<Option<T>>> {
        match &self.argument {
            None => Ok(Given { name: self.name.clone(), value: None }),
            Some(_) => self.with(read).map(|Given { name, value }| Given { name, value: Some(value) }),
        }
    }

    /// Checks that there is no argument.
    pub(crate) fn flag(&self) -> syn::Result<Given<()>> {
        self.refuse_list()?;
        match &self.argument {
            None => Ok(Given { name: self.name.clone(), value: () }),
            Some(argument) => {
                let message =
                    format!("`{0}` takes no argument: write `{0}` alone, or leave it out", self.name);
                Err(argument_error(&self.name, argument, message))
            }
        }
    }

    /// Reads the content of the parentheses, which are required.
    pub(crate) fn list<T>(
        &self,
        read: impl FnOnce(&Ident, &TokenStream) -> syn::Result<T>,
    ) -> syn::Result<Given<T>> {
        let name = self.name.clone();
        match (&self.list, &self.argument) {
            (Some(_), Some(argument)) => read(&name, argument).map(|value| Given { name, value }),
            _ => {
                let message = format!("`{name}` takes a list in parentheses, as in `{name}(\"posts\")`");
                Err(argument_error(&name, self.argument.as_ref().unwrap_or(&TokenStream::new()), message))
            }
        }
    }

    fn refuse_list(&self) -> syn::Result<()> {
        let Some(list) = &self.list else { return Ok(()) };
        Err(syn::Error::new(list.span.open(), format_args!("expected `,` or `=` after `{}`", self.name)))
    }
}

/// Reads anything that `syn` can parse.
pub(crate) fn syntax<T: Parse>(
    expected: &'static str,
) -> impl FnOnce(&Ident, &TokenStream) -> syn::Result<T> {
    move |name, argument| {
        syn::parse2(argument.clone())
            .map_err(|_| argument_error(name, argument, format_args!("`{name}` takes {expected}")))
    }
}

/// `crate = "path"`, or the path without quotes.
pub(crate) fn crate_path(expected: &'static str) -> impl FnOnce(&Ident, &TokenStream) -> syn::Result<Path> {
    move |name, argument| {
        let parsed = match syn::parse2::<LitStr>(argument.clone()) {
            Ok(text) => text.parse_with(Path::parse_mod_style),
            Err(_) => Path::parse_mod_style.parse2(argument.clone()),
        };
        parsed.map_err(|_| argument_error(name, argument, format_args!("`{name}` takes {expected}")))
    }
}

/// A mistake at `argument`, or at the name if nothing follows the `=`.
pub(crate) fn argument_error(name: &Ident, argument: &TokenStream, message: impl Display) -> syn::Error {
    if argument.is_empty() {
        syn::Error::new_spanned(name, message)
    } else {
        syn::Error::new_spanned(argument, message)
    }
}

/// The end of a message that names the nearest known name, if there is one.
pub(crate) fn did_you_mean(near: Option<&str>, quote: &str) -> String {
    near.map(|near| format!("; did you mean {quote}{near}{quote}?")).unwrap_or_default()
}
