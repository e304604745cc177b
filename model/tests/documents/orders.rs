//! Responses that arrive in another order than they were requested, while other loads begin and end.

use serde_json::json;

use crate::blog::{article, author_of, beside, blog, check, join, named};

#[test]
fn what_was_requested_later_stays_whichever_response_is_stored_first() {
    check(|| {
        let client = blog();
        let (earlier, later) = (client.begin(1), client.begin(2));
        join([
            beside(&client, |client| client.end(earlier, &article(1, 1, &json!({"name": 1, "age": 1})))),
            beside(&client, |client| client.end(later, &article(2, 1, &named(2)))),
            // Its end may be the last one that lets the order forget.
            beside(&client, |client| drop(client.begin(3))),
        ]);
        client.check_moment();
        for id in [1, 2] {
            let document = client.shown(id).unwrap();
            assert_eq!(author_of(&document), Some((Some(2), Some(1))), "document {id}");
            drop(document);
            client.remove(id);
        }
        client.check_is_empty();
    });
}

#[test]
fn a_patch_stays_however_late_an_older_response_is_stored() {
    for is_known in [false, true] {
        check(move || {
            let client = blog();
            if is_known {
                client.load(2, &named(0));
            }
            let earlier = client.begin(1);
            join([
                beside(&client, |client| client.end(earlier, &article(1, 1, &json!({"name": 1, "age": 1})))),
                beside(&client, |client| _ = client.patch(|person| person.name = 7.into())),
                beside(&client, |client| drop(client.begin(3))),
            ]);
            client.check_moment();
            let shown = author_of(&client.shown(1).unwrap());
            assert_eq!(shown, Some((Some(7), Some(1))));
            [1, 2].into_iter().for_each(|id| client.remove(id));
            client.check_is_empty();
        });
    }
}
