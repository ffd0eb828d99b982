//! What the services answer administrators is what archiving does.

use std::{fs, path::Path};

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    ExpectedMessage, IngestionPreviewRequest, MailboxFlaw, MailboxFlawKind, PreviewItemRequest,
    TestSourceRequest, TestTargetRequest, VerifyRequest, conversion_client::ConversionClient,
    ingestion_client::IngestionClient, mailbox_import_client::MailboxImportClient, source_finding,
};
use chatkeep_runtime::{GrpcChannel, in_process};
use chatkeep_staging::Staging;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use crate::{no_ledger::no_ledger, sandbox::Sandbox};

fn example() -> Sandbox {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso");
    Sandbox::copy_of(&example)
}

fn connector_file(sandbox: &Sandbox) -> String {
    let text = fs::read_to_string(sandbox.path("connector.toml")).unwrap();
    let connector = Connector::parse(&text, &sandbox.path("")).unwrap();
    connector.to_toml().unwrap()
}

fn ingestion() -> IngestionClient<GrpcChannel> {
    IngestionClient::new(in_process(chatkeep_ingestion::service(no_ledger())))
}

fn mailbox_import() -> MailboxImportClient<GrpcChannel> {
    let settings = chatkeep_mailbox_import::Settings::default();
    MailboxImportClient::new(in_process(chatkeep_mailbox_import::service(
        &settings,
        no_ledger(),
    )))
}

