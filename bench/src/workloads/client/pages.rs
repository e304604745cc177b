//! How long a commit to one of a hundred observed pages takes to be seen: by an observer of the whole list, compared
//! with an observer of each page.

use cache_client::Observer;
use parking_lot::Mutex;

use super::{GetLoaded, client, observers::commit, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

const PAGES: u32 = 100;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-pages/100";
    if options.wants(workload) {
        let keys = Keys::uniform(PAGES, options.effort.sequence());
        let contestants = [one_list(), an_observer_each()];
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
}

fn one_list() -> Contestant {
    let (client, runtime) = (client(PAGES), runtime());
    let next = |page: &[u64; 8]| (page[0] + 1 < PAGES.into()).then(|| GetLoaded { id: page[0] + 1 });
    let mut list = runtime.block_on(async {
        let mut list = client.infinite(GetLoaded { id: 0 }, next).observe();
        while list.fetch_next() {}
        // The initial state.
        list.next().await;
        list
    });
    assert_eq!(list.state().pages.len(), PAGES as usize);
    let list = Mutex::new(list);
    Contestant::new("ours", move |keys| {
        let mut list = list.lock();
        runtime.block_on(async {
            for &id in keys {
                commit(&client, id.into());
                list.next().await;
            }
        });
        0
    })
}

fn an_observer_each() -> Contestant {
    let (client, runtime) = (client(PAGES), runtime());
    let observers: Vec<Observer<_, _>> = runtime.block_on(async {
        let mut observers = Vec::new();
        for id in 0..u64::from(PAGES) {
            let mut observer = client.observe(&GetLoaded { id });
            observer.next().await;
            observers.push(observer);
        }
        observers
    });
    let observers = Mutex::new(observers);
    Contestant::new("ours-observers", move |keys| {
        let mut observers = observers.lock();
        runtime.block_on(async {
            for &id in keys {
                commit(&client, id.into());
                observers[id as usize].next().await;
            }
        });
        0
    })
}
