//! Readers of the states of a key, while the task that publishes them ends or is replaced because it is idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::observer::channel::StateChannel;

/// The last state that is published.
const LAST: u64 = 3;

type Channel = Arc<StateChannel<u64>>;

/// A task that its runtime drops after its first state. The second task goes on to the last state.
fn keep(channel: &Channel, task: u64) {
    let last = if task == 1 { 1 } else { LAST };
    (1..=last).for_each(|value| channel.publish(task, value, true));
    if task == 1 {
        channel.end(task, || ());
    }
}

/// Reads until the last state; starts another task if none runs, or if `gives_up` has come first.
fn read(channel: &Channel, tasks: &Arc<AtomicUsize>, gives_up: bool) {
    let (reader, _) = channel.join(true);
    let (mut seen, mut may_give_up) = (0, gives_up);
    loop {
        let newer = block_on(poll_fn(|cx| match channel.poll_newer(reader, seen, cx) {
            Poll::Pending if may_give_up => Poll::Ready(None),
            newer => newer.map(|is_newer| is_newer.then(|| channel.read(|state, version| (*state, version)))),
        }));
        match newer {
            Some((state, version)) => {
                assert!(version > seen, "a state was seen twice");
                seen = version;
                if state == LAST {
                    return channel.leave(reader);
                }
            }
            None => {
                let idle = std::mem::take(&mut may_give_up).then_some(1);
                if let Some(task) = channel.new_task(idle) {
                    tasks.fetch_add(1, Ordering::SeqCst);
                    let channel = Arc::clone(channel);
                    thread::spawn(move || keep(&channel, task));
                }
            }
        }
    }
}

#[test]
fn when_a_task_ends_or_is_idle_one_other_takes_its_place_and_no_reader_misses_the_last_state() {
    for gives_up in [false, true] {
        check(move || {
            let (channel, tasks) = (Channel::new(StateChannel::new(0)), Arc::default());
            let readers: Vec<_> = [false, gives_up]
                .into_iter()
                .map(|gives_up| {
                    let (channel, tasks) = (Arc::clone(&channel), Arc::clone(&tasks));
                    thread::spawn(move || read(&channel, &tasks, gives_up))
                })
                .collect();
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            assert_eq!(tasks.load(Ordering::SeqCst), 2);
        });
    }
}
