//! Numbers and durations. A literal is checked here; the compiler evaluates and checks a constant expression.

use std::time::Duration;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Lit, LitInt, LitStr, Type};

use super::duration;
use crate::settings::argument::argument_error;
use crate::span::located;

/// The value of an option.
#[derive(Clone, Debug)]
pub(crate) enum Constant<T> {
    /// A literal that was checked.
    Known(T),
    /// Left to the compiler.
    Expression(Expression),
}

/// An expression, and how the compiler checks its value.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    tokens: TokenStream,
    check: ConstantCheck,
    /// The compiler's message for a value that is not allowed.
    refusal: String,
}

/// The functions of `__private::constant` that check a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConstantCheck {
    Bound,
    Count,
    Number,
    Fraction,
    Factor,
    Growth,
    Time,
    Window,
}

/// Reads a whole number.
pub(crate) fn number(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<u32>> {
    whole(
        name,
        argument,
        0,
        ConstantCheck::Number,
        format!("`{name}` must be a number from 0 to {}", u32::MAX),
    )
}

/// Reads a number of keys or loads, at least 1.
pub(crate) fn count(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<u32>> {
    whole(
        name,
        argument,
        1,
        ConstantCheck::Count,
        format!("`{name}` must be a number from 1 to {}", u32::MAX),
    )
}

/// Reads a number of entries or a weight, at least 1.
pub(crate) fn bound(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<u64>> {
    let refusal =
        format!("`{name}` must be at least 1; leave it out for a table that keeps nothing alive by itself");
    whole(name, argument, 1, ConstantCheck::Bound, refusal)
}

fn whole<N>(
    name: &Ident,
    argument: &TokenStream,
    least: N,
    check: ConstantCheck,
    refusal: String,
) -> syn::Result<Constant<N>>
where
    N: std::str::FromStr<Err: std::fmt::Display> + PartialOrd,
{
    let wrong =
        || argument_error(name, argument, format_args!("`{name}` takes a whole number, as in `{name} = 10`"));
    let Ok(literal) = syn::parse2::<LitInt>(argument.clone()) else {
        let tokens = expression(argument).ok_or_else(wrong)?;
        return Ok(Constant::Expression(Expression { tokens, check, refusal }));
    };
    if literal.base10_digits().starts_with('-') {
        return Err(wrong());
    }
    if !is_integer_type(literal.suffix()) {
        let digits = literal.base10_digits();
        let message = format_args!("`{name}` takes a plain number: `{name} = {digits}`");
        return Err(argument_error(name, argument, message));
    }
    let number = literal.base10_parse().map_err(|why| {
        argument_error(name, argument, format_args!("`{name}` cannot be that large: {why}"))
    })?;
    if number < least { Err(argument_error(name, argument, refusal)) } else { Ok(Constant::Known(number)) }
}

fn is_integer_type(suffix: &str) -> bool {
    ["", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"]
        .contains(&suffix)
}

/// Reads a duration: text in quotes, or an expression.
pub(crate) fn time(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<Duration>> {
    if let Ok(text) = syn::parse2::<LitStr>(argument.clone()) {
        return duration::parse(&text.value())
            .map(Constant::Known)
            .map_err(|message| argument_error(name, argument, format_args!("`{name}`: {message}")));
    }
    // A string is the only literal that can be a duration, and an expression of literals alone cannot be one.
    let tokens = expression(argument)
        .filter(|_| has_names(argument))
        .ok_or_else(|| argument_error(name, argument, time_without_quotes(name, argument)))?;
    Ok(Constant::Expression(Expression { tokens, check: ConstantCheck::Time, refusal: String::new() }))
}

/// Reads a duration longer than zero, for an option without a default.
pub(crate) fn window(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<Duration>> {
    longer_than_zero(name, argument, "to disable it")
}

/// Reads a duration longer than zero, for an option with a default.
pub(crate) fn wait(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<Duration>> {
    longer_than_zero(name, argument, "for the default")
}

fn longer_than_zero(name: &Ident, argument: &TokenStream, left_out: &str) -> syn::Result<Constant<Duration>> {
    let refusal = format!("`{name}` must be longer than zero; leave it out {left_out}");
    match time(name, argument)? {
        Constant::Known(Duration::ZERO) => Err(argument_error(name, argument, refusal)),
        Constant::Expression(Expression { tokens, .. }) => {
            Ok(Constant::Expression(Expression { tokens, check: ConstantCheck::Window, refusal }))
        }
        window => Ok(window),
    }
}

/// Reads how long a load lingers: a duration, which may be zero, or `"until done"`.
pub(crate) fn linger(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<Duration>> {
    const UNTIL_DONE: &str = "until done";
    let text = syn::parse2::<LitStr>(argument.clone()).map(|text| text.value());
    match text.as_ref().map(|text| (text.trim(), duration::parse(text))) {
        Ok((UNTIL_DONE, _)) => Ok(Constant::Known(Duration::MAX)),
        Ok((_, Err(message))) => {
            let message = format_args!("`{name}`: {message}; \"{UNTIL_DONE}\" is allowed too");
            Err(argument_error(name, argument, message))
        }
        _ => time(name, argument),
    }
}

/// The message for `ttl = 5m` and `ttl = 30`, with what was probably meant.
fn time_without_quotes(name: &Ident, argument: &TokenStream) -> String {
    let written = argument.to_string().replace(' ', "");
    let meant =
        [written.clone(), format!("{written}s")].into_iter().find(|text| duration::parse(text).is_ok());
    match meant {
        Some(text) => format!("`{name}` takes a duration in quotes; did you mean `{name} = \"{text}\"`?"),
        None => {
            format!("`{name}` takes a duration, as in `{name} = \"1h30m\"`, or a constant of type `Duration`")
        }
    }
}

/// Reads a fraction from 0 to 1.
pub(crate) fn fraction(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<f64>> {
    let refusal = format!("`{name}` takes a fraction from 0 to 1, as in `{name} = 0.1`");
    decimal(name, argument, |fraction| (0.0..=1.0).contains(&fraction), ConstantCheck::Fraction, refusal)
}

/// Reads a number above 0.
pub(crate) fn factor(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<f64>> {
    let refusal = format!("`{name}` takes a number above 0, as in `{name} = 1.0`");
    decimal(name, argument, |factor| factor > 0.0 && factor.is_finite(), ConstantCheck::Factor, refusal)
}

/// Reads a number that is at least 1.
pub(crate) fn growth(name: &Ident, argument: &TokenStream) -> syn::Result<Constant<f64>> {
    let refusal = format!("`{name}` takes a number that is at least 1, as in `{name} = 2.0`");
    decimal(name, argument, |growth| growth >= 1.0 && growth.is_finite(), ConstantCheck::Growth, refusal)
}

/// Reads a number with or without a point.
fn decimal(
    name: &Ident,
    argument: &TokenStream,
    is_allowed: impl FnOnce(f64) -> bool,
    check: ConstantCheck,
    refusal: String,
) -> syn::Result<Constant<f64>> {
    let number = match syn::parse2::<Lit>(argument.clone()) {
        Ok(Lit::Float(number)) if number.suffix().is_empty() => number.base10_parse().ok(),
        Ok(Lit::Int(number)) if number.suffix().is_empty() => number.base10_parse().ok(),
        _ => match expression(argument) {
            Some(tokens) => return Ok(Constant::Expression(Expression { tokens, check, refusal })),
            None => None,
        },
    };
    match number.filter(|number| is_allowed(*number)) {
        Some(number) => Ok(Constant::Known(number)),
        None => Err(argument_error(name, argument, refusal)),
    }
}

/// The tokens, if they are an expression other than a literal with or without a sign.
fn expression(argument: &TokenStream) -> Option<TokenStream> {
    let is_more = match syn::parse2::<Expr>(argument.clone()) {
        Ok(Expr::Lit(_)) => false,
        Ok(Expr::Unary(unary)) => !matches!(*unary.expr, Expr::Lit(_)),
        Ok(_) => true,
        Err(_) => is_block(argument),
    };
    is_more.then(|| with_parentheses(argument.clone()))
}

/// The tokens with parentheses around each expression that came out of a macro. The compiler passes such an expression
/// in an invisible group, and ignores that group in the output of a derive.
pub(crate) fn with_parentheses(tokens: TokenStream) -> TokenStream {
    let visible = tokens.into_iter().map(|token| {
        let TokenTree::Group(group) = token else { return token };
        let inside = with_parentheses(group.stream());
        let is_operand = group.delimiter() != Delimiter::None
            || syn::parse2::<Type>(inside.clone()).is_ok()
            || syn::parse2::<Lit>(inside.clone()).is_ok();
        let delimiter = if is_operand { group.delimiter() } else { Delimiter::Parenthesis };
        let mut visible = Group::new(delimiter, inside);
        visible.set_span(group.span());
        visible.into()
    });
    visible.collect()
}

/// Whether the tokens begin with a block or a keyword that introduces one: `syn` parses these only with its `full`
/// feature.
pub(crate) fn is_block(argument: &TokenStream) -> bool {
    match argument.clone().into_iter().next() {
        Some(TokenTree::Group(_)) => true,
        Some(TokenTree::Ident(word)) => ["if", "match", "unsafe", "const"].iter().any(|lead| word == lead),
        _ => false,
    }
}

impl<T> Constant<T> {
    /// The value in generated code; `known` writes a literal.
    pub(crate) fn expand(&self, core: &TokenStream, known: impl FnOnce(&T) -> TokenStream) -> TokenStream {
        match self {
            Self::Known(value) => known(value),
            Self::Expression(expression) => expression.expand(core),
        }
    }
}

impl Expression {
    /// The expression and its check. An error points at the expression.
    fn expand(&self, core: &TokenStream) -> TokenStream {
        let Self { tokens, check, refusal } = self;
        let span = tokens.span();
        let constant = located(quote!(#core::__private::constant), span);
        let span = span.resolved_at(Span::call_site());
        let (function, value) = match check {
            ConstantCheck::Bound => ("bound", integer(&constant, tokens, span)),
            ConstantCheck::Count => ("count", integer(&constant, tokens, span)),
            ConstantCheck::Number => ("number", integer(&constant, tokens, span)),
            ConstantCheck::Fraction => ("fraction", tokens.clone()),
            ConstantCheck::Factor => ("factor", tokens.clone()),
            ConstantCheck::Growth => ("growth", tokens.clone()),
            ConstantCheck::Time => ("time", tokens.clone()),
            ConstantCheck::Window => ("window", tokens.clone()),
        };
        let function = Ident::new(function, span);
        quote_spanned!(span=> #constant::#function(#value, #refusal))
    }
}

/// The number as an integer type that holds every other. If nothing determines its type, it is a `u64`.
fn integer(constant: &TokenStream, tokens: &TokenStream, span: Span) -> TokenStream {
    let of_type = (!has_names(tokens)).then(|| quote!(::<::core::primitive::u64>));
    quote_spanned!(span=> #constant::integer #of_type(#tokens) as ::core::primitive::i128)
}

/// Whether the tokens contain a name, or a literal with a type suffix. Without either the type is open.
fn has_names(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Group(group) => has_names(&group.stream()),
        TokenTree::Literal(literal) => {
            syn::parse_str::<LitInt>(&literal.to_string()).is_ok_and(|number| !number.suffix().is_empty())
        }
        TokenTree::Punct(_) => false,
    })
}
