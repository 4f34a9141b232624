//! Has one tool for each way in which a strategy can be a bad neighbour, beside tools that are in order.

use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, tools};

/// The strategy.
#[derive(Debug)]
pub struct Misbehaves;

/// What its tools are called, and their routes.
const DEEDS: [&str; 6] = ["spin", "bomb", "dig", "trap", "never", "shout"];

impl Strategy for Misbehaves {
    const NAME: &'static str = "misbehaves";
    type Config = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Error> {
        Ok(Self)
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let deed = |name: &str| Tool::new(name, name, r#"{"type":"object"}"#);
        let mut all = tools(catalog);
        for tool in &mut all {
            // Another strategy stands beside it.
            tool.name = format!("my_{}", tool.name);
        }
        all.extend(DEEDS.map(deed));
        all
    }

    async fn call_tool(
        &self,
        call: &Call,
        _: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        match route {
            "spin" => loop {
                std::hint::black_box(());
            },
            "bomb" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            "dig" => Ok(Reply::text(&dig(0).to_string())),
            #[expect(clippy::panic, reason = "this is what is wrong with it")]
            "trap" => panic!("as it was told"),
            "never" => std::future::pending().await,
            "shout" => Ok(Reply::text(&"A".repeat(4 << 20))),
            _ => call_tool(call, route, arguments).await,
        }
    }
}

/// Calls itself without end. What it counts keeps it from being a loop.
fn dig(depth: u64) -> u64 {
    let below = if std::hint::black_box(depth) == u64::MAX {
        depth
    } else {
        dig(depth + 1)
    };
    std::hint::black_box(below) + 1
}

export_strategy!(Misbehaves);
