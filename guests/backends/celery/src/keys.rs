//! Names of keys and channels in Redis, as Celery and kombu spell them.
//!
//! Both sides have a `global_keyprefix`, and they differ: the broker takes its prefix as it is, the
//! result backend adds `_` where the prefix does not end in a separator already.

/// What stands between the name of a queue and its priority.
const SEPARATOR: &str = "\u{6}\u{16}";

/// Keys and channels on the broker's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerKeys {
    prefix: String,
    database: i64,
}

impl BrokerKeys {
    pub(crate) fn new(prefix: &str, database: i64) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, database }
    }

    /// The list that holds the messages of `queue` at `priority`.
    ///
    /// Redis has no priorities: kombu keeps four lists a queue and reads them in this order, so 0 is
    /// served first.
    pub(crate) fn queue(&self, queue: &str, priority: u8) -> String {
        let prefix = &self.prefix;
        match step(priority) {
            0 => format!("{prefix}{queue}"),
            step => format!("{prefix}{queue}{SEPARATOR}{step}"),
        }
    }

    /// All lists of `queue`, of every priority.
    pub(crate) fn queues(&self, queue: &str) -> [String; 4] {
        [0, 3, 6, 9].map(|priority| self.queue(queue, priority))
    }

    /// Remembers that the message of task `id` was sent.
    pub(crate) fn sent(&self, id: &str) -> String {
        format!("{}taskhost:sent:{id}", self.prefix)
    }

    /// The channel that every worker listens to for remote control.
    pub(crate) fn control(&self) -> String {
        format!("{}/{}.celery.pidbox", self.prefix, self.database)
    }

    /// The list that workers push answers to, for a `routing_key` of the anonymous exchange.
    pub(crate) fn reply(&self, routing_key: &str) -> String {
        format!("{}{routing_key}", self.prefix)
    }

    /// Messages that workers hold and have not acknowledged.
    pub(crate) fn unacknowledged(&self) -> String {
        format!("{}unacked", self.prefix)
    }
}

/// Keys on the side of the results. A channel has the name of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResultKeys {
    /// With everything up to the id.
    stem: String,
}

impl ResultKeys {
    pub(crate) fn new(prefix: &str) -> Self {
        let separated = prefix.is_empty() || prefix.ends_with([':', '_', '-', '.']);
        let separator = if separated { "" } else { "_" };
        Self {
            stem: format!("{prefix}{separator}celery-task-meta-"),
        }
    }

    pub(crate) fn meta(&self, id: &str) -> String {
        format!("{}{id}", self.stem)
    }

    /// The id in the name of a channel.
    pub(crate) fn id<'channel>(&self, channel: &'channel str) -> Option<&'channel str> {
        channel.strip_prefix(&self.stem)
    }
}

fn step(priority: u8) -> u8 {
    match priority {
        0..=2 => 0,
        3..=5 => 3,
        6..=8 => 6,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_go_to_the_lists_that_celery_uses() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../fixtures/message/06_priority_map.json")).unwrap();
        let keys = BrokerKeys::new("", 0);
        for (priority, seen) in fixture["map"].as_object().unwrap() {
            let key = keys.queue("celery", priority.parse().unwrap());
            assert_eq!(
                key,
                seen["list_key"].as_str().unwrap(),
                "priority {priority}"
            );
        }
    }

    #[test]
    fn the_broker_takes_a_prefix_as_it_is() {
        let keys = BrokerKeys::new("tenantA:", 3);
        assert_eq!(keys.queue("celery", 9), "tenantA:celery\u{6}\u{16}9");
        assert_eq!(keys.queues("q")[1], "tenantA:q\u{6}\u{16}3");
        assert_eq!(keys.control(), "tenantA:/3.celery.pidbox");
        assert_eq!(keys.sent("x"), "tenantA:taskhost:sent:x");
    }

    #[test]
    fn the_result_side_separates_its_prefix() {
        for (prefix, key) in [
            ("", "celery-task-meta-1"),
            ("a", "a_celery-task-meta-1"),
            ("a:", "a:celery-task-meta-1"),
            ("a.", "a.celery-task-meta-1"),
        ] {
            let keys = ResultKeys::new(prefix);
            assert_eq!(keys.meta("1"), key);
            assert_eq!(keys.id(key), Some("1"));
        }
    }
}
