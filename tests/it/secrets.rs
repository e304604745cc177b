//! Keys of queries that are derived with `secret`: they are never printed.

use std::sync::Arc;

use cache_core::{Cache, Query, Shape, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Loses its number in a snapshot, so that its key reads back as a different one.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 1, persist, secret)]
struct GetSession {
    token: String,
    #[serde(skip)]
    number: u8,
}

registry! {
    struct Sessions { crate::secrets::GetSession }
}

fn session(token: &str) -> GetSession {
    GetSession { token: token.to_owned(), number: 1 }
}

#[test]
fn the_key_of_a_secret_query_is_printed_nowhere() {
    let printed = Arc::new(Mutex::new(Vec::<String>::new()));
    let [by_hook, by_change, by_removal] = [(); 3].map(|()| Arc::clone(&printed));
    let cache = Cache::<Sessions>::builder()
        .before_commit(move |proposal| {
            by_hook.lock().push(format!("{proposal:?}"));
            Ok(())
        })
        .after_commit(move |change| {
            by_change.lock().push(format!("{change:?}, {:?}", change.key()));
            assert!(change.of::<GetSession>().is_some_and(|(key, _)| key.token.starts_with("hush")));
        })
        .on_removal(move |removal| by_removal.lock().push(format!("{removal:?}, {:?}", removal.key())))
        .build()
        .unwrap();
    cache.insert(session("hush 1"), 1u32);
    let mut tx = cache.begin();
    assert_eq!(tx.get(&session("hush 1")).as_deref(), Some(&1));
    tx.set(session("hush 2"), 2u32);
    printed.lock().push(format!("{tx:?}"));
    cache.insert(session("hush 1"), 3u32);
    let conflict = tx.commit().unwrap_err();
    let written = cache.transact(|tx| Ok::<_, cache_core::CommitError>(tx.set(session("hush 2"), 2u32)));
    assert_eq!(written.ok().as_deref(), Some(&2));
    let (entry, pin) = (cache.get_entry(&session("hush 2")), cache.pin(&session("hush 2")));
    let saved = cache.save_to(&mut Vec::new()).unwrap();
    assert_eq!(saved.tables[0].skipped.count, 1);
    printed.lock().extend([
        format!("{conflict} {conflict:?}"),
        format!("{entry:?}"),
        format!("{pin:?}"),
        format!("{:?}", cache.watch(&session("hush 2"))),
        format!("{saved} {saved:?}"),
        cache.inspect_entries().to_string(),
    ]);
    let printed = printed.lock();
    assert!(printed.len() > 8, "{printed:?}");
    for text in &*printed {
        assert!(!text.contains("hush"), "{text}");
    }
    for text in &printed[1..] {
        assert!(text.contains("(secret)"), "{text}");
    }
}
