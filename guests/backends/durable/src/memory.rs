//! A host in memory that dies at any moment: before a turn is written, after it, in the middle of an activity.
//! What was written is all that the next engine finds.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use taskhost_flow::{Begin, Command, Event, Failure, replay};
use taskhost_sdk::{spawn, time};

use crate::bindings::{dispatch, journal};
use crate::entry::Entry;
use crate::world::{Dispatch, Journal, Session};

/// What an activity does: its name, its input, its number.
pub(crate) type Activity = Rc<dyn Fn(&dispatch::Attempt) -> Result<String, Failure>>;

thread_local! {
    static DISK: RefCell<Disk> = RefCell::new(Disk::new(&[], 0));
}

/// What outlives an engine, and what a test has said.
pub(crate) struct Disk {
    pub(crate) logs: BTreeMap<String, Log>,
    pub(crate) known: &'static [Begin],
    pub(crate) activity: Activity,
    chance: Chance,
    /// Dies once in so many times. 0: never.
    pub(crate) dies: usize,
    pub(crate) deaths: u32,
    /// Which engine is the one that lives.
    life: u64,
    pub(crate) dead: bool,
    /// How many attempts there is room for.
    pub(crate) room: usize,
    running: usize,
    stopped: BTreeSet<u64>,
    ended: VecDeque<dispatch::Ended>,
    waker: Option<Waker>,
    /// The witness: which attempt of what was executed to its end.
    pub(crate) executed: Vec<(String, u32)>,
    attempts: BTreeSet<(String, u32)>,
    /// Which attempts were begun, and when.
    pub(crate) begun: Vec<(String, u32, u64)>,
    /// Sessions: now, and ever.
    pub(crate) open: usize,
    pub(crate) opened: usize,
    pub(crate) writes: usize,
    /// What the journal says next, instead of writing.
    pub(crate) refuses: VecDeque<journal::Error>,
    /// Why there are no sessions.
    pub(crate) closed: Option<Failure>,
    /// How long a write takes, and an activity, at most, in milliseconds.
    pub(crate) takes_ms: u64,
    pub(crate) activity_ms: u64,
}

/// One log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
    pub(crate) summary: String,
    pub(crate) over: bool,
}

impl Log {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let read = |line: &String| serde_json::from_str(line).unwrap();
        self.lines.iter().map(read).collect()
    }
}

/// `SplitMix64`, to choose what happens next.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most.max(1) as u64).unwrap()
    }
}

impl Disk {
    pub(crate) fn new(known: &'static [Begin], chance: u64) -> Self {
        Self {
            logs: BTreeMap::new(),
            known,
            activity: Rc::new(|attempt| Ok(attempt.input.clone())),
            chance: Chance(chance),
            dies: 0,
            deaths: 0,
            life: 0,
            dead: false,
            room: 1000,
            running: 0,
            stopped: BTreeSet::new(),
            ended: VecDeque::new(),
            waker: None,
            executed: Vec::new(),
            attempts: BTreeSet::new(),
            begun: Vec::new(),
            open: 0,
            opened: 0,
            writes: 0,
            refuses: VecDeque::new(),
            closed: None,
            takes_ms: 5,
            activity_ms: 5,
        }
    }

    pub(crate) fn with<T>(act: impl FnOnce(&mut Self) -> T) -> T {
        DISK.with_borrow_mut(act)
    }

    pub(crate) fn install(disk: Self) {
        // Dropped outside: what is in it may look here.
        drop(DISK.replace(disk));
    }

    /// What the engine had begun is gone with it.
    pub(crate) fn comes_back(&mut self) {
        self.deaths += 1;
        self.life += 1;
        self.dead = false;
        self.running = 0;
        self.open = 0;
        self.stopped.clear();
        self.ended.clear();
    }

    pub(crate) fn entries(&self, run: &str) -> Vec<Entry> {
        self.logs.get(run).map(Log::entries).unwrap_or_default()
    }

    fn is_killed(&mut self) -> bool {
        if self.dies > 0 && self.chance.below(self.dies) == 0 {
            self.dead = true;
        }
        self.dead
    }

