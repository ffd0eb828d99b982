use std::sync::{Arc, Mutex};

use chatkeep_testkit::tds::{Answer, Column, Kind, Options, Value};
use tiberius::{ColumnData, Query};

use crate::client::{ask, config, connect, numbers, serve};

#[tokio::test]
async fn a_statement_arrives_with_its_name_database_and_parameters() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let seeing = Arc::clone(&seen);
    let server = serve(Options::default(), move |request| {
        let seen = format!(
            "{} {} {} {:?}",
            request.database, request.name, request.statement, request.parameters
        );
        seeing.lock().unwrap().push(seen);
        Answer::Done(0)
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    let statement = "/* chatkeep:one */ SELECT @P1";
    let parameters = vec![ColumnData::I32(Some(7)), ColumnData::String(None)];
    ask(&mut connection, statement, parameters).await;
    connection.simple_query("SET LOCK_TIMEOUT 1").await.unwrap();

    assert_eq!(
        *seen.lock().unwrap(),
        [
            "LcsLog one /* chatkeep:one */ SELECT @P1 [Int(7), Null]",
            "LcsLog  SET LOCK_TIMEOUT 1 []",
        ]
    );
}

#[tokio::test]
async fn a_statement_without_rows_tells_how_many_it_changed() {
    let server = serve(Options::default(), |_| Answer::Done(42)).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let result = Query::new("UPDATE t SET a = 1")
        .execute(&mut connection)
        .await;

    assert_eq!(result.unwrap().total(), 42);
}

#[tokio::test]
async fn an_error_of_the_database_has_its_number() {
    let server = serve(Options::default(), |_| Answer::Error {
        number: 208,
        class: 16,
        message: "Invalid object name 'dbo.Messages'.".to_owned(),
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    let (_, called) = ask(&mut connection, "SELECT 1", Vec::new()).await;
    let batch = connection.simple_query("SELECT 1").await.err();

    assert_eq!(called.unwrap().code(), Some(208));
    assert_eq!(batch.unwrap().code(), Some(208));
}

#[tokio::test]
async fn a_batch_has_rows_too() {
    let server = serve(Options::default(), |_| numbers(10)).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let rows = connection.simple_query("SELECT n").await.unwrap();

    assert_eq!(rows.into_first_result().await.unwrap().len(), 10);
}

#[tokio::test]
async fn messages_of_many_small_packets_pass_in_both_directions() {
    let options = Options {
        packet_size: 512,
        ..Options::default()
    };
    let server = serve(options, |request| {
        let columns = vec![Column::new("text", Kind::NVarCharMax)];
        let values = request.parameters.to_vec();
        Answer::rows(columns, values.into_iter().map(|value| vec![value]))
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();
    let texts = [1_usize, 252, 253, 5_000, 100_000].map(|length| "\u{3a9}".repeat(length));

    let parameters = texts.iter().cloned();
    let parameters = parameters.map(|text| ColumnData::String(Some(text.into())));
    let (rows, error) = ask(&mut connection, "SELECT @P1", parameters.collect()).await;

    assert_eq!(error, None);
    let read: Vec<_> = rows
        .into_iter()
        .map(|mut row| match row.remove(0) {
            ColumnData::String(Some(text)) => text.into_owned(),
            other => panic!("no text: {other:?}"),
        })
        .collect();
    assert_eq!(read, texts);
}

#[tokio::test]
async fn an_answer_that_ends_with_a_packet_is_whole() {
    let options = Options {
        packet_size: 512,
        ..Options::default()
    };
    let server = serve(options, |request| {
        let Some(Value::Int(length)) = request.parameters.first() else {
            return Answer::Done(0);
        };
        let bytes = vec![7; usize::try_from(*length).unwrap()];
        let columns = vec![Column::new("bytes", Kind::VarBinaryMax)];
        Answer::rows(columns, [vec![Value::Bytes(bytes)]])
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    for length in 0..1_100 {
        let parameters = vec![ColumnData::I32(Some(length))];
        let (rows, error) = ask(&mut connection, "SELECT @P1", parameters).await;

        assert_eq!((rows.len(), error), (1, None), "{length} bytes");
    }
}

#[tokio::test]
async fn a_mistake_of_the_test_is_an_error_that_names_the_column() {
    let server = serve(Options::default(), |_| {
        let columns = vec![Column::new("number", Kind::Int)];
        Answer::rows(columns, [vec![Value::Text("one".to_owned())]])
    })
    .await;
    let mut connection = connect(config(&server)).await.unwrap();

    let (_, error) = ask(&mut connection, "SELECT 1", Vec::new()).await;

    let error = error.unwrap();
    assert_eq!(error.code(), Some(50_000));
    assert!(error.to_string().contains("column number"), "{error}");
}

#[tokio::test]
async fn many_rows_are_made_only_as_they_are_read() {
    let server = serve(Options::default(), |_| numbers(1_000_000)).await;
    let mut connection = connect(config(&server)).await.unwrap();

    let mut stream = Query::new("SELECT n").query(&mut connection).await.unwrap();
    let mut count = 0;
    while let Some(item) = futures::TryStreamExt::try_next(&mut stream).await.unwrap() {
        count += usize::from(item.into_row().is_some());
    }

    assert_eq!(count, 1_000_000);
}
