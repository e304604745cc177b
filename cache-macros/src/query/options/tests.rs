use quote::quote;

use super::*;
use crate::query::ATTRIBUTE;
use crate::settings::settings;

/// Reads `#[query(...)]` with these tokens inside.
fn read(tokens: TokenStream) -> (QueryOptions, Vec<String>) {
    let mut errors = Errors::default();
    let item: syn::DeriveInput = syn::parse_quote!(
        #[query(#tokens)]
        struct Q;
    );
    let settings = settings(&item.attrs, &ATTRIBUTE, &mut errors);
    (QueryOptions::read(&settings, &mut errors), errors.messages())
}

/// The value of an option that was given as a literal.
#[track_caller]
fn known<T: Clone>(given: &Option<Given<Constant<T>>>) -> T {
    match &given.as_ref().expect("the option was given").value {
        Constant::Known(value) => value.clone(),
        Constant::Expression(_) => panic!("left to the compiler"),
    }
}

/// The one message that these tokens cause.
#[track_caller]
fn message(tokens: TokenStream) -> String {
    let (_, messages) = read(tokens);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.into_iter().next().unwrap()
}

#[test]
fn every_option_is_read() {
    let (options, messages) = read(quote! {
        value = dyn Draw + Send + Sync, name = "post", version = 2, capacity = 10_000, lru = 1, max_weight = 0x10,
        weigh = sizes::of::<u8>, ttl = "1h30m", tti = "0s", fresh = "30s", history = 0, persist, codec = "json",
        opaque, eq, secret, borrowed, derived, record, crate = "store::core", strategy = "network-first", swr = "1s", stale_if_error = "2s",
        timeout = "3s", jitter = 0.25, beta = 2, error_ttl = "4s", absent_ttl = "5s", retry = 6,
        retry_first = "100ms", retry_longest = "6s", retry_factor = 1.5,
        breaker = "search", batch = 25, linger = "0s", concurrency = 7, tags("posts"), tags_of = Self::tags::<u8>,
    });
    assert_eq!(messages, [""; 0]);
    assert_eq!(options.name.as_ref().unwrap().value.value(), "post");
    assert_eq!(known(&options.version), 2);
    assert_eq!(known(&options.capacity), 10_000);
    assert_eq!(known(&options.max_weight), 16);
    assert_eq!(known(&options.ttl), Duration::from_mins(90));
    assert_eq!(known(&options.tti), Duration::ZERO);
    assert_eq!(options.codec.as_ref().unwrap().value, Codec::Json);
    assert_eq!(options.core().to_string(), "store :: core");
    assert_eq!(options.strategy.as_ref().unwrap().value, "NetworkFirst");
    assert_eq!((known(&options.jitter), known(&options.beta)), (0.25, 2.0));
    let windows =
        [&options.swr, &options.stale_if_error, &options.timeout, &options.error_ttl, &options.absent_ttl];
    assert_eq!(windows.map(|window| known(window).as_secs()), [1, 2, 3, 4, 5]);
    assert_eq!(options.breaker.as_ref().unwrap().value.as_deref(), Some("search"));
    assert_eq!((known(&options.retry), known(&options.retry_factor)), (6, 1.5));
    let waits = [&options.retry_first, &options.retry_longest];
    assert_eq!(waits.map(|wait| known(wait).as_millis()), [100, 6_000]);
    assert_eq!((known(&options.linger), known(&options.concurrency)), (Duration::ZERO, 7));
    assert!(matches!(options.batch.as_ref().unwrap().value, Some(Constant::Known(25))));
    assert!(options.value.is_some() && options.weigh.is_some());
    let flags = [
        &options.persist,
        &options.opaque,
        &options.eq,
        &options.secret,
        &options.borrowed,
        &options.derived,
        &options.record,
    ];
    assert!(flags.iter().all(|flag| flag.is_some()));
    assert_eq!(options.tags_of.as_ref().unwrap().value.segments.len(), 2);
}

