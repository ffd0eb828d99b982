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
) -> Result<(), Interrupted> {
    for file in files {
        if file.bytes.len() < SMALL {
            whole(client, id, file, gate).await?;
        } else {
            in_ranges(client, id, file, gate).await?;
        }
    }
    Ok(())
}

async fn whole(client: &Client, id: &str, file: &File, gate: &dyn Gate) -> Result<(), Interrupted> {
    let path = format!("{}/attachments", message(client, id));
    let request = Request::post(path, &Attachment::of(file));
    let request = request.map_err(|error| Interrupted::Graph(Trouble::Setup(error)))?;
    let size = request.body.as_ref().map_or(0, Bytes::len);
    pass(client, size, gate).await?;
    client
        .send(request)
        .await
        .map(drop)
        .map_err(Interrupted::Graph)
}

async fn in_ranges(
    client: &Client,
    id: &str,
    file: &File,
    gate: &dyn Gate,
) -> Result<(), Interrupted> {
    let path = format!("{}/attachments/createUploadSession", message(client, id));
    let item = json!({ "AttachmentItem": {
        "attachmentType": "file",
        "name": file.name,
        "contentType": file.media_type,
        "size": file.bytes.len(),
    }});
    let request =
        Request::post(path, &item).map_err(|error| Interrupted::Graph(Trouble::Setup(error)))?;
    pass(client, 0, gate).await?;
    let session = client
        .send(request)
        .await
        .map_err(Interrupted::Graph)?
        .json();
    let lost = |source| {
        Interrupted::Graph(Trouble::Doubtful {
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
        sent.map_err(Interrupted::Graph)?;
    }
    Ok(())
}

async fn pass(client: &Client, bytes: usize, gate: &dyn Gate) -> Result<(), Interrupted> {
    let admitted = client.admitted(bytes, PATIENCE).await;
    admitted.map_err(Interrupted::Graph)?;
    gate.pass().await.map_err(Interrupted::Gate)
}

/// Why files are missing.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// Graph did not take one.
    Graph(Trouble),
    /// The gate was closed.
    Gate(TargetError),
}

impl Interrupted {
    /// What the message came to. One that is gone was removed by somebody: nothing says that its folder is.
    pub(super) fn into_sent(self) -> Sent {
        let sent = match self {
            Self::Graph(trouble) => refused(trouble),
            Self::Gate(error) => Sent {
                outcome: Outcome::NotStored,
                halt: Some(Halt::Target(error)),
            },
        };
        match sent.halt {
            Some(Halt::NoFolder) => Sent {
                outcome: Outcome::Unknown,
                halt: Some(Halt::Target(TargetError::Busy { after: PAUSE })),
            },
            _ => sent,
        }
    }

    /// What happened, for people.
    pub(super) fn said(&self) -> String {
        match self {
            Self::Graph(trouble) => trouble.said(),
            Self::Gate(error) => error.to_string(),
        }
    }
}
