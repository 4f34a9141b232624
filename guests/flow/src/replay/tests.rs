//! A small engine in memory: it writes down what is decided, answers in an order that chance chooses, and
//! brings every run back from every part of its history.

mod anew;
mod gather;

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use crate::calls::Backoff;
use crate::{Answer, Orchestration, Signal};

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Input {
    #[serde(default)]
    steps: u32,
}

/// One after the other.
struct Steps;

impl Orchestration for Steps {
    const NAME: &'static str = "steps";
    type Input = Input;
    type Output = Vec<u32>;

    async fn run(ctx: Context, input: Input) -> Result<Vec<u32>, Failure> {
        let mut done = Vec::new();
        for step in 0..input.steps {
            let retry = Backoff::doubling(Duration::from_secs(1), Duration::from_mins(1));
            done.push(ctx.activity("double", &step).retry(3, retry).await?);
            ctx.progress(step + 1, input.steps, "doubling");
        }
        Ok(done)
    }
}

/// All at once, and a choice among what comes first.
struct Fan;

impl Orchestration for Fan {
    const NAME: &'static str = "fan";
    type Input = Input;
    type Output = u32;

    async fn run(ctx: Context, input: Input) -> Result<u32, Failure> {
        let all = join_all((0..input.steps).map(|step| ctx.activity::<u32>("double", &step)));
        let sum = all.await.into_iter().sum::<Result<u32, _>>()?;
        let timer = ctx.sleep(Duration::from_secs(u64::from(sum)));
        let first = ctx.activity::<u32>("double", &sum);
        let chosen = match select(first, timer).await {
            Either::Left((result, _)) => result?,
            Either::Right((fired, _)) => {
                fired?;
                0
            }
        };
        let bonus = u32::try_from(ctx.random() % 3).unwrap();
        let more = join_all((0..bonus).map(|step| ctx.activity::<u32>("double", &step)));
        Ok(chosen + more.await.into_iter().sum::<Result<u32, _>>()?)
    }
}

/// A question, a signal, and something to clean up.
struct Report;

impl Orchestration for Report {
    const NAME: &'static str = "report";
    type Input = Input;
    type Output = String;

    async fn run(ctx: Context, _: Input) -> Result<String, Failure> {
        let draft: u32 = ctx.activity("double", &21).await?;
        match publish(&ctx, draft).await {
            Err(failure) if failure.is_cancelled() => {
                let cleaned: u32 = ctx.shield(ctx.activity("double", &1)).await?;
                assert_eq!(cleaned, 2);
                Err(failure)
            }
            ended => ended,
        }
    }
}

async fn publish(ctx: &Context, draft: u32) -> Result<String, Failure> {
    let approved: bool = ctx.ask("approve", "Publish it?").await?;
    let title: String = ctx.signal("title").await?;
    ctx.sleep(Duration::from_hours(1)).await?;
    Ok(format!("{title}: {draft}, {approved}"))
}

/// Has others run, and tells one of them.
struct Parent;

impl Orchestration for Parent {
    const NAME: &'static str = "parent";
    type Input = Input;
    type Output = u32;

    async fn run(ctx: Context, input: Input) -> Result<u32, Failure> {
        let child = ctx.child::<u32>("fan", &input).start();
        ctx.send_signal("somebody", "begun", &input)?;
        let twice: u32 = ctx.activity("double", &input.steps).await?;
        Ok(twice + child.await?)
    }
}

/// Begins anew until it has counted down.
struct Again;

impl Orchestration for Again {
    const NAME: &'static str = "again";
    type Input = Input;
    type Output = &'static str;

    async fn run(ctx: Context, input: Input) -> Result<&'static str, Failure> {
        let _: u32 = ctx.activity("double", &input.steps).await?;
        if input.steps == 0 {
            return Ok("over");
        }
        let steps = input.steps - 1;
        ctx.begin_anew(&Input { steps })
    }
}

