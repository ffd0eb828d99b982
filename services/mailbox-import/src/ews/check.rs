//! What an administrator must know before the first import.

use chatkeep_model::connector;

use super::{
    EwsTarget,
    failure::{EwsError, Failure},
    folder,
};
use crate::{check::Finding, target::TargetError};

/// Signs in, opens a sample mailbox where one is known, looks for the folder; changes nothing.
pub(crate) async fn check(
    target: &EwsTarget,
    settings: &connector::EwsTarget,
    sample: Option<&str>,
) -> Result<Vec<Finding>, TargetError> {
    let Some(mailbox) = sample else {
        return Ok(vec![fine(
            "no mailbox known to look into: whether Exchange lets us in is not known".to_owned(),
        )]);
    };
    let path = &settings.folder;
    let found = match folder::find(&target.client(mailbox), path).await {
        Ok(found) => found,
        Err(failure) => return refused(failure, settings).map(|finding| vec![finding]),
    };
    let is_there = if found.is_some() {
        "is there"
    } else {
        "will be created"
    };
    Ok(vec![
        fine("Exchange opens the sample mailbox".to_owned()),
        fine(format!("the folder {path} {is_there}")),
        fine("reading is proved, writing is not without writing".to_owned()),
    ])
}

/// What a refusal means and which command mends it. Outages are errors, not findings.
fn refused(failure: Failure, settings: &connector::EwsTarget) -> Result<Finding, TargetError> {
    let (cause, advice) = match failure {
        Failure::Login(error) if settings.impersonate => (
            error,
            "the account may not act as the owner of this mailbox: New-ManagementRoleAssignment -Name Chatkeep \
             -Role ApplicationImpersonation -User ACCOUNT, with -CustomRecipientWriteScope SCOPE for the \
             mailboxes to archive only",
        ),
        Failure::Login(error) => (
            error,
            "the account may not open this mailbox: Add-MailboxPermission -Identity MAILBOX -User ACCOUNT \
             -AccessRights FullAccess; or set impersonate = true and assign ApplicationImpersonation",
        ),
        Failure::NoMailbox => (
            EwsError::Code("ErrorNonExistentMailbox".to_owned()),
            "there is no such mailbox on this Exchange, or the address is not its primary one: Get-Mailbox \
             -Identity MAILBOX",
        ),
        Failure::Setup(error @ EwsError::Untrusted) => {
            return Ok(problem(error.to_string()));
        }
        Failure::Setup(error @ EwsError::Status(401)) => (
            error,
            "check user and password, and that basic authentication is let in: \
             Set-WebServicesVirtualDirectory -Identity \"SERVER\\EWS (Default Web Site)\" \
             -BasicAuthentication $true",
        ),
        Failure::Setup(error) => (
            error,
            "check url: Get-WebServicesVirtualDirectory | Format-List InternalUrl,ExternalUrl; and that the \
             application is let in: Get-OrganizationConfig | Format-List Ews*",
        ),
        failure => return Err(failure.at_folder()),
    };
    Ok(problem(format!("{cause}: {advice}")))
}

fn problem(text: String) -> Finding {
    Finding {
        is_problem: true,
        text,
    }
}

fn fine(text: String) -> Finding {
    Finding {
        is_problem: false,
        text,
    }
}
