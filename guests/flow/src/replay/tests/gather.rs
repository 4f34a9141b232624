//! What waits for many things at once, in every order in which they may come.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::{Either, all, both, first, race};

/// All of many, with an order of their own.
pub(super) struct Every;

impl Orchestration for Every {
    const NAME: &'static str = "every";
    type Input = Input;
    type Output = Vec<u32>;

    async fn run(ctx: Context, input: Input) -> Result<Vec<u32>, Failure> {
        let doubled = all((0..input.steps).map(|step| twice(&ctx, step))).await;
        doubled.into_iter().collect()
    }
}

/// Two activities, one after the other.
async fn twice(ctx: &Context, step: u32) -> Result<u32, Failure> {
    let once: u32 = ctx.activity("double", &step).await?;
    ctx.activity("double", &once).await
}

/// The first of many, then the first of two, then both.
pub(super) struct Contest;

impl Orchestration for Contest {
    const NAME: &'static str = "contest";
    type Input = Input;
    type Output = Vec<u32>;

    async fn run(ctx: Context, input: Input) -> Result<Vec<u32>, Failure> {
        let (place, won) =
            first((0..input.steps).map(|step| ctx.activity::<u32>("double", &step))).await;
        let limit = ctx.sleep(Duration::from_secs(1));
        let in_time = match race(ctx.ask::<bool>("go", "On?"), limit).await {
            Either::Left(answer) => u32::from(answer?),
            Either::Right(fired) => {
                fired?;
                7
            }
        };
        let (one, pause) = both(
            ctx.activity::<u32>("double", &50),
            ctx.sleep(Duration::ZERO),
        )
        .await;
        pause?;
        Ok(vec![u32::try_from(place).unwrap(), won?, in_time, one?])
    }
}

/// One part wakes the other, without any event between them.
pub(super) struct Handover;

impl Orchestration for Handover {
    const NAME: &'static str = "handover";
    type Input = Input;
    type Output = u32;

    async fn run(ctx: Context, _: Input) -> Result<u32, Failure> {
        let place: Rc<RefCell<(Option<u32>, Option<Waker>)>> = Rc::default();
        let taken = std::future::poll_fn(|polling| {
            let mut place = place.borrow_mut();
            if let Some(value) = place.0.take() {
                return Poll::Ready(value);
            }
            place.1 = Some(polling.waker().clone());
            Poll::Pending
        });
        let given = async {
            let value = ctx.activity::<u32>("double", &4).await?;
            let waker = {
                let mut place = place.borrow_mut();
                place.0 = Some(value);
                place.1.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
            Ok::<_, Failure>(())
        };
        let (value, ended) = both(taken, given).await;
        ended?;
        Ok(value)
    }
}

#[test]
fn values_have_the_order_of_what_was_begun() {
    for order in 0..50 {
        let mut engine = Engine::start("every", 6);
        assert_eq!(engine.open.len(), 6);
        engine.finish(&mut Random::new(order));
        assert_eq!(engine.result(), "[0,4,8,12,16,20]");
        engine.comes_back_from_every_part();
    }
}

#[test]
fn of_none_all_are_there() {
    let engine = Engine::start("every", 0);
    assert_eq!(engine.result(), "[]");
}

#[test]
fn a_thousand_at_once_are_polled_by_what_wakes_them() {
    let mut engine = Engine::start("every", 1000);
    engine.finish(&mut Random::new(1));
    assert!(matches!(engine.ending, Some(Ending::Completed(_))));
    assert_eq!(engine.replayed(), Ok(vec![]));
}

#[test]
fn those_that_lost_are_given_up_in_their_order() {
    let mut engine = Engine::start("contest", 3);
    engine.answer(1);
    let given_up: Vec<_> = (engine.turns[1].iter())
        .filter(|event| matches!(event, Event::GivenUp(_)))
        .cloned()
        .collect();
    assert_eq!(given_up, [Event::GivenUp(1), Event::GivenUp(3)]);
    // Of the question and the time limit, the time limit comes first.
    engine.answer(1);
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.result(), "[1,2,7,100]");
    engine.comes_back_from_every_part();
}

#[test]
fn the_first_of_any_is_the_same_in_each_replay() {
    for order in 0..50 {
        let mut engine = Engine::start("contest", 4);
        engine.finish(&mut Random::new(order));
        assert!(matches!(engine.ending, Some(Ending::Completed(_))));
        engine.comes_back_from_every_part();
    }
}

#[test]
fn what_comes_at_the_same_time_is_taken_by_its_place() {
    let mut engine = Engine::start("contest", 2);
    let ended = |seq, value: &str| {
        Event::ActivityEnded(Answer {
            seq,
            outcome: Ok(value.to_owned()),
        })
    };
    // Both have ended before the code looks again: each event has its turn, so the one that was first is.
    engine.open.clear();
    engine.deliver(vec![ended(2, "22"), ended(1, "11")]);
    assert!(engine.turns[1].contains(&Event::GivenUp(1)));
    engine.comes_back_from_every_part();
}

#[test]
fn a_part_that_another_part_wakes_has_its_turn() {
    let mut engine = Engine::start("handover", 0);
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.result(), "8");
    engine.comes_back_from_every_part();
}

#[test]
fn who_is_asked_to_stop_stops_all_of_them() {
    let mut engine = Engine::start("every", 3);
    engine.deliver(vec![Event::CancelRequested(None)]);
    assert_eq!(engine.ending, Some(Ending::Cancelled));
    for seq in 1..=3 {
        assert!(engine.turns[1].contains(&Event::GivenUp(seq)));
    }
    engine.comes_back_from_every_part();
}
