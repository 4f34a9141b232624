//! Tools that say something while they run: log messages and progress.

use serde_json::json;

use crate::reply;
use crate::tool::{self, Route};
use taskhost_sdk::Progress;
use taskhost_sdk::host::timers;
use taskhost_sdk::{Call, Error, Reply, Tool};

/// Between two messages, so that clients see them come one by one.
const PAUSE_MS: u64 = 50;

/// Between two reports. Of those that come faster, the host passes on the last one.
const LONG_PAUSE_MS: u64 = 150;

const LOGGER: &str = "conformance";

pub(crate) fn tools() -> Vec<Tool> {
    tool::plain(
        Route::Notices,
        &[
            ("test_tool_with_logging", "Logs three messages as it runs"),
            (
                "test_logging_tool",
                "Logs a message, for those who want to hear it",
            ),
            (
                "test_tool_with_progress",
                "Reports its progress three times",
            ),
            (
                "test_reconnection",
                "Takes its time, so that a stream can end before it does",
            ),
        ],
    )
}

pub(crate) async fn call(call: &Call, name: &str) -> Result<Reply, Error> {
    let said = match name {
        "test_tool_with_logging" => {
            log(call, "Tool execution started");
            timers::sleep(PAUSE_MS).await;
            log(call, "Tool processing data");
            timers::sleep(PAUSE_MS).await;
            log(call, "Tool execution completed");
            "Logging test completed"
        }
        "test_logging_tool" => {
            log(call, "Logging was asked for");
            "Logging tool completed"
        }
        "test_tool_with_progress" => {
            report(call, 0.0, "Starting");
            timers::sleep(LONG_PAUSE_MS).await;
            report(call, 50.0, "Halfway");
            timers::sleep(LONG_PAUSE_MS).await;
            report(call, 100.0, "Complete");
            "Progress test completed"
        }
        "test_reconnection" => {
            timers::sleep(2 * PAUSE_MS).await;
            "Reconnection test completed"
        }
        _ => return Err(tool::unknown(name)),
    };
    Ok(reply::text(said))
}

fn log(call: &Call, message: &str) {
    call.log("info", Some(LOGGER), &json!(message).to_string());
}

fn report(call: &Call, current: f64, message: &str) {
    call.report(&Progress {
        current,
        total: Some(100.0),
        message: Some(message.into()),
        detail: None,
    });
}
