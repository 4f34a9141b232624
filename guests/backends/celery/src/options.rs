//! How a task is sent: by the call, else by the task, else by the configuration.

use serde_json::Value;

use crate::fields::Fields;
use crate::instant;

/// Options of sending. Absent: as the next wider one says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<u8>,
    pub(crate) expires_ms: Option<u64>,
    pub(crate) countdown_ms: Option<u64>,
    /// Milliseconds since the epoch. Of a call alone.
    pub(crate) eta_ms: Option<u64>,
    /// Seconds.
    pub(crate) soft_time_limit: Option<u64>,
    pub(crate) time_limit: Option<u64>,
}

impl Options {
    /// Takes the options out of an object that has other fields as well.
    pub(crate) fn take(fields: &mut Fields) -> Result<Self, String> {
        let options = Self {
            queue: fields.text("queue")?,
            priority: fields
                .whole("priority", 0, 9)?
                .and_then(|priority| u8::try_from(priority).ok()),
            expires_ms: fields.seconds("expires_seconds")?,
            countdown_ms: fields.seconds("countdown_seconds")?,
            eta_ms: None,
            soft_time_limit: fields.whole("soft_time_limit", 1, u64::MAX)?,
            time_limit: fields.whole("time_limit", 1, u64::MAX)?,
        };
        let queue = options.queue.as_deref().unwrap_or_default();
        if queue.chars().any(char::is_control) {
            return Err(format!(
                "{} must not contain control characters",
                fields.name("queue")
            ));
        }
        Ok(options)
    }

    /// The options of one call.
    pub(crate) fn of_call(text: &str) -> Result<Self, String> {
        let value: Value = match text.trim() {
            "" => return Ok(Self::default()),
            text => serde_json::from_str(text)
                .map_err(|error| format!("the options are not JSON: {error}"))?,
        };
        if value.is_null() {
            return Ok(Self::default());
        }
        let mut fields = Fields::new("options", value)?;
        let mut options = Self::take(&mut fields)?;
        if let Some(eta) = fields.text("eta")? {
            options.eta_ms = Some(instant::read(&eta).ok_or_else(|| {
                format!(
                    "`options.eta` must be a moment with its offset, such as \
                     `2030-01-31T12:00:00+00:00`, not `{eta}`"
                )
            })?);
        }
        fields.finish()?;
        if options.eta_ms.is_some() && options.countdown_ms.is_some() {
            return Err("`options.eta` and `options.countdown_seconds` exclude each other".into());
        }
        Ok(options)
    }

    /// These, and where they say nothing, those of `wider`.
    pub(crate) fn or(self, wider: &Self) -> Self {
        // A moment named by the call replaces a delay that was configured.
        let countdown_ms = match self.eta_ms {
            Some(_) => None,
            None => self.countdown_ms.or(wider.countdown_ms),
        };
        Self {
            queue: self.queue.or_else(|| wider.queue.clone()),
            priority: self.priority.or(wider.priority),
            expires_ms: self.expires_ms.or(wider.expires_ms),
            countdown_ms,
            eta_ms: self.eta_ms.or(wider.eta_ms),
            soft_time_limit: self.soft_time_limit.or(wider.soft_time_limit),
            time_limit: self.time_limit.or(wider.time_limit),
        }
    }

    /// Fails where Celery would not do what these say.
    pub(crate) fn check(&self, now_ms: u64, visibility_timeout_ms: u64) -> Result<(), String> {
        if let (Some(soft), Some(hard)) = (self.soft_time_limit, self.time_limit)
            && soft > hard
        {
            return Err(format!(
                "`soft_time_limit` of {soft} s would never be reached: `time_limit` is {hard} s"
            ));
        }
        let delay_ms = match (self.eta_ms, self.countdown_ms) {
            (Some(eta), _) => eta.saturating_sub(now_ms),
            (None, countdown) => countdown.unwrap_or(0),
        };
        if delay_ms > visibility_timeout_ms {
            return Err(format!(
                "a delay of {} s is longer than `visibility_timeout_seconds` ({}): Redis would \
                 hand the message to another worker meanwhile and the task would run several \
                 times; start it later instead",
                delay_ms / 1000,
                visibility_timeout_ms / 1000
            ));
        }
        Ok(())
    }

    /// When a worker may begin, in milliseconds since the epoch.
    pub(crate) fn due_ms(&self, now_ms: u64) -> Option<u64> {
        let countdown = self.countdown_ms.filter(|countdown| *countdown > 0);
        self.eta_ms
            .or_else(|| countdown.map(|countdown| now_ms.saturating_add(countdown)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn the_call_comes_before_the_task_before_the_configuration() {
        let call = Options::of_call(r#"{"priority": 9}"#).unwrap();
        let task = Options {
            queue: Some("slow".into()),
            priority: Some(3),
            ..Options::default()
        };
        let wide = Options {
            time_limit: Some(60),
            queue: Some("q".into()),
            ..Options::default()
        };
        let merged = call.or(&task).or(&wide);
        assert_eq!(merged.priority, Some(9));
        assert_eq!(merged.queue.as_deref(), Some("slow"));
        assert_eq!(merged.time_limit, Some(60));
    }

    #[test]
    fn an_unknown_option_names_the_known_ones() {
        let error = Options::of_call(r#"{"retries": 3}"#).unwrap_err();
        assert_eq!(
            error,
            "`options.retries` is not known; known are `queue`, `priority`, `expires_seconds`, \
             `countdown_seconds`, `soft_time_limit`, `time_limit`, `eta`"
        );
        assert_eq!(Options::of_call("null"), Ok(Options::default()));
        assert_eq!(Options::of_call(""), Ok(Options::default()));
        assert!(Options::of_call("{\"queue\": \"a\\u0006\"}").is_err());
    }

    #[test]
    fn a_long_delay_is_refused_with_the_reason() {
        let options = Options::of_call(r#"{"countdown_seconds": 3601}"#).unwrap();
        assert!(
            options
                .check(0, HOUR)
                .unwrap_err()
                .contains("several times")
        );
        assert!(
            Options::of_call(r#"{"countdown_seconds": 3600}"#)
                .unwrap()
                .check(0, HOUR)
                .is_ok()
        );
        let options = Options::of_call(r#"{"eta": "1970-01-01T02:00:00Z"}"#).unwrap();
        assert!(options.check(0, HOUR).is_err());
        assert!(options.check(HOUR, HOUR).is_ok());
        assert!(Options::of_call(r#"{"eta": "soon"}"#).is_err());
        assert!(
            Options::of_call(r#"{"eta": "1970-01-01T02:00:00Z", "countdown_seconds": 1}"#).is_err()
        );
    }

    #[test]
    fn a_moment_replaces_a_configured_delay() {
        let task = Options {
            countdown_ms: Some(5),
            ..Options::default()
        };
        let call = Options::of_call(r#"{"eta": "1970-01-01T00:00:01Z"}"#).unwrap();
        assert_eq!(call.or(&task).due_ms(7), Some(1000));
        assert_eq!(task.due_ms(7), Some(12));
        assert_eq!(Options::default().due_ms(7), None);
    }
}
