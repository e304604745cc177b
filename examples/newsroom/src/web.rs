//! What browsers may have of the cache. A test writes it as TypeScript: `web/cache.ts`.

use std::sync::LazyLock;

use cache_web::Web;

use crate::app::Newsroom;
use crate::queries::{GetArticle, GetDiscussion};

/// The queries whose answers leave the service as data. Everybody may read the newspaper, so none has a guard.
pub static WEB: LazyLock<Web<Newsroom>> =
    LazyLock::new(|| Web::new().public::<GetArticle>().public::<GetDiscussion>());
