//! What every store promises, as claims that are run over each of them.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use serde_json::json;

use super::memory::MemoryStore;
use super::sled::tests::{Scratch, audit};
use super::{
    COMPONENT_VALUE_BYTES, Durability, Filter, LINE_BYTES, OUTPUT_LINES, PAYLOAD_BYTES,
    RUN_ENTRY_BYTES, RunHead, Store, StoreError, Turn,
};
use crate::task::{
    Entry, Event, Failure, Handle, Json, Origin, Outcome, Phase, Principal, Progress, Record, Run,
    Status, TaskId,
};

macro_rules! claims {
    ($($claim:ident)*) => {
        mod memory {
            $(
                #[tokio::test]
                async fn $claim() {
                    super::$claim(&super::MemoryStore::new()).await;
                }
            )*
        }

        mod sled {
            $(
                #[tokio::test]
                async fn $claim() {
                    let dir = super::Scratch::new();
                    let store = dir.open(super::Durability::Power);
                    super::$claim(&store).await;
                    super::Store::close(&store).await.unwrap();
                    drop(store);
                    super::audit(dir.path());
                }
            )*
        }
    };
}

claims! {
    what_was_created_is_there
    an_id_is_created_once
    two_starts_with_one_key_make_one_task
    a_record_only_moves_forward
    the_journal_is_in_order_and_can_be_read_from_anywhere
    progress_is_kept_and_never_undoes_an_event
    lists_filter_and_page
    only_open_tasks_are_recovered
    what_is_removed_leaves_nothing_behind
    output_keeps_the_newest_thousand_lines
    a_component_has_a_map_of_its_own
    of_many_swaps_one_wins
    large_values_come_back_whole
    what_is_too_large_is_refused_and_leaves_nothing
    many_appends_at_once_keep_their_order
    a_dropped_commit_is_written_all_the_same
    a_log_of_a_run_grows_turn_by_turn_and_can_begin_anew
    of_two_turns_for_one_length_one_is_written
    logs_go_with_their_task_and_no_others
    a_log_that_would_be_too_long_is_refused_and_stays
    nothing_is_written_after_the_end
}

async fn what_was_created_is_there(store: &dyn Store) {
    let record = record("alice");
    assert_eq!(store.load(record.id()).unwrap(), None);
    assert_eq!(store.owner(record.id()).unwrap(), None);
    create(store, &record).await;
    assert_eq!(store.load(record.id()).unwrap(), Some(record.clone()));
    let owner = store.owner(record.id()).unwrap();
    assert_eq!(owner, Some(record.origin.owner.clone()));
    assert_eq!(store.journal(record.id(), 0).unwrap(), [accepted(&record)]);
}

async fn an_id_is_created_once(store: &dyn Store) {
    let record = record("alice");
    create(store, &record).await;
    let again = store.create(&record, &accepted(&record)).await;
    assert!(matches!(again, Err(StoreError::Conflict(id)) if id == record.id()));
}

async fn two_starts_with_one_key_make_one_task(store: &dyn Store) {
    let [first, second, third] = ["alice", "alice", "bob"].map(|owner| {
        let mut record = record(owner);
        record.origin.idempotency_key = Some("order-7".to_owned());
        record
    });
    // Both are under way at the same time.
    let one = store.create(&first, &accepted(&first));
    let other = store.create(&second, &accepted(&second));
    one.await.unwrap();
    assert!(matches!(other.await, Err(StoreError::Conflict(id)) if id == first.id()));
    assert_eq!(store.load(second.id()).unwrap(), None);
    assert_eq!(store.journal(second.id(), 0).unwrap(), []);

    let holder = |name| store.find_key(&owner(name), "order-7").unwrap();
    assert_eq!(holder("alice"), Some(first.id()));
    assert_eq!(holder("bob"), None);
    create(store, &third).await;
    assert_eq!(holder("bob"), Some(third.id()));

    store.remove(first.id()).await.unwrap();
    assert_eq!(holder("alice"), None);
    create(store, &second).await;
    assert_eq!(holder("alice"), Some(second.id()));
}

async fn a_record_only_moves_forward(store: &dyn Store) {
    let first = record("alice");
    let unknown = append(store, &first, &submitted()).await;
    assert!(matches!(unknown, Err(StoreError::Conflict(id)) if id == first.id()));

    create(store, &first).await;
    let second = append(store, &first, &submitted()).await.unwrap();
    let rival = append(store, &first, &Event::CancelRequested(None)).await;
    assert!(matches!(rival, Err(StoreError::Conflict(id)) if id == first.id()));
    assert_eq!(store.load(first.id()).unwrap(), Some(second));
    assert_eq!(store.journal(first.id(), 0).unwrap().len(), 2);
}

