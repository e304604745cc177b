//! A large crate. The comparison with peers has a row for how long it takes.

use std::fmt::Write;

use crate::{Sample, query};

/// Number of queries and files of the crate for which the time goal was set.
const QUERIES: usize = 1_000;
const FILES: usize = 200;

/// A crate of a thousand queries, mixed with ordinary code.
fn large() -> Sample {
    let mut files = Vec::new();
    let mut root = String::new();
    for file in 0..FILES {
        let _ = writeln!(root, "pub mod part{file};");
        let mut text = "use cache_core::Query;\nuse std::collections::HashMap;\n".to_owned();
        for index in 0..QUERIES / FILES {
            let _ = writeln!(
                text,
                "/// Question {index}.\n{}",
                query(&format!("Get{file}x{index}")).replace("cache_core::", "")
            );
            let _ = writeln!(
                text,
                "impl Get{file}x{index} {{\n    /// Counts words.\n    pub fn count(&self, text: &str) -> HashMap<String, usize> {{\n        \
                 let mut map = HashMap::new();\n        for word in text.split_whitespace() {{\n            \
                 *map.entry(word.to_owned()).or_insert(0) += 1;\n        }}\n        map\n    }}\n}}"
            );
        }
        files.push((format!("src/part{file}.rs"), text));
    }
    files.push(("src/lib.rs".to_owned(), root));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Sample::new(&files)
}

#[test]
fn a_thousand_queries_are_all_listed() {
    let sample = large();
    sample.run();
    assert_eq!(sample.listed().len(), QUERIES);
}
