//! Times in words.

/// A duration as one says it.
pub fn about(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    match seconds {
        0 | 1 => "a second or less".into(),
        2..120 => format!("about {seconds} seconds"),
        120..7200 => format!("about {} minutes", seconds / 60),
        _ => format!("about {} hours", seconds / 3600),
    }
}

/// How long something has taken so far, briefly: `45 s`, `3 min`.
pub fn so_far(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A sentence with what is known of how long a task takes, with a space before it; or nothing.
pub fn usually(estimate_ms: Option<u64>) -> String {
    estimate_ms.map_or_else(String::new, |ms| {
        format!(" It usually takes {}.", about(ms))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_grow_with_their_unit() {
        assert_eq!(about(0), "a second or less");
        assert_eq!(about(1001), "about 2 seconds");
        assert_eq!(about(200_000), "about 3 minutes");
        assert_eq!(about(7_200_000), "about 2 hours");
        assert_eq!(so_far(10_400), "10 s");
        assert_eq!(so_far(125_000), "2 min");
        assert_eq!(so_far(7_200_000), "2 h");
    }
}