async fn the_journal_is_in_order_and_can_be_read_from_anywhere(store: &dyn Store) {
    let mut record = record("alice");
    create(store, &record).await;
    for step in 0..300 {
        if step % 3 == 0 {
            record = running(&record, f64::from(step));
            store.touch(&record);
        }
        let event = Event::Observed(Phase::AwaitingInput(vec![]));
        record.revision += 1;
        let entry = entry(&record, event);
        store.append(&record, &entry).await.unwrap();
    }
    let journal = store.journal(record.id(), 0).unwrap();
    assert_eq!(journal.len(), 301);
    assert!(journal.is_sorted_by_key(|entry| entry.revision));
    let (early, late) = journal.split_at(120);
    let middle = early.last().unwrap().revision;
    assert_eq!(store.journal(record.id(), middle).unwrap(), late);
    assert_eq!(store.journal(record.id(), u64::MAX).unwrap(), []);
}

async fn progress_is_kept_and_never_undoes_an_event(store: &dyn Store) {
    let first = record("alice");
    create(store, &first).await;
    let half = running(&first, 0.5);
    store.touch(&half);
    settle(store).await;
    assert_eq!(store.load(first.id()).unwrap(), Some(half.clone()));
    assert_eq!(store.journal(first.id(), 0).unwrap().len(), 1);

    let late = running(&half, 0.9);
    let done = append(store, &half, &completed(&json!(7))).await.unwrap();
    store.touch(&late);
    store.touch(&record("nobody"));
    settle(store).await;
    assert_eq!(store.load(first.id()).unwrap(), Some(done));
}

async fn lists_filter_and_page(store: &dyn Store) {
    let mut all = Vec::new();
    for index in 0..700 {
        let mut record = record(if index % 3 == 0 { "alice" } else { "bob" });
        record.origin.task = if index % 5 == 0 { "rare" } else { "usual" }.to_owned();
        all.push(record);
    }
    join_all(
        all.iter()
            .map(|record| store.create(record, &accepted(record))),
    )
    .await;
    for (index, record) in all.iter_mut().enumerate() {
        if index % 7 == 0 {
            *record = append(store, record, &completed(&json!(index)))
                .await
                .unwrap();
        }
    }
    all.reverse();

    let filters = [
        Filter::default(),
        Filter {
            owner: Some(owner("alice")),
            ..Filter::default()
        },
        Filter {
            statuses: vec![Status::Completed, Status::Failed],
            ..Filter::default()
        },
        Filter {
            statuses: vec![Status::Pending, Status::Running],
            owner: Some(owner("alice")),
            ..Filter::default()
        },
        Filter {
            statuses: vec![Status::Completed],
            owner: Some(owner("bob")),
            task: Some("rare".to_owned()),
            ..Filter::default()
        },
        Filter {
            task: Some("rare".to_owned()),
            before: Some(all[99].id()),
            ..Filter::default()
        },
        Filter {
            owner: Some(owner("carol")),
            ..Filter::default()
        },
    ];
    for filter in filters {
        let expected: Vec<Record> = all
            .iter()
            .filter(|record| filter.matches(record))
            .cloned()
            .collect();
        assert_eq!(store.list(&filter).unwrap(), expected, "{filter:?}");

        let mut paged = Vec::new();
        let mut page = Filter {
            limit: 50,
            ..filter
        };
        loop {
            let records = store.list(&page).unwrap();
            assert!(records.len() <= 50);
            let Some(last) = records.last() else { break };
            page.before = Some(last.id());
            paged.extend(records);
        }
        assert_eq!(paged, expected, "{page:?}");
    }
}

async fn only_open_tasks_are_recovered(store: &dyn Store) {
    let events = [
        None,
        Some(submitted()),
        Some(Event::Observed(Phase::Running(None))),
        Some(Event::Observed(Phase::Retrying(failure(10)))),
        Some(Event::CancelRequested(Some("enough".to_owned()))),
        Some(completed(&json!(1))),
        Some(Event::Finished(Outcome::Failed(failure(10)))),
        Some(Event::Finished(Outcome::Cancelled(None))),
    ];
    let mut open = Vec::new();
    for event in events.iter().chain(&events) {
        let mut record = record("alice");
        create(store, &record).await;
        if let Some(event) = event {
            record = append(store, &record, event).await.unwrap();
        }
        if !record.state.is_done() {
            open.push(record);
        }
    }
    assert_eq!(open.len(), 10);
    assert_eq!(store.open_tasks().unwrap(), open);
}

