//! What the attributes make, as text.

use super::*;

fn orchestration_of(source: &str) -> Result<String, String> {
    text(expand_orchestration(&syn::parse_str(source).unwrap()))
}

fn activity_of(attribute: &str, source: &str) -> Result<String, String> {
    let function = syn::parse_str(source).unwrap();
    let at_once = at_once(attribute.parse().unwrap());
    text(at_once.and_then(|at_once| expand_activity(&function, at_once)))
}

fn text(expanded: Result<Code, Error>) -> Result<String, String> {
    expanded
        .map(|tokens| tokens.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn the_comment_is_the_description_and_the_types_are_those_of_the_function() {
    let code = orchestration_of(
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

const ACTIVITY: &str =
    "async fn cut(ctx: ActivityContext, input: In) -> Result<Out, Failure> { todo!() }";

#[test]
fn an_activity_says_how_many_run_at_once() {
    for (attribute, said) in [("", "None"), ("at_once = 4", "Some (4u32)")] {
        let code = activity_of(attribute, ACTIVITY).unwrap();
        let said = format!("Option < u32 > = :: core :: option :: Option :: {said}");
        assert!(code.contains(&said), "{said}: {code}");
    }
    for wrong in [
        "4",
        "at_once",
        "at_once = 0",
        "at_once = -1",
        "twice = 4",
        "at_once = 4, more",
    ] {
        let error = activity_of(wrong, ACTIVITY).unwrap_err();
        assert!(
            error.contains("#[activity(at_once = 4)]"),
            "{wrong}: {error}"
        );
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
        let error = orchestration_of(source).unwrap_err();
        assert!(
            error.contains("async fn name(ctx: Context"),
            "{source}: {error}"
        );
        let error = activity_of("", source).unwrap_err();
        assert!(
            error.contains("async fn name(ctx: ActivityContext"),
            "{source}: {error}"
        );
    }
}
