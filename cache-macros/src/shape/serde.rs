//! `#[serde(...)]`, as far as it decides what is written. serde's own derive reports mistakes in it.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token};

/// The settings in all `#[serde(...)]` of one type, variant or field.
#[derive(Default)]
pub(super) struct SerdeAttributes {
    entries: Vec<Entry>,
}

/// `name`, `name = "text"` or `name(serialize = "text", deserialize = "text")`.
struct Entry {
    path: Path,
    serialize: Option<LitStr>,
    deserialize: Option<LitStr>,
}

/// Which of the two directions is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Serialize,
    Deserialize,
}

impl SerdeAttributes {
    pub(super) fn read(attributes: &[Attribute]) -> Self {
        let mut entries = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            entries.extend(metas.into_iter().flatten().map(Entry::read));
        }
        Self { entries }
    }

    /// The token of the setting `name`, if it is there.
    pub(super) fn find(&self, name: &str) -> Option<&Path> {
        self.entries.iter().map(|entry| &entry.path).find(|path| path.is_ident(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The text given to `name` for one direction.
    pub(super) fn text(&self, name: &str, side: Side) -> Option<&LitStr> {
        let entry = self.entries.iter().find(|entry| entry.path.is_ident(name))?;
        match side {
            Side::Serialize => entry.serialize.as_ref(),
            Side::Deserialize => entry.deserialize.as_ref(),
        }
    }

    /// Whether it is neither written nor read.
    pub(super) fn is_skipped(&self) -> bool {
        self.has("skip") || (self.has("skip_serializing") && self.has("skip_deserializing"))
    }

    /// Whether other types are both written and read in place of this one, so that its fields never are.
    pub(super) fn is_replaced(&self) -> bool {
        self.has("into") && (self.has("from") || self.has("try_from"))
    }

    /// Whether it is not read, even if it is written.
    pub(super) fn is_unread(&self) -> bool {
        self.has("skip") || self.has("skip_deserializing")
    }
}

impl Entry {
    fn read(meta: Meta) -> Self {
        let (serialize, deserialize) = match &meta {
            Meta::Path(_) => (None, None),
            Meta::NameValue(pair) => (literal(&pair.value), literal(&pair.value)),
            Meta::List(list) => {
                let pairs = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
                let pairs = pairs.unwrap_or_default();
                (side(&pairs, "serialize"), side(&pairs, "deserialize"))
            }
        };
        Self { path: meta.path().clone(), serialize, deserialize }
    }
}

fn side(pairs: &Punctuated<Meta, Token![,]>, name: &str) -> Option<LitStr> {
    pairs.iter().find_map(|meta| match meta {
        Meta::NameValue(pair) if pair.path.is_ident(name) => literal(&pair.value),
        _ => None,
    })
}

fn literal(value: &Expr) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}
