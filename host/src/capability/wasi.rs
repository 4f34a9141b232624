//! WASI behind the grants: what a guest's standard library finds.
//!
//! ```text
//! wasi:cli          variables that are granted; no arguments; standard error is kept for its last words
//! wasi:filesystem   directories that are granted, read-only unless said otherwise
//! wasi:sockets      see `sockets`          wasi:http   see `http`
//! wasi:clocks, wasi:random                 for everybody
//! ```
//!
//! In 0.2 and 0.3 alike. A directory is opened by the host, and everything below it is opened relative to
//! it: `..` and symbolic links that lead out are refused by `wasmtime-wasi`, step by step, so that nothing
//! moved in the meantime helps. A rehearsal gets variables, and nothing that leads out of the process.

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::sockets::{self, Sockets};
use super::{Guest, Ports};
use crate::config::env;

/// What one instance finds. `stderr`: where its last words go.
pub(super) fn context(
    component: &str,
    ports: &Ports,
    sockets: &Arc<Sockets>,
    stderr: impl StdoutStream + 'static,
) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stderr(stderr);
    for (name, value) in &ports.grants.env {
        if let Some(value) = value.clone().or_else(|| env::variable(name)) {
            wasi.env(name, value);
        }
    }
    // Always, so that it is our check that refuses, and counts.
    wasi.allow_tcp(true);
    let sockets = sockets.clone();
    wasi.socket_addr_check(move |address, usage| {
        let may = sockets.may(address, usage);
        Box::pin(std::future::ready(may))
    });
    if ports.rehearsal {
        return wasi.build();
    }
    for grant in &ports.grants.dirs {
        let perms = if grant.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        if let Err(error) = wasi.preopened_dir(&grant.host, &grant.guest, perms) {
            tracing::error!(
                %component,
                "the directory {} is granted and cannot be opened [TH0524]: {error}",
                grant.host.display()
            );
        }
    }
    wasi.build()
}

/// Links all of it.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    sockets::link(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)
}