    fn write(&mut self, turn: journal::Turn) -> Result<(), journal::Error> {
        if let Some(error) = self.refuses.pop_front() {
            return Err(error);
        }
        assert!(turn.summary.len() <= 4096, "{}", turn.summary);
        assert!(!turn.entries.is_empty(), "{} writes nothing", turn.run);
        let log = self.logs.get(&turn.run);
        let length = log.map_or(0, |log| log.lines.len()) as u64;
        assert!(log.is_none_or(|log| !log.over) || turn.expected != length);
        if turn.expected != length {
            return Err(journal::Error::Conflict(length));
        }
        if length + turn.entries.len() as u64 > 50_000 && !turn.anew {
            return Err(journal::Error::Full("50,000 entries".to_owned()));
        }
        self.writes += 1;
        let log = self.logs.entry(turn.run).or_default();
        if turn.anew {
            log.lines.clear();
        }
        log.lines.extend(turn.entries);
        log.summary = turn.summary;
        log.over = turn.over;
        Ok(())
    }

    /// What is written down as done is not done again.
    fn executes(&mut self, attempt: &dispatch::Attempt) {
        let (run, seq) = attempt.key.split_once('/').unwrap();
        let (run, generation) = match run.rsplit_once('#') {
            Some((run, generation)) if !generation.contains('.') => (run, generation),
            _ => (run, "0"),
        };
        // As text, since long logs are looked into often.
        let started = format!(r#""generation":{generation}"#);
        let ended = format!(r#"{{"what":"activity-ended","seq":{seq},"#);
        let lines = self.logs.get(run).map_or(&[][..], |log| &log.lines);
        let is_same = match lines
            .iter()
            .find(|line| line.contains(r#""what":"started""#))
        {
            Some(line) if generation == "0" => !line.contains("generation"),
            Some(line) => line.contains(&started),
            None => false,
        };
        assert!(
            !(is_same && lines.iter().any(|line| line.starts_with(&ended))),
            "{} was done before, and is done again",
            attempt.key
        );
        self.executed.push((attempt.key.clone(), attempt.number));
    }
}

/// One life of the host.
#[derive(Debug)]
pub(crate) struct Memory {
    life: u64,
}

impl Default for Memory {
    fn default() -> Self {
        let life = Disk::with(|disk| disk.life);
        Self { life }
    }
}

impl Memory {
    /// Dies here, perhaps.
    async fn survives(&self) {
        if Disk::with(|disk| disk.life != self.life || disk.is_killed()) {
            pending::<()>().await;
        }
    }

    async fn takes_a_while(&self, most_ms: impl FnOnce(&Disk) -> u64) {
        let ms = Disk::with(|disk| {
            let most = usize::try_from(most_ms(disk)).unwrap();
            disk.chance.below(most + 1)
        });
        if ms > 0 {
            time::sleep(Duration::from_millis(ms as u64)).await;
        }
    }
}

impl Journal for Memory {
    async fn append(&self, turn: journal::Turn) -> Result<(), journal::Error> {
        self.takes_a_while(|disk| disk.takes_ms).await;
        self.survives().await;
        let written = Disk::with(|disk| disk.write(turn));
        self.survives().await;
        self.takes_a_while(|disk| disk.takes_ms).await;
        written
    }

    async fn read(&self, run: &str) -> Result<Option<Vec<String>>, journal::Error> {
        let log = Disk::with(|disk| disk.logs.get(run).cloned());
        Ok(log.map(|log| log.lines))
    }

    async fn find(&self, run: &str) -> Result<Option<journal::Head>, journal::Error> {
        let log = Disk::with(|disk| disk.logs.get(run).cloned());
        Ok(log.map(|log| head(run, &log)))
    }

    async fn live(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<journal::Head>, journal::Error> {
        Ok(Disk::with(|disk| {
            let later = |run: &&String| after.as_ref().is_none_or(|after| *run > after);
            let live = disk.logs.iter().filter(|(_, log)| !log.over);
            live.filter(|(run, _)| later(run))
                .map(|(run, log)| head(run, log))
                .take(limit as usize)
                .collect()
        }))
    }
}

fn head(run: &str, log: &Log) -> journal::Head {
    journal::Head {
        run: run.to_owned(),
        length: log.lines.len() as u64,
        summary: log.summary.clone(),
        over: log.over,
    }
}

impl Dispatch for Memory {
    type Session = Code;

    async fn describe(&self) -> Result<dispatch::Flows, Failure> {
        Disk::with(|disk| {
            if let Some(failure) = &disk.closed {
                return Err(failure.clone());
            }
            let orchestration = |begin: &Begin| dispatch::Orchestration {
                name: begin.name.to_owned(),
                description: Some("It runs.".to_owned()),
                input_schema: r#"{"type":"object"}"#.to_owned(),
                output_schema: None,
            };
            Ok(dispatch::Flows {
                digest: String::new(),
                orchestrations: disk.known.iter().map(orchestration).collect(),
                activities: Vec::new(),
            })
        })
    }

    async fn open(&self) -> Result<Code, Failure> {
        Disk::with(|disk| {
            if let Some(failure) = &disk.closed {
                return Err(failure.clone());
            }
            disk.open += 1;
            disk.opened += 1;
            Ok(Code {
                run: replay::Run::new(disk.known),
                life: self.life,
            })
        })
    }

    fn start_attempt(&self, attempt: &dispatch::Attempt) -> bool {
        let is_room = Disk::with(|disk| {
            if disk.life != self.life || disk.dead {
                return true;
            }
            if disk.running >= disk.room {
                return false;
            }
            disk.running += 1;
            let begun = (attempt.key.clone(), attempt.number, time::now_ms());
            let is_new = disk.attempts.insert((attempt.key.clone(), attempt.number));
            assert!(is_new, "{begun:?} is begun again");
            disk.begun.push(begun);
            true
        });
        if is_room {
            spawn(runs(Memory { life: self.life }, attempt.clone()));
        }
        is_room
    }

    fn stop_attempt(&self, ticket: u64) {
        Disk::with(|disk| disk.stopped.insert(ticket));
    }

    fn next(&self, max: u32) -> impl Future<Output = Vec<dispatch::Ended>> {
        let life = self.life;
        poll_fn(move |polling| {
            Disk::with(|disk| {
                if disk.life != life || disk.ended.is_empty() {
                    disk.waker = Some(polling.waker().clone());
                    return Poll::Pending;
                }
                let most = disk.ended.len().min(max as usize);
                Poll::Ready(disk.ended.drain(..most).collect())
            })
        })
    }

    fn seed(&self) -> u64 {
        7
    }
}

async fn runs(world: Memory, attempt: dispatch::Attempt) {
    world.takes_a_while(|disk| disk.activity_ms).await;
    world.survives().await;
    let activity = Disk::with(|disk| {
        let is_stopped = disk.stopped.contains(&attempt.ticket);
        if !is_stopped {
            disk.executes(&attempt);
        }
        (!is_stopped).then(|| disk.activity.clone())
    });
    let outcome = match activity {
        Some(activity) => activity(&attempt),
        None => Err(Failure::new("stopped", "nobody waits for it").retryable()),
    };
    world.survives().await;
    Disk::with(|disk| {
        disk.running -= 1;
        let last = Some(format!("\"after {}\"", attempt.number));
        disk.ended.push_back(dispatch::Ended {
            ticket: attempt.ticket,
            outcome,
            last,
        });
        if let Some(waker) = disk.waker.take() {
            waker.wake();
        }
    });
}

/// The code of one run.
#[derive(Debug)]
pub(crate) struct Code {
    run: replay::Run,
    life: u64,
}

impl Session for Code {
    async fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        self.run.step(events)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // At the end of the thread the disk may be gone.
        _ = DISK.try_with(|disk| {
            if let Ok(mut disk) = disk.try_borrow_mut()
                && disk.life == self.life
            {
                disk.open -= 1;
            }
        });
    }
}
