use crate::{AuthError, GraphError};

/// What an administrator does about an error, where that is known. `permission` is the application
/// permission of Microsoft Graph that the request needs, e.g. `User.Read.All`; `client` is the
/// application's id, which the commands name.
///
/// The numbers are those of "Microsoft Entra authentication and authorization error codes".
pub fn remedy(error: &GraphError, permission: &str, client: &str) -> Option<String> {
    let text = words(error, permission)?;
    Some(text.replace("CLIENT", client))
}

fn words(error: &GraphError, permission: &str) -> Option<String> {
    match error {
        GraphError::Auth(AuthError::Refused { number, .. }) => sign_in(number.unwrap_or_default()),
        GraphError::Auth(AuthError::Unreachable) => Some(
            "let this machine reach Entra ID and Microsoft Graph over HTTPS, or name the proxy in \
             HTTPS_PROXY"
                .to_owned(),
        ),
        GraphError::Refused { status: 401, .. } => Some(
            "Graph takes tokens of its own cloud only: check endpoint and auth.authority"
                .to_owned(),
        ),
        GraphError::Refused { status: 403, code } => Some(denied(code, permission)),
        _ => None,
    }
}

fn denied(code: &str, permission: &str) -> String {
    if code == "ErrorAccessDenied" {
        return format!(
            "the application may not use this mailbox: grant {permission} with admin consent, and put the \
             mailbox into the scope of the application: Test-ServicePrincipalAuthorization -Identity \
             CLIENT -Resource MAILBOX, or Test-ApplicationAccessPolicy -AppId CLIENT -Identity MAILBOX"
        );
    }
    format!(
        "add the application permission {permission} of Microsoft Graph and grant admin consent: az ad app \
         permission admin-consent --id CLIENT"
    )
}

fn sign_in(number: u32) -> Option<String> {
    let text = match number {
        90_002 | 900_023 => "auth.tenant is no tenant: use its id or one of its domains",
        700_016 => {
            "auth.client is no application of this tenant: use the application (client) id, and the tenant \
             it is registered in"
        }
        7_000_215 => {
            "auth.secret is not the application's: store the secret's value, not its id; a new one: az ad \
             app credential reset --id CLIENT --append"
        }
        7_000_222 => {
            "the application's secret has expired: make a new one: az ad app credential reset --id CLIENT \
             --append"
        }
        700_027 => {
            "the application does not know the certificate, or it has expired: az ad app credential reset \
             --id CLIENT --cert @certificate.pem --append"
        }
        700_024 => "the clock of this machine is wrong: set it by NTP",
        700_213 | 70_021 => {
            "the application has no federated credential for this service account: az ad app \
             federated-credential create --id CLIENT --parameters federation.json"
        }
        7_000_229 | 650_051 => {
            "the application is not known in this tenant yet: az ad sp create --id CLIENT"
        }
        7_000_112 => "the application is disabled: enable it under Enterprise applications",
        53_003 => {
            "a conditional access policy keeps the application out: exclude it, or this address"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_named_with_the_command_that_grants_it() {
        let error = GraphError::Refused {
            status: 403,
            code: "Authorization_RequestDenied".to_owned(),
        };

        let remedy = remedy(&error, "User.Read.All", "4711").unwrap();

        assert!(remedy.contains("User.Read.All"), "{remedy}");
        assert!(remedy.contains("admin-consent --id 4711"), "{remedy}");
    }
}
