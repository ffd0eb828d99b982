use super::{
    Field, Kind, Type, field,
    tenant::{AUTHORITY, CERTIFICATE, CLIENT, GRAPH_ENDPOINT, SECRET, TENANT, WORKLOAD_IDENTITY},
};

/// Types of directories.
pub(in super::super) const DIRECTORIES: &[Type] = &[
    Type {
        name: "csv",
        title: "CSV file",
        about: "userPrincipalName, displayName, mail, proxyAddresses, sipAddress.",
        fixed: &[],
        fields: &[field(
            "path",
            "File",
            Kind::Path,
            "The file as this server sees it.",
        )],
    },
    Type {
        name: "ldap",
        title: "Active Directory",
        about: "The users of a domain, read from one domain controller.",
        fixed: &[],
        fields: LDAP,
    },
    Type {
        name: "graph",
        title: "Microsoft 365",
        about: "The users of a tenant, through Microsoft Graph.",
        fixed: &[],
        fields: GRAPH,
    },
];

const LDAP: &[Field] = &[
    field(
        "url",
        "Domain controller",
        Kind::Text,
        "ldaps://dc01.contoso.com, or ldap:// with STARTTLS. Name one, not the domain.",
    ),
    field(
        "base",
        "Base",
        Kind::Text,
        "Below what users are looked for: DC=contoso,DC=com",
    ),
    field(
        "user",
        "User",
        Kind::Secret,
        "Reference to the account that reads: env:NAME or file:/path.",
    ),
    field(
        "password",
        "Password",
        Kind::Secret,
        "Reference to its password: env:NAME or file:/path.",
    ),
    field(
        "starttls",
        "STARTTLS",
        Kind::Flag,
        "Protects an ldap:// connection before anything is said.",
    )
    .or("false"),
    field(
        "ca",
        "Certificate authorities",
        Kind::Path,
        "PEM file of authorities to trust beside the system's.",
    )
    .seldom(""),
    field("filter", "Filter", Kind::Text, "Whom to read (RFC 4515).")
        .seldom("people with an address"),
    field("page_size", "Users at once", Kind::Number, "").seldom("1000"),
    field("timeout", "An answer may take", Kind::Time, "").seldom("30s"),
];

const GRAPH: &[Field] = &[
    TENANT,
    CLIENT,
    CERTIFICATE,
    SECRET,
    WORKLOAD_IDENTITY,
    GRAPH_ENDPOINT,
    AUTHORITY,
];
