use std::sync::Arc;

use chatkeep_testkit::tds::{Answer, Column, Kind, Options, Request, Server, Value};
use futures::TryStreamExt as _;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, Query, QueryItem};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

/// A client of the library under test.
pub(crate) type Connection = Client<Compat<TcpStream>>;

/// A server that answers as the closure says.
pub(crate) async fn serve(
    options: Options,
    answer: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
) -> Server {
    Server::start(options, Arc::new(answer)).await
}

/// A server of default options that gives out the numbers below this one.
pub(crate) async fn serve_numbers(below: i32) -> Server {
    serve(Options::default(), move |_| numbers(below)).await
}

/// The numbers below this one, one a row.
pub(crate) fn numbers(below: i32) -> Answer {
    let columns = vec![Column::new("number", Kind::Int)];
    Answer::rows(columns, (0..below).map(|number| vec![Value::Int(number)]))
}

/// The user that the server knows, without encryption.
pub(crate) fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config.host("localhost");
    config.port(server.port());
    config.database("LcsLog");
    config.application_name("a test");
    config.encryption(EncryptionLevel::NotSupported);
    config.authentication(AuthMethod::sql_server("chatkeep", "secret"));
    config
}

/// Signs in.
pub(crate) async fn connect(config: Config) -> tiberius::Result<Connection> {
    let tcp = TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    Box::pin(Client::connect(config, tcp.compat_write())).await
}

/// The rows of a statement, and the error that ended them.
pub(crate) async fn ask(
    connection: &mut Connection,
    statement: &str,
    parameters: Vec<ColumnData<'static>>,
) -> (
    Vec<Vec<ColumnData<'static>>>,
    Option<tiberius::error::Error>,
) {
    let mut query = Query::new(statement.to_owned());
    for parameter in parameters {
        query.bind(parameter);
    }
    let mut rows = Vec::new();
    let ended = async {
        let mut answer = query.query(connection).await?;
        while let Some(item) = answer.try_next().await? {
            if let QueryItem::Row(row) = item {
                rows.push(row.into_iter().collect());
            }
        }
        Ok::<_, tiberius::error::Error>(())
    };
    let error = ended.await.err();
    (rows, error)
}

/// The numbers that [`numbers`] gave out, and how they ended.
pub(crate) async fn ask_numbers(
    connection: &mut Connection,
) -> (usize, Option<tiberius::error::Error>) {
    let (rows, error) = ask(connection, "/* chatkeep:numbers */ SELECT n", Vec::new()).await;
    (rows.len(), error)
}
