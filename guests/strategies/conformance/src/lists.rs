//! Tools that change what there is: one tool or one prompt more, and with the next call one less.

use std::cell::Cell;
use std::thread::LocalKey;

use crate::reply;
use crate::tool::{self, Route};
use taskhost_sdk::{Call, Error, Reply, Tool};

const EXTRA_TOOL: &str = "test_extra_tool";

thread_local! {
    static MORE_TOOLS: Cell<bool> = const { Cell::new(false) };
    static MORE_PROMPTS: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn tools() -> Vec<Tool> {
    let mut tools = tool::plain(
        Route::Lists,
        &[
            ("test_trigger_tool_change", "Changes the list of tools"),
            ("test_trigger_prompt_change", "Changes the list of prompts"),
            (
                "test_trigger_resource_change",
                "Says that test://watched-resource has changed",
            ),
        ],
    );
    if MORE_TOOLS.get() {
        let extra = (EXTRA_TOOL, "Comes and goes");
        tools.extend(tool::plain(Route::Lists, &[extra]));
    }
    tools
}

/// Whether there is one prompt more now.
pub(crate) fn has_extra_prompt() -> bool {
    MORE_PROMPTS.get()
}

pub(crate) fn call(call: &Call, name: &str) -> Result<Reply, Error> {
    match name {
        "test_trigger_tool_change" => toggle(call, &MORE_TOOLS),
        "test_trigger_prompt_change" => toggle(call, &MORE_PROMPTS),
        "test_trigger_resource_change" => call.document_changed("test://watched-resource"),
        EXTRA_TOOL => {}
        _ => return Err(tool::unknown(name)),
    }
    Ok(reply::text("Done"))
}

fn toggle(call: &Call, more: &'static LocalKey<Cell<bool>>) {
    more.set(!more.get());
    call.lists_changed();
}
