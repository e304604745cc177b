//! What each option means: from settings to typed options. Checks every option by itself; `validate` checks how they
//! fit together.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprPath, LitStr, Path, Type};

use super::constant::{
    Constant, bound, count, factor, fraction, growth, is_block, linger, number, time, wait, window,
    with_parentheses,
};
use crate::errors::Errors;
use crate::settings::Setting;
use crate::settings::argument::{Given, argument_error, crate_path, did_you_mean, syntax};
use crate::suggest;

/// Every option, in the order in which messages list them.
const KNOWN: [&str; 41] = [
    "value",
    "name",
    "capacity",
    "lru",
    "max_weight",
    "weigh",
    "ttl",
    "tti",
    "fresh",
    "history",
    "persist",
    "share",
    "codec",
    "opaque",
    "version",
    "eq",
    "secret",
    "borrowed",
    "strategy",
    "swr",
    "stale_if_error",
    "timeout",
    "linger",
    "jitter",
    "beta",
    "error_ttl",
    "absent_ttl",
    "fallback",
    "retry",
    "retry_first",
    "retry_longest",
    "retry_factor",
    "breaker",
    "poll",
    "batch",
    "concurrency",
    "keep_prefetched",
    "tags",
    "tags_of",
    "derived",
    "record",
];

/// Each strategy with the name of its variant.
const STRATEGIES: [(&str, &str); 6] = [
    ("cache-first", "CacheFirst"),
    ("stale-while-revalidate", "StaleWhileRevalidate"),
    ("network-first", "NetworkFirst"),
    ("refresh", "Refresh"),
    ("network-only", "NetworkOnly"),
    ("cache-only", "CacheOnly"),
];

/// Names of options in other caches, and what they are called here.
const ELSEWHERE: [(&str, &str); 18] = [
    ("max_capacity", "capacity"),
    ("max_entries", "capacity"),
    ("max_size", "capacity"),
    ("time_to_live", "ttl"),
    ("time_to_idle", "tti"),
    ("stale_time", "fresh"),
    ("weigher", "weigh"),
    ("rename", "name"),
    ("stale_while_revalidate", "swr"),
    ("policy", "strategy"),
    ("placeholder", "fallback"),
    ("circuit_breaker", "breaker"),
    ("batch_size", "batch"),
    ("max_concurrency", "concurrency"),
    ("max_retries", "retry"),
    ("retry_delay", "retry_first"),
    ("retry_max_delay", "retry_longest"),
    ("retry_multiplier", "retry_factor"),
];

/// The message for a first wait that is longer than the longest.
pub(crate) const RETRY_FIRST_TOO_LONG: &str =
    "`retry_first` must not be longer than `retry_longest`: shorten it, or lengthen `retry_longest`";

/// A snapshot format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Bincode,
    Postcard,
    Json,
}

/// The answer when a load has failed and nothing else can be served.
pub(crate) enum Fallback {
    /// The result of a function of the query.
    Function(ExprPath),
    /// The value of an expression.
    Value(TokenStream),
}

