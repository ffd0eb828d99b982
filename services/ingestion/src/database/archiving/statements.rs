//! The T-SQL that an archiving database is asked; see `database::statements`. Every page begins behind
//! the row that the one before ended with. LEFT JOIN: a row whose user or content type is gone is still a
//! row. A body is read as the bytes it has in SQL Server, UTF-16: one that is damaged costs itself, not
//! the answer it stands in.

use crate::database::Schema;

/// Recipients asked for at once. Shorter lists repeat their last number: one statement, one plan.
pub(super) const RECIPIENTS: usize = 200;

/// From @P1 on: first and last time; NULL where there is nothing.
pub(super) const MESSAGES_SPAN: &str = "/* chatkeep:messages-span */ \
    SELECT MIN(m.MessageIdTime) AS FirstTime, MAX(m.MessageIdTime) AS LastTime \
    FROM dbo.Messages AS m WHERE m.MessageIdTime >= @P1";

/// The same of conferences.
pub(super) const CONFERENCES_SPAN: &str = "/* chatkeep:conference-messages-span */ \
    SELECT MIN(m.[Date]) AS FirstTime, MAX(m.[Date]) AS LastTime \
    FROM dbo.ConferenceMessages AS m WHERE m.[Date] >= @P1";

/// Rows of each hour from @P1 on, before @P2: number of the hour since 1900-01-01, and how many. Hours
/// without rows are left out.
pub(super) const MESSAGES_HOURS: &str = "/* chatkeep:messages-hours */ \
    SELECT DATEDIFF(hour, 0, m.MessageIdTime) AS HourNumber, COUNT_BIG(*) AS RowCount64 \
    FROM dbo.Messages AS m WHERE m.MessageIdTime >= @P1 AND m.MessageIdTime < @P2 \
    GROUP BY DATEDIFF(hour, 0, m.MessageIdTime)";

/// The same of conferences.
pub(super) const CONFERENCES_HOURS: &str = "/* chatkeep:conference-messages-hours */ \
    SELECT DATEDIFF(hour, 0, m.[Date]) AS HourNumber, COUNT_BIG(*) AS RowCount64 \
    FROM dbo.ConferenceMessages AS m WHERE m.[Date] >= @P1 AND m.[Date] < @P2 \
    GROUP BY DATEDIFF(hour, 0, m.[Date])";

/// Of conferences that began from @P1 on, before @P2: who came and went.
pub(super) const CDR_JOINS: &str = "/* chatkeep:cdr-joins */ \
    SELECT c.SessionIdTime, c.SessionIdSeq, cu.ConferenceUri, c.ConferenceStartTime, \
    c.ConferenceEndTime, u.UserUri, j.UserJoinTime, j.UserLeaveTime \
    FROM dbo.FocusJoinsAndLeaves AS j \
    INNER JOIN dbo.Conferences AS c ON c.SessionIdTime = j.SessionIdTime \
    AND c.SessionIdSeq = j.SessionIdSeq \
    INNER JOIN dbo.ConferenceUris AS cu ON cu.ConferenceUriId = c.ConferenceUriId \
    INNER JOIN dbo.Users AS u ON u.UserId = j.UserId \
    WHERE j.SessionIdTime >= @P1 AND j.SessionIdTime < @P2";

/// Messages of sessions of two that began from @P1 on and ended before @P2.
pub(super) const CDR_SESSIONS: &str = "/* chatkeep:cdr-sessions */ \
    SELECT s.SessionIdTime, s.User1MessageCount, s.User2MessageCount \
    FROM dbo.SessionDetails AS s \
    WHERE s.SessionIdTime >= @P1 AND s.SessionIdTime < @P2 AND s.SessionEndTime < @P2";

/// The same of conferences.
pub(super) const CDR_CONFERENCES: &str = "/* chatkeep:cdr-conferences */ \
    SELECT m.SessionIdTime, m.MessageCount, CAST(0 AS int) AS Others \
    FROM dbo.ConferenceMessageCount AS m \
    INNER JOIN dbo.Conferences AS c ON c.SessionIdTime = m.SessionIdTime \
    AND c.SessionIdSeq = m.SessionIdSeq \
    WHERE m.SessionIdTime >= @P1 AND m.SessionIdTime < @P2 AND c.ConferenceEndTime < @P2";

/// Positions of the columns that both pages have.
pub(super) const AT: usize = 0;
pub(super) const NUMBER: usize = 1;
pub(super) const SESSION_TIME: usize = 2;
pub(super) const SESSION_SEQ: usize = 3;
pub(super) const FROM_ID: usize = 4;
pub(super) const FROM_URI: usize = 5;
pub(super) const CONTENT_TYPE: usize = 6;
pub(super) const BODY: usize = 7;
/// Behind them in a page of messages.
pub(super) const TO_ID: usize = 8;
pub(super) const TO_URI: usize = 9;
pub(super) const TOAST: usize = 10;
/// Behind them in a page of conference messages.
pub(super) const CONFERENCE_URI: usize = 8;
pub(super) const ORGANIZER_URI: usize = 9;

const BODY_BYTES: &str = "CAST(CAST(m.Body AS nvarchar(max)) AS varbinary(max)) AS Body";

