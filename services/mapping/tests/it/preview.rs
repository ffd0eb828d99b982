use std::path::Path;

use chatkeep_mapping::{Conflict, Findings};
use chatkeep_model::connector::Connector;
use chatkeep_proto::v1::{
    CheckCustomRequest, Identity, PreviewRequest, RefreshRequest, Resolution, ResolveRequest,
    mapping_client::MappingClient,
};
use chatkeep_runtime::{GrpcChannel, in_process};
use tonic::Code;

use crate::world::World;

const USERS: &str = "ann@contoso.com,Ann,ann.example@contoso.com,,sip:ann@contoso.com\n\
    bob@contoso.com,Bob,,,sip:shared@contoso.com\n\
    eve@contoso.com,Eve,,,sip:shared@contoso.com\n\
    4711,Machine,,,\n\
    kim_fabrikam.com#EXT#@contoso.com,Kim,kim@fabrikam.com,,\n";

pub(crate) fn mapping(world: &World) -> MappingClient<GrpcChannel> {
    let service = chatkeep_mapping::service(world.client(), world.staging.clone());
    MappingClient::new(in_process(service))
}

pub(crate) fn identities(addresses: &[&str]) -> Vec<Identity> {
    let identity = |address: &&str| Identity {
        address: (*address).to_owned(),
        email: String::new(),
    };
    addresses.iter().map(identity).collect()
}

fn answers<'a>(resolutions: &'a [Resolution]) -> Vec<(&'a str, &'a str, &'a str)> {
    let answer = |it: &'a Resolution| (&*it.placement, &*it.mailbox, &*it.rule);
    resolutions.iter().map(answer).collect()
}

#[tokio::test]
async fn a_preview_shows_how_a_connector_file_maps() {
    let world = World::start(USERS, "dana@fabrikam.com,partners@contoso.com\n");
    let request = PreviewRequest {
        connector_file: world.connector_file(),
        identities: identities(&[
            "SIP:Ann@contoso.com",
            "dana@fabrikam.com",
            "shared@contoso.com",
            "gone@contoso.com",
            "kim@fabrikam.com",
        ]),
        custom_mapping: None,
    };

    let preview = mapping(&world).preview(request).await.unwrap().into_inner();

    assert_eq!(preview.users, 4);
    assert_eq!(preview.conflicts, ["shared@contoso.com"]);
    assert_eq!((preview.guests, preview.custom), (1, Some(1)));
    assert_eq!(preview.without_mailbox, ["4711"]);
    assert_eq!(preview.sample_mailbox, "ann.example@contoso.com");
    assert_eq!(preview.resolutions[0].address, "SIP:Ann@contoso.com");
    assert_eq!(
        answers(&preview.resolutions),
        [
            ("mapped", "ann.example@contoso.com", "sip"),
            ("mapped", "partners@contoso.com", "custom"),
            ("conflict", "", "sip"),
            ("held", "", "domain"),
            ("external", "", "domain"),
        ]
    );
}

#[tokio::test]
async fn a_run_keeps_resolving_under_what_it_pinned() {
    let world = World::start(USERS, "");
    world.pin().await;
    world.write("directory.csv", crate::world::HEADER);

    let request = ResolveRequest {
        run: 7,
        identities: identities(&["ann@contoso.com"]),
    };
    let response = mapping(&world).resolve(request).await.unwrap().into_inner();

    assert_eq!(
        answers(&response.resolutions),
        [("mapped", "ann.example@contoso.com", "sip")]
    );
}

#[tokio::test]
async fn a_refresh_stores_the_snapshots_that_a_run_would_pin() {
    let world = World::start(USERS, "dana@fabrikam.com,partners@contoso.com\n");
    world.pin().await;
    let pinned = world.ledger.0.run.lock().unwrap().clone();
    let request = RefreshRequest {
        connector_file: world.connector_file(),
    };

    let refreshed = mapping(&world).refresh(request).await.unwrap().into_inner();

    assert_eq!((refreshed.users, refreshed.conflicts), (4, 1));
    assert_eq!(refreshed.directory, pinned.directory);
    assert_eq!(refreshed.custom_mapping, pinned.custom_mapping);
    world
        .staging
        .get(&refreshed.directory.unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_preview_with_a_mapping_of_its_own_goes_by_that_and_not_by_the_connectors() {
    let world = World::start(USERS, "dana@fabrikam.com,partners@contoso.com\n");
    let request = PreviewRequest {
        connector_file: world.connector_file(),
        identities: identities(&["dana@fabrikam.com", "gone@contoso.com"]),
        custom_mapping: Some("source_user,mailbox\ngone@contoso.com,heir@contoso.com\n".into()),
    };

    let preview = mapping(&world).preview(request).await.unwrap().into_inner();

    assert_eq!(
        answers(&preview.resolutions),
        [
            ("external", "", "domain"),
            ("mapped", "heir@contoso.com", "custom"),
        ]
    );
}

#[tokio::test]
async fn the_wrong_lines_of_a_mapping_are_named_and_not_quoted() {
    let world = World::start("", "");
    let request = CheckCustomRequest {
        custom_mapping: "source_user,mailbox\na@contoso.com,s3cret\n".to_owned(),
    };

    let checked = mapping(&world).check_custom(request).await.unwrap();
    let wrong = checked.into_inner().wrong;

    assert_eq!((wrong.len(), wrong[0].line), (1, 2));
    assert!(!wrong[0].problem.contains("s3cret"), "{wrong:?}");
}

#[tokio::test]
async fn a_preview_never_quotes_the_connector_file() {
    let world = World::start(USERS, "");
    let request = PreviewRequest {
        connector_file: "password = 'hunter2'".to_owned(),
        identities: Vec::new(),
        custom_mapping: None,
    };

    let status = mapping(&world).preview(request).await.unwrap_err();

    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(!status.message().contains("hunter2"));
}

#[tokio::test]
async fn check_reports_conflicts_and_users_without_a_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let header = crate::world::HEADER;
    std::fs::write(folder.path().join("d.csv"), format!("{header}{USERS}")).unwrap();
    let file = "name='c'\ndomain='contoso.com'\n[[sources]]\ntype='archiving-export'\npath='e'\n\
                [directory]\ntype='csv'\npath='d.csv'\n[target]\ntype='discard'\n";
    let connector = Connector::parse(file, folder.path()).unwrap();

    let findings = chatkeep_mapping::check(&connector).await.unwrap();

    let conflict = Conflict {
        address: "shared@contoso.com".to_owned(),
        users: vec!["bob@contoso.com".to_owned(), "eve@contoso.com".to_owned()],
    };
    assert_eq!(
        findings,
        Findings {
            users: 4,
            guests: 1,
            disabled: 0,
            custom: None,
            without_mailbox: vec!["4711".to_owned()],
            sample_mailbox: Some("ann.example@contoso.com".to_owned()),
            conflicts: vec![conflict],
        }
    );
}

#[tokio::test]
async fn check_names_the_file_that_is_missing() {
    let file = "name='c'\ndomain='contoso.com'\n[[sources]]\ntype='archiving-export'\npath='e'\n\
                [directory]\ntype='csv'\npath='d.csv'\n[target]\ntype='discard'\n";
    let connector = Connector::parse(file, Path::new("/nowhere")).unwrap();

    let error = chatkeep_mapping::check(&connector).await.unwrap_err();

    assert!(error.to_string().contains("/nowhere/d.csv"));
}
