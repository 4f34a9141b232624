//! One strategy on a bench: a service around it, and callers before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::super::Subject;
use super::super::clause;
use super::super::room::Room;
use super::super::verdict::{Stop, failed, skipped};
use super::companion::Companion;
use super::listener::Listener;
use super::metered::Metered;
use crate::clock::{Clock, SystemClock};
use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::plugin::load::Linked;
use crate::plugin::{
    CallPort, Caller, ComponentMap, EventSink, LinkedStrategy, Ports, Reply, Strategy, TaskError,
    Tasks as _, Tool, ToolCaller,
};
use crate::service::exhibit::Exhibit;
use crate::service::follow::Mailbox;
use crate::service::storage::{StoredLogs, StoredMaps};
use crate::service::{Attached, Service};
use crate::store::memory::MemoryStore;
use crate::store::{Filter, Store};
use crate::task::{Definition, Json, Principal, Record};

/// Where one scenario runs.
pub(in crate::trial) struct Bench {
    subject: Arc<Subject>,
    linked: LinkedStrategy,
    /// How long a single thing is waited for.
    pub(super) patience: Duration,
    /// Outlives hosts.
    pub(super) store: Arc<MemoryStore>,
    pub(super) room: Room,
}

/// A service with the strategy, and a backend behind it.
pub(super) struct Host {
    pub(super) service: Service,
    store: Arc<MemoryStore>,
    patience: Duration,
}

/// How a host is to be.
pub(super) struct Wanted<'a> {
    /// Tasks of `mock` that there are. Empty: all of them.
    pub(super) tasks: &'a [&'a str],
    pub(super) settings: Settings,
    /// How long the backend takes for a start.
    pub(super) start: Duration,
}

impl<'a> Wanted<'a> {
    pub(super) fn tasks(tasks: &'a [&'a str]) -> Self {
        Self {
            tasks,
            settings: Settings::default(),
            start: Duration::ZERO,
        }
    }
}

impl Bench {
    pub(in crate::trial) fn new(
        subject: &Arc<Subject>,
        linked: &LinkedStrategy,
        timeout: Duration,
    ) -> Self {
        Self {
            subject: subject.clone(),
            linked: linked.clone(),
            patience: timeout / 3,
            store: Arc::new(MemoryStore::new()),
            room: Room::default(),
        }
    }

    pub(in crate::trial) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// A fresh instance of the strategy.
    pub(super) fn strategy(&self) -> Arc<dyn Strategy> {
        let loaded = &self.subject.loaded;
        let mut limits = self.subject.limits.clone();
        limits.call = limits.call.min(self.patience * 2);
        let ports = Ports {
            clock: Arc::new(SystemClock::default()),
            storage: self.maps(),
            events: None,
            journal: None,
            flows: None,
            secrets: Arc::new(loaded.secrets.clone()),
            grants: Arc::new(loaded.reach.grants.clone()),
            denials: Arc::default(),
            limits,
            meter: self.room.meter.clone(),
            rehearsal: false,
        };
        let stop = CancellationToken::new();
        let (strategy, actor) =
            self.linked
                .run(&self.subject.name, ports, &loaded.config, stop.clone());
        self.room.take(stop, actor, strategy.health());
        Arc::new(Metered::new(strategy, self.room.usage.clone()))
    }

    fn maps(&self) -> Arc<dyn ComponentMap> {
        let store: Arc<dyn Store> = self.store.clone();
        Arc::new(StoredMaps(store))
    }

    /// A host with a fresh instance, ready to be called. Ends with the scenario.
    pub(super) async fn host(&self, wanted: Wanted<'_>) -> Result<Host, Stop> {
        self.store.reopen();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let mailbox = Arc::new(Mailbox::default());
        let companion = self.companion(&wanted, mailbox.clone())?;
        let service = Service::new(
            self.store.clone(),
            clock,
            wanted.settings,
            vec![Attached::new(
                Arc::new(companion),
                mailbox,
                Duration::from_millis(100),
            )],
            vec![Exhibit::all(self.strategy())],
        );
        if let Err(error) = service.begin() {
            return skipped(format!("no service can be put together: {error}"));
        }
        self.room.end_first({
            let service = service.clone();
            async move { _ = service.end().await }
        });
        let mut toolbox = service.toolbox();
        let complete = toolbox.wait_for(|toolbox| toolbox.complete);
        let ready = tokio::time::timeout(self.patience, complete).await;
        if !matches!(ready, Ok(Ok(_))) {
            return failed(
                format!("tools within {} s", self.patience.as_secs()),
                "none: `list-tools` gives no list",
                clause::TOOLS,
            );
        }
        Ok(Host {
            service,
            store: self.store.clone(),
            patience: self.patience,
        })
    }

