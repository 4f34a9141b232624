//! After a start of the engine: all runs that are not over are brought back.

use std::rc::Rc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use taskhost_sdk::{time, tracing};

use crate::actor::{Told, What};
use crate::bindings::journal::Head;
use crate::engine::Engine;
use crate::input::Input;
use crate::load::words;
use crate::summary::Summary;
use crate::world::World;

/// How many are brought back at once.
const AT_ONCE: usize = 32;

/// A log of so many bytes is brought back alone: there is not room for many of them.
const LARGE: u64 = 1 << 20;

/// How many are listed at once.
const PAGE: u32 = 1000;

/// After which a journal is asked again that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

impl<W: World> Engine<W> {
    /// Brings back whoever is not over. What asks for one of them meanwhile brings it back itself.
    pub(crate) async fn recover(self: Rc<Self>) {
        let mut large = Vec::new();
        let mut children = Vec::new();
        let mut after = None;
        loop {
            let page = match self.world.live(after.clone(), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(why = %words(error), "the runs under way cannot be listed");
                    time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.run.clone());
            let mut small = Vec::new();
            for Head { run, summary, .. } in page {
                let summary = Summary::read(&summary);
                if let Some(parent) = summary.parent {
                    children.push((run.clone(), parent));
                }
                let size = if summary.bytes < LARGE {
                    &mut small
                } else {
                    &mut large
                };
                size.push(run);
            }
            let engine = &self;
            let back = |run: String| async move { drop(engine.ask(&run, What::Look).await) };
            stream::iter(small).for_each_concurrent(AT_ONCE, back).await;
        }
        for run in large {
            self.ask(&run, What::Look).await;
        }
        for (child, parent) in children {
            self.look_after_child(child, &parent).await;
        }
    }

    /// Between the end of a parent and that of its children the host may have died.
    async fn look_after_child(self: &Rc<Self>, child: String, parent: &str) {
        let told = self.ask(parent, What::Wants(child.clone())).await;
        if matches!(told, Told::Over | Told::Unknown) {
            let reason = Some("nobody waits for it any more".to_owned());
            self.tell(&child, Input::Cancel { reason }).await;
        }
    }
}