/// The options of one query. An option with a mistake is `None` here, but `seen` lists it.
#[derive(Default)]
pub(crate) struct QueryOptions {
    /// Names of all options that were given, with or without a mistake.
    seen: Vec<Ident>,
    /// Whether the compiler has to evaluate a number or a duration.
    pub(crate) has_expressions: bool,
    pub(crate) value: Option<Given<Type>>,
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) version: Option<Given<Constant<u32>>>,
    pub(crate) capacity: Option<Given<Constant<u64>>>,
    pub(crate) lru: Option<Given<Constant<u64>>>,
    pub(crate) max_weight: Option<Given<Constant<u64>>>,
    pub(crate) weigh: Option<Given<Path>>,
    pub(crate) ttl: Option<Given<Constant<Duration>>>,
    pub(crate) tti: Option<Given<Constant<Duration>>>,
    pub(crate) fresh: Option<Given<Constant<Duration>>>,
    pub(crate) history: Option<Given<Constant<u32>>>,
    pub(crate) persist: Option<Given<()>>,
    pub(crate) share: Option<Given<()>>,
    pub(crate) codec: Option<Given<Codec>>,
    pub(crate) opaque: Option<Given<()>>,
    pub(crate) eq: Option<Given<()>>,
    pub(crate) secret: Option<Given<()>>,
    pub(crate) borrowed: Option<Given<()>>,
    pub(crate) derived: Option<Given<()>>,
    pub(crate) record: Option<Given<()>>,
    /// The name in code.
    pub(crate) strategy: Option<Given<&'static str>>,
    pub(crate) swr: Option<Given<Constant<Duration>>>,
    pub(crate) stale_if_error: Option<Given<Constant<Duration>>>,
    pub(crate) timeout: Option<Given<Constant<Duration>>>,
    pub(crate) linger: Option<Given<Constant<Duration>>>,
    pub(crate) jitter: Option<Given<Constant<f64>>>,
    pub(crate) beta: Option<Given<Constant<f64>>>,
    pub(crate) error_ttl: Option<Given<Constant<Duration>>>,
    pub(crate) absent_ttl: Option<Given<Constant<Duration>>>,
    pub(crate) fallback: Option<Given<Fallback>>,
    pub(crate) retry: Option<Given<Constant<u32>>>,
    pub(crate) retry_first: Option<Given<Constant<Duration>>>,
    pub(crate) retry_longest: Option<Given<Constant<Duration>>>,
    pub(crate) retry_factor: Option<Given<Constant<f64>>>,
    /// The name of a shared breaker; `None` for the query's own.
    pub(crate) breaker: Option<Given<Option<String>>>,
    pub(crate) poll: Option<Given<Constant<Duration>>>,
    /// The most keys of one load, if the query sets it.
    pub(crate) batch: Option<Given<Option<Constant<u32>>>>,
    pub(crate) concurrency: Option<Given<Constant<u32>>>,
    pub(crate) keep_prefetched: Option<Given<Constant<Duration>>>,
    pub(crate) tags: Option<Given<Vec<LitStr>>>,
    pub(crate) tags_of: Option<Given<Path>>,
    pub(crate) core: Option<Given<Path>>,
}

impl QueryOptions {
    /// Reads every setting; keeps going after a mistake.
    pub(crate) fn read(settings: &[Setting], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings {
            if let Some(first) = options.seen(&setting.name.to_string()) {
                errors.push(&setting.name, format_args!("`{first}` is given twice; keep one of them"));
                continue;
            }
            options.seen.push(setting.name.clone());
            errors.take(options.read_one(setting));
        }
        options
    }

    /// The known options that were given, with or without a mistake, except these.
    pub(crate) fn seen_except(&self, allowed: &[&str]) -> impl Iterator<Item = &Ident> {
        let is_listed = |names: &[&str], option: &Ident| names.iter().any(|name| option == name);
        self.seen.iter().filter(move |option| is_listed(&KNOWN, option) && !is_listed(allowed, option))
    }

    /// The token of the option `name`, if it was given, with or without a mistake.
    pub(crate) fn seen(&self, name: &str) -> Option<&Ident> {
        self.seen.iter().find(|seen| *seen == name)
    }

    /// Whether the option `name` was given, or an unknown option that is closest to it.
    pub(crate) fn is_meant(&self, name: &str) -> bool {
        self.seen.iter().any(|seen| seen == name || nearest_option(&seen.to_string()) == Some(name))
    }

    /// Path of the store in generated code.
    pub(crate) fn core(&self) -> TokenStream {
        match &self.core {
            Some(core) => core.value.to_token_stream(),
            None => quote::quote!(::cache_core),
        }
    }

    fn constant<T>(
        &mut self,
        setting: &Setting,
        read: impl FnOnce(&Ident, &TokenStream) -> syn::Result<Constant<T>>,
    ) -> syn::Result<Given<Constant<T>>> {
        let given = setting.with(read)?;
        self.has_expressions |= matches!(given.value, Constant::Expression(_));
        Ok(given)
    }

