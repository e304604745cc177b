//! The code that the compiler passes to LLVM: functions and their lines, read from LLVM-IR as text.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::ops::AddAssign;

/// All functions of a crate, with their copies for other types.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Code(BTreeMap<String, Size>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Size {
    pub(super) lines: f64,
    pub(super) functions: f64,
}

impl Code {
    /// Counts as `cargo llvm-lines` does: lines of functions that are indented by two spaces, except labels and braces.
    pub(super) fn read(text: impl BufRead) -> io::Result<Self> {
        let mut code = Self::default();
        // The compiler writes the path of each function into a comment above it.
        let (mut comment, mut function) = (None, None);
        for line in text.lines() {
            let line = line?;
            if line.starts_with("define ") {
                let path = comment.take().unwrap_or_else(|| symbol(&line));
                function = Some((path, Size { lines: 0.0, functions: 1.0 }));
            } else if line == "}" {
                if let Some((path, size)) = function.take() {
                    *code.0.entry(path).or_default() += size;
                }
            } else if let Some((_, size)) = &mut function {
                size.lines += f64::from(u8::from(line.starts_with("  ") && !line.starts_with("   ")));
            } else if let Some(path) = line.strip_prefix("; ")
                && !path.starts_with("Function Attrs")
            {
                comment = Some(without_numbers(path));
            }
        }
        Ok(code)
    }

    /// What each of the additional queries of `more` costs, compared with `less`.
    pub(super) fn of_each(more: &Self, less: &Self, queries: usize) -> Self {
        let queries = queries as f64;
        let mut code = Self::default();
        for (path, size) in &more.0 {
            let before = less.0.get(path).copied().unwrap_or_default();
            let size = Size {
                lines: (size.lines - before.lines) / queries,
                functions: (size.functions - before.functions) / queries,
            };
            code.0.insert(path.clone(), size);
        }
        code
    }

    pub(super) fn total(&self) -> Size {
        sum(self.0.values())
    }

    /// The paths with the most lines, with their figures.
    pub(super) fn largest(&self, number: usize) -> Vec<(&str, Size)> {
        largest(self.0.iter().map(|(path, &size)| (path.as_str(), size)), number)
    }

    /// The crates with the most lines, ours by module. Code that the compiler writes to drop values is counted
    /// separately.
    pub(super) fn origins(&self, number: usize) -> Vec<(&str, Size)> {
        let mut origins = BTreeMap::<_, Size>::new();
        for (path, &size) in &self.0 {
            *origins.entry(origin(path)).or_default() += size;
        }
        largest(origins.into_iter(), number)
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.functions += other.functions;
    }
}

fn sum<'a>(sizes: impl Iterator<Item = &'a Size>) -> Size {
    let mut total = Size::default();
    sizes.for_each(|&size| total += size);
    total
}

fn largest<'a>(sizes: impl Iterator<Item = (&'a str, Size)>, number: usize) -> Vec<(&'a str, Size)> {
    let mut sizes: Vec<_> = sizes.filter(|(_, size)| size.lines > 0.0).collect();
    sizes.sort_by(|(_, a), (_, b)| b.lines.total_cmp(&a.lines));
    sizes.truncate(number);
    sizes
}

/// The linker's name of a function without a path.
fn symbol(line: &str) -> String {
    let name = line.split_once('@').map_or(line, |(_, name)| name);
    name.split('(').next().unwrap_or(name).trim_matches('"').to_owned()
}

/// The path with the same names for the types of all queries of the crate.
fn without_numbers(path: &str) -> String {
    let mut pieces = path.split("many_queries::");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let name = piece.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(piece.len());
        text.push_str("many_queries::");
        text.push_str(&piece[..name]);
        text.push_str(piece[name..].trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    text
}

/// The crate that a path begins with, for ours also the module. For traits implemented for any type, the crate of the
/// trait.
fn origin(path: &str) -> &str {
    if path.starts_with("core::ptr::drop_in_place") {
        return "dropping";
    }
    let start = path.trim_start_matches(['<', '&', '(', '[', '*']);
    let start = start.strip_prefix("mut ").or(start.strip_prefix("dyn ")).unwrap_or(start);
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end_from = |from: usize| start[from..].find(|character| !is_of_name(character)).map(|at| from + at);
    let name = end_from(0).unwrap_or(start.len());
    let is_path = start[name..].starts_with("::");
    match (&start[..name], start.split_once(" as ")) {
        ("cache_core" | "cache_client", _) if is_path => &start[..end_from(name + 2).unwrap_or(start.len())],
        (_, Some((_, of_trait))) if !is_path => origin(of_trait),
        (name, _) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "; ModuleID = 'x'\n@x = global i8 0\n\n; many_queries::use12\n; Function Attrs: uwtable\ndefine void @f() {\n\
                        start:\n  call void @g(i8 0,\n    i8 1)\n  ret void\n}\n\ndeclare void @g()\n\n; many_queries::use3\n\
                        define void @h() {\n\n  ret void\n}\ndefine i32 @main(i32 %0) {\n  ret i32 0\n}\n";

    fn read(text: &str) -> Code {
        Code::read(text.as_bytes()).expect("reading a string cannot fail")
    }

    #[test]
    fn lines_of_functions_are_counted_and_no_others() {
        assert_eq!(read(TEXT).total(), Size { lines: 4.0, functions: 3.0 });
    }

    #[test]
    fn functions_of_all_queries_count_as_copies_of_one() {
        let code = read(TEXT);
        let expected = [
            ("many_queries::use", Size { lines: 3.0, functions: 2.0 }),
            ("main", Size { lines: 1.0, functions: 1.0 }),
        ];
        assert_eq!(code.largest(9), expected);
        assert_eq!(code.largest(1), expected[..1]);
    }

    #[test]
    fn a_query_costs_what_more_of_them_add() {
        let each = Code::of_each(&read(&TEXT.replace("use12", "new")), &read(TEXT), 2);
        assert_eq!(each.largest(9), [("many_queries::new", Size { lines: 1.0, functions: 0.5 })]);
        assert_eq!(each.total().lines, 0.0);
    }

    #[test]
    fn code_is_counted_for_the_crate_that_it_comes_from() {
        for (path, expected) in [
            ("core::ptr::drop_in_place<cache_core::Cache>", "dropping"),
            ("<core::iter::Map<I,F> as core::iter::Iterator>::next", "core"),
            ("<&mut cache_core::table::Table<Q> as core::fmt::Debug>::fmt", "cache_core::table"),
            ("cache_core::get", "cache_core::get"),
            ("<I as core::iter::traits::collect::IntoIterator>::into_iter", "core"),
            ("main", "main"),
        ] {
            assert_eq!(origin(path), expected);
        }
    }
}
