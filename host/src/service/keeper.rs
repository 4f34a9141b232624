//! Keeps the toolbox in step with the catalogue and with the strategies.
//!
//! Each strategy is asked by itself, and what it last showed stays until it shows something else: one that
//! is broken, slow, or wrong keeps nobody else's tools away, and its own only as long as it has never
//! shown any.
//!
//! ```text
//! catalogue changed ─▶ all due ─▶ ask those that are not being asked ─▶ answers ─▶ one new snapshot
//! reborn, retry     ─▶ one due                                            └─ or after PATIENCE without them
//! ```

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Service;
use super::catalog::Catalog;
use super::exhibit::Exhibit;
use super::toolbox::Toolbox;
use crate::error::Explain as _;
use crate::plugin::{CallError, Health, Shown};

/// How long the answers of a round are waited for before those that there are, are shown.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the start of a host may take; what is not there by then is shown when it comes.
const START: Duration = Duration::from_secs(10);
/// The first pause before a strategy is asked again that has failed; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One strategy, and what is known of it.
struct Place {
    exhibit: Exhibit,
    health: watch::Receiver<Health>,
    /// What it showed last.
    shown: Option<Arc<Shown>>,
    /// It is to be asked.
    due: bool,
    /// It is being asked.
    asking: bool,
    /// It has answered, in whatever way.
    asked: bool,
    /// When it is due by itself, because it has failed.
    again: Option<Instant>,
    pause: Duration,
}

type Asked = (usize, Result<Shown, CallError>);

impl Service {
    /// Keeps the toolbox until the service ends.
    pub(super) async fn keep_toolbox(self) {
        let mut catalog = self.0.catalog.subscribe();
        let mut places: Vec<Place> = self.0.strategies.iter().cloned().map(Place::new).collect();
        let mut asks: FuturesUnordered<BoxFuture<'_, Asked>> = FuturesUnordered::new();
        let began = Instant::now();
        let mut round = began;
        // Once even where there is nobody to ask: then there are no tools, and that is known.
        let mut publish = true;
        loop {
            let known = {
                let newest = catalog.borrow_and_update();
                // Seen from now on, so `changed` below will not tell of it. Until they were asked about it,
                // what they answered is about another catalogue, and must not be shown as complete.
                if newest.has_changed() {
                    publish = true;
                    places.iter_mut().for_each(Place::ask_soon);
                }
                newest.clone()
            };
            if places.iter().any(|place| place.due && !place.asking) {
                if asks.is_empty() {
                    round = Instant::now();
                }
                let configured: Vec<String> = (places.iter())
                    .map(|place| place.exhibit.strategy.name().to_owned())
                    .collect();
                for (index, place) in places.iter_mut().enumerate() {
                    if place.due && !place.asking {
                        asks.push(place.ask(index, &known, &configured));
                    }
                }
            }
            let patience = round + PATIENCE;
            if publish && (asks.is_empty() || Instant::now() >= patience) {
                publish = false;
                let all = places.iter().all(|place| place.asked);
                let complete =
                    all && known.is_complete(self.0.backends.len()) || began.elapsed() >= START;
                self.publish(&places, complete).await;
            }
            let again = places.iter().filter_map(|place| place.again).min();
            tokio::select! {
                Some((index, answer)) = asks.next(), if !asks.is_empty() => {
                    if let Some(place) = places.get_mut(index) {
                        publish |= place.answered(answer);
                    }
                }
                changed = catalog.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    publish = true;
                    places.iter_mut().for_each(Place::ask_soon);
                }
                () = self.0.look_again.notified() => places.iter_mut().for_each(Place::ask_soon),
                () = any_reborn(&mut places) => {}
                () = until(again) => {
                    let now = Instant::now();
                    for place in &mut places {
                        place.due |= place.again.take_if(|again| *again <= now).is_some();
                    }
                }
                () = tokio::time::sleep_until(patience), if publish && !asks.is_empty() => {}
                () = tokio::time::sleep_until(began + START), if !self.0.toolbox.borrow().complete => {
                    publish = true;
                }
            }
        }
    }

    /// Puts together what there is to see. Compiling schemas is work: it is done where nobody waits.
    async fn publish(&self, places: &[Place], complete: bool) {
        let shown: Vec<_> = (places.iter())
            .filter_map(|place| Some((place.exhibit.strategy.clone(), place.shown.clone()?)))
            .collect();
        let complete = complete || self.0.toolbox.borrow().complete;
        let made = tokio::task::spawn_blocking(move || Toolbox::of(&shown, complete)).await;
        let Ok(toolbox) = made else {
            tracing::error!("the tools cannot be put together: a defect of the host");
            return;
        };
        self.0.toolbox.send_if_modified(|current| {
            let changed = !current.shows_the_same_as(&toolbox);
            *current = Arc::new(toolbox);
            changed
        });
    }
}

