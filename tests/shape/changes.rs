//! Two versions of one type, as two builds of a program have them.

use crate::fingerprint;

/// Declares the types `T` of two builds and compares the fingerprints: of the types themselves, and of types that
/// hold them deep inside.
macro_rules! compare {
    ($($test:ident: $assert:ident!({$($before:tt)*}, {$($after:tt)*}))*) => {$(
        #[test]
        fn $test() {
            #[allow(dead_code, missing_debug_implementations, unused_imports)]
            mod before {
                build! { $($before)* }
            }
            #[allow(dead_code, missing_debug_implementations, unused_imports)]
            mod after {
                build! { $($after)* }
            }
            $assert!(fingerprint::<before::T>(), fingerprint::<after::T>());
            $assert!(fingerprint::<before::Holder>(), fingerprint::<after::Holder>());
            $assert!(fingerprint::<before::Choice>(), fingerprint::<after::Choice>());
        }
    )*};
}

/// One build: the given types, and others that reach `T`.
macro_rules! build {
    ($($types:tt)*) => {
        use cache_core::Shape;
        use serde::{Deserialize, Serialize};
        use std::collections::HashMap;
        use std::sync::Arc;
        $($types)*
        #[derive(Shape)]
        pub struct Holder { pub inside: HashMap<String, Vec<Option<(u8, Arc<T>)>>> }
        #[derive(Shape)]
        pub enum Choice { None, Boxed { of: Box<Generic<T>> } }
        #[derive(Shape)]
        pub struct Generic<X>(X);
    };
}

/// Changes that must change the fingerprint.
mod noticed {
    use super::*;

