//! All T-SQL of the source. Keyset pages, no `SELECT *`, `LEFT JOIN` so that no row goes with what it
//! refers to. Texts come as bytes: what the server calls `nvarchar` may hold half a surrogate pair, which
//! no driver lets through. `{...}` stands for an optional column, or NULL where the database has none.

/// Principals asked for at once.
pub(super) const MOST_PRINCIPALS: usize = 20;

/// Rooms behind `@P2`, at most `@P1`.
pub(super) const ROOMS: &str = "/* chatkeep:room-list */ \
    SELECT TOP (@P1) n.nodeID, n.nodeGuid, n.nodeName, l.lastChatID \
    FROM dbo.tblNode n LEFT JOIN dbo.tblLastChatId l ON l.nodeID = n.nodeID \
    WHERE n.nodeType = 0 AND n.nodeID > @P2 \
    ORDER BY n.nodeID";

/// Chat messages of room `@P2` behind `@P3` and up to `@P4`, from ticks `@P5` on and up to `@P6`, at
/// most `@P1`.
pub(super) const MESSAGES: &str = "/* chatkeep:room-messages */ \
    SELECT TOP (@P1) c.chatId, c.chatDate, c.userId, {c.isAlert}, \
    CAST(CAST(c.content AS nvarchar(max)) AS varbinary(max)), \
    CAST(CAST({c.rtf} AS nvarchar(max)) AS varbinary(max)), \
    p.prinUri, {p.prinDisplayName}, {p.prinEmail} \
    FROM dbo.tblChat c LEFT JOIN dbo.tblPrincipal p ON p.prinID = c.userId \
    WHERE c.channelId = @P2 AND c.chatId > @P3 AND c.chatId <= @P4 \
    AND c.chatDate >= @P5 AND c.chatDate <= @P6 \
    ORDER BY c.chatId";

/// The first chat message of room `@P1` behind `@P2` that is later than ticks `@P3`.
pub(super) const FIRST_BEHIND: &str = "/* chatkeep:room-end */ \
    SELECT TOP (1) c.chatId \
    FROM dbo.tblChat c \
    WHERE c.channelId = @P1 AND c.chatId > @P2 AND c.chatDate > @P3 \
    ORDER BY c.chatId";

/// Chat messages of each room from ticks `@P1` on and up to `@P2`: the room, and how many. Rooms without any are
/// left out.
pub(super) const COUNT: &str = "/* chatkeep:room-count */ \
    SELECT c.channelId, COUNT_BIG(*) AS RowCount64 \
    FROM dbo.tblChat c INNER JOIN dbo.tblNode n ON n.nodeID = c.channelId \
    WHERE n.nodeType = 0 AND c.chatDate >= @P1 AND c.chatDate <= @P2 \
    GROUP BY c.channelId";

/// The principals with these ids, the last one repeated.
pub(super) const PRINCIPALS: &str = "/* chatkeep:room-principals */ \
    SELECT p.prinID, p.prinUri, {p.prinDisplayName}, {p.prinEmail} \
    FROM dbo.tblPrincipal p \
    WHERE p.prinID IN (@P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P9, @P10, \
    @P11, @P12, @P13, @P14, @P15, @P16, @P17, @P18, @P19, @P20)";

/// The statement with its optional columns, or NULL where the database has none.
pub(super) fn fill(statement: &str, has: impl Fn(&str, &str) -> bool) -> String {
    let mut filled = String::with_capacity(statement.len());
    for piece in statement.split('{') {
        let Some((named, rest)) = piece.split_once('}') else {
            filled.push_str(piece);
            continue;
        };
        let (alias, column) = named.split_once('.').unwrap_or(("", named));
        let table = if alias == "c" {
            "tblChat"
        } else {
            "tblPrincipal"
        };
        filled.push_str(match column {
            _ if has(table, column) => named,
            "isAlert" => "CAST(NULL AS bit)",
            _ => "CAST(NULL AS nvarchar(max))",
        });
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_do_without_columns_that_are_not_there() {
        let whole = fill(MESSAGES, |_, _| true);
        let bare = fill(MESSAGES, |table, column| {
            (table, column) == ("tblPrincipal", "prinEmail")
        });

        assert!(whole.contains("c.userId, c.isAlert, CAST"));
        assert!(whole.contains("CAST(CAST(c.rtf AS nvarchar(max)) AS varbinary(max))"));
        assert!(bare.contains("c.userId, CAST(NULL AS bit), CAST"));
        assert!(bare.contains("p.prinUri, CAST(NULL AS nvarchar(max)), p.prinEmail FROM"));
        assert!(!bare.contains("rtf") && !bare.contains('{'));
    }

    #[test]
    fn every_statement_names_itself_and_every_column() {
        for statement in [ROOMS, MESSAGES, FIRST_BEHIND, COUNT, PRINCIPALS] {
            assert!(statement.starts_with("/* chatkeep:room-"), "{statement}");
            assert!(!statement.contains("SELECT *"), "{statement}");
        }
        assert!(PRINCIPALS.contains(&format!("@P{MOST_PRINCIPALS})")));
    }

    #[test]
    fn every_statement_is_transact_sql() {
        use sqlparser::{dialect::MsSqlDialect, parser::Parser};

        for statement in [ROOMS, MESSAGES, FIRST_BEHIND, COUNT, PRINCIPALS] {
            for has_all in [true, false] {
                let statement = fill(statement, |_, _| has_all);
                let parsed = Parser::parse_sql(&MsSqlDialect {}, &statement);
                assert!(parsed.is_ok(), "{statement}: {parsed:?}");
            }
        }
    }
}
