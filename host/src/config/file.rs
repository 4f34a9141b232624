//! The configuration file, as it is written: `taskhost.toml`.
//!
//! Unknown keys are errors: a typing error must not become a default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::auth::AuthTable;
pub use super::grant_table::{GrantTable, TcpGrant, TrustingGrant};
use super::limits::WhenFull;
use super::secret::SecretSource;
use super::settings::Compat;
use super::signature::{SignatureTable, TrustTable};
use super::units::{Size, Span};
use crate::store::Durability;
use crate::task::Share;

/// The whole file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileConfig {
    /// Version of this format: 1.
    pub version: u32,
    /// How clients reach the host.
    #[serde(default, skip_serializing_if = "is_default")]
    pub server: ServerTable,
    /// Where tasks are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub store: StoreTable,
    /// How long tasks run and stay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tasks: TasksTable,
    /// Whose components are let in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trust: TrustTable,
    /// Who runs the tasks, by name.
    #[serde(default)]
    pub backends: BTreeMap<String, ComponentTable>,
    /// How they are shown, by name.
    #[serde(default)]
    pub strategies: BTreeMap<String, ComponentTable>,
    /// Where secrets come from, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
}

/// `[server]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServerTable {
    /// Serve Streamable HTTP at this address instead of stdio: `127.0.0.1:7420`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// `Host` headers to accept besides those of the loopback address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_hosts: Vec<String>,
    /// What clients do that the protocol forbids, and is let pass.
    #[serde(skip_serializing_if = "is_default")]
    pub compat: Compat,
    /// `Origin` headers to accept. A browser sends one; none is accepted that is not listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Who may come in over HTTP, by name. Absent: everybody who reaches the address, and nothing tells
    /// them apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthTable>,
    /// Who may read, answer and cancel a task whose id they hold: `owner` (default), `group`, `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// `[store]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StoreTable {
    /// Directory, for this user alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What a written task survives: `power` (default) or `process`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
}

/// `[tasks]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TasksTable {
    /// How long a finished task is kept. Default: `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Span>,
    /// How long a task may run that says nothing of its own. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Tasks that may be alive at a time. Default: 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<usize>,
    /// Tasks of one principal that may be alive at a time. Default: 1000 where `[server.auth]` tells
    /// callers apart, and as many as `live` where all are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_per_principal: Option<usize>,
}

/// `[backends.NAME]` and `[strategies.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ComponentTable {
    /// Name of an embedded component, a path, an https URL or an OCI reference with its digest. A relative
    /// path is relative to this file.
    pub component: String,
    /// Who must have signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureTable>,
    /// What the component is configured with.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub config: toml::Table,
    /// What it may reach.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grant: GrantTable,
    /// What it may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: LimitsTable,
    /// For a strategy: names of the tasks that it shows, in which `*` stands for anything. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<String>>,
    /// Where the file is that it stands in.
    #[serde(skip)]
    pub directory: PathBuf,
}

/// `[backends.NAME.limits]` and `[strategies.NAME.limits]`
///
/// Why the defaults are what they are is said at [`Limits`](super::limits::Limits).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LimitsTable {
    /// Memory of an instance. Default: `64MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Elements of its tables. Default: 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<usize>,
    /// Core modules that it may be made of. Default: 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modules: Option<usize>,
    /// Resources, streams and futures that it may hold. Default: 50000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handles: Option<usize>,
    /// How long its code may run without coming back to the host. Default: `500ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_yield: Option<Span>,
    /// How long one call may take. Default: `60s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Span>,
    /// How long a call may run on that nobody waits for any more. Default: `60s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
    /// Calls that may run on like that at a time. Default: 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<usize>,
    /// How long it may block in a wait of its own. Default: `10s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Span>,
    /// Calls inside it at a time. Default: 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<usize>,
    /// Calls that may wait for it. Default: 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// What becomes of more of them: `reject` (default) or `wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_full: Option<WhenFull>,
    /// The longest JSON document that it may hand out. Default, and most: `16MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Size>,
    /// All that one call may hand out. Default: `34MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<Size>,
    /// Connections open at a time. Default: 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// Log lines a second. Default: 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u32>,
    /// Bytes of log lines a second. Default: `256KiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<Size>,
    /// Events pushed a second. Default: 20000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u32>,
    /// Lines of output a second, of all tasks together. Default: 5000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_lines: Option<u32>,
    /// Bytes of output a second. Default: `4MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<Size>,
    /// What it may store. Default: `8MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Size>,
    /// Restarts within `restart-window` before it counts as broken. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<usize>,
    /// See `restarts`. Default: `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_window: Option<Span>,
    /// How long a broken one rests before it is tried again. Default: `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<Span>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
