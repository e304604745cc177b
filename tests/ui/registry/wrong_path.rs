cache_core::registry! {
    struct CacheRegistry {
        crate::queries::GetPots,
    }
}

mod queries {
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String)]
    pub struct GetPost {
        pub id: u64,
    }
}

fn main() {}
