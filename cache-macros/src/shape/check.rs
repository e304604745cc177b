//! What a type must declare: that it needs a self-describing format, or that it hides from the derive what it writes.

use syn::Path;

use super::parse::{Body, Container, Fields, ShapeField, Variant};
use super::serde::SerdeAttributes;
use crate::errors::Errors;

/// Attributes that let a function decide what is written.
const FUNCTIONS: [&str; 3] = ["with", "serialize_with", "deserialize_with"];

/// Adds a mistake for everything that the type does without declaring it.
pub(super) fn container(container: &Container<'_>, errors: &mut Errors) {
    if container.serde.is_replaced() {
        return;
    }
    let mut check = ShapeCheck { self_describing: container.options.self_describing, errors };
    check.tagging(&container.serde);
    match &container.body {
        Body::Struct(fields) => check.fields(fields, container.options.opaque),
        Body::Enum(variants) => check.variants(variants, container.options.opaque),
    }
}

struct ShapeCheck<'a> {
    /// Whether the type says that it needs a self-describing format.
    self_describing: bool,
    errors: &'a mut Errors,
}

impl ShapeCheck<'_> {
    /// An adjacent tag (`tag` with `content`) is no better than an internal one: serde writes it as a variant and
    /// reads it as an identifier, which neither bincode nor postcard has.
    fn tagging(&mut self, serde: &SerdeAttributes) {
        for name in ["untagged", "tag"] {
            self.needs_description(serde.find(name));
        }
    }

    fn variants(&mut self, variants: &[Variant<'_>], opaque: bool) {
        let last_read = variants.iter().rposition(|variant| !variant.serde.is_unread());
        for (at, variant) in variants.iter().enumerate() {
            let opaque = opaque || variant.options.opaque;
            self.needs_description(variant.serde.find("untagged"));
            if variant.serde.is_unread() && last_read.is_some_and(|last| at < last) {
                self.shifts_variants(&variant.serde);
            }
            self.functions(&variant.serde, opaque, "variant");
            if !variant.serde.is_skipped() {
                self.fields(&variant.fields, opaque);
            }
        }
    }

    fn fields(&mut self, fields: &Fields<'_>, opaque: bool) {
        for field in fields.list.iter().filter(|field| !field.serde.is_skipped()) {
            self.field(field, opaque || field.options.opaque);
        }
    }

    fn field(&mut self, field: &ShapeField<'_>, opaque: bool) {
        for name in ["flatten", "skip_serializing_if", "skip_serializing", "skip_deserializing"] {
            self.needs_description(field.serde.find(name));
        }
        self.functions(&field.serde, opaque, "field");
    }

    fn functions(&mut self, serde: &SerdeAttributes, opaque: bool, place: &str) {
        if opaque {
            return;
        }
        if let Some(path) = FUNCTIONS.iter().find_map(|name| serde.find(name)) {
            let name = name(path);
            self.errors.push(
                path,
                format_args!(
                    "`{name}` hides what is saved for this {place}: mark the {place} `#[shape(opaque)]`"
                ),
            );
        }
    }

    /// serde counts skipped variants in the number that it writes, but not in the number that it reads.
    fn shifts_variants(&mut self, serde: &SerdeAttributes) {
        let path = serde.find("skip").or_else(|| serde.find("skip_deserializing"));
        if let Some(path) = path.filter(|_| !self.self_describing) {
            let name = name(path);
            self.errors.push(
                path,
                format_args!(
                    "`{name}` makes serde mistake the variants after this one for others, unless the format stores their names: move the variant to the end, \
                     or add `#[shape(self_describing)]` to the type and `codec = \"json\"` to the queries that save it"
                ),
            );
        }
    }

    fn needs_description(&mut self, cause: Option<&Path>) {
        if let Some(path) = cause.filter(|_| !self.self_describing) {
            let name = name(path);
            self.errors.push(
                path,
                format_args!(
                    "`{name}` can be read back only from a self-describing format: add `#[shape(self_describing)]` to the type \
                     and `codec = \"json\"` to the queries that save it"
                ),
            );
        }
    }
}

fn name(path: &Path) -> String {
    path.get_ident().map(ToString::to_string).unwrap_or_default()
}
