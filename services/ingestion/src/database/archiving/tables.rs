use crate::database::Table;

/// Types whose values are compared as they were read.
const TIME: &[&str] = &["datetime"];
const NUMBER: &[&str] = &["int", "bigint", "smallint", "tinyint"];
/// Types that become `nvarchar(max)` without a loss.
const TEXT: &[&str] = &["nvarchar", "ntext", "varchar", "text", "nchar", "char"];

/// What an archiving database must have. How wide a number is, and whether texts are `ntext`, differs
/// between versions.
pub(super) const MANDATORY: [Table; 5] = [
    Table {
        name: "Users",
        columns: &[("UserId", NUMBER), ("UserUri", TEXT)],
    },
    Table {
        name: "ContentTypes",
        columns: &[("ContentTypeId", NUMBER), ("ContentType", TEXT)],
    },
    Table {
        name: "Messages",
        columns: &[
            ("MessageIdTime", TIME),
            ("MessageIdSeq", NUMBER),
            ("SessionIdTime", TIME),
            ("SessionIdSeq", NUMBER),
            ("FromId", NUMBER),
            ("ToId", NUMBER),
            ("ContentTypeId", NUMBER),
            ("Body", TEXT),
        ],
    },
    Table {
        name: "ConferenceMessages",
        columns: &[
            ("MessageId", NUMBER),
            ("Date", TIME),
            ("SessionIdTime", TIME),
            ("FromId", NUMBER),
            ("ContentTypeId", NUMBER),
            ("Body", TEXT),
        ],
    },
    Table {
        name: "ConferenceMessageRecipientList",
        columns: &[("MessageId", NUMBER), ("UserId", NUMBER)],
    },
];

/// What it may have besides, of what is read. Of the conference's URI one of two layouts will do.
pub(super) const OPTIONAL: [(&str, &str); 6] = [
    ("Messages", "Toast"),
    ("ConferenceMessages", "SessionIdSeq"),
    ("ConferenceMessageRecipientList", "SessionIdTime"),
    ("Conferences", "OrganizerId"),
    ("Conferences", "ConferenceStartTime"),
    ("Conferences", "ConferenceUri"),
];

/// What a database of call detail records must have, of what is read.
pub(super) const CALL_DETAILS: [Table; 6] = [
    Table {
        name: "Users",
        columns: &[("UserId", NUMBER), ("UserUri", TEXT)],
    },
    Table {
        name: "ConferenceUris",
        columns: &[("ConferenceUriId", NUMBER), ("ConferenceUri", TEXT)],
    },
    Table {
        name: "Conferences",
        columns: &[
            ("SessionIdTime", TIME),
            ("SessionIdSeq", NUMBER),
            ("ConferenceUriId", NUMBER),
            ("ConferenceStartTime", TIME),
            ("ConferenceEndTime", TIME),
        ],
    },
    Table {
        name: "FocusJoinsAndLeaves",
        columns: &[
            ("SessionIdTime", TIME),
            ("SessionIdSeq", NUMBER),
            ("UserId", NUMBER),
            ("UserJoinTime", TIME),
            ("UserLeaveTime", TIME),
        ],
    },
    Table {
        name: "SessionDetails",
        columns: &[
            ("SessionIdTime", TIME),
            ("User1MessageCount", NUMBER),
            ("User2MessageCount", NUMBER),
            ("SessionEndTime", TIME),
        ],
    },
    Table {
        name: "ConferenceMessageCount",
        columns: &[
            ("SessionIdTime", TIME),
            ("SessionIdSeq", NUMBER),
            ("MessageCount", NUMBER),
        ],
    },
];
