//! The contract as lines, one for everything that a peer of another version relies on.

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// Every field, value and method, sorted.
pub fn lines() -> Vec<String> {
    let set = FileDescriptorSet::decode(chatkeep_proto::DESCRIPTORS).expect("it is ours");
    let mut lines = Vec::new();
    for file in &set.file {
        let package = file.package();
        for message in &file.message_type {
            add_message(&mut lines, package, message);
        }
        for values in &file.enum_type {
            add_enum(&mut lines, package, values);
        }
        for service in &file.service {
            add_service(&mut lines, package, service);
        }
    }
    lines.sort();
    lines
}

fn add_message(lines: &mut Vec<String>, parent: &str, message: &DescriptorProto) {
    let name = format!("{parent}.{}", message.name());
    for field in &message.field {
        lines.push(format!("message {name} {}", described(message, field)));
    }
    for nested in &message.nested_type {
        add_message(lines, &name, nested);
    }
    for values in &message.enum_type {
        add_enum(lines, &name, values);
    }
}

fn described(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_lowercase(),
    };
    let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
    let oneof = oneof.and_then(|index| message.oneof_decl.get(index as usize));
    let oneof = oneof.map_or_else(String::new, |oneof| format!(" in {}", oneof.name()));
    format!("{} {label}{kind} {}{oneof}", field.number(), field.name())
}

fn add_enum(lines: &mut Vec<String>, parent: &str, values: &EnumDescriptorProto) {
    for value in &values.value {
        let (number, name) = (value.number(), value.name());
        lines.push(format!("enum {parent}.{} {number} {name}", values.name()));
    }
}

fn add_service(lines: &mut Vec<String>, parent: &str, service: &ServiceDescriptorProto) {
    for method in &service.method {
        let stream = |is_stream| if is_stream { "stream " } else { "" };
        lines.push(format!(
            "service {parent}.{} {}({}{}) {}{}",
            service.name(),
            method.name(),
            stream(method.client_streaming()),
            method.input_type().trim_start_matches('.'),
            stream(method.server_streaming()),
            method.output_type().trim_start_matches('.'),
        ));
    }
}
