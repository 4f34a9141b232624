//! A plan, branches that are orchestrations of their own, and what they come to.

use std::cell::Cell;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{ActivityContext, Context, Failure, activity, all, orchestration};

use crate::pretend::{number, sentence, tried, work};

/// What is to be found out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Research {
    /// What is asked.
    question: String,
    /// How many angles are looked at, at the same time.
    #[serde(default = "Research::default_size")]
    #[schemars(range(min = 1, max = 20))]
    breadth: u32,
    /// How many searches follow one another in each.
    #[serde(default = "Research::default_size")]
    #[schemars(range(min = 1, max = 20))]
    depth: u32,
    /// How long each search and each page takes. With all defaults it is some three minutes in all.
    #[serde(default = "Research::default_seconds")]
    #[schemars(range(min = 0, max = 3600))]
    seconds: f64,
}

impl Research {
    fn default_size() -> u32 {
        3
    }

    fn default_seconds() -> f64 {
        20.0
    }
}

/// What was found out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// In a sentence.
    summary: String,
    /// Of each angle.
    branches: Vec<Branch>,
}

/// For whoever looks on.
#[derive(Serialize)]
struct Status<'a> {
    phase: &'a str,
    angles: &'a [String],
}

/// Researches a question from several angles at the same time, each an orchestration of its own that searches and
/// reads, and sums up what they find. Takes minutes; shorter with fewer `seconds`.
#[orchestration]
pub async fn deep_research(ctx: Context, research: Research) -> Result<Answer, Failure> {
    let parts = research.breadth + 2;
    let thought = |text: &str| Thought {
        text: text.to_owned(),
        count: research.breadth,
        seconds: research.seconds,
    };
    let angles = tried(ctx.run::<plan>(&thought(&research.question))).await?;
    ctx.progress(1, parts, "the plan is made");
    ctx.status(&Status {
        phase: "research",
        angles: &angles,
    });

    let done = Cell::new(1);
    let branches = angles.iter().map(async |angle| {
        let angle = Angle {
            name: angle.clone(),
            depth: research.depth,
            seconds: research.seconds,
        };
        let branch = ctx.run_child::<research_branch>(&angle).await?;
        done.set(done.get() + 1);
        ctx.progress(done.get(), parts, &format!("{} is done", branch.angle));
        Ok(branch)
    });
    let branches: Vec<Branch> = all(branches)
        .await
        .into_iter()
        .collect::<Result<_, Failure>>()?;

    ctx.status(&Status {
        phase: "summary",
        angles: &angles,
    });
    let summary = tried(ctx.run::<summarise>(&thought(&research.question))).await?;
    ctx.progress(parts, parts, "all is summed up");
    Ok(Answer { summary, branches })
}

/// One angle of a question.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Angle {
    /// What is looked for, in a few words.
    name: String,
    /// How many searches follow one another.
    depth: u32,
    /// How long each search and each page takes.
    seconds: f64,
}

/// What was found under one angle.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// Which one.
    angle: String,
    /// A sentence for each page.
    findings: Vec<String>,
}

/// Researches one angle: searches, reads what it finds, pauses, and searches for what follows from that. It is what
/// `deep_research` begins, and may be begun by itself.
#[orchestration]
pub async fn research_branch(ctx: Context, angle: Angle) -> Result<Branch, Failure> {
    let mut findings = Vec::new();
    for level in 1..=angle.depth {
        let query = Thought {
            text: format!("{}, part {level}", angle.name),
            count: 2,
            seconds: angle.seconds,
        };
        let pages = tried(ctx.run::<search>(&query)).await?;
        let reading = pages.into_iter().map(|text| {
            let page = Thought {
                text,
                count: 1,
                seconds: angle.seconds,
            };
            tried(ctx.run::<read_page>(&page))
        });
        for finding in all(reading).await {
            findings.push(finding?);
        }
        ctx.progress(level, angle.depth, &format!("{} findings", findings.len()));
        if level < angle.depth {
            ctx.sleep(Duration::from_secs_f64(
                angle.seconds.clamp(0.0, 3600.0) / 4.0,
            ))
            .await?;
        }
    }
    Ok(Branch {
        angle: angle.name,
        findings,
    })
}

/// What an activity is to think about.
#[derive(Debug, Serialize, Deserialize)]
pub struct Thought {
    text: String,
    count: u32,
    seconds: f64,
}

/// Finds angles of a question: pretended, it sleeps and makes them up.
#[activity]
pub async fn plan(ctx: ActivityContext, question: Thought) -> Result<Vec<String>, Failure> {
    work(&ctx, question.seconds).await?;
    let angle = |place| format!("angle {place} of \"{}\"", question.text);
    Ok((1..=question.count).map(angle).collect())
}

/// Searches for pages: pretended, it sleeps and makes up their names.
#[activity(at_once = 16)]
pub async fn search(ctx: ActivityContext, query: Thought) -> Result<Vec<String>, Failure> {
    work(&ctx, query.seconds).await?;
    let page = |place| {
        format!(
            "page {:04x} on {}",
            number(&query.text) % 0xffff + place,
            query.text
        )
    };
    Ok((0..u64::from(query.count)).map(page).collect())
}

/// Reads a page: pretended, it sleeps and makes up what is in it.
#[activity(at_once = 16)]
pub async fn read_page(ctx: ActivityContext, page: Thought) -> Result<String, Failure> {
    work(&ctx, page.seconds).await?;
    Ok(sentence(&page.text, "its author"))
}

/// Sums up: pretended, it sleeps and makes up a sentence.
#[activity]
pub async fn summarise(ctx: ActivityContext, question: Thought) -> Result<String, Failure> {
    work(&ctx, question.seconds).await?;
    Ok(sentence(&question.text, "all that was read"))
}
