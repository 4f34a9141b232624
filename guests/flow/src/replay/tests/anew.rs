//! What goes from one history to the next, and what comes before anybody asks for it.

use super::*;

/// Takes one signal in each generation, and begins anew until it has had enough of them.
pub(super) struct Collector;

impl Orchestration for Collector {
    const NAME: &'static str = "collector";
    type Input = Input;
    type Output = String;

    async fn run(ctx: Context, input: Input) -> Result<String, Failure> {
        let text: String = ctx.signal("text").await?;
        if input.steps == 0 {
            return Ok(text);
        }
        let steps = input.steps - 1;
        ctx.begin_anew(&Input { steps })
    }
}

fn told(name: &str, data: &str) -> Signal {
    Signal {
        name: name.to_owned(),
        data: data.to_owned(),
    }
}

fn started(steps: u32) -> Event {
    Event::Started(Start {
        name: "collector".to_owned(),
        input: serde_json::to_string(&Input { steps }).unwrap(),
        seed: 7,
    })
}

#[test]
fn signals_that_nobody_has_taken_go_on() {
    let mut engine = Engine::start("collector", 1);
    engine.deliver(vec![
        Event::SignalReceived(told("other", "1")),
        Event::SignalReceived(told("text", "\"first\"")),
        Event::SignalReceived(told("text", "\"second\"")),
    ]);
    let Some(Ending::Continued(continuation)) = engine.ending.clone() else {
        panic!("{:?}", engine.ending);
    };
    assert_eq!(continuation.input, "{\"steps\":0}");
    // The second one came when the code had come to its end, in the same turn.
    let unread = [told("other", "1"), told("text", "\"second\"")];
    assert_eq!(continuation.unread, unread);
    engine.comes_back_from_every_part();
}

#[test]
fn signals_that_came_before_the_last_one_was_taken_go_on_in_their_order() {
    let mut engine = Engine::start("report", 0);
    for data in ["1", "2"] {
        engine.signal("later", data);
    }
    assert_eq!(
        engine.run.state.borrow().unread(),
        [told("later", "1"), told("later", "2")]
    );
}

#[test]
fn a_new_history_begins_with_the_signals_of_the_old_one() {
    for signal_first in [false, true] {
        let signal = Event::SignalReceived(told("text", "\"kept\""));
        let mut events = vec![Event::Turn(0), started(0), signal];
        if signal_first {
            events.swap(1, 2);
        }
        let decided = Run::new(ALL).step(events).unwrap();
        let ending = Ending::Completed("\"kept\"".to_owned());
        assert_eq!(decided, [Command::Finish(ending)]);
    }
}