impl Place {
    fn new(exhibit: Exhibit) -> Self {
        let mut health = exhibit.strategy.health();
        health.mark_unchanged();
        Self {
            health,
            exhibit,
            shown: None,
            due: true,
            asking: false,
            asked: false,
            again: None,
            pause: FIRST_PAUSE,
        }
    }

    /// The world has changed.
    fn ask_soon(&mut self) {
        self.due = true;
        self.again = None;
    }

    fn ask(
        &mut self,
        index: usize,
        catalog: &Catalog,
        configured: &[String],
    ) -> BoxFuture<'static, Asked> {
        self.due = false;
        self.asking = true;
        let configured: Vec<_> = configured.iter().map(String::as_str).collect();
        let mut mine = catalog.definitions();
        mine.retain(|definition| self.exhibit.shows(definition, &configured));
        let strategy = self.exhibit.strategy.clone();
        async move { (index, strategy.show(&mine).await) }.boxed()
    }

    /// Whether there is something else to see than before.
    fn answered(&mut self, answer: Result<Shown, CallError>) -> bool {
        self.asking = false;
        let first = !std::mem::replace(&mut self.asked, true);
        match answer {
            Ok(shown) => {
                self.pause = FIRST_PAUSE;
                self.again = None;
                let shown = Arc::new(shown);
                let before = self.shown.replace(shown.clone());
                first || before != Some(shown)
            }
            Err(error) => {
                tracing::warn!(
                    strategy = self.exhibit.strategy.name(),
                    code = %error.code(),
                    "shows what it showed before: {error}"
                );
                self.again = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                first
            }
        }
    }
}

