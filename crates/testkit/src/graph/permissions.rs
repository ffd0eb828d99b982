use super::{Kind, call::Reply};

/// An application permission of Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `User.Read.All`
    UserReadAll,
    /// `Mail.ReadWrite`
    MailReadWrite,
}

/// Refuses what nobody has consented to, as the directory and the mailboxes word it.
pub(super) fn check(kind: Kind, granted: &[Role]) -> Result<(), Reply> {
    if kind.is_of_directory() {
        if granted.contains(&Role::UserReadAll) {
            return Ok(());
        }
        return Err(Reply::error(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ));
    }
    if granted.contains(&Role::MailReadWrite) {
        return Ok(());
    }
    Err(denied())
}

/// What a mailbox outside of the application's scope answers.
pub(super) fn denied() -> Reply {
    Reply::error(
        403,
        "ErrorAccessDenied",
        "Access is denied. Check credentials and try again.",
    )
}
