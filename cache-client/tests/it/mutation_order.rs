//! Answers of mutations that arrive in another order than the mutations started. The order of the server wins.

mod changes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{App, Changes, Client, Context, Fetch, LayerEdit, Mutate, MutateError, Scope, TokioClock};
use cache_core::{Cache, Freshness, Query, Tag, registry};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::scripted::{LONGEST_WAIT, SECOND, in_time, pass, seconds, settle, takes};

/// Each load takes a second.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u32>, capacity = 1_000, fresh = "1h", tags("lists"), tags_of = GetList::tags)]
pub struct GetList(u32);

impl GetList {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("list", self.0)]
    }
}

registry! {
    pub struct Lists { crate::mutation_order::GetList }
}

/// The lists of the server.
#[derive(Debug, Default)]
struct Server {
    lists: Mutex<HashMap<u32, Vec<u32>>>,
    loads: Mutex<HashMap<u32, usize>>,
    /// Notified when a mutation is sent.
    sent: Notify,
}

impl App for Server {
    type Registry = Lists;
}

impl Server {
    fn list(&self, list: u32) -> Vec<u32> {
        self.lists.lock().get(&list).cloned().unwrap_or_default()
    }

    fn loads(&self, list: u32) -> usize {
        self.loads.lock().get(&list).copied().unwrap_or_default()
    }
}

impl Fetch<Server> for GetList {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Server>) -> Result<Vec<u32>, std::io::Error> {
        *cx.app().loads.lock().entry(self.0).or_default() += 1;
        takes(SECOND).await;
        Ok(cx.app().list(self.0))
    }
}

/// How a mutation writes its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Writes the whole list.
    Set,
    /// Adds the new item to the cached list.
    Merge,
    Update,
}

const WAYS: [Way; 3] = [Way::Set, Way::Merge, Way::Update];

/// A mutation that adds its item to some lists.
#[derive(Clone, Debug)]
struct Add {
    lists: Vec<u32>,
    item: u32,
    /// When the server applies it and when the answer arrives, counted from the call.
    done: Duration,
    answers: Duration,
    way: Way,
    fails: bool,
    scope: Option<Scope>,
    is_shown: bool,
}

impl Add {
    fn new(item: u32, done: u64, answers: u64) -> Self {
        let (done, answers) = (seconds(done), seconds(answers));
        let lists = vec![1];
        Self { lists, item, done, answers, way: Way::Set, fails: false, scope: None, is_shown: false }
    }

    async fn send(&self, server: &Server) -> Result<HashMap<u32, Vec<u32>>, std::io::Error> {
        server.sent.notify_one();
        takes(self.done).await;
        let answer = {
            let mut lists = server.lists.lock();
            for list in self.lists.iter().filter(|_| !self.fails) {
                lists.entry(*list).or_default().push(self.item);
            }
            lists.clone()
        };
        takes(self.answers - self.done).await;
        if self.fails { Err(std::io::ErrorKind::Other.into()) } else { Ok(answer) }
    }

    fn write(&self, answer: &HashMap<u32, Vec<u32>>, changes: &mut Changes<Server>) {
        let item = self.item;
        for &list in &self.lists {
            let query = GetList(list);
            match self.way {
                Way::Set => _ = changes.set(query, answer[&list].clone()),
                Way::Merge => changes.merge_with(query, move |present: Option<&Vec<u32>>| {
                    [present.map_or(&[][..], Vec::as_slice), &[item]].concat()
                }),
                Way::Update => _ = changes.update(&query, |present| [present.as_slice(), &[item]].concat()),
            }
        }
    }
}

impl Mutate<Server> for Add {
    type Output = HashMap<u32, Vec<u32>>;
    type Error = std::io::Error;

    async fn run(&self, cx: &Context<Server>) -> Result<Self::Output, std::io::Error> {
        self.send(cx.app()).await
    }

