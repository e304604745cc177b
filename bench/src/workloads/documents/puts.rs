//! Large documents from bytes: stored over others, stored again, and the growth of the time with the number of
//! resources.

use std::path::Path;

use serde_json::Value;

use super::bodies::{cars, family};
use super::node::Node;
use super::{Body, Failure, Racer, Shape, Store, nanos, race};
use crate::options::Options;
use crate::report::Report;

/// A document that is stored over others.
struct Put {
    name: &'static str,
    before: &'static [&'static str],
    body: &'static str,
}

const PUTS: [Put; 6] = [
    Put { name: "final", before: &["add-children-initial"], body: "add-children-final" },
    Put {
        name: "removal",
        before: &["add-children-initial", "add-children-final"],
        body: "add-children-with-removal",
    },
    Put {
        name: "again",
        before: &["add-children-initial", "add-children-final"],
        body: "add-children-final",
    },
    Put { name: "many-to-many", before: &[], body: "big-many-to-many" },
    Put {
        name: "many-to-many-removal",
        before: &["big-many-to-many"],
        body: "big-many-to-many-with-removal",
    },
    Put { name: "unload", before: &[], body: "unload" },
];

pub fn run(options: &Options, report: &mut Report, folder: &Path, node: &Node) -> Result<(), Failure> {
    let wanted = |kind: &str| -> Vec<(String, &Put)> {
        let named = PUTS.iter().map(|put| (format!("{kind}/{}", put.name), put));
        named.filter(|(name, _)| options.wants(name)).collect()
    };
    // The documents of a quick run are smaller.
    let part = if options.is_quick() { "-tenth" } else { "" };
    for (workload, put) in wanted(&format!("documents{part}")) {
        if let Some(bodies) = generated(options, folder, put)? {
            race_puts(options, report, &workload, &bodies, node)?;
        }
    }
    for (workload, put) in wanted(&format!("documents-parsed{part}")) {
        if let Some(bodies) = generated(options, folder, put)? {
            race_parsed(options, report, &workload, &bodies, node)?;
        }
    }
    let recorded = wanted("documents-recorded");
    if !recorded.is_empty() && !options.is_quick() {
        match &options.documents {
            None => eprintln!(
                "cache-bench: recorded documents are skipped: name the folder of add-children-final.json.br with --documents DIR"
            ),
            Some(_) if !node.is_there() => {
                eprintln!("cache-bench: recorded documents are skipped: Node.js decompresses them");
            }
            Some(recordings) => {
                for (workload, put) in recorded {
                    let read = |name: &&str| Body::recorded(folder, recordings, name, shape(name), node);
                    let names = put.before.iter().chain([&put.body]);
                    let bodies = names.map(read).collect::<Result<Vec<_>, _>>()?;
                    race_puts(options, report, &workload, &bodies, node)?;
                }
            }
        }
    }
    run_growth(options, report)
}

fn shape(name: &str) -> Shape {
    if name.starts_with("big-many-to-many") { Shape::Cars } else { Shape::Family }
}

/// The generated documents of the same names; `None` if there are none.
fn generated(options: &Options, folder: &Path, put: &Put) -> Result<Option<Vec<Body>>, Failure> {
    let part = options.effort.part;
    let text = |name: &str| {
        Some(match name {
            "add-children-initial" => family(0..19_600 / part),
            "add-children-final" => family(0..20_000 / part),
            "add-children-with-removal" => family(19_000 / part..19_600 / part),
            "big-many-to-many" => cars(100 / part, 1_000, 0..1_000),
            "big-many-to-many-with-removal" => cars(100 / part, 1_000, 500..1_000),
            _ => return None,
        })
    };
    let mut bodies = Vec::new();
    for name in put.before.iter().chain([&put.body]) {
        let Some(text) = text(name) else { return Ok(None) };
        bodies.push(Body::generated(folder, &format!("generated-{name}.json"), shape(name), text)?);
    }
    Ok(Some(bodies))
}

/// Time of the last of the documents, in a store that has the others.
fn race_puts(
    options: &Options,
    report: &mut Report,
    workload: &str,
    bodies: &[Body],
    node: &Node,
) -> Result<(), Failure> {
    let Some((body, before)) = bodies.split_last() else { return Ok(()) };
    let mut racers = vec![
        Racer::new("ours", || put_over(before, body)),
        Racer::new("json-value", || {
            nanos(|| {
                drop(std::hint::black_box(serde_json::from_slice::<Value>(&body.text)?));
                Ok(())
            })
        }),
    ];
    let before: Vec<_> = before.iter().collect();
    if node.is_there() {
        racers.push(Racer::new("warp-drive", move || node.put(&before, body, false)));
    }
    race((options, report), workload, 1, racers)
}

/// The same without the time of parsing the last document.
fn race_parsed(
    options: &Options,
    report: &mut Report,
    workload: &str,
    bodies: &[Body],
    node: &Node,
) -> Result<(), Failure> {
    let Some((body, before)) = bodies.split_last() else { return Ok(()) };
    let mut racers = vec![
        Racer::new("ours", || put_parsed(before, body)),
        Racer::new("ours-bytes", || put_over(before, body)),
    ];
    let before: Vec<_> = before.iter().collect();
    if node.is_there() {
        racers.push(Racer::new("warp-drive", move || node.put(&before, body, true)));
    }
    race((options, report), workload, 1, racers)
}

fn put_parsed(before: &[Body], body: &Body) -> Result<f64, Failure> {
    let store = Store::new();
    for body in before {
        store.put(0, body.shape, &body.text)?;
    }
    store.put_parsed(0, body.shape, &body.text)
}

fn put_over(before: &[Body], body: &Body) -> Result<f64, Failure> {
    let store = Store::new();
    for body in before {
        store.put(0, body.shape, &body.text)?;
    }
    nanos(|| store.put(0, body.shape, &body.text))
}

/// Time per resource, compared with a hundredth and a tenth of the resources, and time per link.
fn run_growth(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let of_family = |children: usize| (Shape::Family, family(0..children), children);
    let of_cars = |number: usize| (Shape::Cars, cars(number, 1_000, 0..1_000), number * 2_000);
    let growths = [
        ("documents-growth/1k", of_family(1_000), ("ours-100", of_family(100))),
        ("documents-growth/10k", of_family(10_000), ("ours-100", of_family(100))),
        ("documents-growth/many-to-many", of_cars(100), ("ours-10-cars", of_cars(10))),
    ];
    for (workload, large, (name, small)) in growths {
        if options.wants(workload) && !(options.is_quick() && workload.ends_with("10k")) {
            // The small one is stored as many times as makes up the same number of resources.
            let times = large.2 / small.2;
            let racers =
                vec![Racer::new("ours", || put_new(&large, 1)), Racer::new(name, || put_new(&small, times))];
            race((options, report), workload, large.2, racers)?;
        }
    }
    Ok(())
}

/// Stores a document in so many new stores.
fn put_new((shape, text, _): &(Shape, String, usize), times: usize) -> Result<f64, Failure> {
    let mut sum = 0.0;
    for _ in 0..times {
        let store = Store::new();
        sum += nanos(|| store.put(0, *shape, text.as_bytes()))?;
    }
    Ok(sum)
}
