//! A host in memory that dies at any moment: before a turn is written down, after it, in the middle of
//! activities. What it had written down is all that it has when it is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use schemars::JsonSchema;
use serde::Deserialize;
use taskhost_flow::{Backoff, Begin, Context, Ending, Failure, orchestration, replay};

use crate::entry::{End, Entry, Outcome, Why};
use crate::ledger::Ledger;
use crate::run::{Input, Run, Shown, Turn, Work};

/// How many there are of each thing.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Size {
    size: u32,
}

/// Everything that a run can do.
#[orchestration]
pub(crate) async fn everything(ctx: Context, input: Size) -> Result<Vec<u32>, Failure> {
    let retry = Backoff::doubling(Duration::from_millis(100), Duration::from_secs(2));
    let mut results = Vec::new();
    for step in 0..input.size {
        results.push(ctx.activity("double", &step).retry(1000, retry).await?);
        ctx.progress(step + 1, input.size, "one by one");
    }
    let all = (0..input.size).map(|step| ctx.activity("double", &step).retry(1000, retry));
    for result in join_all(all).await {
        results.push(result?);
    }
    ctx.sleep(Duration::from_mins(1)).await?;
    let race = select(
        ctx.activity::<u32>("double", &1000).retry(1000, retry),
        ctx.sleep(Duration::from_secs(1)),
    );
    match race.await {
        Either::Left((done, _)) => drop(done?),
        Either::Right((fired, _)) => fired?,
    }
    ctx.send_signal("other", "nearly", &results.len())?;
    let child: u32 = ctx.child("double", &7).await?;
    let approved: bool = ctx.ask("approve", "Is it good?").await?;
    let last: u32 = ctx.signal("last").await?;
    results.extend([child, u32::from(approved), last]);
    Ok(results)
}

/// Ends as it is told to.
#[orchestration]
pub(crate) async fn patient(ctx: Context, _: Size) -> Result<(), Failure> {
    let working = ctx.activity::<u32>("double", &1).await;
    if ctx.is_cancelled() {
        let undone: u32 = ctx.shield(ctx.activity("double", &2)).await?;
        assert_eq!(undone, 4);
    }
    working.map(drop)
}

const ALL: &[Begin] = &[Begin::of::<everything>(), Begin::of::<patient>()];

/// `SplitMix64`, to choose what happens next.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }
}

/// The host.
struct Host {
    /// What is on disk, as it is there.
    log: Vec<String>,
    shown: Shown,
    run: Run<replay::Run>,
    doing: BTreeMap<u32, Work>,
    now_ms: u64,
    chance: Chance,
    /// Dies once in so many times.
    dies: usize,
    deaths: u32,
    /// The witness: which attempt of what was executed to its end.
    executed: Vec<(u32, u32)>,
    signalled: bool,
}

impl Host {
    fn start(name: &str, size: u32, chance: u64, dies: usize) -> Self {
        let input = format!("{{\"size\":{size}}}");
        let (run, turn) = Run::begin(replay::Run::new(ALL), name, &input, 7, 0);
        let mut host = Self {
            log: Vec::new(),
            shown: Shown::default(),
            run,
            doing: BTreeMap::new(),
            now_ms: 0,
            chance: Chance(chance),
            dies,
            deaths: 0,
            executed: Vec::new(),
            signalled: false,
        };
        // A start that is not written down is not acknowledged.
        host.write(turn);
        host
    }

    /// It may die before this, and after it.
    fn commit(&mut self, turn: Turn) {
        if self.is_killed() {
            return self.comes_back();
        }
        self.write(turn);
        if self.is_killed() {
            self.comes_back();
        }
    }

