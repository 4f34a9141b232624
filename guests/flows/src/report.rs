//! Many at once, a question, and cleaning up.

use std::cell::Cell;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{
    ActivityContext, Context, Either, Failure, activity, all, orchestration, race,
};

use crate::pretend::{number, sentence, tried, work};

/// What the report is to be about.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// What it is about.
    topic: String,
    /// The headings of its sections.
    #[serde(default = "Assignment::default_sections")]
    #[schemars(length(min = 1, max = 50))]
    sections: Vec<String>,
    /// How long each section takes.
    #[serde(default = "Assignment::default_seconds")]
    #[schemars(range(min = 0, max = 3600))]
    seconds_per_section: f64,
    /// How long to wait for an answer before the draft is discarded. A day, where nothing is said.
    #[serde(default = "Assignment::default_answer")]
    #[schemars(range(min = 1))]
    answer_within_seconds: u64,
}

impl Assignment {
    fn default_sections() -> Vec<String> {
        ["Introduction", "Findings", "Conclusion"]
            .map(str::to_owned)
            .into()
    }

    fn default_seconds() -> f64 {
        5.0
    }

    fn default_answer() -> u64 {
        24 * 60 * 60
    }
}

/// The form in which the client says whether the report goes out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Publish it.
    approve: bool,
    /// Why, or why not.
    #[serde(default)]
    comment: String,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Whether it is out.
    published: bool,
    /// What was said to that.
    comment: String,
    /// Where it is, if it is out.
    address: Option<String>,
    /// All of it.
    text: String,
}

/// Writes the sections of a report at the same time, asks whether to publish it, and waits for the answer for as
/// long as it may. Declined, unanswered or cancelled, its draft is discarded.
#[orchestration]
pub async fn write_report(ctx: Context, assignment: Assignment) -> Result<Report, Failure> {
    let draft = tried(ctx.run::<open_draft>(&assignment.topic)).await?;
    let report = draft_and_ask(&ctx, &assignment, &draft).await;
    if !matches!(&report, Ok(report) if report.published) {
        // Behind a shield, since a run that was asked to stop has nothing else done any more.
        ctx.shield(tried(ctx.run::<discard_draft>(&draft))).await?;
    }
    report
}

async fn draft_and_ask(
    ctx: &Context,
    assignment: &Assignment,
    draft: &Draft,
) -> Result<Report, Failure> {
    let text = write_all(ctx, assignment).await?.join("\n\n");
    let question = format!("Publish the report on {}?", assignment.topic);
    let limit = Duration::from_secs(assignment.answer_within_seconds);
    let approval = match race(ctx.ask::<Approval>("approve", question), ctx.sleep(limit)).await {
        Either::Left(answer) => answer?,
        Either::Right(over) => {
            over?;
            let comment = "nobody has answered in time".to_owned();
            Approval {
                approve: false,
                comment,
            }
        }
    };
    let address = if approval.approve {
        Some(tried(ctx.run::<publish_report>(draft)).await?)
    } else {
        None
    };
    Ok(Report {
        published: approval.approve,
        comment: approval.comment,
        address,
        text,
    })
}

/// All sections at once, in their order, with progress as they come.
async fn write_all(ctx: &Context, assignment: &Assignment) -> Result<Vec<String>, Failure> {
    let written = Cell::new(0_u32);
    let of = u32::try_from(assignment.sections.len()).unwrap_or(u32::MAX);
    let sections = assignment.sections.iter().map(async |heading| {
        let section = Section {
            topic: assignment.topic.clone(),
            heading: heading.clone(),
            seconds: assignment.seconds_per_section,
        };
        let text = tried(ctx.run::<write_section>(&section)).await?;
        written.set(written.get() + 1);
        ctx.progress(written.get(), of, &format!("{heading} is written"));
        Ok(text)
    });
    all(sections).await.into_iter().collect()
}

/// Where a report is until it is out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Draft {
    id: String,
}

/// One section.
#[derive(Debug, Serialize, Deserialize)]
pub struct Section {
    topic: String,
    heading: String,
    seconds: f64,
}

/// Opens a draft: pretended. Its id is made of the key of the activity, so that another attempt opens the same one.
#[activity]
pub async fn open_draft(ctx: ActivityContext, _topic: String) -> Result<Draft, Failure> {
    let id = format!("draft-{:08x}", number(&ctx.key()) >> 32);
    Ok(Draft { id })
}

/// Writes a section: pretended, it sleeps and makes up its words.
#[activity(at_once = 8)]
pub async fn write_section(ctx: ActivityContext, section: Section) -> Result<String, Failure> {
    work(&ctx, section.seconds).await?;
    let Section { topic, heading, .. } = section;
    let lines = ["the first source", "the second source"].map(|about| sentence(&topic, about));
    Ok(format!("{heading}\n{}", lines.join(" ")))
}

/// Publishes a draft, and says where it is: pretended.
#[activity]
pub async fn publish_report(_: ActivityContext, draft: Draft) -> Result<String, Failure> {
    Ok(format!("https://reports.example/{}", draft.id))
}

/// Discards a draft: pretended. One that is gone already is as good as discarded.
#[activity]
pub async fn discard_draft(_: ActivityContext, _draft: Draft) -> Result<(), Failure> {
    Ok(())
}