#[test]
fn each_strategy_has_a_name() {
    for (text, code) in [
        ("cache-first", "CacheFirst"),
        ("stale-while-revalidate", "StaleWhileRevalidate"),
        ("network-first", "NetworkFirst"),
        ("refresh", "Refresh"),
        ("network-only", "NetworkOnly"),
        ("cache-only", "CacheOnly"),
    ] {
        let (options, messages) = read(quote!(strategy = #text));
        assert_eq!(messages, [""; 0]);
        assert_eq!(options.strategy.unwrap().value, code);
    }
}

#[test]
fn a_load_lingers_for_a_time_or_until_done() {
    for (text, expected) in
        [("2m", Duration::from_mins(2)), ("until done", Duration::MAX), (" until done ", Duration::MAX)]
    {
        let (options, messages) = read(quote!(linger = #text));
        assert_eq!(messages, [""; 0]);
        assert_eq!(known(&options.linger), expected);
    }
}

#[test]
fn a_number_may_say_its_type() {
    for suffix in ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"] {
        let number: TokenStream = format!("7{suffix}").parse().unwrap();
        let (options, messages) = read(quote!(capacity = #number, retry = #number));
        assert_eq!(messages, [""; 0], "{suffix}");
        assert_eq!((known(&options.capacity), known(&options.retry)), (7, 7), "{suffix}");
    }
}

#[test]
fn values_may_be_any_type() {
    for value in [
        quote!(str),
        quote!([u8]),
        quote!((u8, Vec<HashMap<K, V>>)),
        quote!(Box<dyn Fn(u8, u8) -> Map<u8, u8> + Send + Sync>),
        quote!(<Self as Other>::Value),
        quote!(Result<Post, Error>),
    ] {
        let (options, messages) = read(quote!(value = #value, eq));
        assert_eq!(messages, [""; 0], "{value}");
        assert!(options.value.is_some() && options.eq.is_some(), "{value}");
    }
}

#[test]
fn the_store_is_found_by_its_own_name_by_default() {
    assert_eq!(read(quote!(value = u8)).0.core().to_string(), ":: cache_core");
    assert_eq!(read(quote!(crate = crate::store)).0.core().to_string(), "crate :: store");
    assert_eq!(
        message(quote!(crate = "no path")),
        "`crate` takes the path of the store, as in `crate = \"my_cache_core\"`"
    );
}

#[test]
fn misspelt_options_are_met_with_the_nearest() {
    for (written, meant) in [
        ("capasity", "capacity"),
        ("vlaue", "value"),
        ("persistent", "persist"),
        ("max_wieght", "max_weight"),
        ("time_to_live", "ttl"),
        ("time_to_idle", "tti"),
        ("stale_time", "fresh"),
        ("max_capacity", "capacity"),
        ("max_entries", "capacity"),
        ("max_size", "capacity"),
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
        ("krate", "crate"),
    ] {
        let name = Ident::new(written, proc_macro2::Span::call_site());
        let message = message(quote!(#name = 1));
        assert_eq!(message, format!("there is no option `{written}`; did you mean `{meant}`?"));
    }
}

#[test]
fn the_message_for_a_distant_name_lists_the_options() {
    let list = [
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
    for written in ["flavour", "quantum"] {
        let name = Ident::new(written, proc_macro2::Span::call_site());
        let expected = format!("there is no option `{written}`; there are `{}`", list.join("`, `"));
        assert_eq!(message(quote!(#name = 1)), expected);
    }
    for name in list {
        let name = Ident::new(name, proc_macro2::Span::call_site());
        let (_, messages) = read(quote!(#name = |_| 1));
        assert!(!messages.concat().contains("there is no option"), "{messages:?}");
    }
}

#[test]
fn an_option_without_an_argument_takes_none() {
    for name in ["persist", "opaque", "eq", "secret", "borrowed", "derived", "record"] {
        let ident = Ident::new(name, proc_macro2::Span::call_site());
        let expected = format!("`{name}` takes no argument: write `{name}` alone, or leave it out");
        assert_eq!(message(quote!(#ident = true)), expected);
        assert_eq!(message(quote!(#ident("true"))), format!("expected `,` or `=` after `{name}`"));
    }
}

#[test]
fn a_time_of_zero_is_refused_where_leaving_the_option_out_means_it() {
    for (name, left_out) in [
        ("swr", "to disable it"),
        ("stale_if_error", "to disable it"),
        ("timeout", "to disable it"),
        ("error_ttl", "to disable it"),
        ("absent_ttl", "to disable it"),
        ("poll", "to disable it"),
        ("retry_first", "for the default"),
        ("retry_longest", "for the default"),
    ] {
        let ident = Ident::new(name, proc_macro2::Span::call_site());
        let expected = format!("`{name}` must be longer than zero; leave it out {left_out}");
        assert_eq!(message(quote!(#ident = "0s")), expected);
        assert_eq!(read(quote!(#ident = "1ns")).1, [""; 0], "{name}");
    }
    for name in ["ttl", "tti", "fresh", "linger", "keep_prefetched"] {
        let ident = Ident::new(name, proc_macro2::Span::call_site());
        assert_eq!(read(quote!(#ident = "0s")).1, [""; 0], "{name}");
    }
}

#[test]
fn the_least_that_a_number_may_be_is_taken() {
    let (options, messages) = read(quote!(
        capacity = 1,
        history = 0,
        version = 0,
        retry = 0,
        batch = 1,
        concurrency = 1,
        jitter = 0,
        beta = 1e-9,
        retry_factor = 1,
    ));
    assert_eq!(messages, [""; 0]);
    assert_eq!((known(&options.retry), known(&options.concurrency), known(&options.capacity)), (0, 1, 1));
    assert_eq!((known(&options.jitter), known(&options.retry_factor)), (0.0, 1.0));
    assert_eq!(known(&read(quote!(jitter = 1)).0.jitter), 1.0);
    for (name, takes) in [
        ("beta", "a number above 0, as in `beta = 1.0`"),
        ("retry_factor", "a number that is at least 1, as in `retry_factor = 2.0`"),
    ] {
        let ident = Ident::new(name, proc_macro2::Span::call_site());
        // Too large for an `f64`, which reads it as infinite.
        assert_eq!(message(quote!(#ident = 1e999)), format!("`{name}` takes {takes}"));
    }
}

#[test]
fn the_message_for_an_argument_of_a_wrong_kind_says_what_is_right() {
    for (tokens, expected) in [
        (quote!(capacity), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity =), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = "10"), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = -1), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = 10MB), "`capacity` takes a plain number: `capacity = 10`"),
        (quote!(capacity = -1 - ), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = true), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = 1.5), "`capacity` takes a whole number, as in `capacity = 10`"),
        (quote!(capacity = 5 MB), "`capacity` takes a whole number, as in `capacity = 10`"),
        (
            quote!(history = 4294967296),
            "`history` cannot be that large: number too large to fit in target type",
        ),
        (quote!(value), "`value` takes a type, as in `value = Post`"),
        (quote!(value = 3), "`value` takes a type, as in `value = Post`"),
        (quote!(tags_of), "`tags_of` takes the path of a function, as in `tags_of = GetPost::tags`"),
        (quote!(tags_of = |_| []), "`tags_of` takes the path of a function, as in `tags_of = GetPost::tags`"),
        (quote!(tags_of("post")), "expected `,` or `=` after `tags_of`"),
        (quote!(weigh = |_| 3), "`weigh` takes the path of a function, as in `weigh = bytes_of`"),
        (quote!(ttl = 5m), "`ttl` takes a duration in quotes; did you mean `ttl = \"5m\"`?"),
        (quote!(ttl = 30), "`ttl` takes a duration in quotes; did you mean `ttl = \"30s\"`?"),
        (
            quote!(ttl = 5 * 60),
            "`ttl` takes a duration, as in `ttl = \"1h30m\"`, or a constant of type `Duration`",
        ),
        (quote!(ttl), "`ttl` takes a duration, as in `ttl = \"1h30m\"`, or a constant of type `Duration`"),
        (quote!(ttl = "5min"), "`ttl`: \"5min\" has the unknown unit `min`; did you mean `m`?"),
        (quote!(name = post), "`name` takes a string, as in `name = \"post\"`"),
        (quote!(name = " "), "the name of a table must not be empty or contain control characters"),
        (quote!(persist = true), "`persist` takes no argument: write `persist` alone, or leave it out"),
        (
            quote!(codec = "bincod"),
            "`codec` is \"bincode\", \"postcard\" or \"json\"; did you mean \"bincode\"?",
        ),
        (quote!(swr = "0s"), "`swr` must be longer than zero; leave it out to disable it"),
        (quote!(timeout = 5s), "`timeout` takes a duration in quotes; did you mean `timeout = \"5s\"`?"),
        (quote!(linger = 5s), "`linger` takes a duration in quotes; did you mean `linger = \"5s\"`?"),
        (
            quote!(linger = "forever"),
            "`linger`: \"forever\" is not a duration; write numbers with units, as in \"1h30m\"; \"until done\" is allowed too",
        ),
        (quote!(jitter = 1.5), "`jitter` takes a fraction from 0 to 1, as in `jitter = 0.1`"),
        (quote!(jitter = "0.1"), "`jitter` takes a fraction from 0 to 1, as in `jitter = 0.1`"),
        (quote!(jitter), "`jitter` takes a fraction from 0 to 1, as in `jitter = 0.1`"),
        (quote!(beta = 0), "`beta` takes a number above 0, as in `beta = 1.0`"),
        (quote!(beta = -1.0), "`beta` takes a number above 0, as in `beta = 1.0`"),
        (quote!(retry = "3"), "`retry` takes a whole number, as in `retry = 10`"),
        (quote!(retry = 3s), "`retry` takes a plain number: `retry = 3`"),
        (quote!(retry_first = "0s"), "`retry_first` must be longer than zero; leave it out for the default"),
        (
            quote!(retry_longest = "0s"),
            "`retry_longest` must be longer than zero; leave it out for the default",
        ),
        (
            quote!(retry_first = 100ms),
            "`retry_first` takes a duration in quotes; did you mean `retry_first = \"100ms\"`?",
        ),
        (
            quote!(retry_longest = "1hour"),
            "`retry_longest`: \"1hour\" has the unknown unit `hour`; did you mean `h`?",
        ),
        (
            quote!(retry_factor = 0.5),
            "`retry_factor` takes a number that is at least 1, as in `retry_factor = 2.0`",
        ),
        (
            quote!(retry_factor = "2"),
            "`retry_factor` takes a number that is at least 1, as in `retry_factor = 2.0`",
        ),
        (quote!(retry_delay = "1s"), "there is no option `retry_delay`; did you mean `retry_first`?"),
        (
            quote!(breaker = 5),
            "`breaker` takes a name in quotes, as in `breaker = \"search\"`, or no argument for a breaker of its own",
        ),
        (
            quote!(breaker =),
            "`breaker` takes a name in quotes, as in `breaker = \"search\"`, or no argument for a breaker of its own",
        ),
        (quote!(breaker = " "), "the name of a breaker must not be empty or contain control characters"),
        (quote!(circuit_breaker), "there is no option `circuit_breaker`; did you mean `breaker`?"),
        (quote!(batch = 0), "`batch` must be a number from 1 to 4294967295"),
        (quote!(batch = "25"), "`batch` takes a whole number, as in `batch = 10`"),
        (quote!(concurrency = 0), "`concurrency` must be a number from 1 to 4294967295"),
        (quote!(concurrency), "`concurrency` takes a whole number, as in `concurrency = 10`"),
        (quote!(max_concurrency = 8), "there is no option `max_concurrency`; did you mean `concurrency`?"),
        (quote!(batch_size = 25), "there is no option `batch_size`; did you mean `batch`?"),
        (quote!(beta = 1.0f32), "`beta` takes a number above 0, as in `beta = 1.0`"),
        (
            quote!(strategy = "network-frist"),
            "`strategy` is one of \"cache-first\", \"stale-while-revalidate\", \"network-first\", \"refresh\", \
             \"network-only\", \"cache-only\"; did you mean \"network-first\"?",
        ),
        (quote!(codec = json), "`codec` is \"bincode\", \"postcard\" or \"json\""),
    ] {
        assert_eq!(message(tokens), expected);
    }
}

#[test]
fn what_is_more_than_a_literal_is_left_to_the_compiler() {
    for argument in [
        quote!(N),
        quote!(10 * 1024),
        quote!(1 << 20),
        quote!(usize::MAX >> 1),
        quote!(Self::N),
        quote!(config::<u8, u16>::N),
        quote!(<Self as Sizes>::N),
        quote!(f(1, 2)),
        quote!(-N),
        quote!(N as u64),
        quote!({ N }),
        quote!(if A { 1 } else { 2 }),
        quote!([1, 2].len()),
    ] {
        let (options, messages) = read(
            quote!(capacity = #argument, history = #argument, jitter = #argument, batch = #argument, eq),
        );
        assert_eq!(messages, [""; 0], "{argument}");
        assert!(options.has_expressions && options.eq.is_some(), "{argument}");
        assert!(options.capacity.is_some() && options.history.is_some() && options.jitter.is_some());
    }
    let (options, messages) = read(quote!(capacity = 10u64, history = 3usize, retry = 3i32));
    assert_eq!(messages, [""; 0]);
    assert!(!options.has_expressions);
    assert_eq!((known(&options.capacity), known(&options.history), known(&options.retry)), (10, 3, 3));
}

#[test]
fn a_duration_that_is_not_a_string_is_left_to_the_compiler() {
    for argument in [quote!(TTL), quote!(Duration::from_secs(30)), quote!(times::ttl()), quote!({ TTL })] {
        let (options, messages) =
            read(quote!(ttl = #argument, swr = #argument, poll = #argument, retry_first = #argument));
        assert_eq!(messages, [""; 0], "{argument}");
        assert!(options.ttl.is_some() && options.swr.is_some() && options.poll.is_some(), "{argument}");
        assert!(options.retry_first.is_some(), "{argument}");
    }
}

#[test]
fn a_bound_of_zero_is_rejected() {
    for name in ["capacity", "lru", "max_weight"] {
        let name = Ident::new(name, proc_macro2::Span::call_site());
        assert!(message(quote!(#name = 0)).starts_with(&format!("`{name}` must be at least 1")));
    }
}

#[test]
fn an_option_is_given_once() {
    let (options, messages) = read(quote!(ttl = "1s", ttl = "2s"));
    assert_eq!(messages, ["`ttl` is given twice; keep one of them"]);
    assert_eq!(known(&options.ttl), Duration::from_secs(1));
}

#[test]
fn all_mistakes_of_one_attribute_are_found() {
    let (options, messages) = read(quote!(vlue = Post, capacity = 0, ttl = 5m, persist = 1, ttl = "1s"));
    assert_eq!(messages.len(), 5, "{messages:?}");
    assert!(options.seen("capacity").is_some() && options.capacity.is_none());
}
