use std::sync::Arc;

use cache_core::{Lookup, Query};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
struct GetPost {
    id: u64,
}

fn value<L: Lookup>(_: &L) -> Arc<<L::Query as Query>::Value> {
    unimplemented!()
}

// Not an error of its own: nobody knows what the answer is.
fn main() {
    let post: Arc<String> = value(&GetPost { id: 7 });
    println!("{post}");
}
