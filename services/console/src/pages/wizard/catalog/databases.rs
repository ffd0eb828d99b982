use super::{FROM, Field, Kind, TO, field};

const SERVER: Field = field(
    "server",
    "Server",
    Kind::Text,
    "Host name or address, or host\\INSTANCE.",
);
const PORT: Field = field(
    "port",
    "Port",
    Kind::Number,
    "Of a named instance, SQL Server Browser's.",
)
.seldom("1433");
const USER: Field = field(
    "auth.user",
    "User",
    Kind::Secret,
    "Reference to the login's name: env:NAME or file:/path.",
);
const PASSWORD: Field = field(
    "auth.password",
    "Password",
    Kind::Secret,
    "Reference to its password: env:NAME or file:/path.",
);
const TLS: Field = field(
    "tls",
    "TLS",
    Kind::Choice(&[
        ("verify", "Verify: the certificate must be trusted"),
        ("trust", "Trust: any certificate"),
        ("none", "None: loopback only"),
    ]),
    "",
)
.or("verify");
const CA: Field = field(
    "ca",
    "Certificate authorities",
    Kind::Path,
    "PEM file of authorities to trust beside the system's.",
)
.seldom("");
const PARTNER: Field = field(
    "failover_partner",
    "Mirror",
    Kind::Text,
    "Tried when the server cannot be reached.",
)
.seldom("");
const SUBNETS: Field = field(
    "multi_subnet_failover",
    "Availability group in several subnets",
    Kind::Flag,
    "Connects to all addresses of the server at once.",
)
.seldom("false");
const IDENTITY: Field = field(
    "identity",
    "Identity",
    Kind::Text,
    "After a database was rebuilt: what the error says.",
)
.seldom("");
const PAGE: Field = field("page_size", "Rows at once", Kind::Number, "").seldom("5000");
const RATE: Field = field(
    "rows_per_second",
    "Rows per second",
    Kind::Number,
    "Reads no faster.",
)
.seldom("no limit");
const CONNECT: Field =
    field("connect_timeout", "Connecting may take", Kind::Time, "").seldom("15s");
const STATEMENT: Field =
    field("statement_timeout", "A statement may take", Kind::Time, "").seldom("2m");

/// `LcsLog`.
pub(super) const ARCHIVING_DATABASE: &[Field] = &[
    SERVER,
    field("database", "Database", Kind::Text, "").or("LcsLog"),
    USER,
    PASSWORD,
    TLS,
    FROM,
    TO,
    field("retention.days", "The server keeps (days)", Kind::Number, "KeepArchivingDataForDays, where purging is on: then this console warns before unread rows are purged.").or(""),
    field("retention.purge_hour", "Purges at hour (UTC)", Kind::Number, "PurgeHourOfDay, as an hour of UTC.").seldom("2"),
    field("retention.margin", "Warn so long before", Kind::Time, "").seldom("half of the days"),
    PORT,
    CA,
    PARTNER,
    SUBNETS,
    IDENTITY,
    field("cdr.server", "Call detail records: server", Kind::Text, "Where LcsCDR is not on the archiving database's server.").seldom("the same"),
    field("cdr.port", "Call detail records: port", Kind::Number, "Of that server.").seldom("1433"),
    field("cdr.database", "Call detail records: database", Kind::Text, "").seldom("LcsCDR"),
    field("cdr", "Read call detail records", Kind::Part, "LcsCDR says exactly who came to a conference and went when, and how many messages there were. Signs in as to the archiving database.").or(""),
    field("settle", "Settle", Kind::Time, "Conferences are read when they are that old: CachePurgingInterval or more.").seldom("24h"),
    field("overlap", "Overlap", Kind::Time, "So much of what was read last is read again.").seldom("1h"),
    field("recount", "Recount", Kind::Time, "So far back rows are counted again and compared.").seldom("7d"),
    field("scope", "Scope", Kind::List, "Patterns of the users whose conversations are archived.").seldom("everybody"),
    PAGE,
    RATE,
    CONNECT,
    STATEMENT,
];

/// `mgc`.
pub(super) const PERSISTENT_CHAT_DATABASE: &[Field] = &[
    SERVER,
    field("database", "Database", Kind::Text, "").or("mgc"),
    USER,
    PASSWORD,
    TLS,
    FROM,
    TO,
    PORT,
    CA,
    PARTNER,
    SUBNETS,
    IDENTITY,
    field(
        "domain",
        "Domain of rooms",
        Kind::Text,
        "The one in ma-chan://DOMAIN/... Fixed once something was archived.",
    )
    .seldom("the connector's"),
    field(
        "reread",
        "Read again for",
        Kind::Time,
        "To find out which messages were replaced or removed; at least a day.",
    )
    .seldom("7d"),
    PAGE,
    RATE,
    CONNECT,
    STATEMENT,
];