/// The statements whose columns depend on the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statements {
    /// A page: at most @P1 rows (and those that share the last one's key) behind time @P2 and number
    /// @P3, before time @P4.
    pub(super) messages: String,
    /// The same of conferences.
    pub(super) conference_messages: String,
    /// Recipients of the messages @P1 to @P200: `MessageId`, `SessionIdTime` or NULL, `UserId`,
    /// `UserUri`.
    pub(super) recipients: String,
}

impl Statements {
    /// For a database that has the mandatory columns.
    pub(super) fn of(schema: &Schema) -> Self {
        Self {
            messages: messages(schema),
            conference_messages: conference_messages(schema),
            recipients: recipients(schema),
        }
    }
}

/// Every statement that does not depend on the database.
#[cfg(test)]
pub(super) fn fixed() -> Vec<String> {
    let mut fixed = crate::database::shared_statements();
    let ours = [
        MESSAGES_SPAN,
        CONFERENCES_SPAN,
        MESSAGES_HOURS,
        CONFERENCES_HOURS,
        CDR_JOINS,
        CDR_SESSIONS,
        CDR_CONFERENCES,
    ];
    fixed.extend(ours.map(str::to_owned));
    fixed
}

fn messages(schema: &Schema) -> String {
    let toast = if schema.has("Messages", "Toast") {
        "CAST(m.Toast AS int)"
    } else {
        "CAST(0 AS int)"
    };
    format!(
        "/* chatkeep:messages */ SELECT TOP (@P1) WITH TIES m.MessageIdTime, m.MessageIdSeq, \
         m.SessionIdTime, m.SessionIdSeq, m.FromId, f.UserUri AS FromUri, ct.ContentType, {BODY_BYTES}, \
         m.ToId, t.UserUri AS ToUri, {toast} AS Toast \
         FROM dbo.Messages AS m \
         LEFT JOIN dbo.Users AS f ON f.UserId = m.FromId \
         LEFT JOIN dbo.Users AS t ON t.UserId = m.ToId \
         LEFT JOIN dbo.ContentTypes AS ct ON ct.ContentTypeId = m.ContentTypeId \
         WHERE m.MessageIdTime >= @P2 AND m.MessageIdTime < @P4 \
         AND (m.MessageIdTime > @P2 OR m.MessageIdSeq > @P3) \
         ORDER BY m.MessageIdTime, m.MessageIdSeq"
    )
}

fn conference_messages(schema: &Schema) -> String {
    let has = |column| schema.has("Conferences", column);
    let has_seq = schema.has("ConferenceMessages", "SessionIdSeq");
    // By its time alone a session could be another one.
    let is_joined = has_seq && has("SessionIdTime") && has("SessionIdSeq");
    let mut joins = String::new();
    let mut uri = "CAST(NULL AS nvarchar(450))";
    let mut organizer = "CAST(NULL AS nvarchar(450))";
    if is_joined {
        joins.push_str(
            "LEFT JOIN dbo.Conferences AS cf ON cf.SessionIdTime = m.SessionIdTime \
             AND cf.SessionIdSeq = m.SessionIdSeq ",
        );
        let has_uris = schema.has("ConferenceUris", "ConferenceUriId")
            && schema.has("ConferenceUris", "ConferenceUri");
        if has("ConferenceUri") {
            uri = "cf.ConferenceUri";
        } else if has("ConferenceUriId") && has_uris {
            uri = "cu.ConferenceUri";
            joins.push_str(
                "LEFT JOIN dbo.ConferenceUris AS cu ON cu.ConferenceUriId = cf.ConferenceUriId ",
            );
        }
        if has("OrganizerId") {
            organizer = "o.UserUri";
            joins.push_str("LEFT JOIN dbo.Users AS o ON o.UserId = cf.OrganizerId ");
        }
    }
    let seq = if has_seq {
        "m.SessionIdSeq"
    } else {
        "CAST(0 AS int)"
    };
    format!(
        "/* chatkeep:conference-messages */ SELECT TOP (@P1) WITH TIES m.[Date], m.MessageId, \
         m.SessionIdTime, {seq} AS SessionIdSeq, m.FromId, f.UserUri AS FromUri, ct.ContentType, \
         {BODY_BYTES}, {uri} AS ConferenceUri, {organizer} AS OrganizerUri \
         FROM dbo.ConferenceMessages AS m {joins}\
         LEFT JOIN dbo.Users AS f ON f.UserId = m.FromId \
         LEFT JOIN dbo.ContentTypes AS ct ON ct.ContentTypeId = m.ContentTypeId \
         WHERE m.[Date] >= @P2 AND m.[Date] < @P4 AND (m.[Date] > @P2 OR m.MessageId > @P3) \
         ORDER BY m.[Date], m.MessageId"
    )
}

fn recipients(schema: &Schema) -> String {
    let time = if schema.has("ConferenceMessageRecipientList", "SessionIdTime") {
        "rl.SessionIdTime"
    } else {
        "CAST(NULL AS datetime)"
    };
    let places: Vec<_> = (1..=RECIPIENTS).map(|place| format!("@P{place}")).collect();
    let places = places.join(", ");
    format!(
        "/* chatkeep:recipients */ SELECT rl.MessageId, {time} AS SessionIdTime, rl.UserId, u.UserUri \
         FROM dbo.ConferenceMessageRecipientList AS rl \
         LEFT JOIN dbo.Users AS u ON u.UserId = rl.UserId \
         WHERE rl.MessageId IN ({places})"
    )
}
