use std::{future, io, sync::Arc, time::Duration};

use super::{
    Answer, Column, Request, Row,
    channel::{ATTENTION, Channel, Message, RPC, SQL_BATCH, Stream},
    columns,
    faults::{Fault, Occasion},
    request::Statement,
    rows,
    server::Shared,
    tokens::{self, Form},
    wire::Malformed,
};

/// From this class of error on SQL Server ends the connection.
const FATAL: u8 = 20;
/// Numbers of errors from 50000 on are free for users: here, for mistakes of a test or its client.
const OUR_ERROR: i32 = 50_000;

/// Answers statements until the client goes.
pub(super) async fn run(
    channel: Channel<Box<dyn Stream>>,
    database: String,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut session = Session {
        channel,
        database,
        shared,
    };
    loop {
        let message = session.channel.message().await?;
        if session.answer(&message).await? == Then::Close {
            return Ok(());
        }
    }
}

struct Session {
    channel: Channel<Box<dyn Stream>>,
    database: String,
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Continue,
    Close,
}

/// The faults that happen to one statement.
#[derive(Default)]
struct Troubles {
    /// Number, class and text.
    error: Option<(i32, u8, String)>,
    cut: Option<u64>,
    pause: Option<Duration>,
    stalls: bool,
}

impl Troubles {
    fn of(faults: Vec<Fault>) -> Self {
        let mut troubles = Self::default();
        for fault in faults {
            match fault {
                Fault::Error {
                    number,
                    class,
                    message,
                } => troubles.error = Some((number, class, message)),
                Fault::Cut { rows } => troubles.cut = Some(rows),
                Fault::Pause(pause) => troubles.pause = Some(pause),
                Fault::Stall => troubles.stalls = true,
                // These happen on other occasions.
                _ => {}
            }
        }
        troubles
    }
}

impl Session {
    async fn answer(&mut self, message: &Message) -> io::Result<Then> {
        let statement = match message.kind {
            SQL_BATCH => Statement::of_batch(&message.data),
            RPC => Statement::of_call(&message.data),
            // It came when the answer was on its way already.
            ATTENTION => return self.cancelled().await,
            other => Err(Malformed::Unexpected(format!(
                "packet type {other} is unknown"
            ))),
        };
        match statement {
            Ok(statement) => self.execute(&statement).await,
            Err(error) => {
                self.fail(Form::Batch, OUR_ERROR, 16, &error.to_string())
                    .await
            }
        }
    }

    async fn execute(&mut self, statement: &Statement) -> io::Result<Then> {
        let name = statement.name();
        let faults = self.shared.faults.due(Occasion::Statement, name);
        let troubles = Troubles::of(faults);
        if troubles.stalls {
            self.obeyed_attention(future::pending()).await?;
            return self.cancelled().await;
        }
        if let Some((number, class, message)) = &troubles.error {
            return self.fail(statement.form, *number, *class, message).await;
        }
        let answer = self.shared.database.answer(&Request {
            database: &self.database,
            name,
            statement: &statement.sql,
            parameters: &statement.parameters,
        });
        match answer {
            Answer::Rows { columns, rows } => {
                self.rows(statement.form, &columns, rows, &troubles).await
            }
            Answer::Done(count) => {
                let mut out = Vec::new();
                tokens::end(statement.form, count, &mut out);
                self.finish(out).await
            }
            Answer::Error {
                number,
                class,
                message,
            } => self.fail(statement.form, number, class, &message).await,
        }
    }

    async fn rows(
        &mut self,
        form: Form,
        columns: &[Column],
        rows: Box<dyn Iterator<Item = Row> + Send>,
        troubles: &Troubles,
    ) -> io::Result<Then> {
        let mut out = Vec::new();
        columns::describe(columns, &mut out);
        let mut count = 0;
        for row in rows {
            if self.is_cancelled(troubles.pause, &mut out).await? {
                tokens::end_cancelled(&mut out);
                return self.finish(out).await;
            }
            let start = out.len();
            if let Err(error) = rows::put(columns, &row, &mut out) {
                out.truncate(start);
                tokens::error(OUR_ERROR, 16, &error.to_string(), &mut out);
                tokens::end_failed(form, &mut out);
                return self.finish(out).await;
            }
            if troubles.cut == Some(count) {
                out.truncate(start + (out.len() - start) / 2);
                break;
            }
            count += 1;
        }
        if troubles.cut.is_some() {
            self.channel.send_all(&mut out).await?;
            self.channel.close().await?;
            return Ok(Then::Close);
        }
        tokens::end(form, count, &mut out);
        self.finish(out).await
    }

    /// Sends what fills packets, waits where it has to, and looks whether the client gave up. What was
    /// put out so far is sent before a pause, or nobody would notice it.
    async fn is_cancelled(
        &mut self,
        pause: Option<Duration>,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        self.channel.send_full(out).await?;
        match pause {
            Some(pause) => {
                self.channel.send_all(out).await?;
                self.obeyed_attention(tokio::time::sleep(pause)).await
            }
            None => self.obeyed_attention(future::ready(())).await,
        }
    }

    /// Whether an attention that the server obeys comes before that is over.
    async fn obeyed_attention(&mut self, over: impl Future<Output = ()>) -> io::Result<bool> {
        tokio::pin!(over);
        while self.channel.attention_within(over.as_mut()).await? {
            let faults = self.shared.faults.due(Occasion::Attention, "");
            if !faults.contains(&Fault::IgnoreAttention) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn cancelled(&mut self) -> io::Result<Then> {
        let mut out = Vec::new();
        tokens::end_cancelled(&mut out);
        self.finish(out).await
    }

    async fn fail(
        &mut self,
        form: Form,
        number: i32,
        class: u8,
        message: &str,
    ) -> io::Result<Then> {
        let mut out = Vec::new();
        tokens::error(number, class, message, &mut out);
        tokens::end_failed(form, &mut out);
        self.finish(out).await?;
        Ok(if class >= FATAL {
            Then::Close
        } else {
            Then::Continue
        })
    }

    async fn finish(&mut self, out: Vec<u8>) -> io::Result<Then> {
        self.channel.finish(out).await?;
        Ok(Then::Continue)
    }
}
