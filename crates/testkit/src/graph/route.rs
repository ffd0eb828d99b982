use http::Method;

use super::call::Call;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `POST /{tenant}/oauth2/v2.0/token`
    Token,
    /// `GET /users`
    Users,
    /// `GET /users/{user}`
    User,
    /// `GET /users/delta`
    Delta,
    /// `GET .../mailFolders` or `.../childFolders`
    ListFolders,
    /// `GET .../mailFolders/{folder}`
    GetFolder,
    /// `POST .../mailFolders` or `.../childFolders`
    CreateFolder,
    /// `DELETE .../mailFolders/{folder}`
    DeleteFolder,
    /// `POST .../mailFolders/{folder}/permanentDelete`
    PermanentlyDeleteFolder,
    /// `GET .../messages`
    ListMessages,
    /// `POST .../messages`
    CreateMessage,
    /// `GET .../messages/{message}`
    GetMessage,
    /// `PATCH .../messages/{message}`
    UpdateMessage,
    /// `GET .../messages/{message}/$value`
    GetMime,
    /// `DELETE .../messages/{message}`
    DeleteMessage,
    /// `POST .../messages/{message}/permanentDelete`
    PermanentlyDelete,
    /// `GET .../messages/{message}/attachments`
    ListAttachments,
    /// `POST .../messages/{message}/attachments`
    CreateAttachment,
    /// `POST .../messages/{message}/attachments/createUploadSession`
    CreateUploadSession,
    /// `PUT` to the address of an upload session
    Upload,
    /// `POST /$batch`; its requests count by themselves too
    Batch,
    /// Anything else: answered with 404.
    Unknown,
}

impl Kind {
    /// What a call below the version asks for.
    pub(super) fn of(call: &Call) -> Self {
        let segments = call.segments();
        match segments[..] {
            ["$batch"] => Self::only(call, &Method::POST, Self::Batch),
            ["users"] => Self::only(call, &Method::GET, Self::Users),
            ["users", "delta"] => Self::only(call, &Method::GET, Self::Delta),
            ["users", _] => Self::only(call, &Method::GET, Self::User),
            ["users", _, "messages", ref rest @ ..]
            | ["users", _, "mailFolders", _, "messages", ref rest @ ..] => {
                Self::of_messages(call, rest)
            }
            ["users", _, "mailFolders"] | ["users", _, "mailFolders", _, "childFolders"] => {
                match call.method {
                    Method::GET => Self::ListFolders,
                    Method::POST => Self::CreateFolder,
                    _ => Self::Unknown,
                }
            }
            ["users", _, "mailFolders", _] => match call.method {
                Method::GET => Self::GetFolder,
                Method::DELETE => Self::DeleteFolder,
                _ => Self::Unknown,
            },
            ["users", _, "mailFolders", _, "permanentDelete"] => {
                Self::only(call, &Method::POST, Self::PermanentlyDeleteFolder)
            }
            _ => Self::Unknown,
        }
    }

    fn of_messages(call: &Call, rest: &[&str]) -> Self {
        match (&call.method, rest) {
            (&Method::GET, []) => Self::ListMessages,
            (&Method::POST, []) => Self::CreateMessage,
            (&Method::GET, [_]) => Self::GetMessage,
            (&Method::PATCH, [_]) => Self::UpdateMessage,
            (&Method::DELETE, [_]) => Self::DeleteMessage,
            (&Method::GET, [_, "$value"]) => Self::GetMime,
            (&Method::POST, [_, "permanentDelete"]) => Self::PermanentlyDelete,
            (&Method::GET, [_, "attachments"]) => Self::ListAttachments,
            (&Method::POST, [_, "attachments"]) => Self::CreateAttachment,
            (&Method::POST, [_, "attachments", "createUploadSession"]) => Self::CreateUploadSession,
            _ => Self::Unknown,
        }
    }

    fn only(call: &Call, method: &Method, kind: Self) -> Self {
        if call.method == *method {
            return kind;
        }
        Self::Unknown
    }

    /// Whether it is about users, and none of a mailbox.
    pub(super) fn is_of_directory(self) -> bool {
        matches!(self, Self::Users | Self::User | Self::Delta)
    }
}