    fn apply(&self, answer: &Self::Output, changes: &mut Changes<Server>) {
        self.write(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<Server>) {
        for list in self.lists.iter().filter(|_| self.is_shown) {
            let item = self.item;
            layer.update(&GetList(*list), move |list| Some([list?.as_slice(), &[item]].concat()));
        }
    }

    fn scope(&self) -> Option<Scope> {
        self.scope.clone()
    }
}

/// The same mutation as another type.
#[derive(Clone, Debug)]
struct Append(Add);

impl Mutate<Server> for Append {
    type Output = HashMap<u32, Vec<u32>>;
    type Error = std::io::Error;

    async fn run(&self, cx: &Context<Server>) -> Result<Self::Output, std::io::Error> {
        self.0.send(cx.app()).await
    }

    fn apply(&self, answer: &Self::Output, changes: &mut Changes<Server>) {
        self.0.write(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<Server>) {
        self.0.optimistic(layer);
    }
}

/// Changes the lists of the server and marks them instead of writing them.
#[derive(Clone, Debug)]
struct Outdate(Add, Marking);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marking {
    Key,
    Matching,
    Query,
    Tag,
    TagOfKey,
    All,
}

const MARKINGS: [Marking; 6] =
    [Marking::Key, Marking::Matching, Marking::Query, Marking::Tag, Marking::TagOfKey, Marking::All];

impl Marking {
    fn mark(self, lists: &[u32], changes: &mut Changes<Server>) {
        for &list in lists {
            match self {
                Self::Key => changes.invalidate(&GetList(list)),
                Self::Matching => changes.invalidate_where(move |key: &GetList| key.0 == list),
                Self::Query => changes.invalidate_query::<GetList>(),
                Self::Tag => changes.invalidate_tag("lists"),
                Self::TagOfKey => changes.invalidate_tag(Tag::new("list", list)),
                Self::All => changes.invalidate_all(),
            }
        }
    }
}

impl Mutate<Server> for Outdate {
    type Output = HashMap<u32, Vec<u32>>;
    type Error = std::io::Error;

    async fn run(&self, cx: &Context<Server>) -> Result<Self::Output, std::io::Error> {
        self.0.send(cx.app()).await
    }

    fn apply(&self, _: &Self::Output, changes: &mut Changes<Server>) {
        self.1.mark(&self.0.lists, changes);
    }
}

/// A mutation whose write is refused.
#[derive(Clone, Debug)]
struct Refused(Add);

impl Mutate<Server> for Refused {
    type Output = HashMap<u32, Vec<u32>>;
    type Error = std::io::Error;

    async fn run(&self, cx: &Context<Server>) -> Result<Self::Output, std::io::Error> {
        self.0.send(cx.app()).await
    }

