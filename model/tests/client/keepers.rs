//! Readers of the states of a key, while the task that publishes them ends or is replaced because it is idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::observer::notice::Notice;

/// The last state that is put up.
const LAST: u64 = 3;

type Board = Arc<Notice<u64>>;

/// A keeper that is dropped by its runtime after its first state, unless it is the second: that one goes on to the last.
fn keep(notice: &Board, keeper: u64) {
    let last = if keeper == 1 { 1 } else { LAST };
    (1..=last).for_each(|value| notice.put_up(keeper, value, true));
    if keeper == 1 {
        notice.end(keeper, || ());
    }
}

/// Reads until the last state; has another keeper when there is none, or when `gives_up` has come first.
fn read(notice: &Board, keepers: &Arc<AtomicUsize>, gives_up: bool) {
    let (reader, _) = notice.join(true);
    let (mut seen, mut may_give_up) = (0, gives_up);
    loop {
        let newer = block_on(poll_fn(|cx| match notice.poll_newer(reader, seen, cx) {
            Poll::Pending if may_give_up => Poll::Ready(None),
            newer => newer,
        }));
        match newer {
            Some((state, version)) => {
                assert!(version > seen, "the same again");
                seen = version;
                if state == LAST {
                    return notice.leave(reader);
                }
            }
            None => {
                let idle = std::mem::take(&mut may_give_up).then_some(1);
                if let Some(keeper) = notice.make_keeper(idle) {
                    keepers.fetch_add(1, Ordering::SeqCst);
                    let notice = Arc::clone(notice);
                    thread::spawn(move || keep(&notice, keeper));
                }
            }
        }
    }
}

#[test]
fn when_a_keeper_ends_or_is_idle_one_other_takes_its_place_and_nobody_misses_the_last_state() {
    for gives_up in [false, true] {
        check(move || {
            let (notice, keepers) = (Board::new(Notice::new(0)), Arc::default());
            let readers: Vec<_> = [false, gives_up]
                .into_iter()
                .map(|gives_up| {
                    let (notice, keepers) = (Arc::clone(&notice), Arc::clone(&keepers));
                    thread::spawn(move || read(&notice, &keepers, gives_up))
                })
                .collect();
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            assert_eq!(keepers.load(Ordering::SeqCst), 2);
        });
    }
}