    fn write(&mut self, turn: Turn) {
        assert_eq!(turn.expected, self.log.len() as u64);
        let lines = turn
            .entries
            .iter()
            .map(|entry| serde_json::to_string(entry).unwrap());
        self.log.extend(lines);
        self.shown = turn.shown;
        for work in self.run.work() {
            match work {
                Work::Stop { seq } => drop(self.doing.remove(&seq)),
                Work::Attempt { seq, .. } | Work::Child { seq, .. } | Work::Signal { seq, .. } => {
                    self.doing.insert(seq, work);
                }
            }
        }
    }

    fn is_killed(&mut self) -> bool {
        self.dies > 0 && self.chance.below(self.dies) == 0
    }

    fn entries(&self) -> Vec<Entry> {
        let read = |line: &String| serde_json::from_str(line).unwrap();
        self.log.iter().map(read).collect()
    }

    fn comes_back(&mut self) {
        self.deaths += 1;
        self.now_ms += 500;
        self.doing.clear();
        let log = self.entries();
        if matches!(log.last(), Some(Entry::Finished { .. })) {
            return;
        }
        let session = replay::Run::new(ALL);
        let (run, turn) = Run::recover(session, &log, self.shown.clone(), self.now_ms);
        self.run = run;
        // It does not die each time that it comes back.
        self.write(turn);
    }

    fn deliver(&mut self, input: Input) {
        if let Some(turn) = self.run.turn(vec![input], self.now_ms) {
            self.commit(turn);
        }
    }

    /// Something happens.
    fn happens(&mut self) {
        self.now_ms += 10;
        let doing: Vec<_> = self.doing.keys().copied().collect();
        match self.chance.below(8) {
            0 => {
                self.now_ms += 1000;
                self.deliver(Input::Time);
            }
            1 if !self.signalled && self.chance.below(10) == 0 => {
                let before = self.log.len();
                let (name, data) = ("last".to_owned(), "3".to_owned());
                self.deliver(Input::Signal { name, data });
                let has_it = |line: &String| line.contains("signal-received");
                self.signalled = self.log[before..].iter().any(has_it);
            }
            2 => {
                let (key, outcome) = ("approve".to_owned(), Outcome::Done("true".to_owned()));
                self.deliver(Input::Answer { key, outcome });
            }
            _ if !doing.is_empty() => {
                let seq = doing[self.chance.below(doing.len())];
                let work = self.doing.remove(&seq).unwrap();
                self.executes(work);
            }
            _ => {}
        }
    }

    fn executes(&mut self, work: Work) {
        let input = match work {
            Work::Attempt { seq, activity } if activity.begins_ms > self.now_ms => {
                // Not yet.
                self.doing.insert(seq, Work::Attempt { seq, activity });
                return;
            }
            Work::Attempt { seq, activity } => {
                self.executed.push((seq, activity.attempt));
                let given: u32 = serde_json::from_str(&activity.input).unwrap();
                let outcome = if self.chance.below(4) == 0 {
                    Outcome::Failed(Why::from(Failure::new("busy", "not now").retryable()))
                } else {
                    Outcome::Done((2 * given).to_string())
                };
                Input::Attempt {
                    seq,
                    attempt: activity.attempt,
                    outcome,
                }
            }
            Work::Child { seq, .. } => Input::Child {
                seq,
                outcome: Outcome::Done("14".to_owned()),
            },
            Work::Signal { seq, .. } => Input::Delivered { seq },
            Work::Stop { .. } => return,
        };
        self.deliver(input);
    }

    fn until_over(&mut self) -> End {
        for _ in 0..100_000 {
            let last = self
                .log
                .last()
                .map(|line| serde_json::from_str(line).unwrap());
            if let Some(Entry::Finished { ending }) = last {
                return ending;
            }
            self.happens();
        }
        panic!("it does not come to an end: {:#?}", self.log);
    }

