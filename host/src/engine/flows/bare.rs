//! What an orchestration finds: nothing.
//!
//! A component may import what its activities need. In the instances that have runs, each of these imports is
//! there, and ends the instance that calls it; the error names the import, and says what to do instead. Exempt is
//! what cannot tell an orchestration anything: what is printed goes nowhere (the last words are kept for the
//! explanation of a panic), and hash maps get a seed, always the same one.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasData, HasSelf, Linker, ResourceTable, ResourceType};
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
    traps(&mut linker, engine, code)?;
    Ok(linker)
}

/// What is linked above, in any version that the linker takes for it.
const LINKED: [&str; 4] = [
    "wasi:io/",
    "wasi:cli/",
    "wasi:random/insecure-seed@0.2.",
    "taskhost:durable/types@",
];
/// What is not, of what begins like that.
const NOT_LINKED: [&str; 3] = ["wasi:cli/environment@", "wasi:cli/run@", "@0.3."];

/// An orchestration has called an import.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{0}` is not there for an orchestration")]
struct OutOfReach(String);

/// Defines everything else that `code` imports as functions that end whoever calls them.
fn traps(linker: &mut Linker<Guest>, engine: &Engine, code: &Component) -> wasmtime::Result<()> {
    let engine = engine.wasmtime();
    let mut known = Vec::new();
    for (interface, item) in code.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        let is_linked = LINKED.iter().any(|name| interface.starts_with(name))
            && !NOT_LINKED.iter().any(|name| interface.contains(name));
        let mut stubs = if is_linked {
            None
        } else {
            Some(linker.instance(interface)?)
        };
        for (name, item) in instance.exports(engine) {
            match (item.ty, &mut stubs) {
                (ComponentItem::Resource(resource), stubs) => {
                    // One that comes from another interface is defined there.
                    if known.contains(&resource) {
                        continue;
                    }
                    known.push(resource);
                    if let Some(stubs) = stubs {
                        stubs.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
                    }
                }
                (ComponentItem::ComponentFunc(function), Some(stubs)) => {
                    let error = OutOfReach(format!("{interface}#{name}"));
                    if function.async_() {
                        stubs.func_new_concurrent(name, move |_, _, _, _| {
                            let error = error.clone();
                            Box::pin(async move { Err(error.into()) })
                        })?;
                    } else {
                        stubs.func_new(name, move |_, _, _, _| Err(error.clone().into()))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The name of the import that `error` is about, if it is about one that is out of reach.
pub(super) fn missing(error: &wasmtime::Error) -> Option<&str> {
    let OutOfReach(import) = error.downcast_ref()?;
    Some(import)
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