    fn read_one(&mut self, setting: &Setting) -> syn::Result<()> {
        match setting.name.to_string().as_str() {
            "value" => self.value = Some(setting.with(syntax("a type, as in `value = Post`"))?),
            "name" => self.name = Some(setting.with(table_name)?),
            "version" => self.version = Some(self.constant(setting, number)?),
            "capacity" => self.capacity = Some(self.constant(setting, bound)?),
            "lru" => self.lru = Some(self.constant(setting, bound)?),
            "max_weight" => self.max_weight = Some(self.constant(setting, bound)?),
            "weigh" => {
                self.weigh = Some(setting.with(syntax("the path of a function, as in `weigh = bytes_of`"))?)
            }
            "ttl" => self.ttl = Some(self.constant(setting, time)?),
            "tti" => self.tti = Some(self.constant(setting, time)?),
            "fresh" => self.fresh = Some(self.constant(setting, time)?),
            "history" => self.history = Some(self.constant(setting, number)?),
            "persist" => self.persist = Some(setting.flag()?),
            "share" => self.share = Some(setting.flag()?),
            "codec" => self.codec = Some(setting.with(codec)?),
            "opaque" => self.opaque = Some(setting.flag()?),
            "eq" => self.eq = Some(setting.flag()?),
            "secret" => self.secret = Some(setting.flag()?),
            "borrowed" => self.borrowed = Some(setting.flag()?),
            "derived" => self.derived = Some(setting.flag()?),
            "record" => self.record = Some(setting.flag()?),
            "strategy" => self.strategy = Some(setting.with(strategy)?),
            "swr" => self.swr = Some(self.constant(setting, window)?),
            "stale_if_error" => self.stale_if_error = Some(self.constant(setting, window)?),
            "timeout" => self.timeout = Some(self.constant(setting, window)?),
            "linger" => self.linger = Some(self.constant(setting, linger)?),
            "jitter" => self.jitter = Some(self.constant(setting, fraction)?),
            "beta" => self.beta = Some(self.constant(setting, factor)?),
            "error_ttl" => self.error_ttl = Some(self.constant(setting, window)?),
            "absent_ttl" => self.absent_ttl = Some(self.constant(setting, window)?),
            "fallback" => self.fallback = Some(setting.with(fallback)?),
            "retry" => self.retry = Some(self.constant(setting, number)?),
            "retry_first" => self.retry_first = Some(self.constant(setting, wait)?),
            "retry_longest" => self.retry_longest = Some(self.constant(setting, wait)?),
            "retry_factor" => self.retry_factor = Some(self.constant(setting, growth)?),
            "breaker" => self.breaker = Some(setting.flag_or(breaker_name)?),
            "poll" => self.poll = Some(self.constant(setting, window)?),
            "keep_prefetched" => self.keep_prefetched = Some(self.constant(setting, time)?),
            "batch" if setting.argument.is_none() => self.batch = Some(setting.flag_or(count)?),
            "batch" => {
                let Given { name, value } = self.constant(setting, count)?;
                self.batch = Some(Given { name, value: Some(value) });
            }
            "concurrency" => self.concurrency = Some(self.constant(setting, count)?),
            "tags" => self.tags = Some(setting.list(tags)?),
            "tags_of" => {
                let expected = "the path of a function, as in `tags_of = GetPost::tags`";
                self.tags_of = Some(setting.with(syntax(expected))?)
            }
            "crate" => {
                self.core = Some(
                    setting.with(crate_path("the path of the store, as in `crate = \"my_cache_core\"`"))?,
                )
            }
            other => return Err(syn::Error::new_spanned(&setting.name, unknown(other))),
        }
        Ok(())
    }
}

fn fallback(name: &Ident, argument: &TokenStream) -> syn::Result<Fallback> {
    match syn::parse2::<Expr>(argument.clone()) {
        Ok(Expr::Path(path)) => Ok(Fallback::Function(path)),
        Ok(_) => Ok(Fallback::Value(with_parentheses(argument.clone()))),
        Err(_) if is_block(argument) => Ok(Fallback::Value(with_parentheses(argument.clone()))),
        Err(_) => {
            let expected = "a value, or the path of a function, as in `fallback = nobody`";
            Err(argument_error(name, argument, format_args!("`{name}` takes {expected}")))
        }
    }
}

