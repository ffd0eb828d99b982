//! What administrators see of a database before it is archived is what archiving does.

use chatkeep_model::Conversation;
use chatkeep_proto::v1::{
    IngestionPreviewRequest, TestSourceRequest, ingestion_client::IngestionClient, source_finding,
};
use chatkeep_runtime::in_process;
use chatkeep_testkit::tds::{Fault, When};
use tokio::runtime::Runtime;

use crate::{
    embedded::connector,
    no_ledger::no_ledger,
    world::{MORNING, World},
};

/// Calls ingestion's own service.
pub(crate) fn ask<T>(
    call: impl AsyncFnOnce(IngestionClient<chatkeep_runtime::GrpcChannel>) -> T,
) -> T {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        call(IngestionClient::new(in_process(
            chatkeep_ingestion::service(no_ledger()),
        )))
        .await
    })
}

fn filled(world: World) -> World {
    world.chat(0, 0, &[(1, "ann", "granite"), (2, "bob", "marble")]);
    world.meeting(5, &[(6, "bob", "basalt", &["ann", "cem"])]);
    world.fill();
    world
}

#[test]
fn a_preview_shows_the_items_that_are_archived() {
    let world = filled(World::anywhere(1));
    let request = IngestionPreviewRequest {
        connector_file: connector(&world.sandbox).to_toml().unwrap(),
        source: 1,
        limit: 5,
    };

    let preview = ask(async |mut ingestion| ingestion.preview(request).await);

    let shown = preview.unwrap().into_inner().conversations;
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
