//! What signs in to a Microsoft 365 tenant, for directory and target alike.

use super::{Field, Kind, field};

pub(super) const TENANT: Field = field(
    "auth.tenant",
    "Tenant",
    Kind::Text,
    "Its id, or one of its domains.",
);
pub(super) const CLIENT: Field =
    field("auth.client", "Application", Kind::Text, "Its (client) id.");
pub(super) const CERTIFICATE: Field = field("auth.certificate", "Certificate", Kind::Secret, "Reference to a PEM file with certificate and key. Exactly one of certificate, secret and workload identity.").or("");
pub(super) const SECRET: Field = field(
    "auth.secret",
    "Secret",
    Kind::Secret,
    "Reference to a secret of the application.",
)
.or("");
pub(super) const WORKLOAD_IDENTITY: Field = field(
    "auth.workload_identity",
    "Workload identity",
    Kind::Flag,
    "The Kubernetes service account proves who it is.",
)
.or("false");
pub(super) const GRAPH_ENDPOINT: Field = field(
    "endpoint",
    "Microsoft Graph",
    Kind::Text,
    "National clouds have another address.",
)
.seldom("https://graph.microsoft.com/v1.0");
pub(super) const AUTHORITY: Field = field(
    "auth.authority",
    "Authority",
    Kind::Text,
    "National clouds have another one.",
)
.seldom("https://login.microsoftonline.com");