/// That no key and no file is left, the audit after each claim tells.
async fn what_is_removed_leaves_nothing_behind(store: &dyn Store) {
    let mut ids = Vec::new();
    for (index, size) in [10, 100_000, 10].into_iter().enumerate() {
        let mut first = record("alice");
        first.origin.retention_ms = 1_000 * index as u64;
        first.origin.idempotency_key = Some(format!("key {index}"));
        first.origin.arguments = Json::of(&json!({ "text": "a".repeat(size) }));
        create(store, &first).await;
        store.append_output(first.id(), vec!["line".to_owned(); 30]);
        let retrying = Event::Observed(Phase::Retrying(failure(size)));
        let second = append(store, &first, &retrying).await.unwrap();
        let done = append(store, &second, &completed(&json!("r".repeat(size))))
            .await
            .unwrap();
        assert_eq!(done.expires_ms, Some(NOW_MS + 1_000 * index as u64));
        ids.push(first.id());
    }
    assert_eq!(store.expired(NOW_MS - 1, 9).unwrap(), []);
    assert_eq!(store.expired(NOW_MS + 1_000, 9).unwrap(), &ids[..2]);
    assert_eq!(store.expired(u64::MAX, 1).unwrap(), &ids[..1]);

    for id in &ids[..2] {
        store.remove(*id).await.unwrap();
        store.append_output(*id, vec!["too late".to_owned()]);
        settle(store).await;
        assert_eq!(store.load(*id).unwrap(), None);
        assert_eq!(store.journal(*id, 0).unwrap(), []);
        assert_eq!(store.output(*id, 0, 9).unwrap(), []);
    }
    store.remove(ids[0]).await.unwrap();
    assert_eq!(store.expired(u64::MAX, 9).unwrap(), &ids[2..]);
    assert_eq!(store.find_key(&owner("alice"), "key 1").unwrap(), None);
    assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
    store.remove(ids[2]).await.unwrap();
    assert_eq!(store.list(&Filter::default()).unwrap(), []);
}

async fn output_keeps_the_newest_thousand_lines(store: &dyn Store) {
    let record = record("alice");
    let id = record.id();
    create(store, &record).await;
    assert_eq!(store.output(id, 0, 9).unwrap(), []);
    let mut printed = 0;
    for count in [1, 400, 700, 2_500, 3] {
        let lines = (1..=count).map(|line| format!("line {}", printed + line));
        store.append_output(id, lines.collect());
        printed += count;
        settle(store).await;
        let kept = store.output(id, 0, usize::MAX).unwrap();
        assert_eq!(kept.len() as u64, printed.min(OUTPUT_LINES));
        assert_eq!(kept.last().unwrap(), &(printed, format!("line {printed}")));
        for (position, line) in kept {
            assert_eq!(line, format!("line {position}"));
        }
    }
    let page = store.output(id, printed - 10, 4).unwrap();
    let positions: Vec<u64> = page.iter().map(|(position, _)| *position).collect();
    assert_eq!(
        positions,
        [printed - 9, printed - 8, printed - 7, printed - 6]
    );

    store.append_output(id, vec!["x".repeat(100_000)]);
    settle(store).await;
    let last = store.output(id, printed, 9).unwrap();
    assert!(last[0].1.len() <= LINE_BYTES);
}