thread_local! {
    /// How `Changing` is written now.
    static CODE: Cell<Written> = const { Cell::new(Written::AsBefore) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    AsBefore,
    Renamed,
    Swapped,
    Shorter,
    Longer,
    OtherInput,
    Versioned,
}

/// What an author changes while runs are under way.
struct Changing;

impl Orchestration for Changing {
    const NAME: &'static str = "changing";
    type Input = Input;
    type Output = u32;

    async fn run(ctx: Context, _: Input) -> Result<u32, Failure> {
        let (first, second) = match CODE.get() {
            Written::Renamed => ("renamed", "second"),
            Written::Swapped => ("second", "first"),
            Written::Versioned if ctx.version("renamed") => ("renamed", "second"),
            _ => ("first", "second"),
        };
        let given = u32::from(CODE.get() == Written::OtherInput);
        let one: u32 = ctx.activity(first, &given).await?;
        if CODE.get() == Written::Shorter {
            return Ok(one);
        }
        if CODE.get() == Written::Longer {
            let _: u32 = ctx.activity("between", &0).await?;
        }
        let two: u32 = ctx.activity(second, &0).await?;
        Ok(one + two)
    }
}

/// Waits for what no event brings.
struct Elsewhere;

impl Orchestration for Elsewhere {
    const NAME: &'static str = "elsewhere";
    type Input = Input;
    type Output = ();

    async fn run(_: Context, _: Input) -> Result<(), Failure> {
        std::future::pending().await
    }
}

const ALL: &[Begin] = &[
    Begin::of::<Steps>(),
    Begin::of::<Fan>(),
    Begin::of::<Report>(),
    Begin::of::<Parent>(),
    Begin::of::<Again>(),
    Begin::of::<Changing>(),
    Begin::of::<Elsewhere>(),
    Begin::of::<anew::Collector>(),
    Begin::of::<gather::Every>(),
    Begin::of::<gather::Contest>(),
    Begin::of::<gather::Handover>(),
];

/// One run and its history, as an engine has them.
struct Engine {
    run: Run,
    /// One turn each.
    turns: Vec<Vec<Event>>,
    /// What is to be answered, oldest first.
    open: Vec<Command>,
    ending: Option<Ending>,
    progress: u32,
}

impl Engine {
    fn start(name: &str, steps: u32) -> Self {
        let mut engine = Self {
            run: Run::new(ALL),
            turns: Vec::new(),
            open: Vec::new(),
            ending: None,
            progress: 0,
        };
        let input = serde_json::to_string(&Input { steps }).unwrap();
        let name = name.to_owned();
        engine.deliver(vec![Event::Started(Start {
            name,
            input,
            seed: 7,
        })]);
        engine
    }

    /// One turn: what happened, and what was decided then.
    fn deliver(&mut self, happened: Vec<Event>) {
        let now = Event::Turn(1000 * self.turns.len() as u64);
        let mut turn = vec![now];
        turn.extend(happened);
        let decided = self.run.step(turn.clone()).unwrap();
        for command in decided {
            turn.extend(record(&command));
            match command {
                Command::GiveUp(seq) => self.open.retain(|open| seq_of(open) != Some(seq)),
                Command::Finish(ending) => self.ending = Some(ending),
                Command::SetProgress(_) => self.progress += 1,
                Command::Mark(_) | Command::SetStatus(_) | Command::SendSignal(_) => {}
                other => self.open.push(other),
            }
        }
        self.turns.push(turn);
    }

    fn answer(&mut self, place: usize) {
        let event = match self.open.remove(place) {
            Command::CallActivity(call) => {
                let given: u32 = serde_json::from_str(&call.input).unwrap();
                Event::ActivityEnded(Answer {
                    seq: call.seq,
                    outcome: Ok((2 * given).to_string()),
                })
            }
            Command::StartTimer(timer) => Event::TimerFired(timer.seq),
            Command::Ask(question) => Event::Answered(Answer {
                seq: question.seq,
                outcome: Ok("true".to_owned()),
            }),
            Command::CallChild(call) => Event::ChildEnded(Answer {
                seq: call.seq,
                outcome: Ok("1".to_owned()),
            }),
            other => panic!("{other:?}"),
        };
        self.deliver(vec![event]);
    }

    fn signal(&mut self, name: &str, data: &str) {
        self.deliver(vec![Event::SignalReceived(Signal {
            name: name.to_owned(),
            data: data.to_owned(),
        })]);
    }

    /// Answers, in an order that `random` chooses, until nothing is open.
    fn finish(&mut self, random: &mut Random) {
        while !self.open.is_empty() && self.ending.is_none() {
            let place = random.next() % self.open.len() as u64;
            self.answer(usize::try_from(place).unwrap());
        }
    }

    fn result(&self) -> &str {
        match &self.ending {
            Some(Ending::Completed(output)) => output,
            other => panic!("{other:?}"),
        }
    }

    /// A fresh instance with the turns up to `turns`, the decisions of the last of them left out: what it
    /// decides is what was decided.
    fn comes_back_from_every_part(&self) {
        for turns in 1..=self.turns.len() {
            let (before, last) = (&self.turns[..turns - 1], &self.turns[turns - 1]);
            let (decided, happened): (Vec<_>, Vec<_>) =
                last.iter().cloned().partition(super::is_decision);
            let events = before.iter().flatten().cloned().chain(happened).collect();
            let again = Run::new(ALL).step(events).unwrap();
            let again: Vec<_> = again.iter().filter_map(record).collect();
            assert_eq!(again, decided, "after {turns} turns");
        }
    }

    /// What a fresh instance says to the whole history.
    fn replayed(&self) -> Result<Vec<Command>, Failure> {
        Run::new(ALL).step(self.turns.iter().flatten().cloned().collect())
    }
}

fn seq_of(command: &Command) -> Option<u32> {
    match command {
        Command::CallActivity(call) => Some(call.seq),
        Command::StartTimer(timer) => Some(timer.seq),
        Command::Ask(question) => Some(question.seq),
        Command::CallChild(call) => Some(call.seq),
        _ => None,
    }
}

#[test]
fn steps_follow_one_another() {
    let mut engine = Engine::start("steps", 4);
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.result(), "[0,2,4,6]");
    assert_eq!(engine.progress, 4);
    engine.comes_back_from_every_part();
}

