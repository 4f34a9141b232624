//! What workers have said of their tasks, kept in the host's storage.
//!
//! A task stays for a week after the last worker that knew it, so that a deployment takes no tool
//! away, and one that was renamed does not stay for ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use taskhost_sdk::host::storage;
use taskhost_sdk::tracing;

use crate::catalogue::Discovered;

const DAY_MS: u64 = 86_400_000;
const KEEP_DAYS: u64 = 7;
/// The host takes values of 64 KiB.
const PART: usize = 60 * 1024;
/// And 8 MiB in all.
const MOST_PARTS: usize = 100;

/// Tasks by their name in Celery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Found {
    tasks: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The task's `mcp` attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mcp: Option<String>,
    /// The day since the epoch on which a worker last knew it.
    day: u64,
}

impl Found {
    /// What was found before; nothing where it cannot be read, since workers will say it again.
    pub(crate) async fn load() -> Self {
        let mut text = Vec::new();
        for part in 0..MOST_PARTS {
            match storage::get(key(part)).await {
                Ok(Some(bytes)) => text.extend(bytes),
                _ => break,
            }
        }
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(crate) async fn save(&self) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let parts: Vec<&[u8]> = text.chunks(PART).collect();
        if parts.len() > MOST_PARTS {
            tracing::warn!("the catalogue of tasks is too large to be kept over a restart");
            return;
        }
        for (index, part) in parts.iter().enumerate() {
            if storage::set(key(index), Some(part.to_vec())).await.is_err() {
                return;
            }
        }
        // The end of a longer one, if there was one.
        _ = storage::set(key(parts.len()), None).await;
    }

    /// Takes note of an answer of workers. True where something is to be saved.
    pub(crate) fn note(&mut self, tasks: &Discovered, now_ms: u64) -> bool {
        let before = self.clone();
        let day = now_ms / DAY_MS;
        for (name, mcp) in tasks {
            self.tasks.insert(
                name.clone(),
                Entry {
                    mcp: mcp.clone(),
                    day,
                },
            );
        }
        self.tasks
            .retain(|_, entry| day.saturating_sub(entry.day) <= KEEP_DAYS);
        *self != before
    }

    pub(crate) fn tasks(&self) -> Discovered {
        let pair = |(name, entry): (&String, &Entry)| (name.clone(), entry.mcp.clone());
        self.tasks.iter().map(pair).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

fn key(part: usize) -> String {
    format!("catalogue/{part:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_outlives_its_workers_by_a_week() {
        let mut found = Found::default();
        let both = Discovered::from([("a".into(), None), ("b".into(), Some("{}".into()))]);
        assert!(found.note(&both, 0));
        assert!(!found.note(&both, DAY_MS - 1), "once a day is enough");
        let one = Discovered::from([("a".into(), None)]);
        assert!(found.note(&one, 7 * DAY_MS));
        assert_eq!(found.tasks(), both);
        assert!(found.note(&one, 8 * DAY_MS));
        assert_eq!(found.tasks(), one);
        let text = serde_json::to_vec(&found).unwrap();
        assert_eq!(serde_json::from_slice::<Found>(&text).unwrap(), found);
    }
}
