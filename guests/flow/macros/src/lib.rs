//! `#[orchestration]` and `#[activity]`: from an async function to what a component exports.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Code;
use quote::quote;
use syn::parse::Parser as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, ItemFn, Lit, LitInt, Meta,
    PathArguments, ReturnType, Token, Type, parse_macro_input,
};

/// Makes `async fn name(ctx: Context, input: Input) -> Result<Output, Failure>` an orchestration called `name`.
///
/// The function stays what it is. Beside it stands a type of the same name, for `export_flows!` and for
/// `Context::run_child`: a module of this name cannot stand there too. Its comment is what tools show.
#[proc_macro_attribute]
pub fn orchestration(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if !attribute.is_empty() {
        let error = "it takes no arguments: write `#[orchestration]`";
        return Error::new(proc_macro2::Span::call_site(), error)
            .to_compile_error()
            .into();
    }
    let function = parse_macro_input!(item as ItemFn);
    tokens(expand_orchestration(&function))
}

/// Makes `async fn name(ctx: ActivityContext, input: Input) -> Result<Output, Failure>` an activity called `name`.
///
/// The function stays what it is. Beside it stands a type of the same name, for `export_flows!` and for
/// `Context::run`. Its comment is its description. `#[activity(at_once = 4)]`: not more than four of it run
/// at once.
#[proc_macro_attribute]
pub fn activity(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    tokens(at_once(attribute.into()).and_then(|at_once| expand_activity(&function, at_once)))
}

fn tokens(expanded: Result<Code, Error>) -> TokenStream {
    expanded
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand_orchestration(function: &ItemFn) -> Result<Code, Error> {
    let wanted = "an orchestration is `async fn name(ctx: Context, input: Input) -> Result<Output, Failure>`";
    let parts = Parts::of(function, wanted)?;
    let (name, marker) = (parts.name, parts.marker("orchestration"));
    let common = parts.common();
    Ok(quote! {
        #[allow(clippy::unused_async, reason = "each has this signature, whether it waits or not")]
        #function

        #marker

        impl ::taskhost_flow::Orchestration for #name {
            #common

            async fn run(
                context: ::taskhost_flow::Context,
                input: Self::Input,
            ) -> ::core::result::Result<Self::Output, ::taskhost_flow::Failure> {
                #name(context, input).await
            }
        }
    })
}

fn expand_activity(function: &ItemFn, at_once: Option<u32>) -> Result<Code, Error> {
    let wanted = "an activity is `async fn name(ctx: ActivityContext, input: Input) -> Result<Output, Failure>`";
    let parts = Parts::of(function, wanted)?;
    let (name, marker) = (parts.name, parts.marker("activity"));
    let common = parts.common();
    let at_once = option(at_once);
    Ok(quote! {
        #[allow(clippy::unused_async, reason = "each has this signature, whether it waits or not")]
        #function

        #marker

        impl ::taskhost_flow::ActivityKind for #name {
            #common
            const AT_ONCE: ::core::option::Option<u32> = #at_once;

            async fn perform(
                context: ::taskhost_flow::ActivityContext,
                input: Self::Input,
            ) -> ::core::result::Result<Self::Output, ::taskhost_flow::Failure> {
                #name(context, input).await
            }
        }
    })
}

/// What is taken from the function.
struct Parts<'a> {
    function: &'a ItemFn,
    name: &'a Ident,
    input: &'a Type,
    output: &'a Type,
}

impl<'a> Parts<'a> {
    fn of(function: &'a ItemFn, wanted: &str) -> Result<Self, Error> {
        let signature = &function.sig;
        if signature.asyncness.is_none() || !signature.generics.params.is_empty() {
            return Err(Error::new_spanned(signature, wanted));
        }
        let arguments: Vec<_> = signature.inputs.iter().collect();
        let [FnArg::Typed(_), FnArg::Typed(input)] = arguments.as_slice() else {
            return Err(Error::new_spanned(&signature.inputs, wanted));
        };
        let none = || Error::new_spanned(signature, wanted);
        Ok(Self {
            function,
            name: &signature.ident,
            input: &input.ty,
            output: output(&signature.output).ok_or_else(none)?,
        })
    }

    /// The type of the same name.
    fn marker(&self, what: &str) -> Code {
        let words = format!("The {what} of the function of this name.");
        let (visibility, name) = (&self.function.vis, self.name);
        quote! {
            #[doc = #words]
            #[allow(non_camel_case_types)]
            #visibility enum #name {}
        }
    }

    /// What both kinds say of themselves.
    fn common(&self) -> Code {
        let text = self.name.to_string();
        let description = option(description(&self.function.attrs));
        let (input, output) = (self.input, self.output);
        quote! {
            const NAME: &'static str = #text;
            const DESCRIPTION: ::core::option::Option<&'static str> = #description;
            type Input = #input;
            type Output = #output;
        }
    }
}

fn option(value: Option<impl quote::ToTokens>) -> Code {
    if let Some(value) = value {
        quote!(::core::option::Option::Some(#value))
    } else {
        quote!(::core::option::Option::None)
    }
}

/// Of `at_once = 4`, or of nothing.
fn at_once(attribute: Code) -> Result<Option<u32>, Error> {
    let wanted = "write `#[activity]` or `#[activity(at_once = 4)]`";
    if attribute.is_empty() {
        return Ok(None);
    }
    let read = |input: syn::parse::ParseStream<'_>| {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let number: LitInt = input.parse()?;
        match number.base10_parse::<u32>() {
            Ok(count) if key == "at_once" && count > 0 => Ok(count),
            _ => Err(Error::new_spanned(&key, wanted)),
        }
    };
    read.parse2(attribute)
        .map(Some)
        .map_err(|error| Error::new(error.span(), wanted))
}

/// `Output` of `Result<Output, …>`.
fn output(returned: &ReturnType) -> Option<&Type> {
    let ReturnType::Type(_, returned) = returned else {
        return None;
    };
    let Type::Path(path) = returned.as_ref() else {
        return None;
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(output) if last.ident == "Result" => Some(output),
        _ => None,
    }
}

/// The words of its comment.
fn description(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<_> = attributes.iter().filter_map(line).collect();
    let words = lines.join("\n").trim().to_owned();
    (!words.is_empty()).then_some(words)
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(words),
            ..
        }) if pair.path.is_ident("doc") => Some(words.value().trim().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
