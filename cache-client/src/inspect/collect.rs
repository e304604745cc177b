//! Gathers what a client does. Copies handles under one lock at a time, and prints keys when it holds none.

use std::sync::Arc;

use cache_core::Registry;
use cache_core::client_support::{AnyKey, key_text};
use tokio::time::Instant;

use super::{
    BreakerReport, ClientActivity, FlightPhase, FlightReport, LayerReport, LayeredReport, ObservedReport,
    ProviderReport, Rows,
};
use crate::app::App;
use crate::breaker::options::BreakerState;
use crate::client::Client;
use crate::flight::registry::FlightRegistry;
use crate::flight::state::Flight;
use crate::query_state::QueryState;

pub(super) fn activity<A: App>(client: &Client<A>, rows: usize) -> ClientActivity {
    let tables: Vec<_> = A::Registry::describe().iter().map(|table| table.name).collect();
    let collector = Collector { client, tables, rows };
    ClientActivity {
        flights: collector.flights(),
        running: client.fetch_count(),
        is_online: !client.presence().is_offline(),
        observers: collector.observers(),
        layers: collector.layers(),
        breakers: collector.breakers(),
        provider: collector.provider(),
        shared: client.shared_state(),
        sections: client.sections().iter().map(|section| section(client, rows)).collect(),
    }
}

struct Collector<'a, A: App> {
    client: &'a Client<A>,
    /// The names of the tables, by index.
    tables: Vec<&'static str>,
    /// How many rows of each kind to list.
    rows: usize,
}

impl<A: App> Collector<'_, A> {
    fn table(&self, query_state: &QueryState) -> &'static str {
        self.tables.get(query_state.table).copied().unwrap_or_default()
    }

    fn flights(&self) -> Rows<FlightReport> {
        let (mut total, mut flights): (_, Vec<(&'static str, bool, Arc<Flight>)>) = (0, Vec::new());
        for query_state in self.client.query_states().existing_states() {
            let table = self.table(query_state);
            let mut add = |registry: &FlightRegistry, loads| {
                let (running, some) = registry.some(self.rows - flights.len());
                total += running;
                flights.extend(some.into_iter().map(|flight| (table, loads, flight)));
            };
            add(&query_state.flights, true);
            add(&query_state.lookups, false);
        }
        flights.sort_by_key(|(_, _, flight)| flight.started);
        let now = self.client.cache().about_now();
        let rows = flights.into_iter().map(|(table, loads, flight)| FlightReport {
            table,
            key: text(&flight.key),
            waiters: flight.waiters(),
            age: now.since(flight.started),
            phase: match loads {
                _ if !flight.is_current() => FlightPhase::Overtaken,
                _ if flight.is_landing() => FlightPhase::Landing,
                true => FlightPhase::Loading,
                false => FlightPhase::Reading,
            },
        });
        Rows::new(total, rows.collect())
    }

    fn observers(&self) -> Rows<ObservedReport> {
        let (mut total, mut rows) = (0, Vec::new());
        for query_state in self.client.query_states().existing_states() {
            let (observed, some) = query_state.observed.some(self.rows - rows.len());
            total += observed;
            let table = self.table(query_state);
            rows.extend(some.into_iter().map(|(key, observers)| ObservedReport {
                table,
                key: text(&key),
                observers,
            }));
        }
        Rows::new(total, rows)
    }

    fn layers(&self) -> Rows<LayerReport> {
        let (total, layers) = self.client.layers().some(self.rows);
        let mut left = self.rows;
        let rows = layers.iter().map(|layer| {
            let listed = layer.keys().take(left);
            let keys: Vec<_> = listed
                .map(|(query_state, key)| LayeredReport { table: self.table(query_state), key: text(key) })
                .collect();
            left -= keys.len();
            LayerReport { number: layer.number(), keys: Rows::new(layer.keys().len(), keys) }
        });
        Rows::new(total, rows.collect())
    }

    fn breakers(&self) -> Vec<BreakerReport> {
        let now = Instant::now();
        let report = |(name, counts): (&'static str, crate::breaker::CircuitCounts)| BreakerReport {
            name,
            state: counts.state.name(),
            retry_in: match counts.state {
                BreakerState::Open { until } => Some(until.saturating_duration_since(now)),
                _ => None,
            },
            failures: counts.failures,
            failures_allowed: counts.failures_allowed,
            recent: counts.recent,
        };
        self.client.breakers().counts(now).into_iter().map(report).collect()
    }

    fn provider(&self) -> Option<ProviderReport> {
        let tier = self.client.tier()?;
        Some(ProviderReport { errors: tier.errors.count(), writes: tier.pending_writes() })
    }
}

fn text(key: &Arc<dyn AnyKey>) -> String {
    key_text(key)
}
