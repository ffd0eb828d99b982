use std::time::Duration;

use chatkeep_proto::v1::{PreviewRequest, ResolveRequest, mapping_client::MappingClient};
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::service::{Server, Slow, large, network, plaintext};

#[tokio::test]
async fn a_call_survives_a_restart_of_its_server() {
    let first = Server::start(&plaintext(), Slow::open()).await;
    let address = first.address;
    let mut client = first.client(&plaintext());
    client.resolve(ResolveRequest::default()).await.unwrap();
    assert!(first.lifecycle.stop().await);

    let call = client.resolve(ResolveRequest::default());
    let (answer, second) = tokio::join!(call, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Server::start_at(address, &plaintext(), Slow::open()).await
    });

    answer.unwrap();
    second.slow.has_begun(1).await;
}

#[tokio::test]
async fn a_call_to_nobody_is_unavailable_after_some_attempts() {
    let server = Server::start(&plaintext(), Slow::open()).await;
    let mut client = MappingClient::new(server.channel(&plaintext(), Duration::from_mins(1)));
    assert!(server.lifecycle.stop().await);

    let status = client.resolve(ResolveRequest::default()).await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let server = Server::start(&plaintext(), Slow::closed()).await;
    let channel = server.channel(&plaintext(), Duration::from_millis(200));

    let status = MappingClient::new(channel)
        .resolve(ResolveRequest::default())
        .await
        .unwrap_err();

    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_caller_can_set_a_deadline_of_its_own() {
    let server = Server::start(&plaintext(), Slow::closed()).await;
    let mut client = MappingClient::new(server.channel(&plaintext(), Duration::from_mins(10)));
    let mut request = Request::new(ResolveRequest::default());
    request.set_timeout(Duration::from_millis(200));

    let status = client.resolve(request).await.unwrap_err();

    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_message_larger_than_the_limit_is_refused_on_either_side() {
    let server = Server::start(&plaintext(), Slow::open()).await;
    let mut client = server.client(&plaintext());

    client.resolve(large(3 << 20)).await.unwrap();
    let refused = client.resolve(large(5 << 20)).await.unwrap_err();
    let mut client = client.max_encoding_message_size(1 << 20);
    let not_sent = client.resolve(large(2 << 20)).await.unwrap_err();

    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(not_sent.code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_panic_ends_one_call_and_says_nothing_about_its_content() {
    let server = Server::start(&plaintext(), Slow::closed()).await;
    let mut client = server.client(&plaintext());
    let mut other = client.clone();
    let waiting = other.resolve(ResolveRequest::default());
    let panicking = async {
        server.slow.has_begun(1).await;
        let answer = client.preview(PreviewRequest::default()).await;
        server.slow.gate.add_permits(1);
        answer
    };

    let (waited, panicked) = tokio::join!(waiting, panicking);

    waited.unwrap();
    let status = panicked.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.message(), "call panicked");
}

#[tokio::test]
async fn a_server_that_stops_finishes_the_calls_it_has() {
    let server = Server::start(&plaintext(), Slow::closed()).await;
    let mut client = server.client(&plaintext());
    let call = client.resolve(ResolveRequest::default());
    let stop = async {
        server.slow.has_begun(1).await;
        let stopping = server.lifecycle.stop();
        server.slow.gate.add_permits(1);
        stopping.await
    };

    let (answer, stopped) = tokio::join!(call, stop);

    answer.unwrap();
    assert!(stopped);
}

#[tokio::test]
async fn health_and_reflection_are_answered() {
    let server = Server::start(&plaintext(), Slow::open()).await;
    let channel = server.channel(&plaintext(), Duration::from_secs(5));

    let mut health = HealthClient::new(channel.clone());
    let mut healths = Vec::new();
    for service in ["", "chatkeep.v1.Mapping"] {
        let service = service.to_owned();
        let health = health.check(HealthCheckRequest { service }).await.unwrap();
        healths.push(health.into_inner().status());
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(stream(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();

    assert_eq!(healths, [ServingStatus::Serving; 2]);
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list of services");
    };
    let names: Vec<_> = list.service.into_iter().map(|found| found.name).collect();
    // Those that are served, and no others of the contract.
    assert_eq!(
        names,
        [
            "chatkeep.v1.Mapping",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection"
        ]
    );
}

fn stream(
    request: ServerReflectionRequest,
) -> impl futures::Stream<Item = ServerReflectionRequest> {
    futures::stream::iter([request])
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_once() {
    let network = network(&plaintext());

    for url in ["control:50051", "http://", "http://control/path", "control"] {
        assert!(network.remote(url).is_err(), "{url}");
    }
    network.remote("http://control:50051").unwrap();
    network.remote("http://[::1]:50051").unwrap();
}
