//! What the operator may set about tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::task::Sharing;

/// What the operator may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a finished task is kept.
    pub retention: Duration,
    /// How long a task may run that says nothing of its own; `None`: for ever.
    pub timeout: Option<Duration>,
    /// Tasks that may be alive at a time. More are refused as busy.
    ///
    /// Each costs memory here and, where the backend pushes, a subscription there.
    pub live: usize,
    /// Of these, the tasks of one principal. More are refused as busy.
    pub live_per_principal: usize,
    /// Who may act on whose tasks.
    pub sharing: Sharing,
    /// How long `start` waits for the backend before it answers with a task that is still pending.
    pub hand_over: Duration,
    /// How long `cancel` waits for its effect before it answers.
    pub cancel: Duration,
}

/// See [`Settings::live`].
pub const LIVE: usize = 10_000;

/// The part of [`LIVE`] that one of several principals may take: it takes ten to fill the host, and each is
/// left far more than a model can keep in mind. A single caller shares with nobody and may take it all.
pub const LIVE_PER_PRINCIPAL: usize = 1_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(7 * 24),
            timeout: None,
            live: LIVE,
            live_per_principal: LIVE,
            sharing: Sharing::default(),
            hand_over: Duration::from_secs(3),
            cancel: Duration::from_secs(2),
        }
    }
}

/// `[server.compat]`: what clients do that the protocol forbids, and is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Compat {
    /// A missing `Mcp-Name` on `tasks/get`, `tasks/update` and `tasks/cancel` is taken from the body.
    pub missing_mcp_name: bool,
    /// An `MCP-Protocol-Version` older than that in `_meta` is overruled by it.
    pub header_skew: bool,
}

impl Default for Compat {
    fn default() -> Self {
        Self {
            missing_mcp_name: true,
            header_skew: false,
        }
    }
}
