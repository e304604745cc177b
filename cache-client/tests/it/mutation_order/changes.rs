//! Changes, pushed values and invalidations while mutations run. They count as mutations that start when they are made.

use std::pin::Pin;
use std::task::{self, Poll};

use cache_client::{Ingestion, Source};
use futures_core::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

/// A pushed value: the first list of the server.
type List = Vec<u32>;

struct Pushes(Mutex<Option<UnboundedReceiver<List>>>);

struct Received(UnboundedReceiver<List>);

impl Stream for Received {
    type Item = Result<List, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|list| list.map(Ok))
    }
}

impl Source<Server> for Pushes {
    type Item = List;
    type Error = std::io::Error;

    async fn open(
        &self,
        _: &Context<Server>,
    ) -> Result<impl Stream<Item = Result<List, std::io::Error>> + Send, std::io::Error> {
        Ok(Received(self.0.lock().take().ok_or(std::io::ErrorKind::NotConnected)?))
    }

    /// A list with the item 66 is refused.
    fn apply(&self, list: &List, changes: &mut Changes<Server>) {
        if list.contains(&66) {
            changes.label("refused");
        }
        changes.set(GetList(1), list.clone());
    }
}

fn push_to(client: &Client<Server>) -> (UnboundedSender<List>, Ingestion<std::io::Error>) {
    let (sender, receiver) = unbounded_channel();
    (sender, client.ingest(Pushes(Mutex::new(Some(receiver)))))
}

/// Adds an item to the first list of the server, as another client would.
fn add_elsewhere(client: &Client<Server>, item: u32) -> List {
    let mut lists = client.app().lists.lock();
    let list = lists.entry(1).or_default();
    list.push(item);
    list.clone()
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_hide_a_change_or_push_made_while_it_was_pending() {
    for (way, is_pushed) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        let client = client_with(&[1]).await;
        let (pushes, _ingestion) = push_to(&client);
        let older = begin(&client, Add { way, ..Add::new(1, 1, 5) }).await;
        pass(seconds(2)).await;
        let list_now = add_elsewhere(&client, 9);
        match is_pushed {
            true => pushes.send(list_now).unwrap(),
            false => {
                _ = client.change(|changes| drop(changes.set(GetList(1), list_now.clone()))).await.unwrap()
            }
        }
        settle().await;
        assert!(!is_marked(&client, 1), "{way:?}: no answer is known to be out of order");
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{way:?} {is_pushed}");
        assert_eq!((list(&client, 1).await, client.app().loads(1)), (vec![1, 9], 2), "{way:?} {is_pushed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_clear_a_mark_made_while_it_was_pending() {
    type Mark = fn(&Client<Server>);
    let marks: [(&str, Mark); 6] = [
        ("key", |client| drop(client.invalidate(&GetList(1)))),
        ("matching", |client| drop(client.invalidate_where(|key: &GetList| key.0 == 1))),
        ("query", |client| drop(client.invalidate_query::<GetList>())),
        ("tag", |client| drop(client.invalidate_tag("lists"))),
        ("tag of the key", |client| drop(client.invalidate_tag(Tag::new("list", 1)))),
        ("all", |client| drop(client.invalidate_all())),
    ];
    for (name, mark) in marks {
        let client = client_with(&[1]).await;
        let older = begin(&client, Add::new(1, 1, 5)).await;
        pass(seconds(2)).await;
        add_elsewhere(&client, 9);
        mark(&client);
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{name}");
        assert_eq!((list(&client, 1).await, client.app().loads(1)), (vec![1, 9], 2), "{name}");
    }
    for marking in MARKINGS {
        let client = client_with(&[1]).await;
        let older = begin(&client, Add::new(1, 1, 5)).await;
        client.change(|changes| marking.mark(&[1], changes)).await.unwrap();
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{marking:?}");
    }
}

/// A change marks the keys it would have written if its request has a disabled cache or a hook refuses it.
#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_clear_a_mark_made_instead_of_a_write() {
    for is_pushed in [false, true] {
        let client = client_with(&[1]).await;
        let (pushes, ingestion) = push_to(&client);
        let older = begin(&client, Add::new(1, 1, 5)).await;
        match is_pushed {
            true => pushes.send(vec![66]).unwrap(),
            false => {
                let cx = client.request("private");
                cx.disable_cache();
                cx.change(|changes| drop(changes.set(GetList(1), vec![9]))).await.unwrap();
            }
        }
        settle().await;
        assert_eq!((is_marked(&client, 1), ingestion.refused()), (true, u64::from(is_pushed)));
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{is_pushed}");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_and_pushed_values_in_order_cause_no_load() {
    let client = client_with(&[1, 2]).await;
    let (pushes, _ingestion) = push_to(&client);
    let change = |lists: &'static [u32]| {
        let client = client.clone();
        async move {
            let set = |changes: &mut Changes<Server>| {
                lists.iter().for_each(|list| drop(changes.set(GetList(*list), vec![7])));
            };
            client.change(set).await.unwrap();
        }
    };
    // A change of another key while the mutation runs, one that ends before it starts, and one after its answer while
    // another mutation runs.
    let bystander = begin(&client, Append(Add { lists: vec![3], ..Add::new(9, 1, 30) })).await;
    change(&[1]).await;
    client.invalidate(&GetList(1)).reloaded().await;
    let added = begin(&client, Add::new(1, 1, 5)).await;
    change(&[2]).await;
    client.invalidate(&GetList(3));
    in_time(added).await.unwrap().unwrap();
    assert!(!is_marked(&client, 1) && !is_marked(&client, 2));
    pushes.send(vec![1, 9]).unwrap();
    settle().await;
    change(&[1]).await;
    in_time(bystander).await.unwrap().unwrap();
    assert!(!is_marked(&client, 1) && !is_marked(&client, 2));
}

/// The written value was known before the mutation started.
#[tokio::test(start_paused = true)]
async fn a_change_delayed_by_a_hook_does_not_hide_the_answer_of_a_newer_mutation() {
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit_async(|proposal| {
            let is_slow = proposal.label() == Some("slow");
            async move {
                takes(if is_slow { seconds(10) } else { Duration::ZERO }).await;
                Ok(())
            }
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, Server::default()).build();
    client.query(&GetList(1)).await.unwrap();
    let changing = tokio::spawn({
        let client = client.clone();
        async move {
            let set = |changes: &mut Changes<Server>| {
                changes.label("slow");
                changes.set(GetList(1), vec![7]);
            };
            client.change(set).await.unwrap();
        }
    });
    settle().await;
    let added = begin(&client, Add::new(1, 1, 5)).await;
    in_time(added).await.unwrap().unwrap();
    assert!(!is_marked(&client, 1));
    in_time(changing).await.unwrap();
    assert!(is_marked(&client, 1));
    assert_eq!(list(&client, 1).await, [1]);
}

/// A mutation of a request with a disabled cache marks keys at its end, and its marks are as old as the mutation.
#[tokio::test(start_paused = true)]
async fn the_marks_of_a_private_mutation_are_as_old_as_the_mutation() {
    for marking in MARKINGS {
        let client = client_with(&[1]).await;
        begin(&client, Append(Add { lists: vec![2], ..Add::new(9, 1, 30) })).await;
        let cx = client.request("private");
        cx.disable_cache();
        let older = tokio::spawn(async move { cx.mutate(&Outdate(Add::new(1, 1, 3), marking)).await });
        settle().await;
        let younger = begin(&client, Add::new(2, 2, 5)).await;
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{marking:?}");
        in_time(younger).await.unwrap().unwrap();
        assert!(!is_marked(&client, 1), "{marking:?}");
    }
}
