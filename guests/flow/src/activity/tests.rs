//! Attempts without a host.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

/// Counts to ten, and goes on where the attempt before came to.
struct Count;

impl ActivityKind for Count {
    const NAME: &'static str = "count";
    const DESCRIPTION: Option<&'static str> = Some("Counts.");
    const AT_ONCE: Option<u32> = Some(2);
    type Input = u32;
    type Output = (u32, u32, String);

    async fn perform(ctx: ActivityContext, to: u32) -> Result<Self::Output, Failure> {
        let first = ctx.last_heartbeat().unwrap_or(0);
        for number in first..to {
            if ctx.heartbeat(&(number + 1)) {
                return Err(Failure::cancelled(None));
            }
        }
        Ok((first, ctx.attempt(), ctx.key()))
    }
}

const ALL: &[Perform] = &[Perform::of::<Count>()];

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn an_attempt_goes_on_where_the_one_before_came_to() {
    let ctx = ActivityContext::new(Attempt {
        key: "run.1".to_owned(),
        number: 2,
        last: Some("7".to_owned()),
        ..Attempt::default()
    });
    let counted = ready(Count::perform(ctx.clone(), 10));
    assert_eq!(counted, Ok((7, 2, "run.1".to_owned())));
    let said: Vec<_> = ctx.pretended().said.into_iter().flatten().collect();
    assert_eq!(said, ["8", "9", "10"]);
}

#[test]
fn whoever_is_not_waited_for_is_told() {
    let ctx = ActivityContext::new(Attempt {
        stop_after: Some(3),
        ..Attempt::default()
    });
    let stopped = ready(Count::perform(ctx.clone(), 10)).unwrap_err();
    assert!(stopped.is_cancelled());
    assert_eq!(ctx.pretended().said.len(), 3);
}

#[test]
fn a_heartbeat_of_nothing_leaves_nothing() {
    let ctx = ActivityContext::new(Attempt::default());
    assert!(!ctx.heartbeat(&()));
    assert_eq!(ctx.pretended().said, [None]);
}

#[test]
fn an_activity_is_found_by_its_name_and_given_its_type() {
    assert_eq!(ready(perform(ALL, "count", "3")).unwrap(), "[0,1,\"\"]");
    for (name, input, code) in [
        ("other", "3", "unknown-activity"),
        ("count", "\"three\"", "invalid-input"),
    ] {
        let failure = ready(perform(ALL, name, input)).unwrap_err();
        assert_eq!(failure.code, code);
        assert!(failure.message.contains("count"), "{}", failure.message);
        assert!(!failure.retryable);
    }
    let definition = ALL[0].definition();
    assert_eq!(
        (definition.name.as_str(), definition.at_once),
        ("count", Some(2))
    );
}
