//! gRPC from inside a component.
//!
//! The h2 crate does the talking; this makes it possible without sockets, threads or a runtime. Bytes go
//! through the host's `net` import, which opens TLS too; everything waits by futures of this instance,
//! and time-outs race the host's clock.
//!
//! ```text
//! callers ─ Link::ask ─► call (frame, status) ─► h2 ─► socket ─► net.connection   (one, multiplexed)
//! ```

mod call;
mod endpoint;
mod link;
mod socket;
mod status;

pub(crate) use endpoint::Endpoint;
pub(crate) use link::{Account, Link};
pub(crate) use status::{Code, Trouble, is_about_a_hub};
