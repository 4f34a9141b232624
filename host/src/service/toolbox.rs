//! What strategies show of the catalogue, and calling one of their tools.
//!
//! Prompts and documents are in [`super::library`]; they are shown together with the tools, in one
//! snapshot, so that clients never see tools of one moment and prompts of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::Service;
use super::catalog::Catalog;
use super::follow::LOOK_AGAIN;
use crate::error::{Code, Explain as _, Report, nearest};
use crate::plugin::{
    CallError, CallPort, Caller, Document, Health, Prompt, Reply, Shown, Strategy, TaskError, Tool,
    ToolCaller,
};
use crate::schema::Validator;
use crate::task::Json;

/// All tools, by name: one immutable snapshot, swapped whole.
#[derive(Default)]
pub struct Toolbox {
    tools: BTreeMap<String, Offered>,
    pub(super) prompts: BTreeMap<String, (Prompt, Arc<dyn Strategy>)>,
    pub(super) documents: Vec<(Document, Arc<dyn Strategy>)>,
    pub(super) templates: Vec<(Document, Arc<dyn Strategy>)>,
    /// The strategies have been asked at least once.
    pub complete: bool,
}

/// One tool, and who answers it.
pub struct Offered {
    /// As it is shown.
    pub tool: Tool,
    strategy: Arc<dyn Strategy>,
    arguments: Validator,
}

impl Toolbox {
    /// All of them, by name.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values().map(|offered| &offered.tool)
    }

    /// The tool with this name.
    pub fn find(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name).map(|offered| &offered.tool)
    }

    /// All prompts, by name.
    pub fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        self.prompts.values().map(|(prompt, _)| prompt)
    }

    /// All documents, in the order of their strategies.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().map(|(document, _)| document)
    }

    /// All templates, in the order of their strategies.
    pub fn templates(&self) -> impl Iterator<Item = &Document> {
        self.templates.iter().map(|(template, _)| template)
    }

    fn add_all(&mut self, strategy: &Arc<dyn Strategy>, shown: Shown) {
        for tool in shown.tools {
            self.add(strategy, tool);
        }
        for prompt in shown.prompts {
            self.prompts
                .entry(prompt.name.clone())
                .or_insert_with(|| (prompt, strategy.clone()));
        }
        let with = |document| (document, strategy.clone());
        self.documents.extend(shown.documents.into_iter().map(with));
        self.templates.extend(shown.templates.into_iter().map(with));
    }

    fn add(&mut self, strategy: &Arc<dyn Strategy>, tool: Tool) {
        if self.tools.contains_key(&tool.name) {
            tracing::error!(
                strategy = strategy.name(),
                "tool `{}` is not offered [TH0311]: another one has its name",
                tool.name
            );
            return;
        }
        match Validator::compile(&tool.input_schema) {
            Ok(arguments) => {
                self.tools.insert(
                    tool.name.clone(),
                    Offered {
                        tool,
                        strategy: strategy.clone(),
                        arguments,
                    },
                );
            }
            Err(why) => tracing::error!(
                strategy = strategy.name(),
                "tool `{}` is not offered [TH0310]: its input schema does not compile: {why}",
                tool.name
            ),
        }
    }

    fn shows_the_same_as(&self, other: &Self) -> bool {
        self.complete == other.complete
            && self.tools().eq(other.tools())
            && self.prompts().eq(other.prompts())
            && self.documents().eq(other.documents())
            && self.templates().eq(other.templates())
    }
}

impl Service {
    /// Answers one `tools/call`.
    pub async fn call_tool(
        &self,
        caller: Caller,
        who: ToolCaller,
        name: &str,
        arguments: &Json,
    ) -> Result<Reply, TaskError> {
        let toolbox = self.0.toolbox.borrow().clone();
        let Some(offered) = toolbox.tools.get(name) else {
            let report = Report::new(Code(720), format!("there is no tool `{name}`"));
            let near = nearest(name, toolbox.tools.keys().map(String::as_str));
            return Err(TaskError::Unknown(match near {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => report,
            }));
        };
        if let Err(why) = offered.arguments.check(arguments) {
            return Err(TaskError::Invalid(Report::new(
                Code(721),
                format!("the arguments of `{name}` do not fit: {why}"),
            )));
        }
        let port = CallPort::new(Arc::new(self.clone()), caller);
        offered
            .strategy
            .call_tool(port.clone(), who, offered.tool.route.clone(), arguments)
            .await
            .map_err(|error| match (&error, port.no_room()) {
                // The strategy says that there is no room; here it is known for what.
                (CallError::Busy { retry_ms, .. }, Some(report)) => {
                    TaskError::Busy(report.clone(), *retry_ms)
                }
                _ => failed(&error),
            })
    }

    /// Keeps the toolbox in step with the catalogue and with the strategies, until the service ends.
    pub(super) async fn keep_toolbox(self) {
        let mut catalog = self.0.catalog.subscribe();
        let mut health: Vec<_> = self
            .0
            .strategies
            .iter()
            .map(|exhibit| exhibit.strategy.health())
            .collect();
        loop {
            let known = catalog.borrow_and_update().clone();
            for health in &mut health {
                health.mark_unchanged();
            }
            let retry = match self.ask_strategies(&known).await {
                Ok(toolbox) => {
                    self.0.toolbox.send_if_modified(|current| {
                        let changed = !current.shows_the_same_as(&toolbox);
                        *current = Arc::new(toolbox);
                        changed
                    });
                    None
                }
                Err(error) => {
                    tracing::warn!(code = %error.code(), "no tools: {error}");
                    Some(LOOK_AGAIN)
                }
            };
            tokio::select! {
                changed = catalog.changed() => if changed.is_err() { return },
                () = self.0.look_again.notified() => {}
                () = any_reborn(&mut health) => {}
                () = async {
                    match retry {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    async fn ask_strategies(&self, catalog: &Catalog) -> Result<Toolbox, CallError> {
        let definitions = catalog.definitions();
        let configured: Vec<_> = (self.0.strategies.iter())
            .map(|exhibit| exhibit.strategy.name())
            .collect();
        let mut toolbox = Toolbox {
            complete: catalog.is_complete(self.0.backends.len()),
            ..Toolbox::default()
        };
        for exhibit in &self.0.strategies {
            let mine: Vec<_> = definitions
                .iter()
                .filter(|definition| exhibit.shows(definition, &configured))
                .cloned()
                .collect();
            toolbox.add_all(&exhibit.strategy, exhibit.strategy.show(&mine).await?);
        }
        Ok(toolbox)
    }
}

/// Resolves when one of the strategies has a fresh instance.
async fn any_reborn(health: &mut [watch::Receiver<Health>]) {
    let waits = health.iter_mut().map(|health| {
        Box::pin(async move {
            loop {
                if health.changed().await.is_err() {
                    return std::future::pending().await;
                }
                if matches!(&*health.borrow_and_update(), Health::Ready { .. }) {
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

/// What a strategy did not answer, in the words of the caller.
pub(super) fn failed(error: &CallError) -> TaskError {
    let report = Report::from(error);
    match error {
        CallError::Refused { .. } => TaskError::Invalid(report),
        CallError::Rubbish { .. } => TaskError::Internal(report),
        CallError::Busy { retry_ms, .. } => TaskError::Busy(report, *retry_ms),
        _ => TaskError::Unavailable(report, error.retry_ms()),
    }
}
