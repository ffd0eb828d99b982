//! Sessions of people who have signed in.

use std::time::Duration;

use chatkeep_control::Clock;
use chatkeep_proto::v1::{
    CloseSessionRequest, GetSessionRequest, ListSessionsRequest, OpenSessionRequest,
    RevokeSessionsRequest, SignInSession,
};
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::{
    audit::{by, told, trail},
    calendar::hour,
    lab::{Lab, settings},
};

const MINUTE: i64 = 60_000;

struct Desk {
    lab: Lab,
    clock: Clock,
    _folder: TempDir,
}

impl Desk {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing_at(hour(100, 0));
        Self {
            lab: Lab::open_at(folder.path(), &settings(), &clock).await,
            clock,
            _folder: folder,
        }
    }

    fn wait(&self, minutes: u64) {
        let now = Duration::from_millis(self.clock.now().unsigned_abs());
        let later = now + Duration::from_mins(minutes);
        self.clock.set(std::time::SystemTime::UNIX_EPOCH + later);
    }

    /// Opens a session of ten hours, of one hour unused.
    async fn sign_in(&self, subject: &str, token: u8) -> Result<SignInSession, Status> {
        let request = OpenSessionRequest {
            token_sha256: vec![token; 32].into(),
            subject: subject.to_owned(),
            name: "Ann".to_owned(),
            roles: vec!["Viewer".to_owned()],
            address: "192.0.2.7".to_owned(),
            lifetime: 600 * MINUTE,
            idle: 60 * MINUTE,
        };
        let opened = self.lab.access.clone().open_session(request).await?;
        Ok(opened.into_inner().session.unwrap())
    }

    async fn get(&self, token: u8) -> Result<SignInSession, Status> {
        let request = GetSessionRequest {
            token_sha256: vec![token; 32].into(),
        };
        let session = self.lab.access.clone().get_session(request).await?;
        Ok(session.into_inner().session.unwrap())
    }

    async fn is_gone(&self, token: u8) -> bool {
        self.get(token)
            .await
            .is_err_and(|it| it.code() == Code::NotFound)
    }

    async fn list(&self, subject: &str) -> Vec<u8> {
        let request = ListSessionsRequest {
            subject: subject.to_owned(),
            limit: 0,
        };
        let listed = self.lab.access.clone().list_sessions(request).await;
        let sessions = listed.unwrap().into_inner().sessions.into_iter();
        sessions.map(|session| session.token_sha256[0]).collect()
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_token_only() {
    let desk = Desk::open().await;

    let opened = desk.sign_in("ann", 1).await.unwrap();

    assert_eq!(desk.get(1).await.unwrap(), opened);
    assert!(desk.is_gone(2).await);
    assert_eq!(opened.expires - opened.opened, 60 * MINUTE);
    assert_eq!(opened.roles, ["Viewer"]);
    let again = desk.sign_in("bob", 1).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    desk.lab.stop().await;
}

#[tokio::test]
async fn an_unused_session_ends_and_a_used_one_goes_on_to_its_end() {
    let desk = Desk::open().await;
    desk.sign_in("ann", 1).await.unwrap();
    desk.sign_in("bob", 2).await.unwrap();

    for _ in 0..11 {
        desk.wait(50);
        assert!(desk.get(1).await.is_ok());
    }
    assert!(desk.is_gone(2).await);
    assert_eq!(desk.list("").await, [1]);
    // Ten hours are over, however often it was used.
    desk.wait(50);

    assert!(desk.is_gone(1).await);
    desk.lab.stop().await;
}

#[tokio::test]
async fn the_use_of_a_session_is_noted_once_a_minute() {
    let desk = Desk::open().await;
    let opened = desk.sign_in("ann", 1).await.unwrap();
    let second = Duration::from_secs(59);

    desk.clock.set(hour(100, 0) + second);
    let at_once = desk.get(1).await.unwrap();
    desk.wait(1);
    let later = desk.get(1).await.unwrap();

    assert_eq!(at_once.seen, opened.seen);
    assert_eq!(later.seen - opened.seen, 119_000);
    desk.lab.stop().await;
}

#[tokio::test]
async fn a_session_that_was_closed_or_revoked_is_gone_at_once() {
    let desk = Desk::open().await;
    let mut access = desk.lab.access.clone();
    for (subject, token) in [("ann", 1), ("ann", 2), ("bob", 3)] {
        desk.sign_in(subject, token).await.unwrap();
        desk.wait(1);
    }
    assert_eq!(desk.list("").await, [3, 2, 1]);
    assert_eq!(desk.list("ann").await, [2, 1]);

    let close = || CloseSessionRequest {
        token_sha256: vec![3; 32].into(),
    };
    access.close_session(by("bob", close())).await.unwrap();
    access.close_session(by("bob", close())).await.unwrap();
    let revoke = RevokeSessionsRequest {
        subject: "ann".to_owned(),
    };
    let revoked = access.revoke_sessions(by("carl", revoke)).await.unwrap();

    assert_eq!(revoked.into_inner().sessions, 2);
    for token in 1..=3 {
        assert!(desk.is_gone(token).await);
    }
    let entries = trail(&desk.lab).await;
    let awaited = [
        ["session.open", "", "", "done"],
        ["session.open", "", "", "done"],
        ["session.open", "", "", "done"],
        ["session.close", "", "bob", "done"],
        ["session.revoke", "", "ann", "done"],
    ];
    assert_eq!(told(&entries), awaited);
    assert_eq!(entries[0].actor.clone().unwrap().subject, "ann");
    desk.lab.stop().await;
}

#[tokio::test]
async fn what_is_no_session_is_refused() {
    let desk = Desk::open().await;
    let good = OpenSessionRequest {
        token_sha256: vec![1; 32].into(),
        subject: "ann".to_owned(),
        lifetime: 1,
        idle: 1,
        ..OpenSessionRequest::default()
    };
    let wrong = [
        OpenSessionRequest {
            token_sha256: b"token".to_vec().into(),
            ..good.clone()
        },
        OpenSessionRequest {
            subject: String::new(),
            ..good.clone()
        },
        OpenSessionRequest {
            lifetime: 0,
            ..good.clone()
        },
        OpenSessionRequest { idle: -1, ..good },
    ];
    for request in wrong {
        let refused = desk.lab.access.clone().open_session(request).await;

        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    }
    desk.lab.stop().await;
}