#[test]
fn any_order_of_answers_is_repeated() {
    for order in 0..200 {
        let mut engine = Engine::start("fan", 5);
        assert_eq!(engine.open.len(), 5);
        engine.finish(&mut Random::new(order));
        assert!(matches!(engine.ending, Some(Ending::Completed(_))));
        engine.comes_back_from_every_part();
    }
}

#[test]
fn many_at_once_are_repeated_too() {
    // From some thirty on, `join_all` polls only those that were woken.
    for order in 0..20 {
        let mut engine = Engine::start("fan", 100);
        assert_eq!(engine.open.len(), 100);
        engine.finish(&mut Random::new(order));
        assert!(matches!(engine.ending, Some(Ending::Completed(_))));
        engine.comes_back_from_every_part();
    }
}

#[test]
fn a_child_that_was_begun_runs_beside_its_parent() {
    for order in 0..4 {
        let mut engine = Engine::start("parent", 3);
        assert_eq!(engine.open.len(), 2, "{:?}", engine.open);
        let told = |event: &Event| matches!(event, Event::SignalSent(sent) if sent.name == "begun");
        assert!(engine.turns[0].iter().any(told));
        engine.finish(&mut Random::new(order));
        assert_eq!(engine.result(), "7");
        engine.comes_back_from_every_part();
    }
}

#[test]
fn what_lost_a_race_is_given_up() {
    let mut engine = Engine::start("fan", 0);
    let [activity, timer] = [0, 1].map(|place| seq_of(&engine.open[place]).unwrap());
    // The timer was begun second, and comes first.
    engine.answer(1);
    assert_eq!((activity, timer), (1, 2));
    assert!(engine.turns[1].contains(&Event::GivenUp(activity)));
    engine.comes_back_from_every_part();
}

#[test]
fn a_question_and_a_signal_that_came_early() {
    let mut engine = Engine::start("report", 0);
    engine.signal("title", "\"Report\"");
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.result(), "\"Report: 42, true\"");
    engine.comes_back_from_every_part();
}

