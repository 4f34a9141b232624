//! What a task hub can be asked.

use std::rc::Rc;

use prost::Message;
use taskhost_sdk::{Error, serde_json};

use crate::proto::{
    CreateInstanceRequest, GetInstanceRequest, GetInstanceResponse, HistoryChunk, InstanceQuery,
    Nothing, OrchestrationIdReusePolicy, OrchestrationState, PauseRequest, PurgeInstancesRequest,
    QueryInstancesRequest, QueryInstancesResponse, RaiseEventRequest, StreamInstanceHistoryRequest,
    TerminateRequest, Text,
};
use crate::wire::{Code, Link, Trouble, is_about_a_hub};

/// One task hub of one server.
#[derive(Clone)]
pub(crate) struct Hub(pub(crate) Rc<Link>);

impl Hub {
    /// One that is there already stays as it is, whether it runs or is over.
    pub(crate) async fn start(
        &self,
        instance: &str,
        name: &str,
        version: Option<&str>,
        input: &str,
    ) -> Result<(), Error> {
        let text = |text: &str| Text::from(text.to_owned());
        let request = CreateInstanceRequest {
            instance_id: instance.into(),
            name: name.into(),
            version: version.map(text),
            input: Some(text(input)),
            // Said, since servers differ in what they do where nothing is said.
            reuse_policy: Some(OrchestrationIdReusePolicy::default()),
        };
        match self.0.ask::<Nothing>("StartInstance", &request).await {
            Err(trouble) if trouble.code() == Some(Code::AlreadyExists) => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }

    /// How it stands. `None`: there is no such instance.
    pub(crate) async fn get(&self, instance: &str) -> Result<Option<OrchestrationState>, Error> {
        let request = GetInstanceRequest {
            instance_id: instance.into(),
            get_inputs_and_outputs: true,
        };
        match self
            .0
            .ask::<GetInstanceResponse>("GetInstance", &request)
            .await
        {
            Ok(answer) if !answer.exists => Ok(None),
            Ok(answer) => Ok(answer.state),
            Err(trouble) if is_about_the_instance(&trouble) => Ok(None),
            Err(trouble) => Err(trouble.into()),
        }
    }

    pub(crate) async fn terminate(&self, instance: &str, output: String) -> Result<(), Error> {
        let request = TerminateRequest {
            instance_id: instance.into(),
            output: Some(output.into()),
            recursive: true,
        };
        self.tell("TerminateInstance", &request).await
    }

    pub(crate) async fn suspend(&self, instance: &str, reason: &str) -> Result<(), Error> {
        self.tell("SuspendInstance", &pause(instance, reason)).await
    }

    pub(crate) async fn resume(&self, instance: &str, reason: &str) -> Result<(), Error> {
        self.tell("ResumeInstance", &pause(instance, reason)).await
    }

    pub(crate) async fn raise(
        &self,
        instance: &str,
        event: &str,
        data: String,
    ) -> Result<(), Error> {
        let request = RaiseEventRequest {
            instance_id: instance.into(),
            name: event.into(),
            input: Some(data.into()),
        };
        self.tell("RaiseEvent", &request).await
    }

    /// What is gone already, or runs still, is left as it is.
    pub(crate) async fn purge(&self, instance: &str) -> Result<(), Error> {
        let request = PurgeInstancesRequest {
            instance_id: instance.into(),
            recursive: true,
            is_orchestration: true,
        };
        match self.0.ask::<Nothing>("PurgeInstances", &request).await {
            Err(Trouble::Said(Code::NotFound | Code::FailedPrecondition, _)) => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }

    pub(crate) async fn query(
        &self,
        query: InstanceQuery,
    ) -> Result<Vec<OrchestrationState>, Error> {
        let request = QueryInstancesRequest { query: Some(query) };
        let answer: QueryInstancesResponse = self.0.ask("QueryInstances", &request).await?;
        Ok(answer.states)
    }

    /// Why it was suspended last, which only its history knows.
    pub(crate) async fn why_suspended(&self, instance: &str) -> Result<Option<String>, Error> {
        let request = StreamInstanceHistoryRequest {
            instance_id: instance.into(),
        };
        let chunks: Vec<HistoryChunk> = self
            .0
            .ask_for_all("StreamInstanceHistory", &request)
            .await?;
        let events = chunks.into_iter().rev();
        let mut newest = events.flat_map(|chunk| chunk.events.into_iter().rev());
        let last = newest.find_map(|event| event.suspended);
        let words = last.and_then(|suspended| suspended.input);
        Ok(words
            .map(|words| words_of(&words.value))
            .filter(|words| !words.is_empty()))
    }

    async fn tell(&self, method: &str, request: &impl Message) -> Result<(), Error> {
        let answer: Result<Nothing, _> = self.0.ask(method, request).await;
        match answer {
            Err(Trouble::Said(Code::NotFound, words)) => Err(Error::unknown(words)),
            answer => Ok(answer.map(drop)?),
        }
    }
}

fn pause(instance: &str, reason: &str) -> PauseRequest {
    PauseRequest {
        instance_id: instance.into(),
        reason: Some(reason.to_owned().into()),
    }
}

/// A task hub that is not there is a mistake in the configuration, and no reason to give tasks up.
fn is_about_the_instance(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Said(Code::NotFound, words) if !is_about_a_hub(words))
}

/// What somebody said: clients write it as JSON, or as it is.
pub(crate) fn words_of(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_task_hub_is_not_a_missing_instance() {
        let said = |words: &str| Trouble::Said(Code::NotFound, words.into());
        assert!(is_about_the_instance(&said("no instance `x`")));
        assert!(!is_about_the_instance(&said(
            "Task hub `a` does not exist; check `taskhub`"
        )));
        assert!(!is_about_the_instance(&Trouble::Away("gone".into())));
    }

    #[test]
    fn words_are_read_with_and_without_quotes() {
        assert_eq!(words_of(r#""a reason""#), "a reason");
        assert_eq!(words_of("a reason"), "a reason");
        assert_eq!(words_of(r#"{"a":1}"#), r#"{"a":1}"#);
    }
}
