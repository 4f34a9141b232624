//! What strategies show of the catalogue, and calling one of their tools.
//!
//! Prompts and documents are in [`super::library`]; they are shown together with the tools, in one
//! snapshot, so that clients never see tools of one moment and prompts of another. Who keeps the snapshot
//! up to date is [`super::keeper`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Service;
use crate::error::{Code, Report, nearest};
use crate::plugin::{
    CallError, CallPort, Caller, Document, Prompt, Reply, Shown, Strategy, TaskError, Tool,
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

    /// All that these strategies show.
    pub(super) fn of(shown: &[(Arc<dyn Strategy>, Arc<Shown>)], complete: bool) -> Self {
        let mut toolbox = Self {
            complete,
            ..Self::default()
        };
        for (strategy, shown) in shown {
            toolbox.add_all(strategy, shown);
        }
        toolbox
    }

    fn add_all(&mut self, strategy: &Arc<dyn Strategy>, shown: &Shown) {
        let mut refused = Refused::default();
        for tool in &shown.tools {
            if let Err(why) = self.add(strategy, tool) {
                refused.add(|| format!("tool `{}` is not offered {why}", tool.name));
            }
        }
        refused.log(strategy.name());
        for prompt in &shown.prompts {
            self.prompts
                .entry(prompt.name.clone())
                .or_insert_with(|| (prompt.clone(), strategy.clone()));
        }
        let with = |document: &Document| (document.clone(), strategy.clone());
        self.documents.extend(shown.documents.iter().map(with));
        self.templates.extend(shown.templates.iter().map(with));
    }

    fn add(&mut self, strategy: &Arc<dyn Strategy>, tool: &Tool) -> Result<(), String> {
        if self.tools.contains_key(&tool.name) {
            return Err("[TH0311]: another one has its name".to_owned());
        }
        let arguments = Validator::compile(&tool.input_schema)
            .map_err(|why| format!("[TH0310]: its input schema does not compile: {why}"))?;
        let offered = Offered {
            tool: tool.clone(),
            strategy: strategy.clone(),
            arguments,
        };
        self.tools.insert(tool.name.clone(), offered);
        Ok(())
    }

    pub(super) fn shows_the_same_as(&self, other: &Self) -> bool {
        self.complete == other.complete
            && self.tools().eq(other.tools())
            && self.prompts().eq(other.prompts())
            && self.documents().eq(other.documents())
            && self.templates().eq(other.templates())
    }
}

/// What is not offered, of one component. A few are named, and the others counted: there may be as many
/// as a catalogue is long, each time that it changes.
#[derive(Default)]
pub(super) struct Refused {
    named: Vec<String>,
    others: usize,
}

impl Refused {
    const NAMED: usize = 5;

    pub(super) fn add(&mut self, line: impl FnOnce() -> String) {
        if self.named.len() < Self::NAMED {
            self.named.push(line());
        } else {
            self.others += 1;
        }
    }

    pub(super) fn log(&self, component: &str) {
        for line in &self.named {
            tracing::error!(component, "{line}");
        }
        if self.others > 0 {
            tracing::error!(component, "and {} more are not offered", self.others);
        }
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
