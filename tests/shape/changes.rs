//! Two versions of one type, as two builds of a program have them.

use crate::fingerprint;

/// Declares the same type twice and compares the fingerprints, also from inside other types.
macro_rules! compare {
    ($($test:ident: $assert:ident!({$($before:tt)*}, {$($after:tt)*}))*) => {$(
        #[test]
        fn $test() {
            mod before {
                #![allow(dead_code, unused_imports)]
                use cache_core::Shape;
                use serde::{Deserialize, Serialize};
                $($before)*
                #[derive(Shape)]
                pub struct Holder { pub inside: Option<Vec<T>> }
            }
            mod after {
                #![allow(dead_code, unused_imports)]
                use cache_core::Shape;
                use serde::{Deserialize, Serialize};
                $($after)*
                #[derive(Shape)]
                pub struct Holder { pub inside: Option<Vec<T>> }
            }
            $assert!(fingerprint::<before::T>(), fingerprint::<after::T>());
            $assert!(fingerprint::<before::Holder>(), fingerprint::<after::Holder>());
        }
    )*};
}

compare! {
    the_same_type_in_another_module_has_the_same_fingerprint: assert_eq!(
        { #[derive(Shape)] pub struct T { pub a: u8, pub b: String } },
        { #[derive(Shape)] pub struct T { pub a: u8, pub b: String } }
    )
    a_field_added: assert_ne!(
        { #[derive(Shape)] pub struct T { pub a: u8 } },
        { #[derive(Shape)] pub struct T { pub a: u8, pub b: u8 } }
    )
    a_field_renamed: assert_ne!(
        { #[derive(Shape)] pub struct T { pub a: u8 } },
        { #[derive(Shape)] pub struct T { pub b: u8 } }
    )
    a_field_retyped: assert_ne!(
        { #[derive(Shape)] pub struct T { pub a: u8 } },
        { #[derive(Shape)] pub struct T { pub a: i8 } }
    )
    two_fields_of_one_type_moved: assert_ne!(
        { #[derive(Shape)] pub struct T { pub a: u8, pub b: u8 } },
        { #[derive(Shape)] pub struct T { pub b: u8, pub a: u8 } }
    )
    a_variant_inserted: assert_ne!(
        { #[derive(Shape)] pub enum T { A, C } },
        { #[derive(Shape)] pub enum T { A, B, C } }
    )
}
