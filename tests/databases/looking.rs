//! What administrators see of a database before it is archived is what archiving does.

use std::{path::Path, sync::Arc};

use chatkeep_model::Conversation;
use chatkeep_pipeline::{LedgerClient, MemoryQueue, Queue};
use chatkeep_proto::v1::{
    IngestionPreviewRequest, IngestionPreviewResponse, TestSourceRequest,
    ingestion_client::IngestionClient, source_finding,
};
use chatkeep_runtime::{Lifecycle, in_process};
use chatkeep_staging::Staging;
use chatkeep_testkit::tds::{Fault, When};
use tokio::runtime::Runtime;

use crate::{
    embedded::connector,
    world::{MORNING, World},
};

/// An empty ledger in this folder, under a control that has no stages.
async fn ledger(folder: &Path) -> LedgerClient {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::default());
    let staging = Staging::folder(&folder.join("staging")).unwrap();
    let settings = chatkeep_control::Settings::default();
    let lifecycle = Lifecycle::detached();
    let servers = chatkeep_control::start(&settings, folder, queue, staging, &lifecycle);
    LedgerClient::new(in_process(servers.await.unwrap().ledger))
}

/// Calls ingestion's own service.
pub(crate) fn ask<T>(
    call: impl AsyncFnOnce(IngestionClient<chatkeep_runtime::GrpcChannel>) -> T,
) -> T {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let ingestion = chatkeep_ingestion::service(ledger(folder.path()).await);
        call(IngestionClient::new(in_process(ingestion))).await
    })
}

fn filled(world: World) -> World {
    world.chat(0, 0, &[(1, "ann", "granite"), (2, "bob", "marble")]);
    world.meeting(5, &[(6, "bob", "basalt", &["ann", "cem"])]);
    world.fill();
    world
}

/// The first conversations, and with `count` how much there is.
fn preview(world: &World, count: bool) -> IngestionPreviewResponse {
    let request = IngestionPreviewRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        source: 1,
        limit: 5,
        count,
    };
    let answer = ask(async |mut ingestion| ingestion.preview(request).await);
    answer.unwrap().into_inner()
}

#[test]
fn a_preview_shows_the_items_that_are_archived() {
    let world = filled(World::anywhere(1));

    let preview = preview(&world, false);

    let shown = preview.conversations;
    let kinds: Vec<_> = shown.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["p2p", "conference"]);
    let tables: Vec<_> = shown.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(tables, ["Messages", "ConferenceMessages"]);
    world.archive_all();
    let archived: Vec<_> = world.mails().into_values().flatten().collect();
    for one in shown {
        let conversation: Conversation = rmp_serde::from_slice(&one.conversation).unwrap();
        let id = conversation.id.message_id(1, "contoso.com");
        let is_it = |mail: &&crate::sandbox::Mail| mail.header("Message-ID") == Some(id.clone());
        assert!(archived.iter().any(|mail| is_it(&mail)), "{id}");
    }
}

#[test]
fn the_rows_of_a_preview_are_those_that_a_run_then_reads() {
    let world = filled(World::anywhere(1));

    let preview = preview(&world, true);

    let extent = preview.extent.unwrap();
    let outcome = world.archive_all();
    assert!(outcome.count("records.read") > 0);
    assert_eq!(extent.rows, Some(outcome.count("records.read")));
    assert!(extent.is_complete, "{extent:?}");
    // All of it is of one day.
    assert_eq!(extent.share, Some(1.0));
}

#[test]
fn rows_outside_of_the_source_are_not_counted() {
    let world = filled(World::new(1));
    world.connect("tls = \"none\"\nfrom = \"2025-03-11\"\n");

    let preview = preview(&world, true);

    assert_eq!(preview.extent.unwrap().rows, Some(0));
    assert!(preview.conversations.is_empty());
}

#[test]
fn quirk_a_count_that_takes_too_long_costs_the_total_and_not_the_preview() {
    let world = filled(World::new(1));
    let faults = world.pools[0].server.faults();
    faults.set_at("messages-hours", When::Always, Fault::Stall);

    let preview = preview(&world, true);

    let extent = preview.extent.unwrap();
    assert_eq!(preview.conversations.len(), 2);
    assert_eq!((extent.rows, extent.is_complete), (None, false));
    assert_eq!(extent.share, None);
}

#[test]
fn a_test_of_a_source_says_what_the_database_is() {
    let world = filled(World::new(1));
    let request = TestSourceRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        source: 1,
    };

    let tested = ask(async |mut ingestion| ingestion.test_source(request).await);

    let findings = tested.unwrap().into_inner().findings;
    let Some(source_finding::Result::Database(sample)) = &findings[0].result else {
        panic!("{findings:?}")
    };
    assert_eq!(sample.identity, "01010101-0101-0101-0101-010101010101");
    assert_eq!(sample.first, Some(MORNING + 1));
    assert_eq!(sample.last, Some(MORNING + 6));
    assert!(sample.absent.is_empty(), "{sample:?}");
}

#[test]
fn a_test_of_a_source_says_what_is_wrong_without_secrets() {
    let world = filled(World::new(1));
    let faults = world.pools[0].server.faults();
    faults.set(When::Always, Fault::RefuseLogin);
    let request = TestSourceRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        source: 0,
    };

    let tested = ask(async |mut ingestion| ingestion.test_source(request).await);

    let findings = tested.unwrap().into_inner().findings;
    let Some(source_finding::Result::Problem(problem)) = &findings[0].result else {
        panic!("{findings:?}")
    };
    assert!(problem.contains("login refused (error 18456)"), "{problem}");
    assert!(
        !problem.contains("secret") && !problem.contains("chatkeep"),
        "{problem}"
    );
}
