//! "Did you mean": the known name nearest to a misspelt one.

/// The name in `known` that `misspelt` most probably means; `None` if all are too far away.
///
/// Allows one edit (insert, delete, replace, swap two neighbours) for each three letters.
pub(crate) fn nearest<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = misspelt.chars().count().div_ceil(3);
    let near = known.into_iter().map(|name| (edits(misspelt, name), name));
    near.filter(|&(edits, name)| edits <= allowed && edits < name.len()).min().map(|(_, name)| name)
}

/// Number of edits between two words (optimal string alignment).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = cell(&rows, &from, &to, i, j);
        }
    }
    rows[from.len()][to.len()]
}

/// Edits between the first `i` letters of `from` and the first `j` of `to`, given all smaller results.
fn cell(rows: &[Vec<usize>], from: &[char], to: &[char], i: usize, j: usize) -> usize {
    if i == 0 || j == 0 {
        return i + j;
    }
    let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
    let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
    let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
    if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("capacity", "capacity"), 0);
        assert_eq!(edits("capasity", "capacity"), 1);
        assert_eq!(edits("cpaacity", "capacity"), 1);
        assert_eq!(edits("", "ttl"), 3);
        assert_eq!(edits("vlue", "value"), 1);
    }

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_not() {
        let known = ["capacity", "ttl", "tti", "value"];
        assert_eq!(nearest("capasity", known), Some("capacity"));
        assert_eq!(nearest("tll", known), Some("ttl"));
        assert_eq!(nearest("strategy", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
