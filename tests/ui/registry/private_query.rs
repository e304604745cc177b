cache_core::registry! {
    pub struct CacheRegistry {
        crate::queries::GetPost,
    }
}

mod queries {
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String)]
    struct GetPost {
        id: u64,
    }
}

fn main() {}