#[test]
fn who_is_asked_to_stop_cleans_up_first() {
    let mut engine = Engine::start("report", 0);
    engine.answer(0);
    let question = seq_of(&engine.open[0]).unwrap();
    engine.deliver(vec![Event::CancelRequested(Some("enough".to_owned()))]);
    assert!(engine.turns[2].contains(&Event::GivenUp(question)));
    assert_eq!(engine.ending, None);
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.ending, Some(Ending::Cancelled));
    engine.comes_back_from_every_part();
}

#[test]
fn what_begins_anew_says_with_what() {
    let mut engine = Engine::start("again", 3);
    engine.finish(&mut Random::new(1));
    let anew = Ending::Continued(Continuation {
        input: "{\"steps\":2}".to_owned(),
        unread: Vec::new(),
    });
    assert_eq!(engine.ending, Some(anew));
    engine.comes_back_from_every_part();
}

#[test]
fn changed_code_is_told_what_history_has_and_what_it_does() {
    let mut engine = Engine::start("changing", 0);
    engine.answer(0);
    for (written, expected) in [
        (
            Written::Renamed,
            [
                "step 1: activity `first`",
                "does step 1: activity `renamed`",
            ],
        ),
        (
            Written::Swapped,
            ["step 1: activity `first`", "does step 1: activity `second`"],
        ),
        (
            Written::Shorter,
            ["step 2: activity `second`", "does its end"],
        ),
        (
            Written::Longer,
            [
                "step 2: activity `second`",
                "does step 2: activity `between`",
            ],
        ),
        (
            Written::OtherInput,
            [
                "step 1: activity `first` with input",
                "does step 1: activity `first`",
            ],
        ),
    ] {
        CODE.set(written);
        let failure = engine.replayed().unwrap_err();
        assert_eq!(failure.code, "non-deterministic");
        for words in expected {
            assert!(
                failure.message.contains(words),
                "{written:?}: {}",
                failure.message
            );
        }
        assert!(
            failure.message.contains("Context::version"),
            "{}",
            failure.message
        );
    }
    CODE.set(Written::AsBefore);
    assert_eq!(engine.replayed(), Ok(vec![]));
}

#[test]
fn old_runs_keep_the_old_way_and_new_ones_take_the_new() {
    let mut old = Engine::start("changing", 0);
    CODE.set(Written::Versioned);
    assert_eq!(old.replayed(), Ok(vec![]));
    old.answer(0);
    old.answer(0);
    assert_eq!(old.result(), "0");

    let mut new = Engine::start("changing", 0);
    assert!(new.turns[0].contains(&Event::Marked("renamed".to_owned())));
    new.answer(0);
    new.comes_back_from_every_part();
    assert_eq!(new.replayed(), Ok(vec![]));
    CODE.set(Written::AsBefore);
}

#[test]
fn what_waits_for_nothing_is_told_what_to_do() {
    let started = Event::Started(Start {
        name: "elsewhere".to_owned(),
        input: "{}".to_owned(),
        seed: 0,
    });
    let mut run = Run::new(ALL);
    let failure = run.step(vec![Event::Turn(0), started]).unwrap_err();
    assert_eq!(failure.code, "waits-for-nothing");
    assert!(failure.message.contains("in an activity"));
    assert_eq!(
        run.step(vec![]).unwrap_err(),
        failure,
        "there is no going on"
    );
}

#[test]
fn an_unknown_orchestration_and_a_wrong_input_are_named() {
    let start = |name: &str, input: &str| {
        Event::Started(Start {
            name: name.to_owned(),
            input: input.to_owned(),
            seed: 0,
        })
    };
    let failure = Run::new(ALL)
        .step(vec![start("nothing", "{}")])
        .unwrap_err();
    assert!(
        failure.message.contains("there are steps, fan"),
        "{failure:?}"
    );

    let decided = Run::new(ALL)
        .step(vec![start("steps", "{\"steps\":-1}")])
        .unwrap();
    let [Command::Finish(Ending::Failed(failure))] = decided.as_slice() else {
        panic!("{decided:?}");
    };
    assert_eq!(failure.code, "invalid-input");
}

#[test]
fn time_stands_still_between_events() {
    let mut engine = Engine::start("steps", 2);
    engine.finish(&mut Random::new(1));
    assert_eq!(engine.run.state.borrow().now_ms, 2000);
}
