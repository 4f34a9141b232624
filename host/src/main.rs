//! Durable, cancellable, observable tasks over MCP.

use std::process::ExitCode;

fn main() -> ExitCode {
    taskhost::cli::main()
}
