use std::sync::{Arc, Mutex};

use chatkeep_testkit::{
    SqlServer, make_certificates,
    tds::{Answer, Encrypted, Options, Tls},
};

use crate::client::serve;

#[tokio::test]
async fn scripts_are_run_over_tls_and_an_error_of_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path()).unwrap();
    let options = Options {
        databases: vec!["master".to_owned()],
        tls: Some(Tls {
            folder: folder.path().to_owned(),
            is_required: true,
        }),
        ..Options::default()
    };
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let seeing = Arc::clone(&seen);
    let server = serve(options, move |request| {
        seeing.lock().unwrap().push(request.statement.to_owned());
        if request.statement.starts_with("CREATE") {
            return Answer::Done(0);
        }
        Answer::Error {
            number: 3701,
            class: 16,
            message: "Cannot drop the database 'sample'.".to_owned(),
        }
    })
    .await;
    let port = server.port();
    let client = SqlServer::at(&format!("tds://chatkeep:secret@127.0.0.1:{port}/")).unwrap();

    let made = client.make_database("sample").await;
    let removed = client.remove_database("sample").await;

    assert!(made.is_ok() && removed.is_err());
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen[0], "CREATE DATABASE [sample];");
    assert!(seen[1].ends_with("DROP DATABASE [sample];"), "{seen:?}");
    let logins = server.logins();
    assert!(
        logins
            .iter()
            .all(|login| login.encrypted == Encrypted::Everything)
    );
}
