//! The message that starts a task, protocol 2, as a worker reads it from the queue.
//!
//! A malformed message can do more than fail: some end the worker process, and go back to the queue to
//! end the next one; some are thrown away so that no result ever comes. So bytes for a queue come
//! from [`Envelope`] alone, which cannot spell any of them: all fields that a worker needs are there
//! by type, the body is made of three items here, and the arguments have been parsed.
//!
//! The bytes are a function of the request alone, moments apart. They are kept as the mark that the
//! task was sent, and are what [`crate::cancel`] takes out of the queue again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::instant;
use crate::repr::repr;

/// What a task is to be sent with.
#[derive(Clone, Debug)]
pub(crate) struct Order<'order> {
    pub(crate) id: &'order str,
    /// Name of the task as the worker has registered it.
    pub(crate) task: &'order str,
    /// A JSON object.
    pub(crate) arguments: &'order str,
    pub(crate) queue: &'order str,
    pub(crate) priority: u8,
    /// Milliseconds since the epoch.
    pub(crate) eta_ms: Option<u64>,
    pub(crate) expires_ms: Option<u64>,
    /// Seconds.
    pub(crate) time_limit: Option<u64>,
    pub(crate) soft_time_limit: Option<u64>,
}

/// One message, ready for the queue.
#[derive(Serialize)]
pub(crate) struct Envelope<'order> {
    body: String,
    #[serde(rename = "content-encoding")]
    content_encoding: &'static str,
    #[serde(rename = "content-type")]
    content_type: &'static str,
    headers: Headers<'order>,
    properties: Properties<'order>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "Celery's names")]
struct Headers<'order> {
    lang: &'static str,
    task: &'order str,
    id: &'order str,
    shadow: Option<&'static str>,
    eta: Option<String>,
    expires: Option<String>,
    group: Option<&'static str>,
    group_index: Option<u32>,
    retries: u32,
    /// Hard, then soft: the other way round than Celery's own documentation has it.
    timelimit: (Option<u64>, Option<u64>),
    root_id: &'order str,
    parent_id: Option<&'static str>,
    argsrepr: &'static str,
    kwargsrepr: String,
    origin: &'static str,
    /// Makes a task answer that is declared with `ignore_result=True`.
    ignore_result: bool,
    replaced_task_nesting: u32,
    stamped_headers: Option<&'static str>,
    stamps: Empty,
}

#[derive(Serialize)]
struct Properties<'order> {
    correlation_id: &'order str,
    reply_to: &'static str,
    delivery_mode: u8,
    delivery_info: DeliveryInfo<'order>,
    priority: u8,
    body_encoding: &'static str,
    delivery_tag: String,
}

#[derive(Serialize)]
struct DeliveryInfo<'order> {
    exchange: &'static str,
    /// The queue, so that a redelivery comes back to it.
    routing_key: &'order str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Embed {
    callbacks: Option<()>,
    errbacks: Option<()>,
    chain: Option<()>,
    chord: Option<()>,
}

impl<'order> Envelope<'order> {
    /// Fails where the arguments are nothing a worker could read. Says what would be.
    pub(crate) fn new(order: &Order<'order>) -> Result<Self, String> {
        let arguments: Value = serde_json::from_str(order.arguments)
            .map_err(|error| format!("the arguments are not JSON: {error}"))?;
        if !arguments.is_object() {
            return Err(
                "the arguments must be a JSON object, which Celery passes as keyword \
                        arguments"
                    .into(),
            );
        }
        refuse_typed(&arguments)?;
        Ok(Self {
            body: body(order.arguments)?,
            content_encoding: "utf-8",
            content_type: "application/json",
            headers: Headers {
                lang: "py",
                task: order.task,
                id: order.id,
                shadow: None,
                eta: order.eta_ms.map(instant::write),
                expires: order.expires_ms.map(instant::write),
                group: None,
                group_index: None,
                retries: 0,
                timelimit: (order.time_limit, order.soft_time_limit),
                root_id: order.id,
                parent_id: None,
                argsrepr: "()",
                kwargsrepr: repr(&arguments),
                origin: "taskhost",
                ignore_result: false,
                replaced_task_nesting: 0,
                stamped_headers: None,
                stamps: Empty {},
            },
            properties: Properties {
                correlation_id: order.id,
                reply_to: "",
                delivery_mode: 2,
                delivery_info: DeliveryInfo {
                    exchange: "",
                    routing_key: order.queue,
                },
                priority: order.priority,
                body_encoding: "base64",
                delivery_tag: delivery_tag(order.id),
            },
        })
    }

    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| format!("the message has no JSON: {error}"))
    }
}

