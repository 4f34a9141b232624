//! The mark in Redis that says what has become of a task's message.
//!
//! Celery starts a task twice where its message is pushed twice, and knows no key that would prevent
//! it. So the message and its mark are written by one script, and the mark is the message itself:
//! the exact bytes are needed to take it out of the queue, also after a restart.
//!
//! Redis that loses writes loses the two together, and the repeated start pushes again, which is
//! right. The mark has an end of its own, long after any recovery, and is prolonged while the task
//! lives.

use taskhost_sdk::{Observation, Outcome};

use crate::meta;

/// Two days, in seconds.
pub(crate) const LIFETIME_S: u64 = 172_800;

/// The beginning of a mark that is enough to read it.
pub(crate) const HEAD: usize = 1024;

/// Sends once. Pushes first: a script that fails half way must not leave a mark without a message.
///
/// Keys: mark, list. Arguments: message, lifetime. Answers the mark that was there before, or nothing.
pub(crate) const SEND: &str = "\
local known = redis.call('GET', KEYS[1])
if known then return known end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false";

/// Takes the message back, where no worker has it yet.
///
/// Keys: mark, list. Arguments: the new mark, lifetime. Answers 1: taken; 0: a worker has it; 2: it
/// was taken before; -1: no such task was sent.
pub(crate) const TAKE_BACK: &str = "\
local known = redis.call('GET', KEYS[1])
if not known then return -1 end
if string.sub(known, 1, 1) ~= '{' then return 2 end
if redis.call('LREM', KEYS[2], 1, known) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1";

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The message was pushed.
    Sent,
    /// It was taken back, for this reason.
    Cancelled(Option<String>),
    /// The worker that ran it is gone.
    Lost(String),
    /// It is over, and left no result. These workers were asked.
    NoResult(Vec<String>),
}

impl Mark {
    /// `head` is the value or its beginning; empty where there is no mark.
    pub(crate) fn read(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        if let Some(reason) = text.strip_prefix("cancelled:") {
            return Some(Self::Cancelled(
                (!reason.is_empty()).then(|| reason.to_owned()),
            ));
        }
        if let Some(worker) = text.strip_prefix("lost:") {
            return Some(Self::Lost(worker.to_owned()));
        }
        if let Some(workers) = text.strip_prefix("no-result:") {
            return Some(Self::NoResult(
                workers.split_whitespace().map(str::to_owned).collect(),
            ));
        }
        (!text.is_empty()).then_some(Self::Sent)
    }

    /// The value of a mark that is not a message.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Sent => String::new(),
            Self::Cancelled(reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                format!(
                    "cancelled:{}",
                    reason.chars().take(HEAD / 8).collect::<String>()
                )
            }
            Self::Lost(worker) => format!("lost:{worker}"),
            Self::NoResult(workers) => {
                let mut text = "no-result:".to_owned();
                for worker in workers {
                    if text.len() + worker.len() >= HEAD {
                        break;
                    }
                    text.push_str(worker);
                    text.push(' ');
                }
                text
            }
        }
    }

    /// How a task ended of which only the mark tells.
    pub(crate) fn end(&self) -> Option<Observation> {
        match self {
            Self::Sent => None,
            Self::Cancelled(reason) => {
                Some(Observation::Finished(Outcome::Cancelled(reason.clone())))
            }
            Self::Lost(worker) => Some(meta::worker_lost(worker)),
            Self::NoResult(workers) => Some(meta::no_result(workers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back() {
        for mark in [
            Mark::Cancelled(None),
            Mark::Cancelled(Some("not needed: é".into())),
            Mark::Lost("w@host".into()),
            Mark::NoResult(vec!["w1@host".into(), "w2@host".into()]),
        ] {
            assert_eq!(Mark::read(mark.text().as_bytes()), Some(mark.clone()));
            assert!(mark.end().is_some());
            assert!(
                !mark.text().starts_with('{'),
                "the scripts tell messages by this"
            );
        }
        assert_eq!(Mark::read(br#"{"body": "#), Some(Mark::Sent));
        let many = Mark::NoResult(vec!["a-worker@host".into(); HEAD]).text();
        assert!(many.len() <= HEAD && many.ends_with("host "), "{many}");
        assert_eq!(Mark::read(b""), None);
        assert_eq!(Mark::Sent.end(), None);
    }
}
