use super::tables::{COLUMNS, Principal, Tables, guid};
use crate::tds::{Answer, Column, DateTime, Kind, Request, Row, Value};

/// When the database was made, and what time it is there, Unix milliseconds.
const CREATED: i64 = 1_400_000_000_000;
const NOW: i64 = 1_800_000_000_000;

impl Tables {
    /// Answers a statement by its name.
    pub(super) fn answer(&self, request: &Request<'_>) -> Answer {
        if let Some(lost) = self.lost_column_in(request.statement) {
            return error(207, format!("Invalid column name '{lost}'."));
        }
        match request.name {
            "session" => Answer::Done(0),
            "identity" => self.identity(),
            "columns" => self.columns(),
            "room-end" => self.room_end(request.parameters),
            "room-list" => self.room_list(request.parameters),
            "room-messages" => self.room_messages(request.parameters),
            "room-principals" => self.room_principals(request.parameters),
            "room-span" => self.room_span(),
            name => error(208, format!("Invalid object name '{name}'.")),
        }
    }

    fn identity(&self) -> Answer {
        let columns = [
            ("service_broker_guid", Kind::Guid),
            ("create_date", Kind::DateTime),
            ("now", Kind::DateTime),
        ];
        let created = DateTime::from_unix_milliseconds(CREATED + i64::from(self.incarnation));
        let row = vec![
            Value::Guid(guid(7, self.incarnation)),
            Value::DateTime(created),
            Value::DateTime(DateTime::from_unix_milliseconds(NOW)),
        ];
        answer(&columns, vec![row])
    }

    fn columns(&self) -> Answer {
        let all = COLUMNS.iter().flat_map(|(table, columns)| {
            let of_table = columns.iter();
            of_table.map(move |(column, kind)| (*table, *column, *kind))
        });
        let found = all.filter(|(table, column, _)| {
            let lost = self.lost.iter();
            !lost.clone().any(|(of, lost)| of == table && lost == column)
        });
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = found.map(|(table, column, kind)| vec![text(table), text(column), text(kind)]);
        let columns = [
            ("TABLE_NAME", Kind::NVarChar(128)),
            ("COLUMN_NAME", Kind::NVarChar(128)),
            ("DATA_TYPE", Kind::NVarChar(128)),
        ];
        answer(&columns, rows.collect())
    }

    fn room_span(&self) -> Answer {
        let times = self.chats.values().map(|chat| chat.ticks);
        let value = |ticks: Option<i64>| ticks.map_or(Value::Null, Value::BigInt);
        let row = vec![value(times.clone().min()), value(times.max())];
        let columns = [("FirstDate", Kind::BigInt), ("LastDate", Kind::BigInt)];
        answer(&columns, vec![row])
    }

    fn room_end(&self, parameters: &[Value]) -> Answer {
        let room = i32::try_from(int(parameters, 0)).unwrap_or(0);
        let (after, ticks) = (int(parameters, 1), int(parameters, 2));
        let mut behind = self
            .chats
            .range((room, after.saturating_add(1))..=(room, i64::MAX));
        let found = behind.find(|(_, chat)| chat.ticks > ticks);
        let found = found.map_or(Value::Null, |((_, id), _)| Value::BigInt(*id));
        answer(&[("chatId", Kind::BigInt)], vec![vec![found]])
    }

    fn lost_column_in(&self, statement: &str) -> Option<&str> {
        let has = |column: &str| {
            let mut words = statement.split(|letter: char| !letter.is_ascii_alphanumeric());
            words.any(|word| word == column)
        };
        let lost = self.lost.iter().map(|(_, column)| column.as_str());
        lost.into_iter().find(|column| has(column))
    }

    fn room_list(&self, parameters: &[Value]) -> Answer {
        let (most, after) = (count(parameters, 0), int(parameters, 1));
        let behind = self.nodes.iter().filter(|(id, _)| i64::from(**id) > after);
        let rows = behind.take(most).map(|(id, node)| {
            vec![
                Value::Int(*id),
                Value::Guid(node.guid),
                Value::Text(node.name.clone()),
                self.last
                    .get(id)
                    .map_or(Value::Null, |last| Value::BigInt(*last)),
            ]
        });
        let columns = [
            ("nodeID", Kind::Int),
            ("nodeGuid", Kind::Guid),
            ("nodeName", Kind::NVarChar(256)),
            ("lastChatID", Kind::BigInt),
        ];
        answer(&columns, rows.collect())
    }