/// Resolves when one of the strategies has a fresh instance, which is then due.
async fn any_reborn(places: &mut [Place]) {
    let waits = places.iter_mut().map(|place| {
        Box::pin(async move {
            loop {
                if place.health.changed().await.is_err() {
                    return std::future::pending().await;
                }
                if matches!(&*place.health.borrow_and_update(), Health::Ready { .. }) {
                    place.ask_soon();
                    return;
                }
            }
        })
    });
    if waits.len() == 0 {
        return std::future::pending().await;
    }
    futures::future::select_all(waits).await;
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::settings::Settings;
    use crate::plugin::{
        CallPort, Document, DocumentBody, Meter, Reference, Reply, Strategy, TaskSupport, Tool,
        ToolCaller,
    };
    use crate::store::memory::MemoryStore;
    use crate::task::{Definition, Json};

    #[tokio::test(start_paused = true)]
    async fn strategies_that_fail_or_hang_keep_nobody_elses_tools_away() {
        let failing = showing("failing", Way::Fails);
        let service = service(&[
            &failing,
            &showing("hanging", Way::Hangs),
            &showing("good", Way::Shows),
        ]);
        let mut toolbox = service.toolbox();
        let began = Instant::now();
        let seen = toolbox
            .wait_for(|toolbox| toolbox.find("good").is_some())
            .await;
        assert_eq!(seen.unwrap().tools().count(), 1);
        assert!(began.elapsed() <= PATIENCE, "{:?}", began.elapsed());
        // The start of the host is over for clients, whatever is missing.
        toolbox.wait_for(|toolbox| toolbox.complete).await.unwrap();
        assert!(began.elapsed() <= START + PATIENCE, "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_mins(5)).await;
        let asked = failing.asked.load(Ordering::Relaxed);
        assert!((10..=20).contains(&asked), "less and less: {asked} times");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_shown_stays_when_its_strategy_breaks() {
        let moody = showing("moody", Way::ShowsOnce);
        let service = service(&[&moody]);
        let mut toolbox = service.toolbox();
        toolbox
            .wait_for(|toolbox| toolbox.find("moody").is_some())
            .await
            .unwrap();
        service.0.look_again.notify_one();
        while moody.asked.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(toolbox.borrow().find("moody").is_some());
    }

    #[derive(Clone, Copy)]
    enum Way {
        Shows,
        ShowsOnce,
        Fails,
        Hangs,
    }

    struct Showing {
        name: &'static str,
        way: Way,
        asked: AtomicUsize,
        health: watch::Sender<Health>,
    }

    fn showing(name: &'static str, way: Way) -> Arc<Showing> {
        Arc::new(Showing {
            name,
            way,
            asked: AtomicUsize::new(0),
            health: watch::Sender::new(Health::Ready { generation: 1 }),
        })
    }

    fn service(strategies: &[&Arc<Showing>]) -> Service {
        let exhibits = strategies.iter().map(|strategy| {
            let strategy: Arc<dyn Strategy> = (*strategy).clone();
            Exhibit::all(strategy)
        });
        let service = Service::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock::default()),
            Settings::default(),
            Vec::new(),
            exhibits.collect(),
        );
        service.begin().unwrap();
        service
    }

    fn unavailable() -> CallError {
        CallError::Unavailable {
            message: "not now".into(),
            retry_ms: None,
        }
    }

    impl Strategy for Showing {
        fn name(&self) -> &str {
            self.name
        }

        fn health(&self) -> watch::Receiver<Health> {
            self.health.subscribe()
        }

        fn meter(&self) -> Arc<Meter> {
            Arc::default()
        }

        fn show<'a>(&'a self, _: &'a [Definition]) -> BoxFuture<'a, Result<Shown, CallError>> {
            let before = self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                match self.way {
                    Way::Hangs => std::future::pending().await,
                    Way::Fails => Err(unavailable()),
                    Way::ShowsOnce if before > 0 => Err(unavailable()),
                    Way::Shows | Way::ShowsOnce => Ok(Shown {
                        tools: vec![Tool {
                            name: self.name.into(),
                            route: String::new(),
                            title: None,
                            description: None,
                            input_schema: Json::empty_object(),
                            output_schema: None,
                            annotations: None,
                            meta: None,
                            task_support: TaskSupport::Forbidden,
                        }],
                        ..Shown::default()
                    }),
                }
            })
        }

        fn call_tool<'a>(
            &'a self,
            _: CallPort,
            _: ToolCaller,
            _: String,
            _: &'a Json,
        ) -> BoxFuture<'a, Result<Reply, CallError>> {
            Box::pin(async { Err(unavailable()) })
        }

        fn get_prompt<'a>(
            &'a self,
            _: CallPort,
            _: ToolCaller,
            _: String,
            _: &'a Json,
        ) -> BoxFuture<'a, Result<Reply, CallError>> {
            Box::pin(async { Err(unavailable()) })
        }

        fn read_resource(
            &self,
            _: CallPort,
            _: String,
        ) -> BoxFuture<'_, Result<(Document, DocumentBody), CallError>> {
            Box::pin(async { Err(unavailable()) })
        }

        fn complete(
            &self,
            _: CallPort,
            _: Reference,
            _: String,
            _: String,
        ) -> BoxFuture<'_, Result<Vec<String>, CallError>> {
            Box::pin(async { Err(unavailable()) })
        }
    }
}
