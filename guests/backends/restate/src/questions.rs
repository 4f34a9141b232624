//! What a handler asks of a person: an awakeable, and a run that tells of it.
//!
//! ```python
//! id, answer = ctx.awakeable()
//! await ctx.run_typed("taskhost.ask", lambda: {"awakeable": id, "message": "Which colour?"})
//! colour = (await answer)["answer"]
//! ```
//!
//! Restate does not say what an awakeable is for, and a handler cannot be asked. Its journal can: the
//! result of a run is there, durable, in order, and the same after every replay. `schema` may be given
//! with it; without one, the answer is an object with a text `answer`. The awakeable is resolved with what
//! the client says, and rejected with `declined` or `dismissed` where the client does not say anything,
//! which a handler may catch as a terminal error.
//!
//! Such a question is open until the journal has a signal for its awakeable. Journals are read only where
//! they have grown since they were last read.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_sdk::http::encoded;
use taskhost_sdk::{Error, Question, Response, Work, tracing};

use crate::Backend;
use crate::row::{Row, Status, invocation, quoted};
use crate::server::{JSON, Server};

/// What the run is called.
const NAME: &str = "taskhost.ask";

/// What stands before the number of an awakeable.
const PREFIX: &str = "sign_1";

/// The host takes no more.
const MOST: usize = 100;

/// What was found in journals, by invocation. Holds nothing that matters.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    known: BTreeMap<String, (u32, Vec<Question>)>,
}

impl Asked {
    pub(crate) fn forget(&mut self, invocation: &str) {
        self.known.remove(invocation);
    }
}

/// An entry of a journal, as far as it was asked for.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    index: u32,
    /// Without what was carried.
    #[serde(default, rename = "entry_lite_json")]
    lite: String,
    #[serde(default, rename = "entry_json")]
    whole: String,
}

/// What the run returns.
#[derive(Deserialize)]
struct Told {
    awakeable: String,
    message: String,
    #[serde(default)]
    schema: Option<Value>,
}

/// The questions of these invocations that wait for an answer.
pub(crate) async fn open(
    backend: &Backend,
    rows: &[Row],
) -> Result<BTreeMap<String, Vec<Question>>, Error> {
    // Also while its worker is away: the answer is kept for it.
    let may_ask = |row: &&Row| {
        !matches!(
            row.status,
            Status::Scheduled | Status::Pending | Status::Completed
        )
    };
    let live: Vec<&Row> = rows.iter().filter(may_ask).collect();
    let grown: Vec<&str> = {
        let asked = backend.asked.borrow();
        let is_known = |row: &Row| {
            let known = asked.known.get(&row.id);
            known.is_some_and(|(size, _)| Some(*size) == row.journal_size)
        };
        let grown = live.iter().filter(|row| !is_known(row));
        grown.map(|row| row.id.as_str()).collect()
    };
    let mut found = read(&backend.server, &grown).await?;
    let mut asked = backend.asked.borrow_mut();
    for row in rows {
        if !may_ask(&row) {
            asked.known.remove(&row.id);
        } else if grown.contains(&row.id.as_str()) {
            let questions = found.remove(&row.id).unwrap_or_default();
            let size = row.journal_size.unwrap_or_default();
            asked.known.insert(row.id.clone(), (size, questions));
        }
    }
    let questions = live.iter().filter_map(|row| {
        let (_, questions) = asked.known.get(&row.id)?;
        Some((row.id.clone(), questions.clone()))
    });
    Ok(questions
        .filter(|(_, questions)| !questions.is_empty())
        .collect())
}

/// Gives the answer to the handler, where the question is one of this work, and open.
pub(crate) async fn answer(
    backend: &Backend,
    work: &Work,
    key: &str,
    response: &Response,
) -> Result<(), Error> {
    let Some(id) = invocation(work) else {
        return Ok(());
    };
    let open = read(&backend.server, &[id]).await?;
    let is_open = |questions: &Vec<Question>| questions.iter().any(|one| one.key == key);
    if !open.get(id).is_some_and(is_open) {
        return Ok(());
    }
    let (verb, body) = match response {
        Response::Accepted(answer) => ("resolve", (JSON, answer.as_str())),
        Response::Declined => ("reject", ("text/plain", "declined")),
        Response::Dismissed => ("reject", ("text/plain", "dismissed")),
    };
    let path = format!("restate/awakeables/{}/{verb}", encoded(key));
    backend
        .server
        .post(&path, &[], Some(body))
        .await?
        .success()?;
    backend.asked.borrow_mut().forget(id);
    Ok(())
}

