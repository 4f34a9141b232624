//! Looking for the messages of tasks: in queues, and among those that workers hold.

use std::collections::BTreeSet;

use redis::{cmd, pipe};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::backend::Backend;
use crate::wire::Trouble;

/// Messages fetched at once: they may be large.
const PAGE: usize = 100;
/// Pages of one list that are looked at.
const MOST_PAGES: usize = 20;
/// Pages of unacknowledged messages, of about a thousand each.
const MOST_HELD_PAGES: u32 = 100;

/// Those of `ids` that a message in one of `lists` belongs to. Nothing: too many messages to say.
pub(crate) async fn queued(
    backend: &Backend,
    lists: &BTreeSet<String>,
    ids: &BTreeSet<String>,
) -> Result<Option<BTreeSet<String>>, Trouble> {
    let mut found = BTreeSet::new();
    let mut lists: Vec<&String> = lists.iter().collect();
    // From the newest on: what is pushed meanwhile shifts the rest to where it is still looked for.
    for page in 0..MOST_PAGES {
        let mut ranges = pipe();
        for list in &lists {
            let first = page * PAGE;
            ranges
                .cmd("LRANGE")
                .arg(list)
                .arg(first)
                .arg(first + PAGE - 1);
        }
        let pages: Vec<Vec<Vec<u8>>> = backend.broker.ask_all(&ranges).await?;
        let mut longer = Vec::new();
        for (list, messages) in lists.into_iter().zip(pages) {
            if messages.len() == PAGE {
                longer.push(list);
            }
            for message in messages {
                found.extend(owners(&message, ids));
            }
        }
        if longer.is_empty() {
            return Ok(Some(found));
        }
        lists = longer;
    }
    Ok(None)
}

/// Those of `ids` that an unacknowledged message belongs to. Nothing: too many messages to say.
pub(crate) async fn unacknowledged(
    backend: &Backend,
    ids: &BTreeSet<String>,
) -> Result<Option<BTreeSet<String>>, Trouble> {
    let mut found = BTreeSet::new();
    let mut cursor: u64 = 0;
    for _ in 0..MOST_HELD_PAGES {
        let mut scan = cmd("HSCAN");
        scan.arg(backend.broker_keys.unacknowledged())
            .arg(cursor)
            .arg("COUNT")
            .arg(1000);
        let (next, page): (u64, Vec<Vec<u8>>) = backend.broker.ask(&scan).await?;
        for message in page.into_iter().skip(1).step_by(2) {
            found.extend(owners(&message, ids));
        }
        if next == 0 {
            return Ok(Some(found));
        }
        cursor = next;
    }
    Ok(None)
}

/// Those of `ids` that a message belongs to: the task itself, and the one at the root of its
/// workflow, which is not over before.
fn owners(message: &[u8], ids: &BTreeSet<String>) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Message {
        headers: Headers,
    }
    #[derive(Deserialize)]
    struct Headers {
        id: Option<String>,
        root_id: Option<String>,
    }

    // One that is held comes with its exchange and its routing key.
    let read = serde_json::from_slice::<Message>(message).or_else(|_| {
        serde_json::from_slice::<(Message, IgnoredAny, IgnoredAny)>(message).map(|held| held.0)
    });
    let Ok(Message { headers }) = read else {
        // Not Celery's own envelope: any mention counts.
        return ids
            .iter()
            .filter(|id| names(message, id))
            .cloned()
            .collect();
    };
    let named = [headers.id, headers.root_id].into_iter().flatten();
    named.filter(|id| ids.contains(id)).collect()
}

/// Whether `id` is anywhere in a message.
pub(crate) fn names(message: &[u8], id: &str) -> bool {
    !id.is_empty()
        && message
            .windows(id.len())
            .any(|window| window == id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners_of(message: &str) -> Vec<String> {
        let ids = ["a1", "b2"].map(String::from).into();
        owners(message.as_bytes(), &ids).into_iter().collect()
    }

    #[test]
    fn a_message_belongs_to_its_task_and_to_the_root() {
        let of = |id: &str, root: &str| {
            format!(r#"{{"body": "a1", "headers": {{"id": "{id}", "root_id": "{root}"}}}}"#)
        };
        assert_eq!(owners_of(&of("a1", "a1")), ["a1"]);
        assert_eq!(owners_of(&of("c3", "b2")), ["b2"]);
        assert!(owners_of(&of("c3", "c3")).is_empty());
        assert_eq!(
            owners_of(&format!(r#"[{}, "", "celery"]"#, of("a1", "b2"))),
            ["a1", "b2"]
        );
    }

    #[test]
    fn in_what_cannot_be_read_any_mention_counts() {
        assert_eq!(owners_of("<task id='b2'/>"), ["b2"]);
        assert_eq!(owners_of(r#"{"headers": {}, "id": "b2"}"#), [""; 0]);
        assert!(names(
            br#"[{"headers": {"id": "abc"}}, "", "celery"]"#,
            "abc"
        ));
        assert!(!names(b"ab", "abc") && !names(b"abc", ""));
    }
}
