//! Work that is none: it takes time, and makes up words.

use std::time::Duration;

use taskhost_flow::{Activity, ActivityContext, Backoff, Failure};
use taskhost_sdk::time;

/// How often an activity of this component is tried, with pauses of 1 s, 2 s, 4 s, up to half a minute.
const ATTEMPTS: u32 = 8;
const PAUSES: Backoff = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(30));

/// How long an activity of this component may give no sign of life: [`work`] gives one each second.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How every activity of this component is called.
pub(crate) fn tried<T>(call: Activity<T>) -> Activity<T> {
    call.retry(ATTEMPTS, PAUSES).heartbeat_every(SIGN_OF_LIFE)
}

/// Takes so long, and says each second that it is alive.
///
/// An attempt that follows one that was lost goes on where that one came to: what it has said last is how much
/// was done.
pub(crate) async fn work(ctx: &ActivityContext, seconds: f64) -> Result<(), Failure> {
    let mut done: f64 = ctx.last_heartbeat().unwrap_or(0.0);
    while done < seconds {
        let piece = (seconds - done).min(1.0);
        time::sleep(Duration::from_secs_f64(piece)).await;
        done += piece;
        if ctx.heartbeat(&done) {
            return Err(Failure::cancelled(None));
        }
    }
    Ok(())
}

/// A sentence about `topic`. The same words for the same topic and the same `about`.
pub(crate) fn sentence(topic: &str, about: &str) -> String {
    let chance = number(&format!("{topic}\n{about}"));
    let verb = choose(&["shows", "suggests", "leaves open", "repeats"], chance);
    let what = choose(
        &[
            "that less is needed than was thought",
            "how much depends on the beginning",
            "that two causes are at work",
            "why the first numbers were too high",
            "that nobody had counted before",
        ],
        chance / 7,
    );
    format!("On {topic}, {about} {verb} {what}.")
}

/// A number for a text: FNV-1a, 64 bits.
pub(crate) fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn choose<'a>(among: &[&'a str], chance: u64) -> &'a str {
    let place = chance.checked_rem(among.len() as u64).unwrap_or(0);
    usize::try_from(place)
        .ok()
        .and_then(|place| among.get(place).copied())
        .unwrap_or("says")
}
