use chatkeep_proto::v1::ResolveRequest;
use chatkeep_runtime::{CredentialsError, GrpcSettings};
use tonic::Code;

use crate::{
    authority::Authority,
    service::{Server, Slow, network, plaintext},
};

/// What a call comes to.
async fn call(server: &Server, client: &GrpcSettings) -> Result<(), Code> {
    let mut client = server.client(client);
    let answer = client.resolve(ResolveRequest::default()).await;
    answer.map(drop).map_err(|status| status.code())
}

#[tokio::test]
async fn programs_with_certificates_of_one_authority_talk() {
    let authority = Authority::new();
    let server = Server::start(&authority.identity().settings(), Slow::open()).await;

    assert_eq!(
        call(&server, &authority.identity().settings()).await,
        Ok(())
    );
}

#[tokio::test]
async fn a_client_of_another_authority_is_not_let_in() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::start(&authority.identity().settings(), Slow::open()).await;
    let stranger = other.identity().trusting(&authority);

    assert_eq!(
        call(&server, &stranger.settings()).await,
        Err(Code::Unavailable)
    );
    assert_eq!(server.slow.calls(), 0);
}

#[tokio::test]
async fn a_server_of_another_authority_gets_no_request() {
    let (authority, other) = (Authority::new(), Authority::new());
    let impostor = other.identity().trusting(&authority);
    let server = Server::start(&impostor.settings(), Slow::open()).await;

    assert_eq!(
        call(&server, &authority.identity().settings()).await,
        Err(Code::Unavailable)
    );
    assert_eq!(server.slow.calls(), 0);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_on_either_side() {
    let authority = Authority::new();
    let good = authority.identity();
    let expired = authority.expired();

    let server = Server::start(&good.settings(), Slow::open()).await;
    let of_client = call(&server, &expired.settings()).await;
    let server = Server::start(&expired.settings(), Slow::open()).await;
    let of_server = call(&server, &good.settings()).await;

    assert_eq!(of_client, Err(Code::Unavailable));
    assert_eq!(of_server, Err(Code::Unavailable));
}

#[tokio::test]
async fn plaintext_is_refused_on_either_side() {
    let authority = Authority::new();
    let tls = Server::start(&authority.identity().settings(), Slow::open()).await;
    let plain = Server::start(&plaintext(), Slow::open()).await;

    assert_eq!(call(&tls, &plaintext()).await, Err(Code::Unavailable));
    assert_eq!(
        call(&plain, &authority.identity().settings()).await,
        Err(Code::Unavailable)
    );
    let url = format!("http://{}", plain.address);
    assert!(
        network(&authority.identity().settings())
            .remote(&url)
            .is_err()
    );
}

#[test]
fn without_certificates_there_is_no_transport_unless_plaintext_is_said() {
    let silent = GrpcSettings::default().transport().unwrap_err();
    let both = GrpcSettings {
        plaintext: true,
        ..Authority::new().identity().settings()
    };

    assert!(matches!(
        silent,
        CredentialsError::Missing { key: "certificate" }
    ));
    assert!(matches!(
        both.transport().unwrap_err(),
        CredentialsError::Needless { key: "certificate" }
    ));
}

#[tokio::test]
async fn new_certificates_are_used_without_a_restart_and_no_call_is_lost() {
    let (old, new) = (Authority::new(), Authority::new());
    let (server_files, client_files) = (old.identity(), old.identity());
    let server = Server::start(&server_files.settings(), Slow::closed()).await;
    let mut client = server.client(&client_files.settings());
    let mut before = client.clone();
    let held = before.resolve(ResolveRequest::default());
    let replace = async {
        server.slow.has_begun(1).await;
        new.renew(&server_files);
        new.renew(&client_files);
        let newcomer = new.identity();
        let mut newcomer = server.client(&newcomer.settings());
        let call = newcomer.resolve(ResolveRequest::default());
        let release = async {
            server.slow.has_begun(2).await;
            server.slow.gate.add_permits(10);
        };
        tokio::join!(call, release).0
    };

    let (held, newcomer) = tokio::join!(held, replace);

    held.unwrap();
    newcomer.unwrap();
    client.resolve(ResolveRequest::default()).await.unwrap();
    assert_eq!(
        call(&server, &old.identity().settings()).await,
        Err(Code::Unavailable)
    );
}

#[tokio::test]
async fn damaged_new_certificates_leave_the_old_ones_in_use() {
    let authority = Authority::new();
    let files = authority.identity();
    let server = Server::start(&files.settings(), Slow::open()).await;

    files.damage();

    assert_eq!(
        call(&server, &authority.identity().settings()).await,
        Ok(())
    );
    files.settings().transport().unwrap_err();
}