/// Queue and priority of a message that was sent before, so that its list is found again.
pub(crate) fn address(message: &[u8]) -> Option<(String, u8)> {
    #[derive(Deserialize)]
    struct Sent {
        properties: SentProperties,
    }
    #[derive(Deserialize)]
    struct SentProperties {
        delivery_info: SentDelivery,
        priority: u8,
    }
    #[derive(Deserialize)]
    struct SentDelivery {
        routing_key: String,
    }
    let sent: Sent = serde_json::from_slice(message).ok()?;
    Some((
        sent.properties.delivery_info.routing_key,
        sent.properties.priority,
    ))
}

/// Exactly three items; a worker ends at two.
fn body(arguments: &str) -> Result<String, String> {
    let unreadable = |error| format!("the arguments are not JSON: {error}");
    let arguments: &RawValue = serde_json::from_str(arguments).map_err(unreadable)?;
    let embed = Embed {
        callbacks: None,
        errbacks: None,
        chain: None,
        chord: None,
    };
    let none: [(); 0] = [];
    let body = serde_json::to_vec(&(none, arguments, embed)).map_err(unreadable)?;
    Ok(BASE64.encode(body))
}

/// An object of just these two keys is kombu's spelling of a Python value. Where the worker does not
/// know the type or cannot read the value, it throws the message away and no result ever comes.
fn refuse_typed(value: &Value) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(refuse_typed),
        Value::Object(entries) => {
            let typed = entries.len() == 2
                && entries.contains_key("__type__")
                && entries.contains_key("__value__");
            if typed {
                return Err(
                    "an object of the two keys `__type__` and `__value__` cannot be passed \
                            to Celery, which reads it as a Python value; pass plain JSON, such as \
                            a moment as a string"
                        .into(),
                );
            }
            entries.values().try_for_each(refuse_typed)
        }
        _ => Ok(()),
    }
}

/// A UUID that belongs to the task, by the 128-bit FNV-1a hash of its id. It must differ between
/// messages, and nothing more.
fn delivery_tag(id: &str) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in "taskhost:".bytes().chain(id.bytes()) {
        hash ^= u128::from(byte);
        hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    uuid(hash)
}

