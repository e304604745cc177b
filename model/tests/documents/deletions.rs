//! Deletions beside responses that bring the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::blog::{article, author_of, beside, blog, check, join, named};

#[test]
fn an_older_response_does_not_bring_a_deleted_record_back() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        let older = client.begin(2);
        join([
            beside(&client, |client| client.end(older, &article(2, 1, &named(2)))),
            beside(&client, |client| client.delete_author()),
            beside(&client, |client| (0..2).for_each(|_| client.check_moment())),
        ]);
        assert!(client.author().is_none());
        for id in [1, 2] {
            let document = client.shown(id).unwrap();
            assert_eq!(author_of(&document), None, "document {id}");
            assert!(document.data().unwrap().author.data().is_null(), "document {id} names the author");
        }
        [1, 2].into_iter().for_each(|id| client.remove(id));
        client.check_is_empty();
    });
}

#[test]
fn a_response_that_was_requested_after_the_deletion_brings_the_record() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        let is_deleted = Arc::new(AtomicBool::new(false));
        let (deleted, was_later) = (Arc::clone(&is_deleted), Arc::new(AtomicBool::new(false)));
        let later = Arc::clone(&was_later);
        join([
            beside(&client, move |client| {
                later.store(is_deleted.load(Ordering::SeqCst), Ordering::SeqCst);
                client.load(2, &named(2));
            }),
            beside(&client, move |client| {
                client.delete_author();
                deleted.store(true, Ordering::SeqCst);
            }),
            beside(&client, |client| (0..2).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        assert_eq!(author_of(&client.shown(1).unwrap()), None);
        let brought = author_of(&client.shown(2).unwrap());
        assert_eq!(brought.is_some(), client.author().is_some());
        assert!(brought.is_some() || !was_later.load(Ordering::SeqCst), "a later response was ignored");
    });
}

/// Both documents are about the first article.
#[test]
fn documents_about_a_deleted_record_are_marked_whenever_their_responses_arrive() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        let (older, first) = (client.begin(1), client.begin(2));
        join([
            beside(&client, |client| client.end(older, &article(1, 5, &named(2)))),
            beside(&client, |client| client.end(first, &article(1, 5, &named(2)))),
            beside(&client, |client| client.delete_article(1)),
        ]);
        for id in [1, 2] {
            assert!(client.shown(id).is_none(), "document {id} shows what is deleted");
            client.remove(id);
        }
        client.check_is_empty();
    });
}
