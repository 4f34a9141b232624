//! What only this component knows of a task: that it was asked to stop, and why it was stopped.
//!
//! Kept in the host's storage, since the time of grace goes on while instances come and go. Most tasks
//! never have a mark.

use serde::{Deserialize, Serialize};
use taskhost_sdk::storage::Table;
use taskhost_sdk::{Error, time, tracing};

/// Longer than Restate keeps what is over, by default, and than any host is away.
const KEPT_MS: u64 = 30 * 86_400_000;

const MARKS: Table<Mark> = Table::new("mark/");

/// By the id of the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// When this was first written.
    pub(crate) since_ms: u64,
    /// A client wants it to stop, since then.
    #[serde(default)]
    pub(crate) cancel_ms: Option<u64>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// It had not begun when it was cancelled: of such work Restate keeps nothing.
    #[serde(default)]
    pub(crate) not_begun: bool,
    /// It was killed because its journal does not fit its code, in these words.
    #[serde(default)]
    pub(crate) mismatch: Option<String>,
}

pub(crate) async fn get(id: &str) -> Result<Option<Mark>, Error> {
    MARKS.get(id).await
}

/// Makes a mark, or changes the one that is there.
pub(crate) async fn change(id: &str, change: impl Fn(&mut Mark)) -> Result<(), Error> {
    let mut new = Mark {
        since_ms: time::now_ms(),
        ..Mark::default()
    };
    change(&mut new);
    if MARKS.insert(id, &new).await?.is_some() {
        MARKS.update(id, change).await?;
    }
    Ok(())
}

pub(crate) async fn remove(id: &str) -> Result<(), Error> {
    MARKS.remove(id).await
}

/// Forgets marks that a crash has kept from being released.
pub(crate) async fn sweep() {
    if let Err(error) = old_ones_go().await {
        tracing::debug!(error = error.words(), "old marks were not looked for");
    }
}

async fn old_ones_go() -> Result<(), Error> {
    for id in MARKS.keys().await? {
        let mark = MARKS.get(&id).await?;
        let is_old = mark.is_none_or(|mark| mark.since_ms.saturating_add(KEPT_MS) < time::now_ms());
        if is_old {
            MARKS.remove(&id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use taskhost_sdk::mock::Host;

    use super::*;

    #[test]
    fn a_mark_is_made_once_and_forgotten_in_the_end() {
        Host::new().run(async {
            change("a", |mark| mark.cancel_ms = mark.cancel_ms.or(Some(1)))
                .await
                .unwrap();
            change("a", |mark| {
                mark.cancel_ms = mark.cancel_ms.or(Some(2));
                mark.not_begun = true;
            })
            .await
            .unwrap();
            let mark = get("a").await.unwrap().unwrap();
            assert_eq!((mark.cancel_ms, mark.not_begun), (Some(1), true));
            old_ones_go().await.unwrap();
            assert!(get("a").await.unwrap().is_some());
            time::sleep(Duration::from_millis(KEPT_MS + 1)).await;
            old_ones_go().await.unwrap();
            assert_eq!(get("a").await, Ok(None));
        });
    }
}
