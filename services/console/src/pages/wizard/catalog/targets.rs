use super::{
    Field, Kind, Type, field,
    tenant::{AUTHORITY, CERTIFICATE, CLIENT, GRAPH_ENDPOINT, SECRET, TENANT, WORKLOAD_IDENTITY},
};

/// Types of targets.
pub(in super::super) const TARGETS: &[Type] = &[
    Type {
        name: "graph",
        title: "Exchange Online",
        about: "Mailboxes of a Microsoft 365 tenant.",
        fixed: &[],
        fields: GRAPH,
    },
    Type {
        name: "ews",
        title: "Exchange Server",
        about: "Mailboxes on your own servers, through Exchange Web Services.",
        fixed: &[],
        fields: EWS,
    },
    Type {
        name: "imap",
        title: "IMAP",
        about: "Any IMAP server: Dovecot, Cyrus, others.",
        fixed: &[],
        fields: IMAP,
    },
    Type {
        name: "maildir",
        title: "Maildir",
        about: "A folder per mailbox on this server.",
        fixed: &[],
        fields: &[
            field(
                "path",
                "Folder",
                Kind::Path,
                "The folder of mailboxes as this server sees it.",
            ),
            FOLDER,
            MAX_ITEM,
        ],
    },
    Type {
        name: "discard",
        title: "Discard",
        about: "A trial: items are checked, counted and forgotten.",
        fixed: &[],
        fields: &[MAX_ITEM],
    },
];

const FOLDER: Field =
    field("folder", "Folder in each mailbox", Kind::Text, "").seldom("Inbox/Skype for Business");
const MAX_ITEM: Field = field(
    "max_item",
    "Largest item",
    Kind::Text,
    "Larger items are split into numbered parts.",
)
.seldom("25MB");

const TAG: Field = field(
    "tag.id",
    "Retention tag",
    Kind::Text,
    "For every imported message: RetentionId of Get-RetentionPolicyTag. Without one the folder's or the mailbox's holds.",
)
.seldom("none");
const TAG_DAYS: Field = field(
    "tag.days",
    "Days of the retention tag",
    Kind::Number,
    "AgeLimitForRetention of the same tag.",
)
.seldom("");

const GRAPH: &[Field] = &[
    TENANT,
    CLIENT,
    CERTIFICATE,
    SECRET,
    WORKLOAD_IDENTITY,
    field("retention", "Retention of the mailboxes", Kind::Time, "The age at which their policies delete, e.g. 7y: you are warned when the sources hold older conversations.").or(""),
    GRAPH_ENDPOINT,
    AUTHORITY,
    FOLDER,
    MAX_ITEM,
    TAG,
    TAG_DAYS,
];

const EWS: &[Field] = &[
    field(
        "url",
        "Address",
        Kind::Text,
        "https://mail.contoso.com/EWS/Exchange.asmx",
    ),
    field(
        "user",
        "User",
        Kind::Secret,
        "Reference to the account that writes: env:NAME or file:/path.",
    ),
    field(
        "password",
        "Password",
        Kind::Secret,
        "Reference to its password: env:NAME or file:/path.",
    ),
    field(
        "impersonate",
        "Impersonate",
        Kind::Flag,
        "Acts as the owner of each mailbox (ApplicationImpersonation).",
    )
    .or("true"),
    field(
        "ca",
        "Certificate authorities",
        Kind::Path,
        "PEM file of authorities to trust beside the system's.",
    )
    .seldom(""),
    FOLDER,
    MAX_ITEM,
    TAG,
    TAG_DAYS,
];

const IMAP: &[Field] = &[
    field("host", "Host", Kind::Text, "Name or address of the server."),
    field(
        "tls",
        "TLS",
        Kind::Choice(&[
            ("implicit", "From the first byte (993)"),
            ("starttls", "STARTTLS (143)"),
            ("none", "None: loopback only"),
        ]),
        "",
    )
    .or("implicit"),
    field(
        "auth",
        "Sign in",
        Kind::Choice(&[
            ("plain", "As each mailbox, with one password"),
            ("authzid", "As a service account, acting for each mailbox"),
            ("master", "As Dovecot's master user"),
            ("xoauth2", "With a token (XOAUTH2)"),
        ]),
        "",
    )
    .or("plain"),
    field(
        "user",
        "Service account",
        Kind::Secret,
        "Reference; for authzid and master.",
    )
    .or(""),
    field(
        "password",
        "Password",
        Kind::Secret,
        "Reference to the password, or to the bearer token of XOAUTH2.",
    )
    .or(""),
    field(
        "login",
        "Login name",
        Kind::Text,
        "{mailbox} is a mailbox's address, {local} the part before the @.",
    )
    .or("{mailbox}"),
    field("port", "Port", Kind::Number, "").seldom("993, or 143"),
    field(
        "ca",
        "Certificate authorities",
        Kind::Path,
        "PEM file of authorities to trust beside the system's.",
    )
    .seldom(""),
    field(
        "entra.tenant",
        "Entra ID: tenant",
        Kind::Text,
        "Exchange Online by IMAP: tokens are asked of Entra ID.",
    )
    .seldom(""),
    field("entra.client", "Entra ID: application", Kind::Text, "").seldom(""),
    field(
        "entra.certificate",
        "Entra ID: certificate",
        Kind::Secret,
        "",
    )
    .seldom(""),
    field("entra.secret", "Entra ID: secret", Kind::Secret, "").seldom(""),
    FOLDER,
    MAX_ITEM,
];
