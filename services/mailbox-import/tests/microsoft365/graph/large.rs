//! Items that do not fit into one request.

use std::time::Duration;

use bytes::Bytes;
use chatkeep_mailbox_import::target::Message;
use chatkeep_model::ItemId;
use chatkeep_proto::v1::DeliveryState;
use chatkeep_testkit::graph::{Fault, Kind, StoredMessage};
use futures::future::join_all;

use super::Office;
use crate::{
    bench::{Bench, assert_holds},
    company::import_all,
    support::{ANN, message},
};

/// A file that goes with the message, one that goes in a request of its own, and one that goes in two.
const SMALL: usize = 1_000;
const WHOLE: usize = 2_950_000;
const IN_RANGES: usize = 3_300_000;

fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| u8::try_from(index * 7 % 251).unwrap())
        .collect()
}

/// A message with these files.
pub(crate) fn with_files(number: u8, sizes: &[usize]) -> Message {
    let plain = message(number, "See the files.");
    let text = String::from_utf8(plain.bytes.to_vec()).unwrap();
    let (header, body) = text.split_once("Content-Type: ").unwrap();
    let mut mime = format!(
        "{header}Content-Type: multipart/mixed; boundary=\"m\"\r\n\r\n--m\r\nContent-Type: {body}"
    );
    for size in sizes {
        let encoded = data_encoding::BASE64.encode(&content(*size));
        mime.push_str(&format!(
            "\r\n--m\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{size}.bin\"\r\n\r\n"
        ));
        for line in encoded.as_bytes().chunks(76) {
            mime.push_str(std::str::from_utf8(line).unwrap());
            mime.push_str("\r\n");
        }
    }
    mime.push_str("\r\n--m--\r\n");
    Message {
        bytes: Bytes::from(mime),
        ..plain
    }
}

async fn bench_with_files(office: &Office, sizes: &[usize]) -> (Bench, Vec<Message>) {
    let mut bench = office.bench();
    // Nothing is sent twice because the machine is slow.
    bench.settings.answer_timeout = Duration::from_mins(1);
    let large = with_files(1, sizes);
    let item = ItemId::from_bytes([1; 32]);
    bench
        .deliver(item, &[ANN], std::slice::from_ref(&large))
        .await;
    let mut messages = vec![large];
    messages.extend(bench.item(2, &[ANN], &["small\r\n"]).await);
    (bench, messages)
}

fn assert_whole(office: &Office, sizes: &[usize], case: &str) {
    let stored = office.messages(ANN);
    assert_eq!(stored.len(), 2, "{case}");
    let has_files = |message: &&StoredMessage| !message.attachments.is_empty();
    let large = stored.iter().find(has_files).unwrap();
    let mut files: Vec<_> = large.attachments.iter().collect();
    files.sort_by_key(|file| file.bytes.len());
    let sent: Vec<_> = sizes.iter().map(|size| content(*size)).collect();
    assert!(files.iter().map(|file| &file.bytes[..]).eq(&sent), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_arrive_whole() {
    let sizes = [SMALL, WHOLE, IN_RANGES];
    let office = Office::open();
    let (bench, messages) = bench_with_files(&office, &sizes).await;

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 2);
    assert_whole(&office, &sizes, "no fault");
    assert_holds(&office.lab(), ANN, &messages).await;
    let counts = office.tenant.counts();
    let requests = [
        Kind::CreateMessage,
        Kind::CreateAttachment,
        Kind::CreateUploadSession,
        Kind::Upload,
    ];
    assert_eq!(requests.map(|kind| counts.of(kind)), [2, 1, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_half_sent_when_something_fails_arrives_once_and_whole() {
    let refused = Fault::Fail {
        status: 429,
        after: Some(Duration::from_secs(1)),
    };
    let cases = [
        (Kind::CreateAttachment, WHOLE, Fault::CommitThenDrop),
        (
            Kind::CreateUploadSession,
            IN_RANGES,
            Fault::CommitThenFail(503),
        ),
        (Kind::Upload, IN_RANGES, Fault::DropBeforeCommit),
        (Kind::Upload, IN_RANGES, refused),
    ];
    let cases = cases.map(|(kind, size, fault)| half_sent(kind, size, fault));
    join_all(cases).await;
}

async fn half_sent(kind: Kind, size: usize, fault: Fault) {
    let case = format!("{kind:?} {fault:?}");
    let office = Office::open();
    let (bench, messages) = bench_with_files(&office, &[size]).await;
    office.tenant.faults().at(kind, 1, fault);

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 2, "{case}");
    assert_whole(&office, &[size], &case);
    assert_holds(&office.lab(), ANN, &messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_an_item_that_was_half_sent_is_replaced() {
    let sizes = [SMALL, IN_RANGES];
    let office = Office::open();
    let (bench, messages) = bench_with_files(&office, &sizes).await;
    let faults = office.tenant.faults();
    faults.at(Kind::Upload, 2, Fault::DropBeforeCommit);
    // Nor can it be taken back, as if the process had been killed.
    for nth in 1..=5 {
        faults.at(Kind::PermanentlyDelete, nth, Fault::DropBeforeCommit);
    }
    bench.run().await.unwrap();
    let halves = office.messages(ANN);
    assert!(halves.iter().any(|half| half.attachments.len() == 1));

    import_all(&bench).await;

    assert_whole(&office, &sizes, "half");
    assert_holds(&office.lab(), ANN, &messages).await;
    assert_eq!(bench.ledger.count(DeliveryState::Imported), 2);
}
