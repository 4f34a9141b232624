//! Answers in the client's own task protocol.

use serde_json::{Map, Value};

use crate::interface::{Caller, Reply};

/// The only revision in which the model is given something to read at once.
const READS_AT_ONCE: &str = "2025-11-25";

/// The key that it is given under.
const IMMEDIATE: &str = "io.modelcontextprotocol/model-immediate-response";

/// The task `id` as the reply, with what the model reads meanwhile and more of `_meta`.
pub fn reply(caller: &Caller, id: &str, immediate: String, mut meta: Map<String, Value>) -> Reply {
    if caller.protocol.as_deref() == Some(READS_AT_ONCE) {
        meta.insert(IMMEDIATE.into(), immediate.into());
    }
    let meta = (!meta.is_empty()).then(|| Value::Object(meta).to_string());
    Reply::Task((id.into(), meta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::caller;

    #[test]
    fn the_model_reads_at_once_where_the_protocol_knows_that() {
        let meta = |protocol: &str| {
            let caller = Caller {
                protocol: Some(protocol.into()),
                ..caller()
            };
            match reply(&caller, "t1", "soon".into(), Map::new()) {
                Reply::Task((id, meta)) => {
                    assert_eq!(id, "t1");
                    meta
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            meta("2025-11-25").as_deref(),
            Some(r#"{"io.modelcontextprotocol/model-immediate-response":"soon"}"#)
        );
        assert_eq!(meta("2026-07-28"), None);
    }
}
