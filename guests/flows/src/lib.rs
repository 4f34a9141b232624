//! Three orchestrations, for demos and to be read by those who write their own.
//!
//! ```text
//! process_data    one step after the other: retries, progress, a status
//! write_report    at once: sections; then a question with a time limit, and cleaning up
//! deep_research   child orchestrations, each with searches and pages, and what they come to
//! ```
//!
//! The work is pretended: activities sleep, and their results are made-up words, always the same ones for the
//! same input. No network, no files. What is real is the rest: kill the host at any moment, start it again, and
//! each run goes on where it was.

pub mod data;
mod pretend;
pub mod report;
pub mod research;

#[cfg(test)]
mod tests;

use data::{do_step, process_data};
use report::{discard_draft, open_draft, publish_report, write_report, write_section};
use research::{deep_research, plan, read_page, research_branch, search, summarise};

taskhost_flow::export_flows! {
    orchestrations: [process_data, write_report, deep_research, research_branch],
    activities: [
        do_step,
        open_draft, write_section, publish_report, discard_draft,
        plan, search, read_page, summarise,
    ],
}
