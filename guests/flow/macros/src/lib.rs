//! `#[orchestration]`: from an async function to what a component exports.

use proc_macro::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, PathArguments,
    ReturnType, Type, parse_macro_input,
};

/// Makes `async fn name(ctx: Context, input: Input) -> Result<Output, Failure>` an orchestration called `name`.
///
/// The function stays what it is. Beside it stands a type of the same name, for `export_orchestrations!`. Its
/// comment is what tools show.
#[proc_macro_attribute]
pub fn orchestration(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if !attribute.is_empty() {
        let error = "it takes no arguments: write `#[orchestration]`";
        return Error::new(proc_macro2::Span::call_site(), error)
            .to_compile_error()
            .into();
    }
    let function = parse_macro_input!(item as ItemFn);
    expand(&function)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand(function: &ItemFn) -> Result<proc_macro2::TokenStream, Error> {
    let signature = &function.sig;
    let wanted = "an orchestration is `async fn name(ctx: Context, input: Input) -> Result<Output, Failure>`";
    if signature.asyncness.is_none() || !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(signature, wanted));
    }
    let arguments: Vec<_> = signature.inputs.iter().collect();
    let [FnArg::Typed(_), FnArg::Typed(input)] = arguments.as_slice() else {
        return Err(Error::new_spanned(&signature.inputs, wanted));
    };
    let input = &input.ty;
    let output = output(&signature.output).ok_or_else(|| Error::new_spanned(signature, wanted))?;
    let name = &signature.ident;
    let text = name.to_string();
    let visibility = &function.vis;
    let description = if let Some(words) = description(&function.attrs) {
        quote!(::core::option::Option::Some(#words))
    } else {
        quote!(::core::option::Option::None)
    };
    Ok(quote! {
        #function

        #[doc = "The orchestration of the function of this name."]
        #[allow(non_camel_case_types)]
        #visibility enum #name {}

        impl ::taskhost_flow::Orchestration for #name {
            const NAME: &'static str = #text;
            const DESCRIPTION: ::core::option::Option<&'static str> = #description;
            type Input = #input;
            type Output = #output;

            async fn run(
                context: ::taskhost_flow::Context,
                input: Self::Input,
            ) -> ::core::result::Result<Self::Output, ::taskhost_flow::Failure> {
                #name(context, input).await
            }
        }
    })
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
mod tests {
    use super::*;

    fn expanded(source: &str) -> Result<String, String> {
        let function = syn::parse_str(source).unwrap();
        expand(&function)
            .map(|tokens| tokens.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_comment_is_the_description_and_the_types_are_those_of_the_function() {
        let code = expanded(
            "/// Renders a film.\n/// In steps.\nasync fn render(ctx: Context, input: In) -> Result<Out, Failure> { todo!() }",
        );
        let code = code.unwrap();
        for part in [
            "const NAME : & 'static str = \"render\"",
            "Some (\"Renders a film.\\nIn steps.\")",
            "type Input = In",
            "type Output = Out",
        ] {
            assert!(code.contains(part), "{part}: {code}");
        }
    }

    #[test]
    fn another_signature_is_answered_with_the_right_one() {
        for source in [
            "fn render(ctx: Context, input: In) -> Result<Out, Failure> { todo!() }",
            "async fn render(input: In) -> Result<Out, Failure> { todo!() }",
            "async fn render(ctx: Context, input: In) -> Out { todo!() }",
            "async fn render<T>(ctx: Context, input: T) -> Result<Out, Failure> { todo!() }",
        ] {
            let error = expanded(source).unwrap_err();
            assert!(
                error.contains("async fn name(ctx: Context"),
                "{source}: {error}"
            );
        }
    }
}