    compare! {
        a_field_added_at_the_end: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] pub struct T { a: u8, b: u8 } }
        )
        a_field_added_at_the_start: assert_ne!(
            { #[derive(Shape)] pub struct T { b: u8 } },
            { #[derive(Shape)] pub struct T { a: u8, b: u8 } }
        )
        the_first_field_of_an_empty_struct: assert_ne!(
            { #[derive(Shape)] pub struct T {} },
            { #[derive(Shape)] pub struct T { a: () } }
        )
        a_field_renamed: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] pub struct T { b: u8 } }
        )
        a_field_retyped: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] pub struct T { a: i8 } }
        )
        a_field_made_optional: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] pub struct T { a: Option<u8> } }
        )
        a_retyped_field_that_is_written_alike: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u64 } },
            { #[derive(Shape)] pub struct T { a: usize } }
        )
        a_field_retyped_to_a_struct_of_the_same_fields: assert_ne!(
            { #[derive(Shape)] pub struct T { a: A } #[derive(Shape)] pub struct A { x: u8 } },
            { #[derive(Shape)] pub struct T { a: B } #[derive(Shape)] pub struct B { x: u8 } }
        )
        two_fields_of_one_type_moved: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8, b: u8 } },
            { #[derive(Shape)] pub struct T { b: u8, a: u8 } }
        )
        two_fields_that_exchange_their_types: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8, b: u16 } },
            { #[derive(Shape)] pub struct T { a: u16, b: u8 } }
        )
        a_name_that_moves_over_the_border_between_two_fields: assert_ne!(
            { #[derive(Shape)] pub struct T { ab: u8, c: u8 } },
            { #[derive(Shape)] pub struct T { a: u8, bc: u8 } }
        )
        a_tuple_field_added: assert_ne!(
            { #[derive(Shape)] pub struct T(u8); },
            { #[derive(Shape)] pub struct T(u8, u8); }
        )
        tuple_fields_moved: assert_ne!(
            { #[derive(Shape)] pub struct T(u8, u16); },
            { #[derive(Shape)] pub struct T(u16, u8); }
        )
        names_given_to_tuple_fields: assert_ne!(
            { #[derive(Shape)] pub struct T(u8); },
            { #[derive(Shape)] pub struct T { a: u8 } }
        )
        a_unit_struct_given_an_empty_body: assert_ne!(
            { #[derive(Shape)] pub struct T; },
            { #[derive(Shape)] pub struct T {} }
        )
        a_struct_made_an_enum: assert_ne!(
            { #[derive(Shape)] pub struct T; },
            { #[derive(Shape)] pub enum T {} }
        )
        a_variant_inserted: assert_ne!(
            { #[derive(Shape)] pub enum T { A, C } },
            { #[derive(Shape)] pub enum T { A, B, C } }
        )
        a_variant_added_at_the_end: assert_ne!(
            { #[derive(Shape)] pub enum T { A, B } },
            { #[derive(Shape)] pub enum T { A, B, C } }
        )
        a_variant_renamed: assert_ne!(
            { #[derive(Shape)] pub enum T { A, B } },
            { #[derive(Shape)] pub enum T { A, C } }
        )
        variants_moved: assert_ne!(
            { #[derive(Shape)] pub enum T { A, B } },
            { #[derive(Shape)] pub enum T { B, A } }
        )
        a_field_added_to_a_variant: assert_ne!(
            { #[derive(Shape)] pub enum T { A { x: u8 }, B } },
            { #[derive(Shape)] pub enum T { A { x: u8, y: u8 }, B } }
        )
        a_field_that_moves_to_the_next_variant: assert_ne!(
            { #[derive(Shape)] pub enum T { A(u8, u8), B(u8) } },
            { #[derive(Shape)] pub enum T { A(u8), B(u8, u8) } }
        )
        a_discriminant: assert_ne!(
            { #[derive(Shape)] pub enum T { A = 1, B = 2 } },
            { #[derive(Shape)] pub enum T { A = 2, B = 1 } }
        )
        the_length_of_an_array: assert_ne!(
            { #[derive(Shape)] pub struct T { a: [u8; 3] } },
            { #[derive(Shape)] pub struct T { a: [u8; 4] } }
        )
        the_length_of_an_array_by_a_constant: assert_ne!(
            { const N: usize = 3; #[derive(Shape)] pub struct T { a: Many<N> } #[derive(Shape)] pub struct Many<const M: usize>([u8; M]); },
            { const N: usize = 4; #[derive(Shape)] pub struct T { a: Many<N> } #[derive(Shape)] pub struct Many<const M: usize>([u8; M]); }
        )
        an_alias_that_means_another_type: assert_ne!(
            { type A = u8; #[derive(Shape)] pub struct T { a: A } },
            { type A = u16; #[derive(Shape)] pub struct T { a: A } }
        )
        a_parameter: assert_ne!(
            { #[derive(Shape)] pub struct T { a: Generic<u8> } },
            { #[derive(Shape)] pub struct T { a: Generic<u16> } }
        )
        a_recursive_type_that_recurs_elsewhere: assert_ne!(
            { #[derive(Shape)] pub struct T { a: Option<Box<U>>, b: Option<Box<T>> } #[derive(Shape)] pub struct U { a: u8 } },
            { #[derive(Shape)] pub struct T { a: Option<Box<T>>, b: Option<Box<U>> } #[derive(Shape)] pub struct U { a: u8 } }
        )
        a_field_of_a_mutually_recursive_type: assert_ne!(
            { #[derive(Shape)] pub struct T { u: Vec<U> } #[derive(Shape)] pub struct U { t: Vec<T> } },
            { #[derive(Shape)] pub struct T { u: Vec<U> } #[derive(Shape)] pub struct U { t: Vec<T>, more: u8 } }
        )
    }
}

/// serde attributes that change what is written.
mod noticed_in_serde {
    use super::*;

    compare! {
        a_field_renamed_for_serde: assert_ne!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8 } },
            { #[derive(Shape, Serialize)] pub struct T { #[serde(rename = "b")] a: u8 } }
        )
        a_field_renamed_for_reading_only: assert_ne!(
            { #[derive(Shape, Serialize, Deserialize)] pub struct T { a: u8 } },
            { #[derive(Shape, Serialize, Deserialize)] pub struct T { #[serde(rename(deserialize = "b"))] a: u8 } }
        )
        fields_renamed_by_rule: assert_ne!(
            { #[derive(Shape, Serialize)] pub struct T { a_b: u8 } },
            { #[derive(Shape, Serialize)] #[serde(rename_all = "camelCase")] pub struct T { a_b: u8 } }
        )
        variants_renamed_by_rule: assert_ne!(
            { #[derive(Shape, Serialize)] pub enum T { A } },
            { #[derive(Shape, Serialize)] #[serde(rename_all = "lowercase")] pub enum T { A } }
        )
        fields_of_variants_renamed_by_rule: assert_ne!(
            { #[derive(Shape, Serialize)] pub enum T { A { a_b: u8 } } },
            { #[derive(Shape, Serialize)] #[serde(rename_all_fields = "kebab-case")] pub enum T { A { a_b: u8 } } }
        )
        a_field_skipped: assert_ne!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8, b: u8 } },
            { #[derive(Shape, Serialize)] pub struct T { a: u8, #[serde(skip)] b: u8 } }
        )
        a_variant_skipped: assert_ne!(
            { #[derive(Shape, Serialize)] pub enum T { A, B } },
            { #[derive(Shape, Serialize)] pub enum T { A, #[serde(skip)] B } }
        )
        a_struct_made_transparent: assert_ne!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8 } },
            { #[derive(Shape, Serialize)] #[serde(transparent)] pub struct T { a: u8 } }
        )
        a_stand_in: assert_ne!(
            { #[derive(Shape, Clone, Serialize, Deserialize)] pub struct T(u8);
              impl From<u8> for T { fn from(a: u8) -> Self { T(a) } } impl From<T> for u8 { fn from(t: T) -> u8 { t.0 } } },
            { #[derive(Shape, Clone, Serialize, Deserialize)] #[serde(from = "u8", into = "u8")] pub struct T(u8);
              impl From<u8> for T { fn from(a: u8) -> Self { T(a) } } impl From<T> for u8 { fn from(t: T) -> u8 { t.0 } } }
        )
        the_fields_of_a_stand_in: assert_ne!(
            { #[derive(Shape)] #[serde(try_from = "Raw", into = "Raw")] pub struct T(u8); #[derive(Shape)] pub struct Raw { a: u8 } },
            { #[derive(Shape)] #[serde(try_from = "Raw", into = "Raw")] pub struct T(u8); #[derive(Shape)] pub struct Raw { a: u16 } }
        )
        the_name_of_a_tag: assert_ne!(
            { #[derive(Shape)] #[shape(self_describing)] #[serde(tag = "a")] pub enum T { A } },
            { #[derive(Shape)] #[shape(self_describing)] #[serde(tag = "b")] pub enum T { A } }
        )
        a_tag_given_content: assert_ne!(
            { #[derive(Shape)] #[shape(self_describing)] #[serde(tag = "a")] pub enum T { A } },
            { #[derive(Shape)] #[shape(self_describing)] #[serde(tag = "a", content = "b")] pub enum T { A } }
        )
        an_enum_left_untagged: assert_ne!(
            { #[derive(Shape)] #[shape(self_describing)] pub enum T { A } },
            { #[derive(Shape)] #[shape(self_describing)] #[serde(untagged)] pub enum T { A } }
        )
        a_field_flattened: assert_ne!(
            { #[derive(Shape)] #[shape(self_describing)] pub struct T { a: A } #[derive(Shape)] pub struct A { x: u8 } },
            { #[derive(Shape)] #[shape(self_describing)] pub struct T { #[serde(flatten)] a: A } #[derive(Shape)] pub struct A { x: u8 } }
        )
        the_mark_of_a_self_describing_type: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] #[shape(self_describing)] pub struct T { a: u8 } }
        )
    }
}

/// Changes of the declaration of an opaque field.
mod noticed_in_opaque_fields {
    use super::*;

    compare! {
        the_name_of_an_opaque_field: assert_ne!(
            { pub struct Foreign; #[derive(Shape)] pub struct T { #[shape(opaque)] a: Foreign } },
            { pub struct Foreign; #[derive(Shape)] pub struct T { #[shape(opaque)] b: Foreign } }
        )
        the_type_of_an_opaque_field: assert_ne!(
            { pub struct Foreign; pub struct Other; #[derive(Shape)] pub struct T { #[shape(opaque)] a: Foreign } },
            { pub struct Foreign; pub struct Other; #[derive(Shape)] pub struct T { #[shape(opaque)] a: Other } }
        )
        a_field_made_opaque: assert_ne!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { #[derive(Shape)] pub struct T { #[shape(opaque)] a: u8 } }
        )
        the_function_that_writes_an_opaque_field: assert_ne!(
            { #[derive(Shape)] pub struct T { #[shape(opaque)] #[serde(with = "hex")] a: u8 } },
            { #[derive(Shape)] pub struct T { #[shape(opaque)] #[serde(with = "base64")] a: u8 } }
        )
        a_field_of_an_opaque_type: assert_ne!(
            { pub struct Foreign; #[derive(Shape)] #[shape(opaque)] pub struct T { a: Foreign } },
            { pub struct Foreign; #[derive(Shape)] #[shape(opaque)] pub struct T { a: Foreign, b: Foreign } }
        )
        an_opaque_field_of_a_variant: assert_ne!(
            { pub struct Foreign; #[derive(Shape)] pub enum T { #[shape(opaque)] A(Foreign), B(#[shape(opaque)] Foreign) } },
            { pub struct Foreign; #[derive(Shape)] pub enum T { #[shape(opaque)] A(Foreign), B(#[shape(opaque)] Vec<Foreign>) } }
        )
    }
}

/// Changes that do not invalidate saved tables.
mod unnoticed {
    use super::*;

    compare! {
        the_module: assert_eq!(
            { #[derive(Shape)] pub struct T { a: u8, b: String } },
            { #[derive(Shape)] pub struct T { a: u8, b: String } }
        )
        docs_visibility_and_other_derives: assert_eq!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { /** Documented. */ #[derive(Clone, Debug, Shape)] #[must_use] pub struct T { /** Too. */ pub a: u8 } }
        )
        what_serde_only_reads_more_leniently: assert_eq!(
            { #[derive(Shape, Serialize, Deserialize)] pub struct T { a: u8 } },
            { #[derive(Shape, Serialize, Deserialize, Default)] #[serde(default, deny_unknown_fields, bound = "", expecting = "a T")]
              pub struct T { #[serde(alias = "b", default)] a: u8 } }
        )
        a_rust_name_under_a_kept_serde_name: assert_eq!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8 } },
            { #[derive(Shape, Serialize)] pub struct T { #[serde(rename = "a")] better: u8 } }
        )
        a_type_name_under_a_kept_serde_name: assert_eq!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8 } },
            { pub type T = Better; #[derive(Shape, Serialize)] #[serde(rename = "T")] pub struct Better { a: u8 } }
        )
        a_rule_that_spells_out_the_same_names: assert_eq!(
            { #[derive(Shape, Serialize)] #[serde(rename_all = "camelCase")] pub struct T { very_tasty: u8 } },
            { #[derive(Shape, Serialize)] pub struct T { #[serde(rename = "veryTasty")] a: u8 } }
        )
        a_raw_name: assert_eq!(
            { #[derive(Shape, Serialize)] pub struct T { #[serde(rename = "type")] kind: u8 } },
            { #[derive(Shape, Serialize)] pub struct T { r#type: u8 } }
        )
        skipped_fields: assert_eq!(
            { #[derive(Shape, Serialize)] pub struct T { a: u8 } },
            { pub struct Foreign; #[derive(Shape, Serialize)] pub struct T { #[serde(skip)] handle: Option<Foreign>, a: u8 } }
        )
        a_skipped_last_variant: assert_eq!(
            { #[derive(Shape, Serialize)] pub enum T { A } },
            { pub struct Foreign; #[derive(Shape, Serialize)] pub enum T { A, #[serde(skip)] B(Foreign) } }
        )
        an_alias_for_the_same_type: assert_eq!(
            { #[derive(Shape)] pub struct T { a: u8 } },
            { type A = u8; #[derive(Shape)] pub struct T { a: A } }
        )
        a_macro_around_the_type: assert_eq!(
            { pub struct Foreign; #[derive(Shape)] pub struct T { #[shape(opaque)] a: Vec<Foreign> } },
            { pub struct Foreign;
              macro_rules! declare { ($type:ty) => { #[derive(Shape)] pub struct T { #[shape(opaque)] a: Vec<$type> } } }
              declare!(Foreign); }
        )
        the_blanks_in_an_opaque_type: assert_eq!(
            { pub struct Foreign; #[derive(Shape)] pub struct T { #[shape(opaque)] a: (Vec<Foreign>, [Foreign; 2]) } },
            { pub struct Foreign; #[derive(Shape)] pub struct T { #[shape(opaque)] a: ( Vec < Foreign > , [ Foreign ; 2 ] ) } }
        )
    }
}
