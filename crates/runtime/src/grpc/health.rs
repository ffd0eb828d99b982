use tonic::Status;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::GrpcChannel;

/// Asks a program by `grpc.health.v1` whether it serves; one that is about to stop does not.
pub async fn check_health(program: GrpcChannel) -> Result<(), Status> {
    let answer = HealthClient::new(program)
        .check(HealthCheckRequest::default())
        .await?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        _ => Err(Status::unavailable("it is about to stop")),
    }
}
