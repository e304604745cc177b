//! What each option means: from settings to typed options. Checks every option by itself; `validate` checks how they
//! fit together.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{LitStr, Path, Type};

use crate::errors::Errors;
use crate::settings::Setting;
use crate::settings::argument::{Given, argument_error, crate_path, did_you_mean, syntax};
use crate::shape::rename::RULES;
use crate::suggest;

/// The options above a type, in the order in which messages list them.
const ON_TYPES: [&str; 5] = ["type", "key", "rename_all", "persist", "crate"];

/// The options on a field.
const ON_FIELDS: [&str; 1] = ["rename"];

/// Names of options in other libraries, and what they are called here.
const ELSEWHERE: [(&str, &str); 8] = [
    ("name", "type"),
    ("type_name", "type"),
    ("kind", "type"),
    ("id", "key"),
    ("query", "key"),
    ("case", "rename_all"),
    ("save", "persist"),
    ("krate", "crate"),
];

/// The options of a type. An option with a mistake is `None` here, but `seen` lists it.
#[derive(Default)]
pub(super) struct ResourceOptions {
    seen: Vec<Ident>,
    pub(super) type_name: Option<Given<LitStr>>,
    pub(super) key: Option<Given<Type>>,
    /// One of the rules of serde.
    pub(super) rename_all: Option<Given<String>>,
    pub(super) persist: Option<Given<()>>,
    documents: Option<Given<Path>>,
}

/// The options of a field.
#[derive(Default)]
pub(super) struct FieldOptions {
    seen: Vec<Ident>,
    pub(super) rename: Option<Given<LitStr>>,
}

impl ResourceOptions {
    /// Reads every setting; keeps going after a mistake.
    pub(super) fn read(settings: &[Setting], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings {
            if is_new(setting, &mut options.seen, errors) {
                errors.take(options.read_one(setting));
            }
        }
        options
    }

    /// Whether the option `name` was given, with or without a mistake, or an unknown option that is closest to it.
    pub(super) fn is_meant(&self, name: &str) -> bool {
        self.seen.iter().any(|seen| seen == name || nearest_option(&seen.to_string()) == Some(name))
    }

    /// Path of `cache_documents` in generated code.
    pub(super) fn documents(&self) -> TokenStream {
        match &self.documents {
            Some(documents) => documents.value.to_token_stream(),
            None => quote::quote!(::cache_documents),
        }
    }

    fn read_one(&mut self, setting: &Setting) -> syn::Result<()> {
        match setting.name.to_string().as_str() {
            "type" => self.type_name = Some(setting.with(name_in_responses)?),
            "key" => {
                self.key = Some(setting.with(syntax("the query of the records, as in `key = ArticleId`"))?)
            }
            "rename_all" => self.rename_all = Some(setting.with(rule)?),
            "persist" => self.persist = Some(setting.flag()?),
            "crate" => {
                let expected = "the path of `cache_documents`, as in `crate = \"my_documents\"`";
                self.documents = Some(setting.with(crate_path(expected))?)
            }
            "rename" => {
                let message = "`rename` is about one field: write `#[resource(rename = \"...\")]` on the field, or `rename_all` here";
                return Err(syn::Error::new_spanned(&setting.name, message));
            }
            other => return Err(syn::Error::new_spanned(&setting.name, unknown(other))),
        }
        Ok(())
    }
}

impl FieldOptions {
    /// Reads every setting; keeps going after a mistake.
    pub(super) fn read(settings: &[Setting], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings {
            if is_new(setting, &mut options.seen, errors) {
                errors.take(options.read_one(setting));
            }
        }
        options
    }

    fn read_one(&mut self, setting: &Setting) -> syn::Result<()> {
        let name = setting.name.to_string();
        let message = match name.as_str() {
            "rename" => {
                self.rename = Some(setting.with(name_in_responses)?);
                return Ok(());
            }
            on_type if ON_TYPES.contains(&on_type) => {
                let argument = if on_type == "persist" { "" } else { " = ..." };
                format!("`{name}` is about the whole type: write `#[resource({name}{argument})]` above it")
            }
            _ => {
                let near = suggest::nearest(&name, ON_FIELDS);
                match near {
                    Some(_) => format!("there is no option `{name}`{}", did_you_mean(near, "`")),
                    None => format!("there is no option `{name}` on a field; there is `rename`"),
                }
            }
        };
        Err(syn::Error::new_spanned(&setting.name, message))
    }
}

/// Whether an option is given for the first time.
fn is_new(setting: &Setting, seen: &mut Vec<Ident>, errors: &mut Errors) -> bool {
    let name = &setting.name;
    let is_new = !seen.contains(name);
    if is_new {
        seen.push(name.clone());
    } else {
        errors.push(name, format_args!("`{name}` is given twice; keep one of them"));
    }
    is_new
}

/// Reads a text that is neither empty nor has control characters.
fn name_in_responses(name: &Ident, argument: &TokenStream) -> syn::Result<LitStr> {
    let example = if name == "type" { "articles" } else { "written-by" };
    let message = format_args!("`{name}` takes a name in quotes, as in `{name} = \"{example}\"`");
    let text: LitStr = syn::parse2(argument.clone()).map_err(|_| argument_error(name, argument, message))?;
    if text.value().trim().is_empty() || text.value().contains(char::is_control) {
        let message = "a name in responses must not be empty or contain control characters";
        return Err(argument_error(name, argument, message));
    }
    Ok(text)
}

fn rule(name: &Ident, argument: &TokenStream) -> syn::Result<String> {
    let written = syn::parse2::<LitStr>(argument.clone()).map(|text| text.value());
    let hint = match written {
        Ok(text) if RULES.contains(&text.as_str()) => return Ok(text),
        Ok(text) => did_you_mean(suggest::nearest(&text, RULES), "\""),
        Err(_) => String::new(),
    };
    let message = format_args!("`rename_all` is one of \"{}\"{hint}", RULES.join("\", \""));
    Err(argument_error(name, argument, message))
}

/// The option above a type that `name` was probably meant to be.
fn nearest_option(name: &str) -> Option<&'static str> {
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name).map(|&(_, here)| here);
    elsewhere.or_else(|| suggest::nearest(name, ON_TYPES))
}

fn unknown(name: &str) -> String {
    let near = nearest_option(name);
    match near {
        Some(_) => format!("there is no option `{name}`{}", did_you_mean(near, "`")),
        None => format!("there is no option `{name}`; there are `{}`", ON_TYPES.join("`, `")),
    }
}
