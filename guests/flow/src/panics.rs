//! Last words.

use std::panic::{PanicHookInfo, set_hook};
use std::sync::Once;

static ONCE: Once = Once::new();

/// Has a panic say on standard error where it was and why, from now on.
///
/// The standard library's own words read the environment first, to learn whether a backtrace is wanted. In an
/// orchestration that is an import that ends the run: the reason would be lost.
pub fn tell() {
    ONCE.call_once(|| set_hook(Box::new(say)));
}

#[allow(
    clippy::print_stderr,
    reason = "the host keeps it for the one who wrote the component"
)]
fn say(panic: &PanicHookInfo<'_>) {
    eprintln!("{}", words(panic));
}

fn words(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("no message");
    match panic.location() {
        Some(place) => format!("panicked at {}:{}: {message}", place.file(), place.line()),
        None => format!("panicked: {message}"),
    }
}