#[tokio::test]
async fn a_preview_shows_the_bytes_that_are_imported() {
    let sandbox = example();
    assert_eq!(sandbox.archive().code, Some(2));
    let archived: Vec<_> = sandbox.all_mails().into_values().flatten().collect();
    let staging = Staging::folder(&sandbox.path("preview")).unwrap();
    let mut conversion = ConversionClient::new(in_process(chatkeep_conversion::service(staging)));
    let mut kinds = Vec::new();

    for source in [1, 2] {
        let request = IngestionPreviewRequest {
            connector_file: connector_file(&sandbox),
            source,
            limit: 5,
            count: false,
        };
        let preview = ingestion().preview(request).await.unwrap().into_inner();
        let whole = preview.conversations.into_iter();
        // Who was in a room before, and files that go with it, only a run knows.
        let whole = whole.filter(|found| found.attachments == 0 && found.kind != "room");
        for conversation in whole {
            let request = PreviewItemRequest {
                connector_file: connector_file(&sandbox),
                conversation: conversation.conversation,
                max_part_bytes: 0,
                sizes_only: false,
            };
            let item = conversion.preview_item(request).await.unwrap().into_inner();
            let message = &item.parts[0].message;
            assert_eq!(message.len() as u64, item.parts[0].size);
            assert!(archived.iter().any(|mail| mail.bytes == *message));
            kinds.push(conversation.kind);
        }
    }

    assert!(kinds.contains(&"p2p".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_preview_of_rooms_shows_who_said_something() {
    let sandbox = example();
    let request = IngestionPreviewRequest {
        connector_file: connector_file(&sandbox),
        source: 2,
        limit: 3,
        count: false,
    };

    let preview = ingestion().preview(request).await.unwrap().into_inner();

    assert_eq!(preview.conversations.len(), 3);
    for room in preview.conversations {
        assert_eq!(room.kind, "room");
        assert!(room.records > 0 && !room.participants.is_empty());
    }
    assert!(!sandbox.path(".chatkeep").exists());
}

#[tokio::test]
async fn a_large_attachment_is_previewed_in_its_size() {
    let sandbox = example();
    let staging = Staging::folder(&sandbox.path("preview")).unwrap();
    let mut conversion = ConversionClient::new(in_process(chatkeep_conversion::service(staging)));
    let request = IngestionPreviewRequest {
        connector_file: connector_file(&sandbox),
        source: 1,
        limit: 50,
        count: false,
    };
    let preview = ingestion().preview(request).await.unwrap().into_inner();
    let mut conversations = preview.conversations.into_iter();
    let with_file = conversations.find(|found| found.attachments > 0).unwrap();

    let request = PreviewItemRequest {
        connector_file: connector_file(&sandbox),
        conversation: with_file.conversation,
        max_part_bytes: 0,
        sizes_only: false,
    };
    let item = conversion.preview_item(request).await.unwrap().into_inner();

    let message = mail_parser::MessageParser::default().parse(&item.parts[0].message);
    assert!(message.unwrap().attachment_count() > 0);
}

#[tokio::test]
async fn what_cannot_be_previewed_is_refused_without_quoting_it() {
    let sandbox = Sandbox::new();
    let staging = Staging::folder(&sandbox.path("preview")).unwrap();
    let mut conversion = ConversionClient::new(in_process(chatkeep_conversion::service(staging)));
    let good = connector_file(&sandbox);
    let preview = |connector_file: &str, source| IngestionPreviewRequest {
        connector_file: connector_file.to_owned(),
        source,
        limit: 0,
        count: false,
    };

    let unknown = ingestion().preview(preview(&good, 3)).await.unwrap_err();
    let malformed = ingestion()
        .preview(preview("password = 'hunter2'", 1))
        .await;
    let malformed = malformed.unwrap_err();
    let request = PreviewItemRequest {
        connector_file: good,
        conversation: b"hunter2".as_slice().into(),
        max_part_bytes: 0,
        sizes_only: false,
    };
    let damaged = conversion.preview_item(request).await.unwrap_err();

    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(malformed.code(), Code::InvalidArgument);
    assert_eq!(damaged.code(), Code::InvalidArgument);
    for status in [malformed, damaged] {
        assert!(!status.message().contains("hunter2"), "{status:?}");
    }
}

#[tokio::test]
async fn sources_are_tested_one_by_one_or_all() {
    let sandbox = example();
    let test = |source| TestSourceRequest {
        connector_file: connector_file(&sandbox),
        source,
    };

    let all = ingestion().test_source(test(0)).await.unwrap().into_inner();
    fs::remove_dir_all(sandbox.path("compliance")).unwrap();
    let second = ingestion().test_source(test(2)).await.unwrap().into_inner();

    assert_eq!(all.findings.len(), 2);
    let Some(source_finding::Result::Sample(sample)) = &all.findings[0].result else {
        panic!("{all:?}");
    };
    assert!(sample.files > 20 && sample.read == 20 && sample.damaged.is_empty());
    let Some(source_finding::Result::Problem(problem)) = &second.findings[0].result else {
        panic!("{second:?}");
    };
    assert_eq!(second.findings[0].r#type, "persistent-chat-xml");
    assert!(problem.contains("compliance"), "{problem}");
}

#[tokio::test]
async fn a_target_is_tested_without_changing_it() {
    let sandbox = Sandbox::new();
    let test = || TestTargetRequest {
        connector_file: connector_file(&sandbox),
        sample_mailbox: "ann@contoso.com".to_owned(),
    };

    let good = mailbox_import()
        .test_target(test())
        .await
        .unwrap()
        .into_inner();
    let left = sandbox.path("mailboxes").exists();
    sandbox.write("mailboxes", "a file");
    let bad = mailbox_import()
        .test_target(test())
        .await
        .unwrap()
        .into_inner();

    assert!(good.findings.iter().all(|finding| !finding.is_problem));
    assert_eq!(good.max_part_bytes, 25_000_000);
    assert!(!left);
    assert!(bad.findings.iter().any(|finding| finding.is_problem));
    assert_eq!(bad.max_part_bytes, 0);
}

#[tokio::test]
async fn a_mailbox_is_compared_with_what_should_stand_in_it() {
    let sandbox = Sandbox::new();
    for minute in 0..3 {
        sandbox.session(
            &format!("{minute}"),
            minute,
            &[("ann", "hello"), ("bob", "hi")],
        );
    }
    assert_eq!(sandbox.archive().code, Some(0));
    let mut expected: Vec<_> = sandbox.mails("ann@contoso.com");
    expected.sort_by_key(|mail| mail.header("Date"));
    let expect = |altered: bool| ExpectedMessage {
        message_id: expected[usize::from(altered)].header("Message-ID").unwrap(),
        sha256: if altered {
            vec![0; 32].into()
        } else {
            Sha256::digest(&expected[0].bytes).to_vec().into()
        },
    };
    let gone = ExpectedMessage {
        message_id: "<gone.1@contoso.com>".to_owned(),
        sha256: vec![0; 32].into(),
    };
    let request = VerifyRequest {
        connector_file: connector_file(&sandbox),
        mailbox: "ann@contoso.com".to_owned(),
        expected: vec![expect(false), expect(true), gone],
    };

    let verified = mailbox_import().verify(request).await.unwrap().into_inner();

    assert_eq!(verified.compared, 2);
    let kinds: Vec<_> = verified.flaws.iter().map(MailboxFlaw::kind).collect();
    assert_eq!(kinds, [MailboxFlawKind::Altered, MailboxFlawKind::Missing]);
    assert_eq!(verified.flaws[1].message_id, "<gone.1@contoso.com>");
}
