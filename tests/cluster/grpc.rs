//! What the programs answer over gRPC.

use std::fs;

use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    ExpectedMessage, Identity, IngestionPreviewRequest, MailboxFlawKind, PreviewItemRequest,
    PreviewRequest, RefreshRequest, ResolveRequest, TestSourceRequest, TestTargetRequest,
    VerifyRequest, conversion_client::ConversionClient, ingestion_client::IngestionClient,
    mailbox_import_client::MailboxImportClient, mapping_client::MappingClient,
};
use chatkeep_runtime::{GrpcChannel, GrpcSettings, LARGEST_MESSAGE, Lifecycle, Network};
use sha2::{Digest as _, Sha256};

use crate::{cluster::Cluster, servers::Servers, system::Form, work::sessions};

const ANN: &str = "ann@contoso.com";

/// The way to one of a cluster's programs.
fn channel(cluster: &mut Cluster, name: &str) -> GrpcChannel {
    let settings = GrpcSettings {
        plaintext: true,
        ..GrpcSettings::default()
    };
    let network = Network::new(&settings, &Lifecycle::detached()).unwrap();
    let address = cluster.of(name).next().unwrap().grpc;
    network.remote(&format!("http://{address}")).unwrap()
}

#[test]
fn stages_answer_administrators_while_they_work() {
    let mut cluster = Cluster::start(&Servers::shared(), Form::default(), sessions(10));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let archived = cluster.archive();
    assert_eq!(archived.code, Some(0), "{archived:?}");

    runtime.block_on(async {
        let sent = preview(&mut cluster).await;
        resolve(&mut cluster).await;
        import(&mut cluster).await;

        let mails = cluster.sandbox().mails(ANN);
        assert!(mails.iter().any(|mail| mail.bytes == sent));
    });
}

/// The connector file of the cluster's company, paths absolute.
pub(crate) fn connector_file(cluster: &Cluster) -> String {
    let folder = cluster.sandbox().path("");
    let text = fs::read_to_string(folder.join("connector.toml")).unwrap();
    let connector = Connector::parse(&text, &folder).unwrap();
    connector.to_toml().unwrap()
}

/// The message that a conversation of the first source becomes.
async fn preview(cluster: &mut Cluster) -> Vec<u8> {
    let connector_file = connector_file(cluster);
    let mut ingestion = IngestionClient::new(channel(cluster, "ingestion"));
    let request = TestSourceRequest {
        connector_file: connector_file.clone(),
        source: 0,
    };
    let findings = ingestion.test_source(request).await.unwrap().into_inner();
    assert_eq!(findings.findings.len(), 2);
    let request = IngestionPreviewRequest {
        connector_file: connector_file.clone(),
        source: 1,
        limit: 3,
        count: false,
    };
    let previewed = ingestion.preview(request).await.unwrap().into_inner();
    assert_eq!(previewed.conversations.len(), 3);

    let conversion = ConversionClient::new(channel(cluster, "conversion"));
    let mut conversion = conversion.max_decoding_message_size(LARGEST_MESSAGE);
    let request = PreviewItemRequest {
        connector_file,
        conversation: previewed.conversations[0].conversation.clone(),
        max_part_bytes: 0,
        sizes_only: false,
    };
    let item = conversion.preview_item(request).await.unwrap().into_inner();
    item.parts[0].message.to_vec()
}

/// Ann's mailbox is found as the run has found it, and as the files say now.
async fn resolve(cluster: &mut Cluster) {
    let connector_file = connector_file(cluster);
    let mut mapping = MappingClient::new(channel(cluster, "mapping"));
    let identities = vec![Identity {
        address: format!("sip:{ANN}"),
        email: String::new(),
    }];
    let request = ResolveRequest {
        run: 1,
        identities: identities.clone(),
    };
    let pinned = mapping.resolve(request).await.unwrap().into_inner();
    let request = PreviewRequest {
        connector_file: connector_file.clone(),
        identities,
        custom_mapping: None,
    };
    let current = mapping.preview(request).await.unwrap().into_inner();
    let request = RefreshRequest { connector_file };
    let refreshed = mapping.refresh(request).await.unwrap().into_inner();

    assert_eq!(pinned.resolutions[0].mailbox, ANN);
    assert_eq!(current.resolutions, pinned.resolutions);
    assert_eq!((current.users, refreshed.users), (3, 3));
    assert!(refreshed.directory.is_some());
}

/// The target lets Ann in, and of two messages one stands in her mailbox.
async fn import(cluster: &mut Cluster) {
    let connector_file = connector_file(cluster);
    let mut import = MailboxImportClient::new(channel(cluster, "mailbox-import"));
    let request = TestTargetRequest {
        connector_file: connector_file.clone(),
        sample_mailbox: ANN.to_owned(),
    };
    let tested = import.test_target(request).await.unwrap().into_inner();
    assert_eq!(tested.max_part_bytes, 25_000_000);
    let mail = &cluster.sandbox().mails(ANN)[0];
    let request = VerifyRequest {
        connector_file,
        mailbox: ANN.to_owned(),
        expected: vec![
            ExpectedMessage {
                message_id: mail.header("Message-ID").unwrap(),
                sha256: Sha256::digest(&mail.bytes).to_vec().into(),
            },
            ExpectedMessage {
                message_id: "<none.1@contoso.com>".to_owned(),
                sha256: vec![0; 32].into(),
            },
        ],
    };
    let verified = import.verify(request).await.unwrap().into_inner();
    assert_eq!(verified.compared, 1);
    assert_eq!(verified.flaws[0].kind(), MailboxFlawKind::Missing);
    assert_eq!(verified.flaws[0].message_id, "<none.1@contoso.com>");
}
