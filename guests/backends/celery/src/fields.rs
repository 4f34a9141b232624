//! Reading a JSON object field by field, with errors that name the place.
//!
//! serde says what it expected and not where, and a person who wrote three hundred lines of
//! configuration needs to know where.

use serde_json::{Map, Value};

/// The fields of one object that have not been read yet.
pub(crate) struct Fields {
    place: String,
    rest: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// `place` is how the object is called in errors; empty for the outermost one.
    pub(crate) fn new(place: impl Into<String>, value: Value) -> Result<Self, String> {
        let place = place.into();
        match value {
            Value::Object(rest) => Ok(Self {
                place,
                rest,
                known: Vec::new(),
            }),
            other => Err(format!("`{place}` must be an object, not {other}")),
        }
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<String>, String> {
        self.take(key, "a text that is not empty", |value| {
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        })
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, String> {
        self.take(key, "true or false", Value::as_bool)
    }

    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        lowest: u64,
        highest: u64,
    ) -> Result<Option<u64>, String> {
        let expected = if highest == u64::MAX {
            format!("a whole number, {lowest} or more")
        } else {
            format!("a whole number from {lowest} to {highest}")
        };
        self.take(key, &expected, |value| {
            value
                .as_u64()
                .filter(|number| (lowest..=highest).contains(number))
        })
    }

    /// A number of seconds, as milliseconds.
    pub(crate) fn seconds(&mut self, key: &'static str) -> Result<Option<u64>, String> {
        // Three hundred years: far enough, and exact in every type it passes through.
        const LONGEST: f64 = 1e10;
        self.take(key, "a number of seconds, 0 or more", |value| {
            let seconds = value
                .as_f64()
                .filter(|seconds| (0.0..=LONGEST).contains(seconds))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within the range that was just checked"
            )]
            Some((seconds * 1000.0).round() as u64)
        })
    }

    pub(crate) fn object(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Map<String, Value>>, String> {
        self.take(key, "an object", |value| value.as_object().cloned())
    }

    /// Fails where a field is left that nobody has read.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!(
                "{} is not known; known are `{}`",
                self.name(key),
                self.known.join("`, `")
            )),
        }
    }

    /// How a field is called in errors.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.place.is_empty() {
            format!("`{key}`")
        } else {
            format!("`{}.{key}`", self.place)
        }
    }

    fn take<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        self.known.push(key);
        match self.rest.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(&value) {
                Some(read) => Ok(Some(read)),
                None => Err(format!(
                    "{} must be {expected}, not {value}",
                    self.name(key)
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_place_and_what_fits() {
        let mut fields = Fields::new(
            "tasks.add",
            json!({"priority": 11, "queue": "", "other": 1}),
        )
        .unwrap();
        assert_eq!(
            fields.whole("priority", 0, 9).unwrap_err(),
            "`tasks.add.priority` must be a whole number from 0 to 9, not 11"
        );
        assert!(fields.text("queue").is_err());
        assert_eq!(
            fields.finish().unwrap_err(),
            "`tasks.add.other` is not known; known are `priority`, `queue`"
        );
        assert!(Fields::new("tasks", json!([])).is_err());
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        let mut fields = Fields::new("", json!({"a": 1.5, "b": -1, "c": 1e300})).unwrap();
        assert_eq!(fields.seconds("a"), Ok(Some(1500)));
        assert!(fields.seconds("b").is_err());
        assert!(fields.seconds("c").is_err());
        assert_eq!(fields.seconds("d"), Ok(None));
    }
}