    fn apply(&self, answer: &Self::Output, changes: &mut Changes<Server>) {
        changes.label("refused");
        self.0.write(answer, changes);
    }
}

/// A client whose cache has these lists. Its hook refuses changes with the label `refused`.
async fn client_with(lists: &[u32]) -> Client<Server> {
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit(|proposal| match proposal.label() {
            Some("refused") => Err("not this one".into()),
            _ => Ok(()),
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, Server::default()).build();
    for list in lists {
        client.query(&GetList(*list)).await.unwrap();
    }
    client
}

type Added = JoinHandle<Result<HashMap<u32, Vec<u32>>, MutateError<std::io::Error>>>;

/// Starts a mutation.
async fn begin<M>(client: &Client<Server>, mutation: M) -> Added
where
    M: Mutate<Server, Output = HashMap<u32, Vec<u32>>, Error = std::io::Error>,
{
    let client = client.clone();
    let added = tokio::spawn(async move { client.mutate(&mutation).await });
    settle().await;
    added
}

#[track_caller]
fn is_marked(client: &Client<Server>, list: u32) -> bool {
    let entry = client.cache().peek_entry(&GetList(list)).expect("the list is cached");
    entry.freshness() == Freshness::Invalidated
}

async fn list(client: &Client<Server>, list: u32) -> Vec<u32> {
    in_time(client.query(&GetList(list))).await.unwrap().to_vec()
}

#[tokio::test(start_paused = true)]
async fn two_mutations_with_swapped_answers_end_with_the_state_of_the_server() {
    for way in WAYS {
        let client = client_with(&[1]).await;
        begin(&client, Add { way, ..Add::new(1, 1, 5) }).await;
        let last = begin(&client, Add { way, ..Add::new(2, 2, 3) }).await;
        in_time(last).await.unwrap().unwrap();
        assert!(!is_marked(&client, 1), "{way:?}: no answer is known to be out of order");
        pass(seconds(3)).await;
        assert!(is_marked(&client, 1), "{way:?}");
        assert_eq!(client.app().loads(1), 1, "{way:?}: it has no observers");
        assert_eq!(list(&client, 1).await, [1, 2], "{way:?}");
        assert_eq!((client.app().loads(1), is_marked(&client, 1)), (2, false), "{way:?}");
    }
}

/// The orders in which three answers can arrive.
const ORDERS: [[u64; 3]; 6] = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];

/// Whether two successful mutations arrive out of order. `order[n]` is the position of answer `n`.
fn is_inverted(order: [u64; 3], failing: Option<usize>) -> bool {
    let arrived: Vec<_> = (0..3).filter(|at| Some(*at) != failing).map(|at| order[at]).collect();
    !arrived.is_sorted()
}

#[tokio::test(start_paused = true)]
async fn the_last_of_three_reordered_answers_reloads_the_key_once() {
    for (way, order) in WAYS.iter().flat_map(|way| ORDERS.iter().map(move |order| (*way, *order))) {
        for failing in [None, Some(0), Some(1), Some(2)] {
            for is_observed in [true, false] {
                let case = format!("{way:?} {order:?} {failing:?} {is_observed}");
                let client = client_with(&[1]).await;
                let observer = is_observed.then(|| client.observe(&GetList(1)));
                let mut added = Vec::new();
                for (at, place) in order.into_iter().enumerate() {
                    let item = u32::try_from(at).unwrap() + 1;
                    let add = Add::new(item, u64::from(item), 10 * place);
                    added.push(begin(&client, Add { way, fails: failing == Some(at), ..add }).await);
                }
                for added in added {
                    in_time(added).await.unwrap().ok();
                }
                pass(seconds(5)).await;
                let loads = usize::from(is_inverted(order, failing));
                assert_eq!(is_marked(&client, 1), loads > 0 && !is_observed, "{case}");
                assert_eq!(client.app().loads(1), if is_observed { 1 + loads } else { 1 }, "{case}");
                assert_eq!(list(&client, 1).await, client.app().list(1), "{case}");
                assert_eq!(client.app().loads(1), 1 + loads, "{case}");
                drop(observer);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn mutations_that_do_not_overlap_are_in_order() {
    let client = client_with(&[1]).await;
    for item in 1..4 {
        let added = begin(&client, Add::new(item, 1, 2)).await;
        in_time(added).await.unwrap().unwrap();
    }
    assert_eq!((is_marked(&client, 1), list(&client, 1).await), (false, vec![1, 2, 3]));
    assert_eq!(client.app().loads(1), 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_key_that_is_out_of_order_is_marked() {
    let client = client_with(&[1, 2]).await;
    let both = begin(&client, Add { lists: vec![1, 2], ..Add::new(1, 1, 5) }).await;
    begin(&client, Add { lists: vec![2], ..Add::new(2, 2, 3) }).await;
    in_time(both).await.unwrap().unwrap();
    assert_eq!((is_marked(&client, 1), is_marked(&client, 2)), (false, true));
    assert_eq!(list(&client, 2).await, [1, 2]);
    assert_eq!((client.app().loads(1), client.app().loads(2)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn mutations_of_different_types_are_ordered_too() {
    let client = client_with(&[1]).await;
    let first = begin(&client, Add::new(1, 1, 5)).await;
    begin(&client, Append(Add::new(2, 2, 3))).await;
    in_time(first).await.unwrap().unwrap();
    assert!(is_marked(&client, 1));
    assert_eq!(list(&client, 1).await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_waits_only_for_mutations_that_may_write_the_key() {
    // Another type without a layer for this key, another type with such a layer, and the same type.
    let (other, showing) =
        (Append(Add { lists: vec![2], ..Add::new(9, 1, 30) }), Add { is_shown: true, ..Add::new(9, 1, 30) });
    for (is_waited_for, bystander) in [(false, Some(other)), (true, Some(Append(showing))), (true, None)] {
        let client = client_with(&[1, 2]).await;
        let bystander = match bystander {
            Some(bystander) => begin(&client, bystander).await,
            None => begin(&client, Add { lists: vec![2], ..Add::new(9, 1, 30) }).await,
        };
        let first = begin(&client, Add::new(1, 1, 5)).await;
        begin(&client, Add::new(2, 2, 3)).await;
        in_time(first).await.unwrap().unwrap();
        assert_eq!(is_marked(&client, 1), !is_waited_for);
        in_time(bystander).await.unwrap().unwrap();
        assert!(is_marked(&client, 1));
        assert_eq!(list(&client, 1).await, client.app().list(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_does_not_wait_for_a_mutation_dropped_by_its_runtime() {
    let client = client_with(&[1]).await;
    // Its runtime ends while the mutation runs, and the mark no longer waits for it.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let hung = client.clone();
    runtime.spawn(async move {
        let never = Add { lists: vec![2], ..Add::new(9, 1_000_000, 1_000_000) };
        _ = hung.mutate(&never).await;
    });
    // The mutation is running at this point.
    client.app().sent.notified().await;
    let first = begin(&client, Add::new(1, 1, 5)).await;
    begin(&client, Add::new(2, 2, 3)).await;
    in_time(first).await.unwrap().unwrap();
    assert!(!is_marked(&client, 1), "the other running mutation may write the key too");
    runtime.shutdown_background();
    let since = std::time::Instant::now();
    while !is_marked(&client, 1) {
        assert!(since.elapsed() < LONGEST_WAIT, "the mark waits for a dropped mutation");
        std::thread::yield_now();
    }
}

#[tokio::test(start_paused = true)]
async fn mutations_of_one_scope_are_in_order_even_if_their_calls_overlap() {
    let client = client_with(&[1]).await;
    let scope = Some(Scope::new("lists"));
    // The second mutation of the scope is called before the one without a scope, and starts after that has ended.
    begin(&client, Add { scope: scope.clone(), ..Add::new(1, 1, 5) }).await;
    let last = begin(&client, Add { scope, ..Add::new(3, 1, 5) }).await;
    pass(seconds(2)).await;
    let between = begin(&client, Add::new(2, 1, 2)).await;
    in_time(between).await.unwrap().unwrap();
    in_time(last).await.unwrap().unwrap();
    // The first answer and the one without a scope were swapped, and the last one builds on both.
    assert_eq!(client.app().list(1), [1, 2, 3]);
    assert_eq!(list(&client, 1).await, [1, 2, 3]);

    let client = client_with(&[1]).await;
    let scope = Some(Scope::new("lists"));
    begin(&client, Add { scope: scope.clone(), ..Add::new(1, 1, 5) }).await;
    let last = begin(&client, Add { scope, ..Add::new(2, 1, 5) }).await;
    in_time(last).await.unwrap().unwrap();
    assert_eq!((is_marked(&client, 1), client.app().loads(1)), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_mutation_that_waits_for_its_scope_is_newer_than_those_called_meanwhile() {
    let client = client_with(&[1, 2]).await;
    let scope = Some(Scope::new("lists"));
    begin(&client, Add { lists: vec![2], scope: scope.clone(), ..Add::new(9, 1, 5) }).await;
    let last = begin(&client, Add { scope, ..Add::new(2, 1, 5) }).await;
    let between = begin(&client, Add::new(1, 1, 2)).await;
    in_time(between).await.unwrap().unwrap();
    in_time(last).await.unwrap().unwrap();
    assert_eq!((is_marked(&client, 1), list(&client, 1).await), (false, vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn layers_confirmed_out_of_order_are_detected_too() {
    for (is_swapped, way) in [true, false].into_iter().flat_map(|swapped| WAYS.map(|way| (swapped, way))) {
        let client = client_with(&[1]).await;
        let adds = [Add { way, ..Add::new(1, 1, 1) }, Add { way, ..Add::new(2, 1, 1) }];
        let mut answers = Vec::new();
        for add in adds {
            let layer = client.optimistic(|layer| add.optimistic(layer));
            let answer = add.send(client.app()).await.unwrap();
            answers.push((layer, add, answer));
        }
        if is_swapped {
            answers.reverse();
        }
        for (layer, add, answer) in answers {
            layer.confirm(|changes| add.write(&answer, changes)).await.unwrap();
        }
        assert_eq!(is_marked(&client, 1), is_swapped, "{way:?}");
        assert_eq!(list(&client, 1).await, [1, 2], "{way:?}");
        assert_eq!(client.app().loads(1), 1 + usize::from(is_swapped), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rolled_back_layer_has_no_order() {
    let client = client_with(&[1]).await;
    let older = client.optimistic(|_| {});
    let added = begin(&client, Add::new(1, 1, 1)).await;
    in_time(added).await.unwrap().unwrap();
    older.rollback();
    assert!(!is_marked(&client, 1));
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_clear_the_mark_of_a_newer_mutation() {
    for (marking, way) in MARKINGS.into_iter().flat_map(|marking| WAYS.map(|way| (marking, way))) {
        for is_observed in [false, true] {
            let case = format!("{marking:?} {way:?} {is_observed}");
            let client = client_with(&[1]).await;
            let observer = is_observed.then(|| client.observe(&GetList(1)));
            let older = begin(&client, Add { way, ..Add::new(1, 1, 7) }).await;
            let younger = begin(&client, Outdate(Add::new(2, 2, 3), marking)).await;
            in_time(younger).await.unwrap().unwrap();
            in_time(older).await.unwrap().unwrap();
            pass(seconds(2)).await;
            assert_eq!(is_marked(&client, 1), !is_observed, "{case}");
            assert_eq!(list(&client, 1).await, [1, 2], "{case}");
            assert_eq!(client.app().loads(1), if is_observed { 3 } else { 2 }, "{case}");
            drop(observer);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn marks_in_order_cause_no_extra_load() {
    for marking in MARKINGS {
        // The mark is older than the write, so the value is current. The mark is remembered for the oldest mutation,
        // which writes another key.
        let client = client_with(&[1]).await;
        begin(&client, Append(Add { lists: vec![2], ..Add::new(9, 1, 30) })).await;
        let older = begin(&client, Outdate(Add::new(1, 1, 3), marking)).await;
        let younger = begin(&client, Add::new(2, 2, 5)).await;
        in_time(older).await.unwrap().unwrap();
        in_time(younger).await.unwrap().unwrap();
        assert_eq!((is_marked(&client, 1), client.app().loads(1)), (false, 1), "{marking:?}");
        // The mark comes last and applies.
        let client = client_with(&[1]).await;
        let older = begin(&client, Add::new(1, 1, 3)).await;
        let younger = begin(&client, Outdate(Add::new(2, 2, 5), marking)).await;
        in_time(older).await.unwrap().unwrap();
        assert!(!is_marked(&client, 1), "{marking:?}");
        in_time(younger).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{marking:?}");
        assert_eq!((list(&client, 1).await, client.app().loads(1)), (vec![1, 2], 2), "{marking:?}");
        // None of these marks is remembered.
        let next = begin(&client, Add::new(3, 1, 2)).await;
        in_time(next).await.unwrap().unwrap();
        assert!(!is_marked(&client, 1), "{marking:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_not_marked_by_a_newer_mutation_is_not_loaded() {
    for marking in [Marking::Key, Marking::TagOfKey] {
        let client = client_with(&[1, 2]).await;
        let older = begin(&client, Add { lists: vec![1, 2], ..Add::new(1, 1, 5) }).await;
        begin(&client, Outdate(Add { lists: vec![2], ..Add::new(2, 2, 3) }, marking)).await;
        in_time(older).await.unwrap().unwrap();
        assert_eq!((is_marked(&client, 1), is_marked(&client, 2)), (false, true), "{marking:?}");
    }
    let client = client_with(&[1]).await;
    let older = begin(&client, Add::new(1, 1, 5)).await;
    let other_tag = client.optimistic(|_| {});
    other_tag.confirm(|changes| changes.invalidate_tag("others")).await.unwrap();
    in_time(older).await.unwrap().unwrap();
    assert!(!is_marked(&client, 1));
}

#[tokio::test(start_paused = true)]
async fn marks_of_confirmed_layers_are_ordered_with_answers_too() {
    for marking in MARKINGS {
        let client = client_with(&[1]).await;
        let older = begin(&client, Add::new(1, 1, 5)).await;
        let younger = client.optimistic(|_| {});
        pass(seconds(2)).await;
        younger.confirm(|changes| marking.mark(&[1], changes)).await.unwrap();
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "{marking:?}");

        let client = client_with(&[1]).await;
        let older = client.optimistic(|_| {});
        let younger = begin(&client, Outdate(Add::new(2, 1, 2), marking)).await;
        in_time(younger).await.unwrap().unwrap();
        older.confirm(|changes| _ = changes.set(GetList(1), vec![1])).await.unwrap();
        assert!(is_marked(&client, 1), "{marking:?}");
    }
}

/// A mutation marks the keys it would have written if its request has a disabled cache or a hook refuses it.
#[tokio::test(start_paused = true)]
async fn a_mark_made_instead_of_a_write_is_not_cleared_by_an_older_answer() {
    for is_private in [false, true] {
        let client = client_with(&[1]).await;
        let older = begin(&client, Add::new(1, 1, 5)).await;
        match is_private {
            true => {
                let cx = client.request("private");
                cx.disable_cache();
                in_time(cx.mutate(&Add::new(2, 2, 3))).await.unwrap();
            }
            false => {
                let refused = in_time(client.mutate(&Refused(Add::new(2, 2, 3)))).await;
                assert!(matches!(refused, Err(MutateError::Refused { .. })));
            }
        }
        assert!(is_marked(&client, 1));
        in_time(older).await.unwrap().unwrap();
        assert!(is_marked(&client, 1), "is_private: {is_private}");
        assert_eq!(list(&client, 1).await, [1, 2], "is_private: {is_private}");
    }
}

/// The order of the commits, and of their records, does not matter.
#[test]
fn on_many_threads_an_unmarked_value_is_that_of_the_newest_mutation() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let client = client_with(&[]).await;
        for _ in 0..300 {
            let begun: Vec<_> = (0..4)
                .map(|item| {
                    let (client, layer) = (client.clone(), client.optimistic(|_| {}));
                    (item, client, layer)
                })
                .collect();
            let confirmed = begun.into_iter().map(|(item, _, layer)| {
                tokio::spawn(async move {
                    layer.confirm(|changes| _ = changes.set(GetList(1), vec![item])).await.unwrap();
                })
            });
            let confirmed: Vec<_> = confirmed.collect();
            for confirmed in confirmed {
                confirmed.await.unwrap();
            }
            let value: Arc<Vec<u32>> = client.cached(&GetList(1)).unwrap();
            assert!(is_marked(&client, 1) || *value == [3], "{value:?}");
        }
    });
}
