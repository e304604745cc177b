//! The gate of a save, and of a reader that writers keep overtaking, against commits.

use cache_model::CommitError;

use crate::{Few, Recent, Store, Weak, check, part, store, together};

fn saved(store: &Store) -> Store {
    let mut bytes = Vec::new();
    store.save_to(&mut bytes).unwrap();
    let later = crate::store();
    later.restore_from(&bytes[..]).unwrap();
    later
}

#[test]
fn a_save_has_all_of_a_commit_or_nothing() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                for number in 1..3 {
                    let mut tx = store.begin();
                    tx.set(Recent(1), number);
                    tx.set(Few(1), number);
                    tx.commit().unwrap();
                }
            }),
            part(&store, |store| {
                let saved = saved(&store);
                assert_eq!(saved.get(&Recent(1)), saved.get(&Few(1)));
            }),
        ]);
    });
}

#[test]
fn a_save_is_one_moment_of_writes_that_follow_one_another() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                for number in 1..3 {
                    store.insert(Few(1), number);
                    store.insert(Recent(1), number);
                }
            }),
            part(&store, |store| {
                let saved = saved(&store);
                let number = |value: Option<std::sync::Arc<u64>>| value.map_or(0, |value| *value);
                let (recent, few) = (number(saved.get(&Recent(1))), number(saved.get(&Few(1))));
                assert!(few == recent || few == recent + 1, "{few} before {recent}");
                assert!(saved.revision().is_none_or(|revision| revision.get() > few + recent));
            }),
        ]);
    });
}

#[test]
fn a_save_has_all_revisions_up_to_its_last() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| drop(store.insert(Recent(1), 1))),
            part(&store, |store| drop(store.insert(Few(1), 1))),
            part(&store, |store| {
                let saved = saved(&store);
                let has = (saved.get(&Recent(1)).is_some(), saved.get(&Few(1)).is_some());
                let revisions =
                    || Some((store.get_entry(&Recent(1))?.revision(), store.get_entry(&Few(1))?.revision()));
                if let Some((recent, few)) = revisions() {
                    assert!(has != (true, false) || recent < few, "{recent} is saved, {few} is not");
                    assert!(has != (false, true) || few < recent, "{few} is saved, {recent} is not");
                }
            }),
        ]);
    });
}

#[test]
fn savers_and_writers_let_one_another_through() {
    check(|| {
        let store = store();
        let mut parts: Vec<_> = (0..2)
            .map(|_| {
                part(&store, |store| {
                    let mut bytes = Vec::new();
                    store.save_to(&mut bytes).unwrap();
                    store.insert(Weak(2), 1);
                })
            })
            .collect();
        parts.push(part(&store, |store| {
            store.insert(Few(1), 1);
            store.touch(&Few(1));
            let read = store.transact(|tx| {
                tx.set(Recent(2), 2);
                Ok::<_, CommitError>(tx.get(&Few(1)))
            });
            assert_eq!(read.unwrap().as_deref(), Some(&1));
        }));
        together(parts);
        assert_eq!(store.len(), 2);
    });
}