async fn a_component_has_a_map_of_its_own(store: &dyn Store) {
    let set = |key: &'static str, value: Option<Vec<u8>>| store.component_set("celery", key, value);
    let long: Vec<u8> = (0..COMPONENT_VALUE_BYTES)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    set("a/2", Some(vec![2])).await.unwrap();
    set("a/1", Some(vec![1; 3])).await.unwrap();
    set("b", Some(long.clone())).await.unwrap();
    store
        .component_set("cel", "ery", Some(vec![9]))
        .await
        .unwrap();

    let get = |key| store.component_get("celery", key).unwrap();
    assert_eq!(get("a/1"), Some(vec![1; 3]));
    assert_eq!(get("b"), Some(long));
    assert_eq!(get("ery"), None);
    let keys = |prefix, limit| store.component_keys("celery", prefix, limit).unwrap();
    assert_eq!(keys("", 9), ["a/1", "a/2", "b"]);
    assert_eq!(keys("a/", 9), ["a/1", "a/2"]);
    assert_eq!(keys("", 1), ["a/1"]);
    let size = || store.component_size("celery").unwrap();
    assert_eq!(size(), (3 + 3 + 3 + 1 + 1 + COMPONENT_VALUE_BYTES) as u64);

    set("b", Some(vec![7])).await.unwrap();
    assert_eq!(get("b"), Some(vec![7]));
    set("a/1", None).await.unwrap();
    assert_eq!(keys("", 9), ["a/2", "b"]);
    assert_eq!(size(), 3 + 1 + 1 + 1);

    let large = set("b", Some(vec![0; COMPONENT_VALUE_BYTES + 1])).await;
    assert!(matches!(large, Err(StoreError::TooLarge { .. })));
    assert_eq!(get("b"), Some(vec![7]));
}

async fn of_many_swaps_one_wins(store: &dyn Store) {
    let count = || store.component_get("c", "count").unwrap();
    let adders = (0..20).map(|_| async {
        for _ in 0..10 {
            loop {
                let seen = count();
                let next = seen.as_ref().map_or(1, |value| value[0] + 1);
                let swap = store.component_swap("c", "count", seen, Some(vec![next]));
                if swap.await.unwrap() {
                    break;
                }
            }
        }
    });
    join_all(adders).await;
    assert_eq!(count(), Some(vec![200]));
    let gone = store.component_swap("c", "count", Some(vec![200]), None);
    assert!(gone.await.unwrap());
    assert!(
        !store
            .component_swap("c", "count", Some(vec![1]), None)
            .await
            .unwrap()
    );
    assert_eq!(count(), None);
}

async fn large_values_come_back_whole(store: &dyn Store) {
    for size in [3_900, 4_096, 7_700, 8_100, 8_192, 8_300, 100_000, 3_000_000] {
        let mut first = record("alice");
        first.origin.arguments = Json::of(&json!({ "text": "ü".repeat(size / 2) }));
        first.origin.options = Json::of(&json!({ "text": "o".repeat(size / 3) }));
        create(store, &first).await;
        let id = first.id();
        assert_eq!(store.load(id).unwrap().unwrap(), first);

        let events = [
            submitted(),
            Event::Observed(Phase::Retrying(failure(size))),
            completed(&json!("r".repeat(size))),
        ];
        let mut record = first.clone();
        let mut journal = vec![accepted(&first)];
        for event in events {
            record = append(store, &record, &event).await.unwrap();
            journal.push(entry(&record, event));
            assert_eq!(store.load(id).unwrap().unwrap(), record, "{size}");
            assert_eq!(store.journal(id, 0).unwrap(), journal, "{size}");
        }
        let filter = Filter {
            statuses: vec![Status::Completed],
            limit: 1,
            ..Filter::default()
        };
        assert_eq!(store.list(&filter).unwrap(), [record]);
    }
}

async fn what_is_too_large_is_refused_and_leaves_nothing(store: &dyn Store) {
    let mut large = record("alice");
    large.origin.arguments = Json::of(&json!("a".repeat(PAYLOAD_BYTES)));
    let refused = store.create(&large, &accepted(&large)).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert_eq!(store.load(large.id()).unwrap(), None);

    let small = record("alice");
    create(store, &small).await;
    let event = completed(&json!("r".repeat(PAYLOAD_BYTES)));
    let refused = append(store, &small, &event).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert_eq!(store.load(small.id()).unwrap(), Some(small.clone()));
    append(store, &small, &submitted()).await.unwrap();
}

async fn many_appends_at_once_keep_their_order(store: &dyn Store) {
    let mut tasks: Vec<Record> = (0..100).map(|_| record("alice")).collect();
    let mut commits = Vec::new();
    for task in &tasks {
        commits.push(store.create(task, &accepted(task)));
    }
    for _ in 0..10 {
        for task in &mut tasks {
            task.revision += 1;
            let entry = entry(task, Event::Observed(Phase::Running(None)));
            commits.push(store.append(task, &entry));
        }
    }
    for commit in join_all(commits).await {
        commit.unwrap();
    }
    for task in tasks {
        let journal = store.journal(task.id(), 0).unwrap();
        let revisions: Vec<u64> = journal.iter().map(|entry| entry.revision).collect();
        assert_eq!(revisions, (1..=11).collect::<Vec<u64>>());
        assert_eq!(store.load(task.id()).unwrap(), Some(task));
    }
}

