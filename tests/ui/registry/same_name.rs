cache_core::registry! {
    struct CacheRegistry {
        crate::posts::Get,
        crate::users::Get,
        crate::users::List,
    }
}

mod posts {
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String)]
    pub struct Get(pub u64);
}

mod users {
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String)]
    pub struct Get(pub u64);

    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String)]
    pub struct List;
}

fn main() {}
