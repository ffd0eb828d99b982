use std::{fmt, io};

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use crate::LabError;

/// A SQL Server that somebody else runs: what tests say of ours can be tried on a real one. The login must
/// have the right to make databases.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlServer {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// A login of SQL Server.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl SqlServer {
    /// The one at `tds://user:password@host:port/`. No character in it is decoded: the last `@` ends the
    /// password. `None` for any other text.
    pub fn at(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("tds://")?;
        let (login, address) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (host, port) = address.rsplit_once(':')?;
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Makes an empty database.
    pub async fn make_database(&self, name: &str) -> Result<(), LabError> {
        self.run("master", &format!("CREATE DATABASE [{name}];"))
            .await
    }

    /// Removes a database, whoever is still connected to it.
    pub async fn remove_database(&self, name: &str) -> Result<(), LabError> {
        let script = format!(
            "ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE [{name}];"
        );
        self.run("master", &script).await
    }

    /// Runs a script in a database, over TLS with whatever certificate the server has.
    pub async fn run(&self, database: &str, script: &str) -> Result<(), LabError> {
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.database(database);
        config.application_name("chatkeep tests");
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.encryption(EncryptionLevel::Required);
        config.trust_cert();
        let failed = |error: tiberius::error::Error| LabError::Setup(io::Error::other(error));
        let tcp = TcpStream::connect(config.get_addr()).await;
        let tcp = tcp.map_err(LabError::Setup)?;
        let client = Box::pin(Client::connect(config, tcp.compat_write())).await;
        let mut client = client.map_err(failed)?;
        let answer = client.simple_query(script).await.map_err(failed)?;
        answer.into_results().await.map_err(failed)?;
        Ok(())
    }
}

impl fmt::Debug for SqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut server = f.debug_struct("SqlServer");
        server.field("host", &self.host).field("port", &self.port);
        server.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::SqlServer;

    #[test]
    fn a_url_names_host_port_and_login() {
        let server = SqlServer::at("tds://sa:p@ss:word@sql01.contoso.com:1433/").unwrap();

        assert_eq!(
            (server.host.as_str(), server.port),
            ("sql01.contoso.com", 1433)
        );
        assert_eq!(
            (server.user.as_str(), server.password.as_str()),
            ("sa", "p@ss:word")
        );
        for other in [
            "sql01",
            "tds://sql01:1433/",
            "tds://a:b@sql01",
            "http://a:b@c:1/",
        ] {
            assert_eq!(SqlServer::at(other), None, "{other}");
        }
    }
}
