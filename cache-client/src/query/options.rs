//! The options of a call, resolved from those of the call, of the query and of the client.

use std::sync::Arc;

use cache_core::LoadingOptions;

use super::caller::Caller;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::Access;
use crate::error::OptionsError;
use crate::plan::{OptionSources, Plan, Planned};

impl<'a, A: App> Caller<'a, A> {
    /// Resolves the options of a call. `call` are the options given by the call itself.
    pub(super) fn plan(
        &self,
        query: &dyn AnyQuery<A>,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Plan, OptionsError> {
        self.planned(query, call, access).map(|plan| *plan)
    }

    pub(crate) fn planned(
        &self,
        query: &dyn AnyQuery<A>,
        call: Option<LoadingOptions>,
        access: Access,
    ) -> Result<Planned<'a>, OptionsError> {
        match call {
            None if access.checks_options => {
                let plan = self.client().plan_of(query.table(self.client().cache()).index());
                let resolve = || self.resolve(query, LoadingOptions::new(), access).map(Arc::new);
                plan.get_or_init(resolve).as_ref().map(Planned::Common).map_err(Clone::clone)
            }
            _ => self.resolve(query, call.unwrap_or_default(), access).map(Planned::Own),
        }
    }

    /// The options of a query without those of a call, even if they are invalid.
    pub(crate) fn plan_of_query(&self, query: &dyn AnyQuery<A>) -> Plan {
        Plan::unchecked(&self.sources(query, LoadingOptions::new()))
    }

    fn resolve(
        &self,
        query: &dyn AnyQuery<A>,
        call: LoadingOptions,
        access: Access,
    ) -> Result<Plan, OptionsError> {
        let sources = self.sources(query, call);
        match access.checks_options {
            true => Plan::resolve(query.facts().name, &sources),
            false => Ok(Plan::unchecked(&sources)),
        }
    }

    fn sources(&self, query: &dyn AnyQuery<A>, call: LoadingOptions) -> OptionSources {
        let client = self.client();
        let (own, derived) = (client.settings(query.type_id()), query.facts().loading);
        let strategy = call.or(own).or(derived).or(client.defaults()).strategy.unwrap_or_default();
        OptionSources {
            call,
            query: own,
            derived,
            strategy: client.defaults_for(strategy),
            client: client.defaults(),
            concurrency: client.concurrency(),
            table: query.table(client.cache()).times(),
            is_shared: client.shared_tier().is_some() && query.table(client.cache()).is_shared(),
        }
    }
}
