//! Responses that change a record, while documents that show it are removed, evicted and dropped.

use crate::blog::{author_of, beside, blog, check, join, named};

#[test]
fn the_documents_that_stay_follow_while_others_are_removed_and_dropped() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        client.load(2, &named(1));
        let held = client.shown(2);
        join([
            beside(&client, |client| client.load(1, &named(2))),
            beside(&client, |client| client.remove(2)),
            beside(&client, move |client| {
                drop(held);
                client.check_moment();
            }),
        ]);
        client.check_moment();
        assert!(client.shown(2).is_none());
        assert_eq!(author_of(&client.shown(1).unwrap()), Some((Some(2), None)));
        client.remove(1);
        client.check_is_empty();
    });
}

#[test]
fn a_document_that_is_stored_while_the_last_other_one_goes_keeps_its_records() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        join([
            beside(&client, |client| client.load(2, &named(1))),
            beside(&client, |client| client.remove(1)),
            beside(&client, |client| _ = client.patch(|person| person.age = 3.into())),
        ]);
        client.check_moment();
        assert!(client.author().is_some());
        client.remove(2);
        client.check_is_empty();
    });
}

/// The table has room for two documents.
#[test]
fn documents_that_are_evicted_leave_no_record_and_take_none_along() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        client.load(2, &named(1));
        join([
            beside(&client, |client| client.load(1, &named(2))),
            beside(&client, |client| client.load(3, &named(3))),
            // What it holds for a moment survives its eviction.
            beside(&client, |client| drop([1, 2].map(|id| client.shown(id)))),
        ]);
        client.check_end();
        assert!(client.author().is_some());
        (1..=3).for_each(|id| client.remove(id));
        client.check_is_empty();
    });
}
