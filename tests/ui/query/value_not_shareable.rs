use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = std::rc::Rc<str>)]
struct GetPost {
    id: u64,
}

fn main() {}
