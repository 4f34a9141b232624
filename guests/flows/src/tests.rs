//! Whole runs, in a moment: activities have a host whose time the tests own, and timers fire when nothing else is
//! left to wait for.

use serde_json::{Value, json};
use taskhost_flow::replay::Run;
use taskhost_flow::{
    ActivityContext, Answer, Attempt, Begin, Command, Ending, Event, Start, perform,
};
use taskhost_sdk::mock::Host;

use super::*;

const ALL: &[Begin] = &[
    Begin::of::<process_data>(),
    Begin::of::<write_report>(),
    Begin::of::<deep_research>(),
    Begin::of::<research_branch>(),
];

/// A run, what it has had done, and how it says it stands.
struct Driven {
    host: Host,
    done: Vec<String>,
    messages: Vec<String>,
    /// What the client answers. `None`: it never does.
    answer: Option<Value>,
    /// How many activities are done before it is asked to stop.
    cancel_after: Option<usize>,
}

impl Driven {
    fn new() -> Self {
        Self {
            host: Host::new(),
            done: Vec::new(),
            messages: Vec::new(),
            answer: None,
            cancel_after: None,
        }
    }

    fn run(&mut self, name: &str, input: &Value) -> Ending {
        let mut run = Run::new(ALL);
        let mut open: Vec<Command> = Vec::new();
        let mut events = vec![Event::Started(Start {
            name: name.to_owned(),
            input: input.to_string(),
            seed: 1,
        })];
        loop {
            events.insert(0, Event::Turn(self.host.now_ms()));
            for command in run.step(std::mem::take(&mut events)).unwrap() {
                match command {
                    Command::Finish(ending) => return ending,
                    Command::SetProgress(progress) => self.messages.extend(progress.message),
                    Command::GiveUp(seq) => open.retain(|command| seq_of(command) != seq),
                    Command::SetStatus(_) => {}
                    other => open.push(other),
                }
            }
            if self.cancel_after == Some(self.done.len()) {
                self.cancel_after = None;
                events = vec![Event::CancelRequested(None)];
                continue;
            }
            open.sort_by_key(|command| self.is_late(command));
            assert!(!open.is_empty(), "{name} waits for nothing");
            events = vec![self.happens(open.remove(0))];
        }
    }

    /// Timers fire last, and a question that nobody answers never is.
    fn is_late(&self, command: &Command) -> u8 {
        match command {
            Command::StartTimer(_) => 1,
            Command::Ask(_) if self.answer.is_none() => 2,
            _ => 0,
        }
    }

