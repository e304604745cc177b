//! Names of the registry's fields: short where possible, longer where two would be the same.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::TypePath;

use crate::case::snake_case;

/// Returns one name per path, all different.
///
/// A name is the last segment with its generic arguments, in `snake_case`. Names that collide get the name of the
/// module before it in front, then that of the next module, and a number when no module is left.
pub(crate) fn names<'a>(paths: impl IntoIterator<Item = &'a TypePath>) -> Vec<String> {
    let words: Vec<Vec<String>> = paths.into_iter().map(words).collect();
    let mut taken = vec![1; words.len()];
    loop {
        let names: Vec<String> = words.iter().zip(&taken).map(|(words, &taken)| join(words, taken)).collect();
        if !lengthen_collisions(&names, &words, &mut taken) {
            return number_collisions(names);
        }
    }
}

/// Lengthens each name that occurs twice by one word. Returns whether any could be lengthened.
fn lengthen_collisions(names: &[String], words: &[Vec<String>], taken: &mut [usize]) -> bool {
    let count = occurrences(names);
    let mut lengthened = false;
    for (at, name) in names.iter().enumerate() {
        if count[name.as_str()] > 1 && taken[at] < words[at].len() {
            taken[at] += 1;
            lengthened = true;
        }
    }
    lengthened
}

fn occurrences(names: &[String]) -> HashMap<&str, usize> {
    let mut count = HashMap::new();
    for name in names {
        *count.entry(name.as_str()).or_default() += 1;
    }
    count
}

/// Numbers equal paths, which rustc rejects later or `cfg`s keep apart.
fn number_collisions(names: Vec<String>) -> Vec<String> {
    let mut count: HashMap<String, usize> = HashMap::new();
    let numbered = names.into_iter().map(|name| {
        let nth = count.entry(name.clone()).or_default();
        *nth += 1;
        if *nth == 1 { name } else { format!("{name}__{nth}") }
    });
    numbered.collect()
}

/// The last `taken` of `words`, which run from the last segment to the first.
fn join(words: &[String], taken: usize) -> String {
    let chosen: Vec<&str> = words[..taken].iter().rev().map(String::as_str).collect();
    chosen.join("_")
}

/// The last segment with its arguments, then the modules before it, innermost first.
fn words(path: &TypePath) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (nth, segment) in path.path.segments.iter().rev().enumerate() {
        match segment.ident.to_string().as_str() {
            "crate" | "self" | "super" | "$crate" if nth > 0 => {}
            _ => words.push(snake_words(segment.to_token_stream()).join("_")),
        }
    }
    words
}

/// The identifiers in `tokens`, in `snake_case`; of a path only the last one.
fn snake_words(tokens: TokenStream) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_colon = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if after_colon {
                    words.pop();
                }
                words.push(snake_case(&ident.to_string()));
            }
            TokenTree::Group(group) => words.extend(snake_words(group.stream())),
            TokenTree::Literal(literal) => words.extend(literal_word(&literal.to_string())),
            TokenTree::Punct(punct) => {
                after_colon = punct.as_char() == ':';
                continue;
            }
        }
        after_colon = false;
    }
    words
}

/// The letters and digits of a constant argument.
fn literal_word(literal: &str) -> Option<String> {
    let word: String = literal.chars().filter(|letter| letter.is_alphanumeric()).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[track_caller]
    fn check<const N: usize>(lines: [(&str, &str); N]) {
        let paths = lines.map(|(path, _)| syn::parse_str::<syn::TypePath>(path).unwrap());
        assert_eq!(names(&paths), lines.map(|(_, name)| name));
    }

    #[test]
    fn a_name_is_the_last_segment_with_its_arguments() {
        check([
            ("GetPost", "get_post"),
            ("crate::a::b::GetUser", "get_user"),
            ("Page<crate::User>", "page_user"),
            ("crate::Page<Vec<[u8; 4]>>", "page_vec_u8_4"),
            ("r#Type", "type"),
        ]);
    }

    #[test]
    fn modules_are_added_only_as_far_as_names_collide() {
        check([
            ("crate::posts::Get", "posts_get"),
            ("crate::users::Get", "users_get"),
            ("crate::x::users::List", "x_users_list"),
            ("crate::y::users::List", "y_users_list"),
            ("List", "list"),
            ("Only", "only"),
        ]);
    }

    #[test]
    fn the_same_path_twice_is_numbered() {
        check([("crate::Get", "get"), ("crate::Get", "get__2"), ("a::Get", "a_get")]);
    }
}