    fn companion(&self, wanted: &Wanted<'_>, mailbox: Arc<Mailbox>) -> Result<Companion, Stop> {
        let Some(loaded) = &self.subject.companion else {
            return skipped("there is no backend whose tasks it could show");
        };
        let Linked::Backend(linked) = &loaded.linked else {
            return skipped("there is no backend whose tasks it could show");
        };
        let sink: Arc<dyn EventSink> = mailbox;
        let ports = Ports {
            clock: Arc::new(SystemClock::default()),
            storage: self.maps(),
            events: Some(sink),
            journal: Some(Arc::new(StoredLogs(self.store.clone()))),
            flows: None,
            secrets: Arc::default(),
            grants: Arc::default(),
            denials: Arc::default(),
            limits: Limits::default(),
            meter: Arc::default(),
            rehearsal: false,
        };
        let stop = CancellationToken::new();
        let (backend, actor) = linked.run("mock", ports, &loaded.config, stop.clone());
        self.room.take_companion(stop, actor);
        let tasks = wanted.tasks.iter().map(|task| (*task).to_owned());
        Ok(Companion::new(backend, tasks.collect(), wanted.start))
    }
}

impl Host {
    /// All tools, by name.
    pub(super) fn tools(&self) -> Vec<Tool> {
        self.service.toolbox().borrow().tools().cloned().collect()
    }

    /// All tasks that are shown.
    pub(super) fn catalog(&self) -> Vec<Definition> {
        self.service.catalog().borrow().definitions()
    }

    /// One `tools/call`, whatever comes of it. `None`: no answer in time, and the call was taken back.
    pub(super) async fn call(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: &Json,
    ) -> Option<Result<Reply, TaskError>> {
        self.call_for(self.patience, caller, tool, arguments).await
    }

    pub(super) async fn call_for(
        &self,
        patience: Duration,
        caller: &Caller,
        tool: &str,
        arguments: &Json,
    ) -> Option<Result<Reply, TaskError>> {
        let call = self
            .service
            .call_tool(caller.clone(), who(), tool, arguments);
        tokio::time::timeout(patience, call).await.ok()
    }

    /// Authority for a call that does not come by way of the service.
    pub(super) fn port(&self, caller: &Caller) -> CallPort {
        CallPort::new(Arc::new(self.service.clone()), caller.clone())
    }

    /// All tasks of `owner`, newest first.
    pub(super) fn tasks_of(&self, owner: &Principal) -> Vec<Record> {
        let filter = Filter {
            owner: Some(owner.clone()),
            ..Filter::default()
        };
        self.store.list(&filter).unwrap_or_default()
    }

    /// The record, when `is` says so of it, or as it is when nobody waits any longer.
    pub(super) async fn until(
        &self,
        caller: &Caller,
        id: &str,
        is: impl Fn(&Record) -> bool,
    ) -> Option<Arc<Record>> {
        let until = Instant::now() + self.patience;
        loop {
            let record = self.service.get(caller, id).ok()?.record;
            if is(&record) || Instant::now() >= until {
                return Some(record);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Somebody with a program that can be asked.
pub(super) fn caller(name: &str, listener: &Arc<Listener>) -> Caller {
    Caller {
        via: "a trial".into(),
        client: Some(listener.clone()),
        ..Caller::absent(Principal::named(name).unwrap_or_else(|_| Principal::local()))
    }
}

/// A client without native tasks, which can put questions to a person.
pub(super) fn who() -> ToolCaller {
    ToolCaller {
        client_name: Some("taskhost test".to_owned()),
        protocol: Some("2025-11-25".to_owned()),
        capabilities: Some(Json::of(&serde_json::json!({ "elicitation": {} }))),
        ..ToolCaller::default()
    }
}