/// Open questions by invocation, from the journals.
async fn read(server: &Server, ids: &[&str]) -> Result<BTreeMap<String, Vec<Question>>, Error> {
    let mut all = BTreeMap::new();
    if ids.is_empty() {
        return Ok(all);
    }
    let sql = format!(
        "SELECT id, index, entry_lite_json FROM sys_journal WHERE id IN ({}) AND name = '{NAME}'",
        quoted(ids)
    );
    let told: Vec<Entry> = server.query(&sql).await?;
    let mut runs: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for entry in told {
        if let Some(number) = number(&entry.lite, "/Command/Run/completion_id") {
            runs.entry(entry.id).or_default().insert(number);
        }
    }
    for (id, runs) in runs {
        let sql = format!(
            "SELECT id, index, entry_lite_json FROM sys_journal WHERE id = '{id}' AND entry_type IN \
             ('Notification: Run', 'Notification: Signal')"
        );
        let mut results = BTreeSet::new();
        let mut signals = BTreeSet::new();
        for entry in server.query::<Entry>(&sql).await? {
            let lite = &entry.lite;
            if number(lite, "/Notification/id/CompletionId").is_some_and(|run| runs.contains(&run))
            {
                results.insert(entry.index.to_string());
            }
            signals.extend(number(lite, "/Notification/id/SignalIndex"));
        }
        if results.is_empty() {
            continue;
        }
        let results: Vec<String> = results.into_iter().collect();
        // Their results are read alone: others may be large.
        let sql = format!(
            "SELECT id, index, entry_json FROM sys_journal WHERE id = '{id}' AND index IN ({})",
            results.join(", ")
        );
        let mut entries: Vec<Entry> = server.query(&sql).await?;
        entries.sort_by_key(|entry| entry.index);
        let questions = entries.iter().filter_map(|entry| question(entry, &signals));
        all.insert(id, questions.take(MOST).collect());
    }
    Ok(all)
}

fn number(text: &str, pointer: &str) -> Option<u64> {
    let entry: Value = serde_json::from_str(text).ok()?;
    entry.pointer(pointer)?.as_u64()
}

/// The question that a run has told of, unless there is a signal for it.
fn question(entry: &Entry, signals: &BTreeSet<u64>) -> Option<Question> {
    let told = told(&entry.whole);
    let Some(told) = told else {
        tracing::warn!(
            invocation = entry.id,
            "a run called `{NAME}` does not return `awakeable` and `message`, and asks nothing",
        );
        return None;
    };
    let is_open = signal(&told.awakeable).is_some_and(|signal| !signals.contains(&signal));
    let schema = told.schema.filter(Value::is_object).unwrap_or_else(|| {
        json!({
            "type": "object",
            "properties": { "answer": { "type": "string" } },
            "required": ["answer"],
        })
    });
    is_open.then(|| Question {
        key: told.awakeable,
        message: told.message,
        schema: schema.to_string(),
    })
}

/// The bytes of a run's result are a list of numbers in what the journal shows.
fn told(entry: &str) -> Option<Told> {
    let mut entry: Value = serde_json::from_str(entry).ok()?;
    let bytes = entry.pointer_mut("/Notification/Completion/Run/result/Success")?;
    let bytes: Vec<u8> = serde_json::from_value(bytes.take()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The number of the signal that answers an awakeable: the last four bytes of its name.
fn signal(awakeable: &str) -> Option<u64> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(awakeable.strip_prefix(PREFIX)?)
        .ok()?;
    let last = bytes.last_chunk::<4>()?;
    Some(u32::from_be_bytes(*last).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAKEABLE: &str = "sign_1cDwaD9_8hd35_o3s7BRA1ibysfv6jjK0AAAAEQ";

    fn entry(result: &Value) -> Entry {
        let bytes = result.to_string().into_bytes();
        let run = json!({ "completion_id": 1, "result": { "Success": bytes } });
        Entry {
            id: "inv_1".into(),
            index: 2,
            lite: String::new(),
            whole: json!({ "Notification": { "Completion": { "Run": run } } }).to_string(),
        }
    }

    #[test]
    fn a_question_is_open_until_there_is_a_signal_for_it() {
        assert_eq!(signal(AWAKEABLE), Some(17));
        let entry = entry(&json!({ "awakeable": AWAKEABLE, "message": "why?" }));
        let asked = question(&entry, &BTreeSet::from([18])).unwrap();
        assert_eq!(
            (asked.key.as_str(), asked.message.as_str()),
            (AWAKEABLE, "why?")
        );
        assert!(asked.schema.contains("answer"));
        assert!(question(&entry, &BTreeSet::from([17])).is_none());
    }

    #[test]
    fn what_tells_of_no_awakeable_asks_nothing() {
        for result in [
            json!(1),
            json!({ "awakeable": "prom_1", "message": "why?" }),
            json!({ "message": "why?" }),
        ] {
            assert!(
                question(&entry(&result), &BTreeSet::new()).is_none(),
                "{result}"
            );
        }
    }
}
