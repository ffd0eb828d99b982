use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chatkeep_model::ItemId;
use chatkeep_proto::v1::{
    DeliveryState, Placement, TraceItemRequest, TraceItemResponse, TracedCopy,
};
use chatkeep_report::time;
use data_encoding::HEXLOWER;
use humantime_serde::re::humantime::format_duration;

use super::ask;
use crate::{output::Output, place::Place};

/// Shows one item's way: from its source file to every mailbox.
pub(crate) async fn print(place: &Place, id: &str, output: &Output) -> anyhow::Result<ExitCode> {
    let id = ItemId::parse(id).context(
        "read item id: give the id in hexadecimal or base32, or the Message-ID of the mail",
    )?;
    let request = TraceItemRequest {
        item: id.as_bytes().to_vec().into(),
        ..TraceItemRequest::default()
    };
    let item = ask(&place.site, async |system| {
        let answer = system.control.clone().trace_item(request).await;
        Ok(answer.map_err(super::answer)?.into_inner())
    })
    .await?;
    print_item(id, &place.connector.domain, &item, output);
    Ok(ExitCode::SUCCESS)
}

fn print_item(id: ItemId, domain: &str, item: &TraceItemResponse, output: &Output) {
    let date = time(item.date);
    output.line(format_args!("item       {id}"));
    output.line(format_args!(
        "run        {} of connector {}",
        item.run_number, item.connector
    ));
    output.line(format_args!(
        "kind       {}, {date}, {} records",
        item.kind, item.records
    ));
    for file in &item.files {
        output.line(format_args!("read from  {file}"));
    }
    let blob = |name: &str, blob: Option<&chatkeep_proto::v1::Blob>| {
        if let Some(blob) = blob {
            output.line(format_args!("{name:<10} staging/{}", blob.key));
        }
    };
    blob("captured", item.batch.as_ref());
    blob("rendered", item.blob.as_ref());
    for (part, number) in item.parts.iter().zip(1..) {
        output.line(format_args!(
            "part {number:<5} {} bytes at {}, SHA-256 {}, Message-ID {}",
            part.size,
            part.offset,
            HEXLOWER.encode(&part.sha256),
            id.message_id(number, domain)
        ));
    }
    if !item.supersedes.is_empty() {
        output.line(format_args!(
            "supersedes {}",
            HEXLOWER.encode(&item.supersedes)
        ));
    }
    let trace = |what: &str, id: &str| {
        if !id.is_empty() {
            output.line(format_args!("trace      {id} {what}"));
        }
    };
    if item.planned_in == item.rendered_in {
        trace("rendered and planned it", &item.rendered_in);
    } else {
        trace("rendered it", &item.rendered_in);
        trace("planned it", &item.planned_in);
    }
    for copy in &item.copies {
        output.line(format_args!("copy       {}", copy_line(copy)));
    }
}

fn copy_line(copy: &TracedCopy) -> String {
    let user = &copy.source_user;
    let state = match copy.state() {
        DeliveryState::Unspecified | DeliveryState::Waiting => "waits for import".to_owned(),
        DeliveryState::Imported => "imported".to_owned(),
        DeliveryState::PartiallyImported => format!("partially imported: {}", copy.reason),
        DeliveryState::Skipped => "skipped: it was there already".to_owned(),
        DeliveryState::Failed => format!("failed: {}", copy.reason),
    };
    let settled = copy.settled.map(|settled| format!(" at {}", time(settled)));
    let settled = settled.unwrap_or_default();
    let trace = if !copy.settled_in.is_empty() {
        format!(" in trace {}", copy.settled_in)
    } else if copy.traces_kept > 0 {
        let kept = format_duration(Duration::from_secs(copy.traces_kept));
        format!(" in a trace that is not known any more: traces are kept {kept}")
    } else {
        String::new()
    };
    match copy.placement() {
        Placement::Mapped => format!("{user} -> {}: {state}{settled}{trace}", copy.mailbox),
        Placement::External => format!("{user}: external, no mailbox of ours"),
        Placement::Conflict => format!("{user}: held, two users have the address"),
        Placement::Held | Placement::Unspecified => format!("{user}: held, no mailbox known yet"),
    }
}
