use cache_core::Query;

struct Person;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record, capacity = 10, ttl = "5m", fresh = "30s", persist, strategy = "refresh", retry = 2)]
struct PersonId(String);

// Reports only the mistake of the option itself.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record = true)]
struct AuthorId(String);

cache_core::registry! {
    struct CacheRegistry {
        PersonId,
        AuthorId,
    }
}

fn main() {
    let cache = cache_core::Cache::<CacheRegistry>::new();
    cache.insert(AuthorId("9".to_owned()), Person);
}
