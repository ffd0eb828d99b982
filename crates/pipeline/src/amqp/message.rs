//! Envelopes as AMQP messages.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString},
};

use super::AmqpError;
use crate::Envelope;

const CONTENT_TYPE: &str = "application/x-protobuf";
/// How often a message was tried. Our own: the broker's counts differ between its versions.
const ATTEMPT: &str = "x-attempt";
/// How often the broker got a message back.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// Texts with which the broker tells where a dead-lettered message has been.
const BROKERS: [&str; 2] = ["x-first-death-", "x-last-death-"];
/// Messages outlive the broker's process.
const PERSISTENT: u8 = 2;

pub(super) fn properties(envelope: &Envelope) -> Result<BasicProperties, AmqpError> {
    let mut headers = FieldTable::default();
    for (name, value) in &envelope.headers {
        let value = AMQPValue::LongString(value.as_str().into());
        headers.insert(short(name)?, value);
    }
    headers.insert(ATTEMPT.into(), AMQPValue::LongUInt(envelope.attempt));
    Ok(BasicProperties::default()
        .with_message_id(short(&envelope.id)?)
        .with_content_type(CONTENT_TYPE.into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers))
}

pub(super) fn envelope(delivery: &mut Delivery) -> Envelope {
    let properties = &delivery.properties;
    let id = properties.message_id().as_ref();
    let id = id.map(ShortString::as_str).unwrap_or_default();
    let mut envelope = Envelope::new(id, std::mem::take(&mut delivery.data));
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        let name = name.as_str();
        match value {
            AMQPValue::LongString(_) if is_brokers(name) => {}
            AMQPValue::LongString(text) => {
                let headers = &mut envelope.headers;
                headers.insert(name.to_owned(), text.to_string());
            }
            number if name == ATTEMPT => envelope.attempt = count(number),
            number if name == DELIVERY_COUNT => envelope.returned = count(number),
            _ => {}
        }
    }
    envelope
}

fn is_brokers(name: &str) -> bool {
    BROKERS.iter().any(|prefix| name.starts_with(prefix))
}

fn short(text: &str) -> Result<ShortString, AmqpError> {
    ShortString::try_new(text).map_err(|_| AmqpError::Encode)
}

fn count(value: &AMQPValue) -> u32 {
    match *value {
        AMQPValue::LongUInt(n) => n,
        AMQPValue::ShortShortUInt(n) => n.into(),
        AMQPValue::ShortUInt(n) => n.into(),
        AMQPValue::ShortShortInt(n) => u32::try_from(n).unwrap_or(0),
        AMQPValue::ShortInt(n) => u32::try_from(n).unwrap_or(0),
        AMQPValue::LongInt(n) => u32::try_from(n).unwrap_or(0),
        AMQPValue::LongLongInt(n) => u32::try_from(n).unwrap_or(0),
        _ => 0,
    }
}
