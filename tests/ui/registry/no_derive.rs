cache_core::registry! {
    struct CacheRegistry {
        crate::queries::GetPost,
    }
}

mod queries {
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub struct GetPost {
        pub id: u64,
    }
}

fn main() {}