    fn room_messages(&self, parameters: &[Value]) -> Answer {
        let most = count(parameters, 0);
        let room = i32::try_from(int(parameters, 1)).unwrap_or(0);
        let (after, last) = (int(parameters, 2), int(parameters, 3));
        let (from, until) = (int(parameters, 4), int(parameters, 5));
        let behind = self
            .chats
            .range((room, after.saturating_add(1))..=(room, last.max(after)));
        let behind = behind.filter(|(_, chat)| (from..=until).contains(&chat.ticks));
        let rows = behind.take(most).map(|((_, id), chat)| {
            let mut row = vec![
                Value::BigInt(*id),
                Value::BigInt(chat.ticks),
                Value::Int(chat.user),
                self.unless_lost("isAlert", Value::Bit(false)),
                utf16(&chat.content),
                self.unless_lost("rtf", chat.rtf.as_deref().map_or(Value::Null, utf16)),
            ];
            row.extend(self.principal(chat.user));
            row
        });
        let columns = [
            ("chatId", Kind::BigInt),
            ("chatDate", Kind::BigInt),
            ("userId", Kind::Int),
            ("isAlert", Kind::Bit),
            ("content", Kind::VarBinaryMax),
            ("rtf", Kind::VarBinaryMax),
            ("prinUri", Kind::NVarChar(256)),
            ("prinDisplayName", Kind::NVarChar(256)),
            ("prinEmail", Kind::NVarChar(256)),
        ];
        answer(&columns, rows.collect())
    }

    fn room_principals(&self, parameters: &[Value]) -> Answer {
        let wanted: Vec<_> = (0..parameters.len())
            .map(|index| int(parameters, index))
            .collect();
        let found = self
            .principals
            .keys()
            .filter(|id| wanted.contains(&i64::from(**id)));
        let rows = found.map(|id| {
            let mut row = vec![Value::Int(*id)];
            row.extend(self.principal(*id));
            row
        });
        let columns = [
            ("prinID", Kind::Int),
            ("prinUri", Kind::NVarChar(256)),
            ("prinDisplayName", Kind::NVarChar(256)),
            ("prinEmail", Kind::NVarChar(256)),
        ];
        answer(&columns, rows.collect())
    }

    /// `prinUri`, `prinDisplayName` and `prinEmail`, as a LEFT JOIN finds them.
    fn principal(&self, id: i32) -> [Value; 3] {
        let principal = self.principals.get(&id);
        let text = |field: fn(&Principal) -> Option<&String>| {
            let text = principal.and_then(field);
            text.map_or(Value::Null, |text| Value::Text(text.clone()))
        };
        [
            text(|one| Some(&one.uri)),
            self.unless_lost("prinDisplayName", text(|one| Some(&one.name))),
            self.unless_lost("prinEmail", text(|one| one.email.as_ref())),
        ]
    }

    fn unless_lost(&self, column: &str, value: Value) -> Value {
        let is_lost = self.lost.iter().any(|(_, lost)| lost == column);
        if is_lost { Value::Null } else { value }
    }
}

fn answer(columns: &[(&str, Kind)], rows: Vec<Row>) -> Answer {
    let columns = columns.iter();
    Answer::Rows {
        columns: columns
            .map(|(name, kind)| Column::new(name, *kind))
            .collect(),
        rows: Box::new(rows.into_iter()),
    }
}

fn error(number: i32, message: String) -> Answer {
    Answer::Error {
        number,
        class: 16,
        message,
    }
}

fn int(parameters: &[Value], index: usize) -> i64 {
    match parameters.get(index) {
        Some(Value::Int(value)) => (*value).into(),
        Some(Value::BigInt(value)) => *value,
        _ => 0,
    }
}

fn count(parameters: &[Value], index: usize) -> usize {
    usize::try_from(int(parameters, index)).unwrap_or(0)
}

/// `CAST(... AS varbinary(max))` of a text.
fn utf16(text: &str) -> Value {
    Value::Bytes(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}
