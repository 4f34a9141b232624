//! What a strategy has the client keep between two rounds, sealed.
//!
//! A client gives the state back with its answers, and could give back anything. The seal binds it to
//! this data directory, the principal, the method and the tool; it is good for [`GOOD_FOR`].
//!
//! (SEP-2322, `requestState`.)

use std::time::Duration;

use rmcp::model::{InputResponses, RequestStateCodec, SealOptions};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio::sync::OnceCell;

use super::convert;
use super::server::Server;
use crate::plugin::Reply;
use crate::task::Json;

/// How long a person may take to answer.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// Seals and opens.
#[derive(Default)]
pub(super) struct Seal {
    codec: OnceCell<RequestStateCodec>,
}

/// The seal of one request.
pub(super) struct Bound<'a> {
    seal: &'a Seal,
    server: &'a Server,
    /// Whose it is, and of which tool.
    context: String,
}

impl Seal {
    /// The seal for `method` of `name` in the request of `context`.
    pub(super) fn of<'a>(
        &'a self,
        server: &'a Server,
        context: &RequestContext<RoleServer>,
        method: &str,
        name: &str,
    ) -> Bound<'a> {
        let principal = server.caller(context).principal;
        Bound {
            seal: self,
            server,
            context: format!("{}\n{method}\n{name}", principal.name()),
        }
    }
}

impl Bound<'_> {
    /// What came back, checked.
    pub(super) async fn open(
        &self,
        responses: Option<InputResponses>,
        state: Option<String>,
    ) -> Result<(Option<Json>, Option<String>), ErrorData> {
        let responses = responses
            .and_then(|responses| serde_json::to_value(responses).ok())
            .map(|responses| Json::of(&responses));
        let Some(state) = state else {
            return Ok((responses, None));
        };
        let opened = (self.codec().await?)
            .open_with(&state, self.context.as_bytes())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(opened) = opened else {
            return Err(ErrorData::invalid_params(
                "`requestState` is not what this server gave out for this call, or is too old: call again without it",
                None,
            ));
        };
        Ok((responses, Some(opened)))
    }

    /// The reply with its state sealed.
    pub(super) async fn close(&self, reply: Reply) -> Result<Reply, ErrorData> {
        Ok(match reply {
            Reply::InputRequired {
                requests,
                state: Some(state),
            } => {
                let options = SealOptions::new()
                    .associated_data(self.context.as_bytes())
                    .ttl(GOOD_FOR);
                let sealed = self.codec().await?.seal_with(state.as_bytes(), &options);
                Reply::InputRequired {
                    requests,
                    state: Some(sealed),
                }
            }
            other => other,
        })
    }

    async fn codec(&self) -> Result<&RequestStateCodec, ErrorData> {
        let made = self.seal.codec.get_or_try_init(|| async {
            let secret = (self.server.service().secret().await)
                .map_err(|error| convert::protocol_error(&error))?;
            RequestStateCodec::try_new(secret)
                .map_err(|error| ErrorData::internal_error(error.to_string(), None))
        });
        made.await
    }
}