/// `bits` as a UUID of version 8: no promise about what the bits mean.
pub(crate) fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | (0x8 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let text = format!("{bits:032x}");
    let mut uuid = String::with_capacity(36);
    for (index, char) in text.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(char);
    }
    uuid
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789abcdefghjkmnpqrstvwxyz01234567";

    fn order(arguments: &str) -> Order<'_> {
        Order {
            id: ID,
            task: "labapp.add",
            arguments,
            queue: "celery",
            priority: 0,
            eta_ms: None,
            expires_ms: None,
            time_limit: None,
            soft_time_limit: None,
        }
    }

    fn sent(order: &Order<'_>) -> Value {
        serde_json::from_slice(&Envelope::new(order).unwrap().bytes().unwrap()).unwrap()
    }

    fn decoded(message: &Value) -> Value {
        let body = BASE64.decode(message["body"].as_str().unwrap()).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The same shape as a message that Celery itself sent: same keys, same kinds of values, apart
    /// from what belongs to one message.
    #[test]
    fn has_the_shape_of_a_captured_message() {
        let fixture: Value =
            serde_json::from_str(include_str!("../fixtures/message/02_kwargs.json")).unwrap();
        let mut captured = fixture["keys"]["celery"]["items"][0].clone();
        let captured_body = captured
            .as_object_mut()
            .unwrap()
            .remove("__decoded_body__")
            .unwrap();
        let mut ours = sent(&order(r#"{"x": 2, "y": 3}"#));
        assert_eq!(decoded(&ours), captured_body);
        for message in [&mut ours, &mut captured] {
            for (part, field) in [
                ("headers", "id"),
                ("headers", "root_id"),
                ("headers", "origin"),
                ("properties", "correlation_id"),
                ("properties", "reply_to"),
                ("properties", "delivery_tag"),
            ] {
                assert!(message[part][field].is_string(), "{part}.{field}");
                message[part][field] = json!("*");
            }
            message["body"] = json!("*");
        }
        assert_eq!(ours, captured);
    }

    /// Each line of the captured table is a way to hurt a worker. None can be built.
    #[test]
    fn never_what_poisons_a_worker() {
        let table = include_str!("../fixtures/poison-matrix.txt");
        assert!(table.lines().count() >= 19, "the table is there");
        let hostile = [
            "{}",
            r#"{"a": null}"#,
            r#"{"id": null, "task": null, "headers": null}"#,
            r#"{"q": "é☃😀\u0000\"'"}"#,
            r#"{"deep": [[[{"__type__": "datetime"}]]]}"#,
            r#"{"n": 123456789012345678901234567890, "f": 1e400}"#,
        ];
        for arguments in hostile
            .iter()
            .filter(|text| Envelope::new(&order(text)).is_ok())
        {
            let mut order = order(arguments);
            order.eta_ms = Some(1_795_226_994_330);
            order.time_limit = Some(9);
            let message = sent(&order);
            let body = decoded(&message);
            assert_eq!(body.as_array().unwrap().len(), 3, "body of three items");
            assert!(body[0].is_array(), "args is a list");
            assert!(body[1].is_object(), "kwargs is a mapping");
            assert!(body[2].is_object(), "embed");
            assert_eq!(message["content-type"], "application/json");
            assert_eq!(message["content-encoding"], "utf-8");
            assert_eq!(message["properties"]["body_encoding"], "base64");
            assert_eq!(message["headers"]["task"], "labapp.add");
            assert_eq!(message["headers"]["id"], ID);
            assert_eq!(message["headers"]["retries"], 0);
            assert_eq!(message["headers"]["timelimit"], json!([9, null]));
            assert_eq!(
                message["properties"]["delivery_tag"]
                    .as_str()
                    .unwrap()
                    .len(),
                36
            );
            assert_eq!(
                message["properties"]["delivery_info"],
                json!({"exchange": "", "routing_key": "celery"})
            );
            let eta = message["headers"]["eta"].as_str().unwrap();
            assert_eq!(instant::read(eta), Some(1_795_226_994_330));
        }
    }

    #[test]
    fn refuses_arguments_that_a_worker_throws_away() {
        for arguments in [
            "[]",
            "null",
            "nothing",
            "",
            r#"{"x": {"__type__": "nosuch", "__value__": 1}}"#,
            r#"{"x": [{"__value__": "soon", "__type__": "datetime"}]}"#,
        ] {
            assert!(Envelope::new(&order(arguments)).is_err(), "{arguments}");
        }
    }

    #[test]
    fn numbers_pass_as_they_were_typed() {
        let message = sent(&order(r#"{"n": 123456789012345678901234567890}"#));
        let body = BASE64.decode(message["body"].as_str().unwrap()).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("123456789012345678901234567890"), "{body}");
    }

    #[test]
    fn one_request_is_one_message() {
        let first = Envelope::new(&order("{}")).unwrap().bytes().unwrap();
        assert_eq!(first, Envelope::new(&order("{}")).unwrap().bytes().unwrap());
        let mut other = order("{}");
        other.id = "z123456789abcdefghjkmnpqrstvwxyz01234567";
        let other = sent(&other);
        assert_ne!(
            sent(&order("{}"))["properties"]["delivery_tag"],
            other["properties"]["delivery_tag"]
        );
    }

    #[test]
    fn limits_and_address_are_found_again() {
        let mut order = order("{}");
        order.queue = "reports";
        order.priority = 6;
        order.time_limit = Some(9);
        order.soft_time_limit = Some(7);
        let bytes = Envelope::new(&order).unwrap().bytes().unwrap();
        assert_eq!(address(&bytes), Some(("reports".into(), 6)));
        assert_eq!(address(b"cancelled"), None);
        let fixture: Value =
            serde_json::from_str(include_str!("../fixtures/message/09_timelimits.json")).unwrap();
        let captured = &fixture["keys"]["celery"]["items"][0]["headers"]["timelimit"];
        assert_eq!(&sent(&order)["headers"]["timelimit"], captured);
    }
}
