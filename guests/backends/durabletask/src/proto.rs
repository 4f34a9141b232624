//! The messages of `TaskHubSidecarService`, as far as they are needed.
//!
//! Written by hand from `orchestrator_service.proto`: names and numbers are those of that file. Fields
//! that nobody reads here are left out, and protobuf skips them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `google.protobuf.StringValue`: a text that may be absent.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) value: String,
}

impl From<String> for Text {
    fn from(value: String) -> Self {
        Self { value }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

/// Which ends of a known instance make room for a new one of the same id. Empty: none of them.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrchestrationIdReusePolicy {
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub(crate) replaceable_status: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CreateInstanceRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) version: Option<Text>,
    #[prost(message, optional, tag = "4")]
    pub(crate) input: Option<Text>,
    #[prost(message, optional, tag = "6")]
    pub(crate) reuse_policy: Option<OrchestrationIdReusePolicy>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetInstanceRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(bool, tag = "2")]
    pub(crate) get_inputs_and_outputs: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetInstanceResponse {
    #[prost(bool, tag = "1")]
    pub(crate) exists: bool,
    #[prost(message, optional, tag = "2")]
    pub(crate) state: Option<OrchestrationState>,
}

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    prost::Enumeration,
    Deserialize,
    JsonSchema,
    Serialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub(crate) enum OrchestrationStatus {
    Running = 0,
    Completed = 1,
    ContinuedAsNew = 2,
    Failed = 3,
    Canceled = 4,
    Terminated = 5,
    Pending = 6,
    Suspended = 7,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrchestrationState {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(enumeration = "OrchestrationStatus", tag = "4")]
    pub(crate) status: i32,
    #[prost(message, optional, tag = "6")]
    pub(crate) created: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub(crate) last_updated: Option<Timestamp>,
    #[prost(message, optional, tag = "9")]
    pub(crate) output: Option<Text>,
    #[prost(message, optional, tag = "10")]
    pub(crate) custom_status: Option<Text>,
    #[prost(message, optional, tag = "11")]
    pub(crate) failure: Option<TaskFailureDetails>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TaskFailureDetails {
    #[prost(string, tag = "1")]
    pub(crate) error_type: String,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) stack_trace: Option<Text>,
    #[prost(message, optional, boxed, tag = "4")]
    pub(crate) inner: Option<Box<TaskFailureDetails>>,
    #[prost(bool, tag = "5")]
    pub(crate) is_non_retriable: bool,
    #[prost(map = "string, message", tag = "6")]
    pub(crate) properties: HashMap<String, Value>,
}

/// `google.protobuf.Value`: JSON, as protobuf has it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Object(Struct),
    #[prost(message, tag = "6")]
    List(ListValue),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) fields: HashMap<String, Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListValue {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TerminateRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) output: Option<Text>,
    #[prost(bool, tag = "3")]
    pub(crate) recursive: bool,
}

/// `SuspendRequest` and `ResumeRequest`, which are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PauseRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) reason: Option<Text>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RaiseEventRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) input: Option<Text>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PurgeInstancesRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
    #[prost(bool, tag = "3")]
    pub(crate) recursive: bool,
    #[prost(bool, tag = "5")]
    pub(crate) is_orchestration: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct QueryInstancesRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) query: Option<InstanceQuery>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InstanceQuery {
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub(crate) runtime_status: Vec<i32>,
    #[prost(int32, tag = "5")]
    pub(crate) max_instance_count: i32,
    #[prost(message, optional, tag = "7")]
    pub(crate) instance_id_prefix: Option<Text>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct QueryInstancesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) states: Vec<OrchestrationState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamInstanceHistoryRequest {
    #[prost(string, tag = "1")]
    pub(crate) instance_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoryChunk {
    #[prost(message, repeated, tag = "1")]
    pub(crate) events: Vec<HistoryEvent>,
}

/// Of all events the one that says why an instance was suspended.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoryEvent {
    #[prost(message, optional, tag = "21")]
    pub(crate) suspended: Option<ExecutionSuspendedEvent>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionSuspendedEvent {
    #[prost(message, optional, tag = "1")]
    pub(crate) input: Option<Text>,
}

/// What most calls are answered with: nothing that is read.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Nothing {}
