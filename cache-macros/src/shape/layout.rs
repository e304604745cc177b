//! The parts of a type that make up its fingerprint: a text, and the types whose own shapes complete it, in order.

use syn::Type;
use syn::ext::IdentExt;

use super::parse::{Body, Container, Fields, ShapeField, Style, Variant};
use super::rename;
use super::serde::{SerdeAttributes, Side};
use super::text::ShapeText;

/// The description of one type.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) text: ShapeText,
    /// Types that are visited, one for each `part` in the text.
    pub(super) parts: Vec<Type>,
    /// Whether anything was left undescribed.
    pub(super) is_opaque: bool,
    /// Whether anything is read under a name other than the one it is written under.
    pub(super) is_renamed: bool,
    /// Whether another type is written or read in place of this one.
    pub(super) is_converted: bool,
    /// Whether serde skips a field.
    pub(super) is_partial: bool,
}

/// Attributes of a field or variant that change what is written, or which code writes it.
const MARKS: [&str; 5] =
    ["flatten", "untagged", "skip_serializing", "skip_deserializing", "skip_serializing_if"];
/// Attributes whose value is a function.
const FUNCTIONS: [&str; 3] = ["with", "serialize_with", "deserialize_with"];
/// Attributes whose value is the type that is written or read in place of this one.
const STAND_INS: [&str; 3] = ["into", "from", "try_from"];

/// Describes the whole item.
pub(super) fn of(container: &Container<'_>) -> Layout {
    let mut layout = Layout::default();
    layout.head(container);
    layout.stand_ins(container);
    if !container.serde.is_replaced() {
        layout.body(container);
    }
    layout
}

impl Layout {
    fn head(&mut self, container: &Container<'_>) {
        let ident = container.input.ident.unraw().to_string();
        self.text.mark(if matches!(container.body, Body::Enum(_)) { "enum" } else { "struct" });
        self.both(|side| rename::of_type(&ident, &container.serde, side));
        for name in ["transparent", "untagged"] {
            if container.serde.has(name) {
                self.text.mark(name);
            }
        }
        for name in ["tag", "content"] {
            if let Some(value) = container.serde.text(name, Side::Serialize) {
                self.text.mark(name);
                self.text.name(&value.value());
            }
        }
        if container.options.self_describing {
            self.text.mark("self_describing");
        }
    }

    fn stand_ins(&mut self, container: &Container<'_>) {
        for name in STAND_INS {
            let Some(value) = container.serde.text(name, Side::Serialize) else { continue };
            self.text.mark(name);
            self.is_converted = true;
            // serde reports a value that is not a type.
            if let Ok(stand_in) = value.parse::<Type>() {
                self.part(&stand_in, container.options.opaque);
            }
        }
    }

    fn body(&mut self, container: &Container<'_>) {
        let opaque = container.options.opaque;
        match &container.body {
            Body::Struct(fields) => self.fields(fields, opaque, |ident, serde, side| {
                rename::of_field(ident, serde, &container.serde, side)
            }),
            Body::Enum(variants) => {
                for variant in variants.iter().filter(|variant| !variant.serde.is_skipped()) {
                    self.variant(variant, container);
                }
            }
        }
    }

    fn variant(&mut self, variant: &Variant<'_>, container: &Container<'_>) {
        let ident = variant.ident.unraw().to_string();
        self.text.mark("variant");
        self.both(|side| rename::of_variant(&ident, &variant.serde, &container.serde, side));
        self.marks(&variant.serde);
        // Not written by serde's own derive, but by derives that write numbers.
        if let Some(discriminant) = variant.discriminant {
            self.text.mark("=");
            self.text.code(discriminant);
        }
        let opaque = container.options.opaque || variant.options.opaque;
        self.is_opaque |= opaque;
        self.fields(&variant.fields, opaque, |ident, serde, side| {
            rename::of_variant_field(ident, serde, &variant.serde, &container.serde, side)
        });
    }

    fn fields(
        &mut self,
        fields: &Fields<'_>,
        opaque: bool,
        rename: impl Fn(&str, &SerdeAttributes, Side) -> String,
    ) {
        self.is_opaque |= opaque;
        self.text.mark(match fields.style {
            Style::Named => "{",
            Style::Tuple => "(",
            Style::Unit => ";",
        });
        self.is_partial |= fields.list.iter().any(|field| field.serde.is_skipped());
        for field in fields.list.iter().filter(|field| !field.serde.is_skipped()) {
            if let Some(ident) = &field.syn.ident {
                let ident = ident.unraw().to_string();
                self.both(|side| rename(&ident, &field.serde, side));
            }
            self.field(field, opaque);
        }
        self.text.mark("end");
    }

    fn field(&mut self, field: &ShapeField<'_>, opaque: bool) {
        self.marks(&field.serde);
        self.part(&field.syn.ty, opaque || field.options.opaque);
    }

    /// Adds a type: by its own shape or, if it is opaque, as it is written.
    fn part(&mut self, part: &Type, opaque: bool) {
        if opaque {
            self.is_opaque = true;
            self.text.mark("opaque");
            self.text.code(part);
        } else {
            self.text.mark("part");
            self.parts.push(part.clone());
        }
    }

    fn marks(&mut self, serde: &SerdeAttributes) {
        for name in MARKS.into_iter().filter(|name| serde.has(name)) {
            self.text.mark(name);
        }
        for name in FUNCTIONS {
            if let Some(function) = serde.text(name, Side::Serialize) {
                self.text.mark(name);
                self.text.name(&function.value());
            }
        }
    }

    /// Adds the name that is written and, if it differs, the name that is read.
    fn both(&mut self, name: impl Fn(Side) -> String) {
        let (written, read) = (name(Side::Serialize), name(Side::Deserialize));
        self.text.name(&written);
        if read != written {
            self.is_renamed = true;
            self.text.mark("read as");
            self.text.name(&read);
        }
    }
}
