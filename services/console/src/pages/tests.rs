//! Every page, with every role.

use std::net::Ipv4Addr;

use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::Response,
};
use chatkeep_runtime::GrpcChannel;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tower::{ServiceExt as _, service_fn};

use super::*;
use crate::{
    Announce, Channels, Settings, server,
    sign_in::{Principal, Role, SignIn, guard::Refusal},
};

/// Services that do not answer.
fn away() -> Services {
    let answer = |_: http::Request<tonic::body::Body>| async {
        Err::<http::Response<tonic::body::Body>, _>(Status::unavailable("away"))
    };
    let channel = GrpcChannel::new(service_fn(answer));
    Services::new(Channels {
        control: channel.clone(),
        ingestion: channel.clone(),
        conversion: channel.clone(),
        mapping: channel.clone(),
        mailbox_import: channel,
    })
}

fn somebody(roles: &[Role]) -> Principal {
    Principal {
        subject: "1".to_owned(),
        name: String::new(),
        roles: roles.to_vec(),
        address: Ipv4Addr::LOCALHOST.into(),
        form_token: Some("token".to_owned()),
    }
}

fn request(page: &Page) -> Request {
    let path = ["{id}", "{number}", "{backfill}", "{proposal}"];
    let path = path
        .iter()
        .fold(page.path.to_owned(), |path, name| path.replace(name, "1"));
    let request = Request::builder().method(page.method.clone()).uri(path);
    request.body(Body::empty()).unwrap()
}

fn name(page: &Page) -> String {
    format!("{} {}", page.method, page.path)
}

/// Whether their role is missing.
async fn is_denied(page: &Page, roles: &[Role]) -> bool {
    let mut request = request(page);
    request.extensions_mut().insert(somebody(roles));
    let router = routes(away(), Mappings::new(None), TraceLinks::default());
    let response: Response = router.oneshot(request).await.unwrap();
    let denied = Refusal::Denied(page.right);
    let is_denied = response.extensions().get() == Some(&denied);
    let is_reached = response.status() != StatusCode::NOT_FOUND
        && response.status() != StatusCode::METHOD_NOT_ALLOWED;
    assert!(is_reached, "{}", name(page));
    if is_denied {
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{}", name(page));
    }
    is_denied
}

#[tokio::test]
async fn each_page_opens_to_the_roles_of_its_right_and_to_no_others() {
    use Right::{Administer, Operate, Read};
    use Role::{DataConnectorAdmin, MailboxImportExport, Operator, Viewer};
    let cases: [(&[Role], &[Right]); 6] = [
        (&[], &[]),
        (&[Viewer], &[Read]),
        (&[MailboxImportExport], &[Read]),
        (&[Operator], &[Read, Operate]),
        (&[DataConnectorAdmin], &[Read, Operate]),
        (
            &[DataConnectorAdmin, MailboxImportExport],
            &[Read, Operate, Administer],
        ),
    ];
    for page in table() {
        for (roles, rights) in cases {
            let may = rights.contains(&page.right);
            let name = name(&page);
            assert_eq!(is_denied(&page, roles).await, !may, "{name} with {roles:?}");
        }
    }
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let mut forms = table();
    forms.retain(|page| page.method != Method::GET);

    assert!(forms.len() > 10);
    for page in forms {
        assert!(is_denied(&page, &[Role::Viewer]).await, "{}", name(&page));
    }
}

#[tokio::test]
async fn who_has_not_signed_in_is_sent_to_do_so_from_every_page() {
    let services = away();
    let settings = Settings::default();
    let sign_in = SignIn::new(&settings, &services, Announce::new(|_| {})).unwrap();
    let shown = server::Shown {
        mappings: Mappings::new(None),
        links: TraceLinks::default(),
    };
    let router = server::router(services, sign_in, shown, CancellationToken::new());
    for page in table() {
        let response: Response = router.clone().oneshot(request(&page)).await.unwrap();

        let name = name(&page);
        if page.method == Method::GET {
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{name}");
            let to = response.headers()[header::LOCATION].to_str().unwrap();
            assert!(to.starts_with("/sign-in?to="), "{name}: {to}");
        } else {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        }
    }
}
