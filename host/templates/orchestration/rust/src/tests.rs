//! `cargo test`: whole runs, in no time. What the engine does between two steps, is done here.

use serde_json::{Value, json};
use taskhost_flow::replay::Run;
use taskhost_flow::{Answer, Begin, Command, Ending, Event, Start, perform};
use taskhost_sdk::mock::Host;

use super::*;

const ALL: &[Begin] = &[Begin::of::<greet_all>()];

#[test]
fn greets_everybody_in_order() {
    let Ending::Completed(output) = run(&json!({ "names": ["Ada", "Grace"] })) else {
        panic!("it has no result")
    };
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(output, json!({ "said": ["Hello, Ada!", "Hello, Grace!"] }));
}

#[test]
fn fails_where_there_is_nobody() {
    let Ending::Failed(failure) = run(&json!({ "names": ["Ada", ""] })) else {
        panic!("it does not fail")
    };
    assert_eq!(failure.code, "nobody");
}

fn run(input: &Value) -> Ending {
    let host = Host::new();
    let mut run = Run::new(ALL);
    let mut events = vec![Event::Started(Start {
        name: "greet_all".to_owned(),
        input: input.to_string(),
        seed: 1,
    })];
    loop {
        events.insert(0, Event::Turn(host.now_ms()));
        for command in run.step(std::mem::take(&mut events)).unwrap() {
            match command {
                Command::CallActivity(call) => {
                    let outcome = host.run(perform(ACTIVITIES, &call.name, &call.input));
                    let seq = call.seq;
                    events.push(Event::ActivityEnded(Answer { seq, outcome }));
                }
                Command::StartTimer(timer) => events.push(Event::TimerFired(timer.seq)),
                Command::Finish(ending) => return ending,
                Command::SetProgress(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
