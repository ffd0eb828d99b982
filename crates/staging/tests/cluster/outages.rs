//! What happens when the server, the container or the permission is gone.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chatkeep_pipeline::{ResultExt as _, StageError, Verdict};
use chatkeep_staging::{AzureSettings, Blob, BlobKind, Settings, Staging, StagingError};
use chatkeep_testkit::{Azurite, Cut, CuttingProxy};
use futures::join;

use crate::{
    contract::pattern,
    world::{InContainer, Secrets, connect, container_name, shared},
};

const CONTAINER: &str = "archive";

/// A server of its own, with one container.
struct Alone {
    server: Azurite,
    staging: Staging,
}

impl Alone {
    async fn new(timeout: Duration) -> Self {
        let started = tokio::task::spawn_blocking(Azurite::start);
        let server = started.await.unwrap().unwrap();
        let secrets = Secrets::new();
        let settings = AzureSettings {
            timeout,
            ..secrets.settings(&server.container(CONTAINER), &Azurite::sas())
        };
        Self {
            staging: connect(&settings).await,
            server,
        }
    }
}

/// What a worker makes of an error of staging.
fn verdict<T>(result: Result<T, StagingError>) -> StageError {
    result.map(drop).or_retry("do it").unwrap_err()
}

/// An error with all its causes, as a log shows it.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

async fn commit(staging: &Staging, bytes: &[u8]) -> Result<Blob, StagingError> {
    let mut spool = staging.spool()?;
    spool.write_all(bytes).unwrap();
    staging.commit(BlobKind::Items, spool).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_waited_for_and_the_upload_succeeds_after_its_return() {
    let mut lab = Alone::new(Duration::from_secs(8)).await;
    let before = lab.staging.put(BlobKind::Batch, "before").await.unwrap();
    lab.server.wait_until_saved(&before.key).unwrap();
    let bytes = pattern(32 << 20);

    let has_ended = AtomicBool::new(false);
    let upload = async {
        let uploaded = commit(&lab.staging, &bytes).await;
        has_ended.store(true, Ordering::SeqCst);
        uploaded
    };
    let kill = async {
        while lab.server.stored_bytes() < 4 << 20 && !has_ended.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        lab.server.kill();
    };
    let (uploaded, ()) = join!(upload, kill);

    let error = verdict(uploaded);
    assert_eq!(error.verdict, Verdict::Wait);
    let shown = chain(&error);
    assert!(shown.contains(&lab.server.container(CONTAINER)), "{shown}");
    assert_eq!(
        verdict(lab.staging.get(&before).await).verdict,
        Verdict::Wait
    );

    lab.server.resume().unwrap();
    let blob = commit(&lab.staging, &bytes).await.unwrap();
    assert_eq!(lab.staging.get(&blob).await.unwrap(), bytes);
    assert_eq!(lab.staging.get(&before).await.unwrap(), "before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_waited_for() {
    let lab = Alone::new(Duration::from_secs(6)).await;
    let blob = lab.staging.put(BlobKind::Batch, "hello").await.unwrap();

    lab.server.freeze();
    let put = verdict(lab.staging.put(BlobKind::Batch, "other").await);
    let get = verdict(lab.staging.get(&blob).await);
    lab.server.thaw();

    assert_eq!([put.verdict, get.verdict], [Verdict::Wait; 2]);
    assert_eq!(lab.staging.get(&blob).await.unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_outage_is_not_noticed() {
    let mut lab = Alone::new(Duration::from_mins(10)).await;
    let blob = lab.staging.put(BlobKind::Batch, "hello").await.unwrap();
    lab.server.wait_until_saved(&blob.key).unwrap();
    lab.server.kill();

    let Alone {
        mut server,
        staging,
    } = lab;
    let resume = tokio::task::spawn_blocking(move || {
        server.resume().unwrap();
        server
    });
    let (got, resumed) = join!(staging.get(&blob), resume);

    assert_eq!(got.unwrap(), "hello");
    drop(resumed.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_container_is_waited_for_and_named() {
    let world = InContainer::new().await;
    let staging = &world.staging;
    let blob = staging.put(BlobKind::Batch, "hello").await.unwrap();

    world.server.erase_container(&world.container).unwrap();

    let shown = format!("{} does not exist", world.url());
    for error in [
        verdict(staging.put(BlobKind::Batch, "other").await),
        verdict(staging.get(&blob).await),
        verdict(staging.open(&blob).await),
        verdict(staging.list("", None).await),
        verdict(commit(staging, &pattern(5 << 20)).await),
    ] {
        assert!(chain(&error).contains(&shown), "{}", chain(&error));
        assert_eq!(error.verdict, Verdict::Wait);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let world = InContainer::new().await;
    let bytes = pattern(3 << 20);
    let put = world.staging.put(BlobKind::Items, bytes.clone());
    let blob = put.await.unwrap();
    let proxy = CuttingProxy::start(world.server.address()).unwrap();
    let url = format!(
        "http://{}/{}/{}",
        proxy.address(),
        Azurite::ACCOUNT,
        world.container
    );
    proxy.cut_next(Cut::ToClient(1 << 20));
    proxy.cut_next(Cut::ToClient(1 << 20));
    let staging = connect(&world.secrets.settings(&url, &Azurite::sas())).await;

    assert_eq!(staging.get(&blob).await.unwrap(), bytes);
    assert_eq!(proxy.cuts_made(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_container_is_made_only_where_that_is_wanted_and_allowed() {
    let server = shared(Azurite::start).await;
    let secrets = Secrets::new();
    let url = server.container(&container_name());
    let connect = async |create: bool, sas: &str| {
        let settings = AzureSettings {
            create,
            ..secrets.settings(&url, sas)
        };
        Staging::connect(&Settings::Azure(Box::new(settings))).await
    };

    let unwanted = chain(&verdict(connect(false, &Azurite::sas()).await));
    let forbidden = chain(&verdict(connect(true, &Azurite::sas_for("r")).await));

    assert!(
        unwanted.ends_with(&format!("{url} does not exist")),
        "{unwanted}"
    );
    let expected = format!("{url} does not exist, and the credential may not create it");
    assert!(forbidden.ends_with(&expected), "{forbidden}");
    connect(true, &Azurite::sas()).await.unwrap();
    // Who only reads needs no more than that.
    connect(true, &Azurite::sas_for("r")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_signature_does_not_allow_is_waited_for() {
    let world = InContainer::new().await;
    let blob = world.staging.put(BlobKind::Batch, "hello").await.unwrap();
    let settings = world.secrets.settings(&world.url(), &Azurite::sas_for("r"));
    let reader = connect(&settings).await;

    let error = verdict(reader.put(BlobKind::Batch, "other").await);

    assert_eq!(error.verdict, Verdict::Wait);
    let shown = chain(&error);
    assert!(shown.contains("refuses the credential (403"), "{shown}");
    assert_eq!(reader.get(&blob).await.unwrap(), "hello");
}