    /// What is over is over: an activity has one outcome, and is executed no more after it was written down.
    fn each_was_done_once(&self) {
        let mut ended = BTreeSet::new();
        for entry in self.entries() {
            if let Entry::ActivityEnded { seq, .. } = entry {
                assert!(ended.insert(seq), "{seq} has ended twice");
            }
        }
        let attempts: BTreeSet<_> = self.executed.iter().collect();
        assert_eq!(
            attempts.len(),
            self.executed.len(),
            "no attempt is made twice: {:?}",
            self.executed
        );
    }
}

#[test]
fn a_run_comes_to_its_result_whenever_the_host_dies() {
    let undisturbed = Host::start("everything", 5, 1, 0).until_over();
    let expected = "[0,2,4,6,8,0,2,4,6,8,14,1,3]".to_owned();
    assert_eq!(undisturbed, End::Completed(expected.clone()));
    let mut deaths = 0;
    for chance in 0..300 {
        let mut host = Host::start(
            "everything",
            5,
            chance,
            2 + usize::try_from(chance % 20).unwrap(),
        );
        assert_eq!(
            host.until_over(),
            End::Completed(expected.clone()),
            "{chance}"
        );
        host.each_was_done_once();
        deaths += host.deaths;
    }
    assert!(deaths > 1000, "{deaths}");
}

#[test]
fn the_ledger_says_nothing_that_the_log_does_not() {
    let mut host = Host::start("everything", 4, 3, 5);
    while host.run.ledger().ending().is_none() {
        assert_eq!(host.run.ledger(), &Ledger::of(&host.entries()));
        host.happens();
    }
    assert!(host.deaths > 0);
}

#[test]
fn nothing_is_left_to_decide_when_a_run_comes_back() {
    let mut host = Host::start("everything", 4, 3, 5);
    host.until_over();
    let log = host.entries();
    // A log is cut between turns, since a turn is written as one.
    let ends = log
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, entry)| matches!(entry, Entry::Turn { .. } | Entry::Recovered { .. }));
    for (end, _) in ends {
        let (run, turn) = Run::recover(
            replay::Run::new(ALL),
            &log[..end],
            Shown::default(),
            1 << 40,
        );
        assert_eq!(
            turn.entries.len(),
            1,
            "nothing was left to decide: {:?}",
            turn.entries
        );
        assert_eq!(run.ledger().ending(), None);
    }
}

#[test]
fn who_is_cancelled_cleans_up_and_is_cancelled() {
    for chance in 0..50 {
        let mut host = Host::start("patient", 0, chance, 4);
        while !host
            .log
            .iter()
            .any(|line| line.contains("cancel-requested"))
        {
            let reason = Some("enough".to_owned());
            host.deliver(Input::Cancel { reason });
        }
        let ending = host.until_over();
        // The clean-up is an activity without another attempt.
        assert!(
            matches!(&ending, End::Cancelled)
                || matches!(&ending, End::Failed(why) if why.code == "busy"),
            "{ending:?}"
        );
    }
}

#[test]
fn a_run_that_brings_the_host_down_is_ended() {
    let mut host = Host::start("patient", 0, 1, 0);
    for _ in 0..30 {
        host.comes_back();
    }
    let End::Failed(why) = host.until_over() else {
        panic!("{:?}", host.log);
    };
    assert_eq!(why.code, "recovery-limit");
    assert_eq!(
        Ending::from(End::Failed(why.clone())),
        Ending::Failed(why.into())
    );
}

#[test]
fn what_onlookers_see_outlives_the_host() {
    let mut host = Host::start("everything", 3, 1, 0);
    while host.shown.progress.is_none() {
        host.happens();
    }
    let shown = host.shown.clone();
    host.comes_back();
    assert_eq!(host.run.shown(), &shown);
}

#[test]
fn an_entry_reads_as_what_it_says() {
    let entry = Entry::ActivityEnded {
        seq: 3,
        outcome: Outcome::Done("42".to_owned()),
    };
    let line = r#"{"what":"activity-ended","seq":3,"outcome":{"done":"42"}}"#;
    assert_eq!(serde_json::to_string(&entry).unwrap(), line);
}