/// More than fit in line at once.
async fn a_dropped_commit_is_written_all_the_same(store: &dyn Store) {
    for index in 0..6_000 {
        drop(store.component_set("c", &index.to_string(), Some(vec![1])));
    }
    settle(store).await;
    let written = store.component_keys("c", "", usize::MAX).unwrap().len();
    assert_eq!(written, 6_000);
}

async fn a_log_of_a_run_grows_turn_by_turn_and_can_begin_anew(store: &dyn Store) {
    let run = run("", 1);
    assert_eq!(store.run_find("flows", &run).unwrap(), None);
    assert_eq!(store.run_read("flows", &run).unwrap(), None);
    // Long ones take many places of the tree.
    let long = "l".repeat(100_000);
    let entries = ["first", "", &long].map(str::to_owned).to_vec();
    assert!(
        store
            .run_append("flows", turn(&run, 0, &entries))
            .await
            .unwrap()
    );
    let more: Vec<_> = (0..600).map(|index| format!("entry {index}")).collect();
    for (expected, entry) in (3..).zip(&more) {
        let entry = std::slice::from_ref(entry);
        assert!(
            store
                .run_append("flows", turn(&run, expected, entry))
                .await
                .unwrap()
        );
    }
    let all = [entries, more].concat();
    let bytes = all.iter().map(|entry| entry.len() as u64).sum();
    let head = RunHead {
        run: run.clone(),
        length: 603,
        bytes,
        summary: "summary 602".to_owned(),
        over: false,
    };
    assert_eq!(store.run_find("flows", &run).unwrap(), Some(head.clone()));
    assert_eq!(store.run_read("flows", &run).unwrap(), Some(all));
    assert_eq!(store.runs_live("flows", None, 9).unwrap(), [head]);

    let mut anew = turn(&run, 603, &["again".to_owned()]);
    (anew.anew, anew.over) = (true, true);
    assert!(store.run_append("flows", anew).await.unwrap());
    assert_eq!(
        store.run_read("flows", &run).unwrap(),
        Some(vec!["again".to_owned()])
    );
    assert_eq!(store.runs_live("flows", None, 9).unwrap(), []);
    assert_eq!(store.runs("flows", None).unwrap().len(), 1);
}

async fn of_two_turns_for_one_length_one_is_written(store: &dyn Store) {
    let run = run("", 1);
    let turns = (0..20).map(|index| turn(&run, 0, &[format!("{index}")]));
    let written = join_all(turns.map(|turn| store.run_append("flows", turn))).await;
    let written: Vec<_> = written.into_iter().map(Result::unwrap).collect();
    assert_eq!(written.iter().filter(|written| **written).count(), 1);
    assert_eq!(store.run_read("flows", &run).unwrap().unwrap().len(), 1);
}

async fn logs_go_with_their_task_and_no_others(store: &dyn Store) {
    let mut record = record("alice");
    record.origin.backend = "flows".to_owned();
    create(store, &record).await;
    let other = run("", 9);
    let one = Run::of(record.id());
    let children = [".1", ".1.1", "#2.7"].map(|rest| format!("{one}{rest}").parse().unwrap());
    for run in [&one, &other].into_iter().chain(&children) {
        let written = store.run_append("flows", turn(run, 0, &["x".to_owned()]));
        assert!(written.await.unwrap());
    }
    // A component of another name has logs of its own.
    assert!(
        store
            .run_append("others", turn(&one, 0, &["y".to_owned()]))
            .await
            .unwrap()
    );
    assert_eq!(store.runs("flows", Some(record.id())).unwrap().len(), 4);
    let page = store.runs_live("flows", None, 3).unwrap();
    let rest = store.runs_live("flows", Some(&page[2].run), 9).unwrap();
    assert_eq!((page.len(), rest.len()), (3, 2));

    store.remove(record.id()).await.unwrap();
    let left = store.runs("flows", None).unwrap();
    assert_eq!(
        left.iter().map(|head| &head.run).collect::<Vec<_>>(),
        [&other]
    );
    assert_eq!(store.runs_live("flows", None, 9).unwrap(), left);
    assert_eq!(store.run_read("flows", &children[0]).unwrap(), None);
    assert_eq!(store.run_read("others", &one).unwrap().unwrap(), ["y"]);
}

