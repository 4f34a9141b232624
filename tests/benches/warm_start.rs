//! How long a client waits for its first answer: from starting the process to the answer to
//! `initialize`, with compiled components in the cache.
//!
//! ```text
//! cargo bench --profile dev -p taskhost-tests --bench warm_start
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement"
)]

use std::time::{Duration, Instant};

use taskhost_tests::HostBuilder;

/// Starts that are measured, after one that fills the cache.
const STARTS: usize = 30;

fn main() {
    let cold = start();
    let mut times: Vec<Duration> = (0..STARTS).map(|_| start()).collect();
    times.sort();
    println!("start to first answer, {STARTS} starts, an empty data directory each");
    println!("first  {cold:?} (compiles, unless the cache had it)");
    println!("min    {:?}", times[0]);
    println!("median {:?}", times[STARTS / 2]);
    println!("max    {:?}", times[STARTS - 1]);
}

/// `start` returns when `initialize` has been answered.
fn start() -> Duration {
    let host = HostBuilder::new("mock", "polling");
    let begun = Instant::now();
    let host = host.start();
    let took = begun.elapsed();
    drop(host);
    took
}
