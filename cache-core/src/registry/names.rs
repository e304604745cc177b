//! Checks at compile time that no two tables of a registry have the same name. Runs in const evaluation, so
//! it is written for few steps: one pass over a hash table, which compares only names with equal hashes.

use crate::query::Query;

/// One line of a registry.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Number of the line.
    pub line: usize,
    /// Name of the table.
    pub name: &'static str,
    /// Path of the query, as listed.
    pub query: &'static str,
}

/// The line of the table of dynamic entries, which every registry has.
pub const DYNAMIC: Listed =
    Listed { line: usize::MAX, name: crate::dynamic::Dynamic::NAME, query: "cache_core::Dynamic" };

/// Two lines with the same name.
#[derive(Clone, Copy, Debug)]
pub struct Clash {
    /// The first line with the name.
    pub first: Listed,
    /// The second line with the name.
    pub second: Listed,
}

/// Finds the first two lines with the same name. `SLOTS` is a power of two, above the number of lines.
#[must_use]
pub const fn clash<const SLOTS: usize>(lines: &[Listed]) -> Option<Clash> {
    assert!(SLOTS.is_power_of_two() && SLOTS > lines.len());
    let mut slots = [None; SLOTS];
    let mut at = 0;
    while at < lines.len() {
        if let Some(first) = place(&mut slots, lines[at]) {
            return Some(Clash { first, second: lines[at] });
        }
        at += 1;
    }
    None
}

/// Puts `line` into its slot. Returns an earlier line of the same name.
const fn place(slots: &mut [Option<(u64, Listed)>], line: Listed) -> Option<Listed> {
    let hash = hash(line.name.as_bytes());
    let mask = slots.len() - 1;
    // The low bits only choose where to look, so it does not matter that they are cut off.
    #[allow(clippy::cast_possible_truncation)]
    let mut slot = hash as usize & mask;
    while let Some((other_hash, other)) = slots[slot] {
        if other_hash == hash && same(other.name.as_bytes(), line.name.as_bytes()) {
            return Some(other);
        }
        slot = (slot + 1) & mask;
    }
    slots[slot] = Some((hash, line));
    None
}

/// FNV-1a.
const fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl Clash {
    /// Stops the compilation with a message that names both queries.
    ///
    /// # Panics
    /// Always; the compiler shows the panic where this is called.
    #[track_caller]
    pub const fn refuse(self) {
        let mut text = Text::new();
        text.push("two queries have the name \"");
        text.push(self.first.name);
        text.push("\": `");
        text.push(self.first.query);
        text.push("` and `");
        text.push(self.second.query);
        text.push("`; rename one of them: `#[query(name = \"...\")]`, or here `");
        text.push(self.second.query);
        text.push(" as \"...\"`");
        panic!("{}", text.as_str())
    }
}

/// Text that is built in const evaluation, cut off at the length of the buffer.
struct Text {
    bytes: [u8; 1024],
    length: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 1024], length: 0 }
    }

    const fn push(&mut self, part: &str) {
        let part = part.as_bytes();
        let mut at = 0;
        while at < part.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = part[at];
            self.length += 1;
            at += 1;
        }
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "two queries have the same name",
        }
    }
}

/// Appends `right` to `left`; `LENGTH` is the sum of their lengths.
#[must_use]
pub const fn join<const LENGTH: usize>(left: &str, right: &str) -> [u8; LENGTH] {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut joined = [0; LENGTH];
    let mut at = 0;
    while at < LENGTH {
        joined[at] = if at < left.len() { left[at] } else { right[at - left.len()] };
        at += 1;
    }
    joined
}

/// Returns the text of joined names.
///
/// # Panics
/// If `bytes` are not UTF-8, which two joined texts always are.
#[must_use]
pub const fn text(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a name is always valid UTF-8"),
    }
}

/// Builds the name of an instance of a generic query: its own name and its arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! __instance_name {
    ($own:expr, $arguments:literal) => {{
        const OWN: &str = $own;
        const BYTES: [u8; OWN.len() + $arguments.len()] = $crate::__private::names::join(OWN, $arguments);
        const NAME: &str = $crate::__private::names::text(&BYTES);
        NAME
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&'static str]) -> Vec<Listed> {
        names.iter().enumerate().map(|(line, &name)| Listed { line, name, query: "Q" }).collect()
    }

    #[test]
    fn different_names_do_not_clash_even_in_a_full_table() {
        assert!(clash::<8>(&listed(&["a", "b", "c", "d", "e", "f", "g"])).is_none());
        assert!(clash::<1>(&[]).is_none());
    }

    /// A thousand names of four letters each.
    static THOUSAND: [Listed; 1_000] = {
        const DIGITS: &[u8; 4_000] = &{
            let mut digits = [b'0'; 4_000];
            let mut name = 0;
            while name < 1_000 {
                digits[4 * name] += (name / 1_000) as u8;
                digits[4 * name + 1] += (name / 100 % 10) as u8;
                digits[4 * name + 2] += (name / 10 % 10) as u8;
                digits[4 * name + 3] += (name % 10) as u8;
                name += 1;
            }
            digits
        };
        let mut lines = [DYNAMIC; 1_000];
        let mut line = 0;
        while line < 1_000 {
            let name = text(DIGITS.split_at(4 * line).1.split_at(4).0);
            lines[line] = Listed { line, name, query: "Q" };
            line += 1;
        }
        lines
    };

    #[test]
    fn a_thousand_names_are_checked_before_the_compiler_calls_it_long() {
        // Evaluated by the compiler, which refuses constants that take too many steps.
        const CLASH: Option<Clash> = clash::<2_048>(&THOUSAND);
        assert!(CLASH.is_none());
    }

    #[test]
    fn the_first_name_that_comes_again_is_found() {
        let clash = clash::<8>(&listed(&["a", "b", "", "b", "a", "c"])).unwrap();
        assert_eq!((clash.first.line, clash.second.line), (1, 3));
    }

    #[test]
    fn names_of_one_hash_are_compared() {
        let mut slots = [Some((hash(b"b"), Listed { line: 0, name: "a", query: "Q" })); 1];
        slots[0].as_mut().unwrap().1.name = "b";
        assert!(place(&mut slots, Listed { line: 1, name: "b", query: "Q" }).is_some());
        let mut slots = [Some((hash(b"b"), Listed { line: 0, name: "a", query: "Q" })), None];
        assert!(place(&mut slots, Listed { line: 1, name: "b", query: "Q" }).is_none());
    }

    #[test]
    fn an_instance_is_named_by_query_and_arguments() {
        assert_eq!(__instance_name!("page", "<User>"), "page<User>");
    }

    #[test]
    fn a_refusal_names_both_queries_and_cuts_off_what_is_too_long() {
        let line = |query| Listed { line: 0, name: "get", query };
        let message = |first, second| {
            let panic =
                std::panic::catch_unwind(|| Clash { first: line(first), second: line(second) }.refuse());
            *panic.unwrap_err().downcast::<String>().unwrap()
        };
        assert_eq!(
            message("a::Get", "b::Get"),
            "two queries have the name \"get\": `a::Get` and `b::Get`; rename one of them: \
             `#[query(name = \"...\")]`, or here `b::Get as \"...\"`"
        );
        assert!(message("a::Get", "x".repeat(2_000).leak()).starts_with("two queries have the name"));
    }
}