async fn a_log_that_would_be_too_long_is_refused_and_stays(store: &dyn Store) {
    let run = run("", 1);
    let fill = "f".repeat(RUN_ENTRY_BYTES);
    for expected in 0..4 {
        let fill = std::slice::from_ref(&fill);
        assert!(
            store
                .run_append("flows", turn(&run, expected, fill))
                .await
                .unwrap()
        );
    }
    for entries in [vec!["one byte more".to_owned()], vec![format!("{fill}.")]] {
        let refused = store.run_append("flows", turn(&run, 4, &entries)).await;
        assert!(
            matches!(refused, Err(StoreError::TooLarge { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(store.run_find("flows", &run).unwrap().unwrap().length, 4);
}

fn run(rest: &str, index: u8) -> Run {
    format!("{}{rest}", TaskId::new(1, 0, [index; 16]))
        .parse()
        .unwrap()
}

fn turn(run: &Run, expected: u64, entries: &[String]) -> Turn {
    Turn {
        run: run.clone(),
        expected,
        entries: entries.to_vec(),
        summary: format!("summary {expected}"),
        over: false,
        anew: false,
    }
}

async fn nothing_is_written_after_the_end(store: &dyn Store) {
    let kept = record("alice");
    let last = store.create(&kept, &accepted(&kept));
    store.append_output(kept.id(), vec!["the last line".to_owned()]);
    store.close().await.unwrap();
    last.await.unwrap();

    let late = record("alice");
    let refused = store.create(&late, &accepted(&late)).await;
    assert!(matches!(refused, Err(StoreError::Write(_))));
    store.touch(&kept);
    store.close().await.unwrap();
}

/// When things happen in these tests.
pub(super) const NOW_MS: u64 = 1_800_000_000_000;

pub(super) fn record(name: &str) -> Record {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    Record::accepted(Origin {
        id: TaskId::new(NOW_MS - 1_000_000 + number, 0, random),
        backend: "mock".to_owned(),
        task: "count".to_owned(),
        owner: owner(name),
        arguments: Json::of(&json!({ "to": number })),
        options: Json::empty_object(),
        cancellable: true,
        idempotent: false,
        idempotency_key: None,
        created_ms: NOW_MS - 1_000_000,
        deadline_ms: None,
        retention_ms: 60_000,
    })
}

pub(super) fn owner(name: &str) -> Principal {
    serde_json::from_value(json!(name)).unwrap()
}

pub(super) fn accepted(record: &Record) -> Entry {
    Entry {
        revision: 1,
        at_ms: record.origin.created_ms,
        event: Event::Accepted,
    }
}

pub(super) fn entry(record: &Record, event: Event) -> Entry {
    Entry {
        revision: record.revision,
        at_ms: record.updated_ms,
        event,
    }
}

pub(super) async fn create(store: &dyn Store, record: &Record) {
    store.create(record, &accepted(record)).await.unwrap();
}

pub(super) async fn append(
    store: &dyn Store,
    record: &Record,
    event: &Event,
) -> Result<Record, StoreError> {
    let next = record.after(event, NOW_MS).unwrap();
    store.append(&next, &entry(&next, event.clone())).await?;
    Ok(next)
}

/// A step of progress.
pub(super) fn running(record: &Record, current: f64) -> Record {
    let progress = Progress {
        current,
        total: Some(1.0),
        message: None,
        detail: None,
    };
    let event = Event::Observed(Phase::Running(Some(progress)));
    record.after(&event, NOW_MS).unwrap()
}

pub(super) fn submitted() -> Event {
    Event::Submitted(Handle("mock:1".to_owned()))
}

pub(super) fn completed(result: &serde_json::Value) -> Event {
    Event::Finished(Outcome::Completed(Json::of(result)))
}

pub(super) fn failure(size: usize) -> Failure {
    Failure {
        code: "ValueError".to_owned(),
        message: "kaput".to_owned(),
        retryable: true,
        system: false,
        detail: Some(Json::of(&json!({ "traceback": "f".repeat(size) }))),
    }
}

/// Waits for what nobody waits for: it goes with the next commit.
pub(super) async fn settle(store: &dyn Store) {
    store.component_set("settle", "", None).await.unwrap();
}