    fn happens(&mut self, command: Command) -> Event {
        let answer = |seq, outcome| Answer { seq, outcome };
        match command {
            Command::CallActivity(call) => {
                let outcome = self.host.run(async move {
                    perform(ACTIVITIES, &call.name, &call.input)
                        .await
                        .map(|output| (call, output))
                });
                let (call, output) = outcome.unwrap();
                self.done.push(call.name);
                Event::ActivityEnded(answer(call.seq, Ok(output)))
            }
            Command::CallChild(call) => {
                let input = serde_json::from_str(&call.input).unwrap();
                let Ending::Completed(output) = self.run(&call.name, &input) else {
                    panic!("{} has no result", call.name);
                };
                Event::ChildEnded(answer(call.seq, Ok(output)))
            }
            Command::StartTimer(timer) => Event::TimerFired(timer.seq),
            Command::Ask(question) => {
                let said = self.answer.clone().unwrap();
                Event::Answered(answer(question.seq, Ok(said.to_string())))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn seq_of(command: &Command) -> u32 {
    match command {
        Command::CallActivity(call) => call.seq,
        Command::CallChild(call) => call.seq,
        Command::StartTimer(timer) => timer.seq,
        Command::Ask(question) => question.seq,
        other => panic!("{other:?}"),
    }
}

fn result(ending: &Ending) -> Value {
    match ending {
        Ending::Completed(output) => serde_json::from_str(output).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_is_processed_step_by_step() {
    let mut driven = Driven::new();
    let began = driven.host.now_ms();
    let ending = driven.run(
        "process_data",
        &json!({ "items": ["a", "b"], "seconds_per_step": 1.5 }),
    );
    let processed = result(&ending);
    assert_eq!(processed["steps"][1]["item"], "b");
    assert!(
        processed["summary"]
            .as_str()
            .unwrap()
            .starts_with("2 items with ")
    );
    assert_eq!(driven.messages, ["a is done", "b is done"]);
    assert_eq!(driven.host.now_ms() - began, 3000);

    let ending = Driven::new().run("process_data", &json!({}));
    assert_eq!(result(&ending)["steps"].as_array().unwrap().len(), 5);
}

#[test]
fn a_step_that_fails_first_succeeds_then() {
    let step =
        || serde_json::from_value(json!({ "item": "a", "seconds": 0.0, "fails_first": true }));
    let attempt = |number| {
        ActivityContext::new(Attempt {
            number,
            ..Attempt::default()
        })
    };
    let host = Host::new();
    let failure = host.run(do_step(attempt(1), step().unwrap())).unwrap_err();
    assert!(failure.retryable);
    assert!(host.run(do_step(attempt(2), step().unwrap())).is_ok());
}

#[test]
fn work_goes_on_where_the_attempt_before_came_to() {
    let host = Host::new();
    let began = host.now_ms();
    let ctx = ActivityContext::new(Attempt {
        last: Some("58.0".to_owned()),
        ..Attempt::default()
    });
    host.run(pretend::work(&ctx, 60.0)).unwrap();
    assert_eq!(host.now_ms() - began, 2000);
}

#[test]
fn a_report_that_is_wanted_is_published() {
    let mut driven = Driven::new();
    driven.answer = Some(json!({ "approve": true, "comment": "fine" }));
    let report = result(&driven.run("write_report", &json!({ "topic": "bees" })));
    assert_eq!(
        (&report["published"], &report["comment"]),
        (&json!(true), &json!("fine"))
    );
    assert!(
        report["text"]
            .as_str()
            .unwrap()
            .starts_with("Introduction\nOn bees, ")
    );
    assert_eq!(driven.done.last().unwrap(), "publish_report");
}

#[test]
fn a_report_that_is_declined_or_not_answered_is_discarded() {
    for answer in [Some(json!({ "approve": false })), None] {
        let mut driven = Driven::new();
        driven.answer.clone_from(&answer);
        let report = result(&driven.run("write_report", &json!({ "topic": "bees" })));
        assert_eq!(report["published"], false, "{answer:?}");
        assert_eq!(driven.done.last().unwrap(), "discard_draft");
    }
}

#[test]
fn a_report_that_is_cancelled_is_discarded() {
    for after in 1..=4 {
        let mut driven = Driven::new();
        driven.cancel_after = Some(after);
        let ending = driven.run("write_report", &json!({ "topic": "bees" }));
        assert_eq!(ending, Ending::Cancelled);
        assert_eq!(
            driven.done.last().unwrap(),
            "discard_draft",
            "after {after}"
        );
    }
}

#[test]
fn research_has_a_finding_for_each_page_of_each_branch() {
    let mut driven = Driven::new();
    let input = json!({ "question": "Why?", "breadth": 2, "depth": 2 });
    let answer = result(&driven.run("deep_research", &input));
    for branch in [0, 1] {
        let findings = &answer["branches"][branch]["findings"];
        assert_eq!(findings.as_array().unwrap().len(), 4);
    }
    assert_eq!(driven.done.len(), 1 + 2 * 2 * 3 + 1);
    assert_eq!(driven.messages.last().unwrap(), "all is summed up");
}

#[test]
fn every_orchestration_and_activity_says_what_it_is() {
    for definition in <Flows as taskhost_flow::bindings::exports::taskhost::durable::orchestrator::Guest>::list_orchestrations() {
        assert!(definition.description.is_some_and(|words| words.len() > 40));
        assert!(definition.input_schema.contains("\"description\""));
    }
    assert!(
        ACTIVITIES
            .iter()
            .all(|activity| activity.definition().description.is_some())
    );
}
