use cache_core::Query;

cache_core::registry! {
    struct CacheRegistry {
        Page,
        Page<u8>,
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String)]
pub struct Page<T>(T);

fn main() {}
