//! What an orchestration finds: nothing.
//!
//! A component may import what its activities need. In the instances that have runs, each of these imports is
//! there, and ends the instance that calls it; the error names the import, and says what to do instead. Exempt is
//! what cannot tell an orchestration anything: what is printed goes nowhere (the last words are kept for the
//! explanation of a panic), and hash maps get a seed, always the same one.

use wasmtime::component::{Component, HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::bindings::{cli, random};

use crate::capability::Guest;
use crate::engine::Engine;

/// Links `code` so that nothing is in its reach.
pub(super) fn linker(engine: &Engine, code: &Component) -> wasmtime::Result<Linker<Guest>> {
    let mut linker: Linker<Guest> = Linker::new(engine.wasmtime());
    let l = &mut linker;
    wasmtime_wasi_io::bindings::wasi::io::error::add_to_linker::<_, Io>(l, table)?;
    wasmtime_wasi_io::bindings::wasi::io::poll::add_to_linker::<_, Io>(l, table)?;
    wasmtime_wasi_io::bindings::wasi::io::streams::add_to_linker::<_, Io>(l, table)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, Guest::cli)?;
    random::insecure_seed::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    linker.define_unknown_imports_as_traps(code)?;
    Ok(linker)
}

/// The name of the import that `error` is about, if it is about one that there is not.
pub(super) fn missing(error: &wasmtime::Error) -> Option<String> {
    // The words of `define_unknown_imports_as_traps`; there is no type.
    error.chain().find_map(|cause| {
        let text = cause.to_string();
        let (name, _) = text.strip_prefix("unknown import: `")?.split_once('`')?;
        Some(name.to_owned())
    })
}

/// What to do instead of calling this import.
pub(super) fn instead(import: &str) -> &'static str {
    match import.split(['/', '@', '#']).next().unwrap_or_default() {
        "wasi:clocks" => {
            "the time is `ctx.now()`, waiting is `ctx.sleep(…)`; anything else about clocks belongs into an activity"
        }
        "wasi:random" => {
            "a random number is `ctx.random()`; anything else about chance belongs into an activity"
        }
        "wasi:cli" => {
            "what the orchestration should know comes with its input, or from an activity that reads it"
        }
        _ if import.starts_with("taskhost:plugin/timers") => {
            "the time is `ctx.now()`, waiting is `ctx.sleep(…)`"
        }
        _ => {
            "move the call into an activity, and await that: `ctx.activity(\"name\", &input).await?`"
        }
    }
}

impl random::insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        // Any: the order of a hash map must be the same in each replay.
        Ok((0x7461_736b, 0x686f_7374))
    }
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

fn table(guest: &mut Guest) -> &mut ResourceTable {
    guest.ctx().table
}
