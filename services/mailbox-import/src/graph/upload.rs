//! Files that are too large for the request that creates their message ("Attach large files to Outlook
//! messages or events").

use std::time::Duration;

use bytes::Bytes;
use chatkeep_microsoft365::Request;
use chatkeep_runtime::secret::Secret;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::Client,
    item::Attachment,
    mailbox::message,
    sending::{Sent, refused},
    trouble::Trouble,
};
use crate::{
    exchange::{Halt, mime::File},
    target::{Gate, Outcome, TargetError},
};

/// Smaller files go in one request, larger ones in an upload session. Graph takes no session for less than
/// 3 MB, and no request of more than 4 MB, which this many bytes in base64 just are not.
const SMALL: usize = 3_145_000;
/// Bytes in one range, below the 4 MB that Graph takes.
const RANGE: usize = 3_276_800;
/// What was begun is worth waiting for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to leave a mailbox alone in which a message vanished under our hands.
const PAUSE: Duration = Duration::from_secs(5);

/// Where the ranges of a file go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    upload_url: String,
}

/// Adds these files to a message, one after the other. When it stops, the message is not whole.
pub(super) async fn all(
    client: &Client,
    id: &str,
    files: &[File],
    gate: &dyn Gate,
) -> Result<(), Sent> {
    for file in files {
        if file.bytes.len() < SMALL {
            whole(client, id, file, gate).await?;
        } else {
            in_ranges(client, id, file, gate).await?;
        }
    }
    Ok(())
}

async fn whole(client: &Client, id: &str, file: &File, gate: &dyn Gate) -> Result<(), Sent> {
    let path = format!("{}/attachments", message(client, id));
    let request = Request::post(path, &Attachment::of(file));
    let request = request.map_err(|error| failed(Trouble::Setup(error)))?;
    let size = request.body.as_ref().map_or(0, Bytes::len);
    pass(client, size, gate).await?;
    client.send(request).await.map(drop).map_err(failed)
}

async fn in_ranges(client: &Client, id: &str, file: &File, gate: &dyn Gate) -> Result<(), Sent> {
    let path = format!("{}/attachments/createUploadSession", message(client, id));
    let item = json!({ "AttachmentItem": {
        "attachmentType": "file",
        "name": file.name,
        "contentType": file.media_type,
        "size": file.bytes.len(),
    }});
    let request = Request::post(path, &item).map_err(|error| failed(Trouble::Setup(error)))?;
    pass(client, 0, gate).await?;
    let session = client.send(request).await.map_err(failed)?.json();
    let lost = |source| {
        failed(Trouble::Doubtful {
            after: None,
            source,
        })
    };
    let session: Session = session.map_err(lost)?;
    let session = Secret::new(session.upload_url);
    let total = file.bytes.len() as u64;
    for first in (0..file.bytes.len()).step_by(RANGE) {
        let end = file.bytes.len().min(first + RANGE);
        let range = file.bytes.slice(first..end);
        pass(client, range.len(), gate).await?;
        let sent = client.upload(&session, (first as u64, total), range).await;
        sent.map_err(failed)?;
    }
    Ok(())
}

async fn pass(client: &Client, bytes: usize, gate: &dyn Gate) -> Result<(), Sent> {
    client.admitted(bytes, PATIENCE).await.map_err(failed)?;
    gate.pass().await.map_err(|error| Sent {
        outcome: Outcome::NotStored,
        halt: Some(Halt::Target(error)),
    })
}

/// A message that is gone was removed by somebody: nothing says that its folder is.
fn failed(trouble: Trouble) -> Sent {
    let sent = refused(trouble);
    match sent.halt {
        Some(Halt::NoFolder) => Sent {
            outcome: Outcome::Unknown,
            halt: Some(Halt::Target(TargetError::Busy { after: PAUSE })),
        },
        _ => sent,
    }
}
