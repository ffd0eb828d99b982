//! What an administrator must know before the first import.

use chatkeep_microsoft365::{GraphError, Request, remedy};
use chatkeep_model::connector;

use super::{
    GraphTarget,
    client::{Client, PATIENCE},
    folder,
    trouble::{Trouble, says_unknown_name},
};
use crate::{check::Finding, target::TargetError};

/// The application permission that importing needs.
const PERMISSION: &str = "Mail.ReadWrite";

/// Signs in, opens a sample mailbox where one is known, looks for the folder; changes nothing.
pub(crate) async fn check(
    target: &GraphTarget,
    settings: &connector::GraphTarget,
    sample: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    let Some(mailbox) = sample else {
        return Ok(vec![fine(
            "no mailbox known to look into: whether Microsoft Graph lets us in is not known"
                .to_owned(),
        )]);
    };
    let mut client = target.client(mailbox);
    let mut looked = look_into(target, &client).await?;
    let is_unknown = |error: &GraphError| matches!(error, GraphError::Refused { code, .. } if says_unknown_name(code));
    if looked.as_ref().is_err_and(is_unknown)
        && let Some(owner) = client.by_owner().await.map_err(Trouble::in_folder)?
    {
        client = owner;
        looked = look_into(target, &client).await?;
    }
    if let Err(error) = looked {
        return refused(error, settings).map(|finding| vec![finding]);
    }
    let mut findings = vec![fine("Microsoft Graph opens the sample mailbox".to_owned())];
    let path = &settings.folder;
    let found = folder::find(&client, path)
        .await
        .map_err(Trouble::at_folder)?;
    findings.push(match found {
        Some(_) => fine(format!("the folder {path} is there")),
        None => fine(format!("the folder {path} will be created")),
    });
    findings.push(fine(format!(
        "reading is proved, writing is not without writing: the application needs {PERMISSION}. \
         Test-ServicePrincipalAuthorization -Identity {} -Resource {mailbox} shows it",
        settings.auth.client
    )));
    Ok(findings)
}

async fn look_into(
    target: &GraphTarget,
    client: &Client,
) -> Result<Result<(), GraphError>, TargetError> {
    let admitted = client.admitted(0, PATIENCE).await;
    admitted.map_err(Trouble::in_folder)?;
    let path = client.path("mailFolders/inbox?$select=id");
    Ok(target.graph.send(Request::get(path)).await.map(drop))
}

/// What a refusal means and which command mends it. Outages are errors, not findings.
fn refused(error: GraphError, settings: &connector::GraphTarget) -> Result<Finding, TargetError> {
    let client = &settings.auth.client;
    let advice = match &error {
        GraphError::Refused { status: 404, .. } => Some(
            "there is no such mailbox in Exchange Online: check the user's licence, and that the mailbox was \
             moved to the cloud: Get-EXOMailbox -Identity MAILBOX"
                .to_owned(),
        ),
        GraphError::Refused { status: 403, code } if code == "ErrorAccessDenied" => Some(format!(
            "the application may not use this mailbox: assign it the role in Exchange Online, limited to the \
             mailboxes to archive: New-ServicePrincipal -AppId {client} -ObjectId OBJECT; \
             New-ManagementRoleAssignment -App {client} -Role \"Application {PERMISSION}\" \
             -CustomResourceScope SCOPE. Or grant {PERMISSION} with admin consent: az ad app permission \
             admin-consent --id {client}. A policy may keep it out: Test-ApplicationAccessPolicy -AppId \
             {client} -Identity MAILBOX"
        )),
        error => remedy(error, PERMISSION, client),
    };
    match advice {
        Some(advice) => Ok(Finding {
            is_problem: true,
            text: format!("{}: {advice}", chain(&error)),
        }),
        None => Err(match error {
            GraphError::Throttled { after, .. } => TargetError::Busy {
                after: after.unwrap_or_default(),
            },
            error => TargetError::Unreachable {
                source: error.into(),
            },
        }),
    }
}

/// An error with its causes.
fn chain(error: &GraphError) -> String {
    match error {
        GraphError::Auth(cause) => format!("{error}: {cause}"),
        error => error.to_string(),
    }
}

fn fine(text: String) -> Finding {
    Finding {
        is_problem: false,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(status: u16, code: &str) -> String {
        let text = "endpoint = \"https://graph.microsoft.com/v1.0\"\n\
                    auth = { tenant = \"contoso.com\", client = \"app-id\", secret = \"env:X\" }";
        let settings: connector::GraphTarget = toml::from_str(text).unwrap();
        let code = code.to_owned();
        refused(GraphError::Refused { status, code }, &settings)
            .unwrap()
            .text
    }

    #[test]
    fn each_refusal_comes_with_the_command_that_mends_it() {
        let denied = advice(403, "ErrorAccessDenied");
        assert!(
            denied.contains("New-ManagementRoleAssignment -App app-id"),
            "{denied}"
        );
        assert!(
            denied.contains("Test-ApplicationAccessPolicy -AppId app-id"),
            "{denied}"
        );
        let consent = advice(403, "Authorization_RequestDenied");
        assert!(
            consent.contains("az ad app permission admin-consent --id app-id"),
            "{consent}"
        );
        let missing = advice(404, "MailboxNotEnabledForRESTAPI");
        assert!(missing.contains("Get-EXOMailbox"), "{missing}");
    }
}
