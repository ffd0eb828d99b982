mod verdict;

use std::{io, path::PathBuf, time::Duration};

use chatkeep_runtime::secret::SecretError;

/// Errors of SQL Server that say that the login lacks a right: on an object, a column, a database, the
/// server ([sys.messages] 229, 230, 300, 916).
const DENIED: [u32; 4] = [229, 230, 300, 916];
/// The login failed ([sys.messages] 18456, 18452, 18470, 18486, 18487, 18488).
const LOGIN: [u32; 6] = [18456, 18452, 18470, 18486, 18487, 18488];
/// The database cannot be opened: it is not there, not for this login, or a mirror
/// ([sys.messages] 4060, 4063, 911, 954, 955).
const OPEN: [u32; 5] = [4060, 4063, 911, 954, 955];

/// Why a database cannot be read. What SQL Server says in words is left out: it quotes values.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The login's name or password cannot be had.
    #[error("read the login of the database")]
    Secret {
        /// The reason.
        source: SecretError,
    },
    /// The server's name has no address.
    #[error("find the address of SQL Server {server}")]
    Resolve {
        /// The server.
        server: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody listens, or the way there is blocked.
    #[error("connect to SQL Server {server}")]
    Connect {
        /// The server, with its port.
        server: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It takes the connection and says nothing.
    #[error("SQL Server {server} did not let us in within {}", humantime(*.timeout))]
    Silent {
        /// The server.
        server: String,
        /// `connect_timeout`.
        timeout: Duration,
    },
    /// SQL Server Browser does not know the instance, or does not answer.
    #[error(
        "SQL Server Browser of {server} does not tell the port of the instance; start it, or set port \
         and leave the instance out"
    )]
    Instance {
        /// The server, with the instance.
        server: String,
    },
    /// The file of certificate authorities is not there, or not ours to read.
    #[error("read CA file {}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificate is not trusted, or not this server's, or there is no TLS at all.
    #[error(
        "set up TLS with SQL Server {server}: no certificate that is trusted for this name; name its \
         authority with ca, or set tls = \"trust\""
    )]
    Tls {
        /// The server.
        server: String,
    },
    /// Wrong name or password, or the login is locked.
    #[error(
        "sign in to SQL Server {server}: login refused (error {number}); check auth.user and \
         auth.password"
    )]
    Login {
        /// The server.
        server: String,
        /// SQL Server's number.
        number: u32,
    },
    /// The database is not there, or not for this login.
    #[error(
        "open database {database} on SQL Server {server}: not there, or not for this login (error \
         {number})"
    )]
    Open {
        /// The server.
        server: String,
        /// The database.
        database: String,
        /// SQL Server's number.
        number: u32,
    },
    /// Something else went wrong while signing in.
    #[error(
        "sign in to SQL Server {server}: it does not speak TDS as we do, or ended the connection"
    )]
    Handshake {
        /// The server.
        server: String,
    },
    /// The login may not read what the statement reads.
    #[error(
        "run statement {statement}: the login may not read it (error {number}); grant it SELECT"
    )]
    Denied {
        /// Its name.
        statement: String,
        /// SQL Server's number.
        number: u32,
    },
    /// SQL Server refuses a statement.
    #[error("run statement {statement}: SQL Server reports error {number}")]
    Refused {
        /// Its name.
        statement: String,
        /// SQL Server's number.
        number: u32,
    },
    /// No row within `statement_timeout`.
    #[error("run statement {statement}: no answer within {}", humantime(*.timeout))]
    Slow {
        /// Its name.
        statement: String,
        /// `statement_timeout`.
        timeout: Duration,
    },
    /// The connection broke.
    #[error("run statement {statement}: the connection broke")]
    Lost {
        /// Its name.
        statement: String,
    },
    /// A column has a value of another type than it says.
    #[error("run statement {statement}: column {column} has a value that is none of its type")]
    Value {
        /// Its name.
        statement: String,
        /// The column of the answer.
        column: &'static str,
    },
    /// A statement that always has one row has none.
    #[error("run statement {statement}: no row")]
    NoRow {
        /// Its name.
        statement: String,
    },
    /// Columns that must be there are not, or the login may not see them.
    #[error(
        "the database lacks {}: it is none of this kind, or the login may not see them",
        .missing.join(", ")
    )]
    Missing {
        /// The columns, with their tables.
        missing: Vec<String>,
    },
    /// Columns have types that we do not know how to compare.
    #[error("the database has other types than are known: {}", .found.join(", "))]
    Types {
        /// The columns, with the types found and expected.
        found: Vec<String>,
    },
    /// The database is another one than the one that was read before.
    #[error(
        "the database is not the one that was read before: it was rebuilt, its numbers begin anew \
         (was {before}, is {found}); set identity = \"{found}\" and from to read it from there on"
    )]
    Rebuilt {
        /// The identity it had.
        before: String,
        /// The identity it has.
        found: String,
    },
    /// What was read could not be kept.
    #[error("keep what was read")]
    Keep {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DatabaseError {
    /// An error of `tiberius` while connecting to `server`.
    pub(super) fn connecting(
        error: &tiberius::error::Error,
        server: &str,
        database: &str,
        has_tls: bool,
    ) -> Self {
        use tiberius::error::Error;
        let server = server.to_owned();
        match error {
            Error::Server(token) if LOGIN.contains(&token.code()) => Self::Login {
                server,
                number: token.code(),
            },
            Error::Server(token) if OPEN.contains(&token.code()) => Self::Open {
                server,
                database: database.to_owned(),
                number: token.code(),
            },
            Error::Server(token) => Self::Refused {
                statement: "login".to_owned(),
                number: token.code(),
            },
            Error::Tls(_) => Self::Tls { server },
            Error::Io { kind, .. } if has_tls && *kind == io::ErrorKind::InvalidData => {
                Self::Tls { server }
            }
            Error::Io { kind, .. } => Self::Connect {
                server,
                source: (*kind).into(),
            },
            _ => Self::Handshake { server },
        }
    }

    /// An error of `tiberius` while a statement runs.
    pub(super) fn running(error: &tiberius::error::Error, statement: &str) -> Self {
        let statement = statement.to_owned();
        match error.code() {
            Some(number) if DENIED.contains(&number) => Self::Denied { statement, number },
            Some(number) => Self::Refused { statement, number },
            None => Self::Lost { statement },
        }
    }
}

fn humantime(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
