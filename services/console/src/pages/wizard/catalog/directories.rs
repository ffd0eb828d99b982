use super::{Field, Kind, Type, field};

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
    field("auth.tenant", "Tenant", Kind::Text, "Its id, or one of its domains."),
    field("auth.client", "Application", Kind::Text, "Its (client) id."),
    field("auth.certificate", "Certificate", Kind::Secret, "Reference to a PEM file with certificate and key. Exactly one of certificate, secret and workload identity.").or(""),
    field("auth.secret", "Secret", Kind::Secret, "Reference to a secret of the application.").or(""),
    field("auth.workload_identity", "Workload identity", Kind::Flag, "The Kubernetes service account proves who it is.").or("false"),
    field("endpoint", "Microsoft Graph", Kind::Text, "National clouds have another address.").seldom("https://graph.microsoft.com/v1.0"),
    field("auth.authority", "Authority", Kind::Text, "National clouds have another one.").seldom("https://login.microsoftonline.com"),
];
