use super::tables::{COLUMNS, Principal, Tables, guid_text};
use crate::tds::{Answer, Column, Kind, Request, Row, Value};

impl Tables {
    /// Answers a statement by its name.
    pub(super) fn answer(&self, request: &Request<'_>) -> Answer {
        if let Some(lost) = self.lost_column_in(request.statement) {
            return error(207, format!("Invalid column name '{lost}'."));
        }
        match request.name {
            "room-list" => self.room_list(request.parameters),
            "room-messages" => self.room_messages(request.parameters),
            "room-principals" => self.room_principals(request.parameters),
            "room-downloads" => self.room_downloads(request.parameters),
            name => error(208, format!("Invalid object name '{name}'.")),
        }
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
                self.last.get(id).map_or(Value::Null, |last| Value::BigInt(*last)),
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
        let behind = self.chats.range((room, after.saturating_add(1))..=(room, last.max(after)));
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
        let wanted: Vec<_> = (0..parameters.len()).map(|index| int(parameters, index)).collect();
        let found = self.principals.keys().filter(|id| wanted.contains(&i64::from(**id)));
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

    fn room_downloads(&self, parameters: &[Value]) -> Answer {
        let most = count(parameters, 0);
        let after = match parameters.get(1) {
            Some(Value::Text(after)) => after.as_str(),
            _ => "",
        };
        let behind = self.tokens.iter().filter(|(token, one)| token.as_str() > after && !one.is_upload);
        let rows = behind.take(most).map(|(token, one)| {
            let node = self.nodes.get(&one.room);
            let mut row = vec![
                Value::Text(token.clone()),
                Value::Text(time_text(one.ticks)),
                Value::Int(one.user),
                node.map_or(Value::Null, |node| Value::Guid(node.guid)),
                Value::Text(one.url.clone()),
                node.map_or(Value::Null, |_| Value::Int(one.room)),
                node.map_or(Value::Null, |node| Value::Text(node.name.clone())),
            ];
            row.extend(self.principal(one.user));
            row
        });
        let columns = [
            ("fileToken", Kind::NVarChar(50)),
            ("time", Kind::NVarChar(40)),
            ("fileTokenUserID", Kind::Int),
            ("fileTokenChannelID", Kind::Guid),
            ("fileTokenComplianceFileUrl", Kind::NVarChar(256)),
            ("nodeID", Kind::Int),
            ("nodeName", Kind::NVarChar(256)),
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
        columns: columns.map(|(name, kind)| Column::new(name, *kind)).collect(),
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

/// `CONVERT(nvarchar(40), ..., 126)` of a `datetime2`.
fn time_text(ticks: i64) -> String {
    let seconds = (ticks - super::TICKS_AT_EPOCH) / super::TICKS_PER_SECOND;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The date so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