fn strategy(name: &Ident, argument: &TokenStream) -> syn::Result<&'static str> {
    let written = syn::parse2::<LitStr>(argument.clone()).map(|text| text.value());
    if let Some((_, code)) =
        STRATEGIES.iter().find(|(known, _)| written.as_ref().is_ok_and(|text| text == known))
    {
        return Ok(code);
    }
    let known = STRATEGIES.map(|(known, _)| known);
    let hint = match written {
        Ok(text) => did_you_mean(suggest::nearest(&text, known), "\""),
        Err(_) => String::new(),
    };
    let message = format_args!("`strategy` is one of \"{}\"{hint}", known.join("\", \""));
    Err(argument_error(name, argument, message))
}

fn table_name(name: &Ident, argument: &TokenStream) -> syn::Result<LitStr> {
    let text: LitStr = syn::parse2(argument.clone())
        .map_err(|_| argument_error(name, argument, "`name` takes a string, as in `name = \"post\"`"))?;
    if text.value().trim().is_empty() || text.value().contains(char::is_control) {
        return Err(argument_error(
            name,
            argument,
            "the name of a table must not be empty or contain control characters",
        ));
    }
    Ok(text)
}

fn breaker_name(name: &Ident, argument: &TokenStream) -> syn::Result<String> {
    let message = "`breaker` takes a name in quotes, as in `breaker = \"search\"`, or no argument for a breaker of its own";
    let text: LitStr = syn::parse2(argument.clone()).map_err(|_| argument_error(name, argument, message))?;
    if text.value().trim().is_empty() || text.value().contains(char::is_control) {
        return Err(argument_error(
            name,
            argument,
            "the name of a breaker must not be empty or contain control characters",
        ));
    }
    Ok(text.value())
}

/// Reads names in quotes, at least one and none twice.
fn tags(name: &Ident, argument: &TokenStream) -> syn::Result<Vec<LitStr>> {
    let parser = Punctuated::<LitStr, syn::Token![,]>::parse_terminated;
    let tags = Parser::parse2(parser, argument.clone()).map_err(|_| {
        argument_error(name, argument, "a tag is a string, as in `tags(\"posts\", \"blog\")`")
    })?;
    let tags: Vec<LitStr> = tags.into_iter().collect();
    if tags.is_empty() {
        return Err(argument_error(name, argument, "`tags()` names no tag; name one, or leave it out"));
    }
    for (at, tag) in tags.iter().enumerate() {
        if tag.value().trim().is_empty() {
            return Err(syn::Error::new_spanned(tag, "a tag must not be empty"));
        }
        if tags[..at].iter().any(|other| other.value() == tag.value()) {
            let message = format_args!("the tag \"{}\" is given twice; keep one of them", tag.value());
            return Err(syn::Error::new_spanned(tag, message));
        }
    }
    Ok(tags)
}

fn codec(name: &Ident, argument: &TokenStream) -> syn::Result<Codec> {
    let codecs = [("bincode", Codec::Bincode), ("postcard", Codec::Postcard), ("json", Codec::Json)];
    let written = syn::parse2::<LitStr>(argument.clone()).map(|text| text.value());
    if let Some((_, codec)) =
        codecs.iter().find(|(known, _)| written.as_ref().is_ok_and(|text| text == known))
    {
        return Ok(*codec);
    }
    let hint = match written {
        Ok(text) => did_you_mean(suggest::nearest(&text, codecs.map(|(known, _)| known)), "\""),
        Err(_) => String::new(),
    };
    Err(argument_error(
        name,
        argument,
        format_args!("`codec` is \"bincode\", \"postcard\" or \"json\"{hint}"),
    ))
}

/// The option that `name` was probably meant to be.
fn nearest_option(name: &str) -> Option<&'static str> {
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name).map(|&(_, here)| here);
    elsewhere.or_else(|| suggest::nearest(name, KNOWN.into_iter().chain(["crate"])))
}

fn unknown(name: &str) -> String {
    let near = nearest_option(name);
    match near {
        Some(_) => format!("there is no option `{name}`{}", did_you_mean(near, "`")),
        None => format!("there is no option `{name}`; there are `{}`", KNOWN.join("`, `")),
    }
}

#[cfg(test)]
mod tests;
