use chatkeep_testkit::{
    make_certificates,
    tds::{Encrypted, Fault, Options, Server, Tls, When},
};
use tempfile::TempDir;
use tiberius::{AuthMethod, EncryptionLevel, error::Error};
use tokio::net::UdpSocket;

use crate::client::{ask_numbers, config, connect, numbers, serve, serve_numbers};

async fn serve_with_tls(is_required: bool) -> (Server, TempDir) {
    let folder = TempDir::new().unwrap();
    make_certificates(folder.path()).unwrap();
    let tls = Tls {
        folder: folder.path().to_owned(),
        is_required,
    };
    let options = Options {
        tls: Some(tls),
        ..Options::default()
    };
    (serve(options, |_| numbers(1_000)).await, folder)
}

#[tokio::test]
async fn a_login_tells_who_comes_and_where_to() {
    let server = serve_numbers(3).await;
    let mut config = config(&server);
    config.database("lcslog");
    config.readonly(true);

    let mut connection = connect(config).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (3, None));
    let logins = server.logins();
    let [login] = &logins[..] else {
        panic!("one login: {logins:?}");
    };
    assert_eq!(login.database, "LcsLog");
    assert_eq!(login.application, "a test");
    assert!(login.is_read_only);
    assert_eq!(login.encrypted, Encrypted::Nothing);
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = serve_numbers(3).await;
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("chatkeep", "Secret"));

    let error = connect(config).await.unwrap_err();

    assert_eq!(error.code(), Some(18456));
    assert!(server.logins().is_empty());
}

#[tokio::test]
async fn a_password_of_all_characters_is_understood() {
    let password = "p\u{e4}ssw\u{f6}rd \u{1f511}{};'\"";
    let options = Options {
        password: password.to_owned(),
        ..Options::default()
    };
    let server = serve(options, |_| numbers(1)).await;
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("chatkeep", password));

    let mut connection = connect(config).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (1, None));
}

#[tokio::test]
async fn an_unknown_database_is_refused() {
    let server = serve_numbers(3).await;
    let mut config = config(&server);
    config.database("LcsReporting");

    let error = connect(config).await.unwrap_err();

    assert_eq!(error.code(), Some(4060));
}

#[tokio::test]
async fn a_login_without_a_password_is_refused() {
    let server = serve_numbers(3).await;
    let mut config = config(&server);
    config.authentication(AuthMethod::aad_token("a token"));

    let error = connect(config).await.unwrap_err();

    assert_eq!(error.code(), Some(18452));
}

#[tokio::test]
async fn a_client_that_means_another_instance_is_told_so() {
    let options = Options {
        instance: Some("RTC".to_owned()),
        ..Options::default()
    };
    let server = serve(options, |_| numbers(3)).await;
    for (instance, is_right) in [("rtc", true), ("OTHER", false)] {
        let mut config = config(&server);
        config.instance_name(instance);

        assert_eq!(connect(config).await.is_ok(), is_right, "{instance}");
    }
}

#[tokio::test]
async fn refusals_can_be_set() {
    let server = serve_numbers(3).await;
    for (fault, number) in [
        (Fault::RefuseLogin, 18456),
        (Fault::RefuseDatabase, 4060),
        (Fault::Mirror, 954),
    ] {
        server.faults().set(When::Nth(1), fault);

        let error = connect(config(&server)).await.unwrap_err();

        assert_eq!(error.code(), Some(number));
    }
    assert!(connect(config(&server)).await.is_ok());
}

#[tokio::test]
async fn a_client_is_routed_to_another_server() {
    let server = serve_numbers(3).await;
    let host = "sql02.contoso.com".to_owned();
    let route = Fault::Route { host, port: 1435 };
    server.faults().set(When::Nth(1), route);

    let error = connect(config(&server)).await.unwrap_err();

    let Error::Routing { host, port } = error else {
        panic!("no routing: {error}");
    };
    assert_eq!((host.as_str(), port), ("sql02.contoso.com", 1435));
}

#[tokio::test]
async fn a_failover_partner_is_named_without_harm() {
    let options = Options {
        failover_partner: Some("sql02".to_owned()),
        ..Options::default()
    };
    let server = serve(options, |_| numbers(3)).await;

    let mut connection = connect(config(&server)).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (3, None));
}

#[tokio::test]
async fn everything_can_be_encrypted() {
    let (server, folder) = serve_with_tls(false).await;
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(folder.path().join("ca.pem").display());

    let mut connection = connect(config).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (1_000, None));
    assert_eq!(server.logins()[0].encrypted, Encrypted::Everything);
}

#[tokio::test]
async fn the_login_alone_can_be_encrypted() {
    let (server, _folder) = serve_with_tls(false).await;
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Off);
    config.trust_cert();

    let mut connection = connect(config).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (1_000, None));
    assert_eq!(server.logins()[0].encrypted, Encrypted::Login);
}

#[tokio::test]
async fn a_server_that_insists_encrypts_everything() {
    let (server, _folder) = serve_with_tls(true).await;
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Off);
    config.trust_cert();

    let mut connection = connect(config).await.unwrap();

    assert_eq!(ask_numbers(&mut connection).await, (1_000, None));
    assert_eq!(server.logins()[0].encrypted, Encrypted::Everything);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_trusted() {
    let (server, folder) = serve_with_tls(false).await;
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(folder.path().join("other.pem").display());

    let error = connect(config).await.unwrap_err();

    assert_eq!(error.code(), None, "{error}");
    assert!(server.logins().is_empty());
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_trusted() {
    let (server, folder) = serve_with_tls(false).await;
    let mut config = config(&server);
    config.host("127.0.0.2");
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(folder.path().join("ca.pem").display());
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await;

    let stream = tokio_util::compat::TokioAsyncWriteCompatExt::compat_write(tcp.unwrap());
    let connected = Box::pin(tiberius::Client::connect(config, stream)).await;

    assert!(connected.is_err());
    assert!(server.logins().is_empty());
}

#[tokio::test]
async fn a_client_that_wants_encryption_gets_none_from_a_server_without() {
    let server = serve_numbers(3).await;
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();

    assert!(connect(config).await.is_err());
    assert!(server.logins().is_empty());
}

#[tokio::test]
async fn the_browser_tells_the_port_of_its_instance_only() {
    let options = Options {
        instance: Some("RTC".to_owned()),
        ..Options::default()
    };
    let server = serve(options, |_| numbers(1)).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let browser = ("127.0.0.1", server.browser_port().unwrap());
    client.send_to(b"\x04OTHER\0", browser).await.unwrap();
    client.send_to(b"\x04rtc\0", browser).await.unwrap();

    let mut answer = [0; 512];
    let length = client.recv(&mut answer).await.unwrap();

    let text = String::from_utf8_lossy(&answer[3..length]);
    let port = format!(
        ";InstanceName;RTC;IsClustered;No;Version;15.0.2000.5;tcp;{};;",
        server.port()
    );
    assert!(text.ends_with(&port), "{text}");
}
