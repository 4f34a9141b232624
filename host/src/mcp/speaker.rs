//! On whose behalf a request is answered.

use rmcp::model::Extensions;

use crate::task::Principal;

/// What requests come through, which decides how it is known who makes them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Standard input: whoever started the host.
    Pipe,
    /// HTTP: whom [`super::http`] has let in, which it says with each request.
    Http,
}

impl Way {
    /// Who makes a request with these extensions.
    pub(super) fn speaker(self, extensions: &Extensions) -> Principal {
        match self {
            Self::Pipe => Principal::local(),
            // A request that came past the door without a word of it has no rights of its own.
            Self::Http => extensions
                .get::<axum::http::request::Parts>()
                .and_then(|parts| parts.extensions.get::<Principal>())
                .cloned()
                .unwrap_or_else(Principal::nobody),
        }
    }
}
