use std::collections::BTreeMap;

use super::{
    find, folders, items,
    mailbox::Mailbox,
    node::Node,
    reply::{Code, Reply},
    shown,
};

/// Everything that changes on a server.
#[derive(Debug)]
pub(super) struct State {
    /// By address.
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    /// Passes over `PR_MESSAGE_FLAGS`, so that every item is a draft: what an import must notice.
    pub(super) passes_over_flags: bool,
    /// Keeps no retention tag: what an import must notice.
    pub(super) passes_over_tags: bool,
    /// The most items of one answer.
    pub(super) page: usize,
    next: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            mailboxes: BTreeMap::new(),
            passes_over_flags: false,
            passes_over_tags: false,
            page: 1_000,
            next: 0,
        }
    }
}

impl State {
    /// A number that was not given out before.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Does what a request asks; the first thing not, where there is a code for it.
    pub(super) fn execute(&mut self, envelope: &Node, first: Option<Code>) -> Reply {
        let body = envelope.child("soap:Body");
        let Some(request) = body.and_then(|body| body.children.first()) else {
            return Reply::fault("ErrorInvalidRequest", None);
        };
        let owner = match self.owner(envelope, request) {
            Ok(owner) => owner,
            Err(code) => return Reply::fault(code, None),
        };
        let replies = match request.name.as_str() {
            "m:GetFolder" => folders::get(self, &owner, request),
            "m:FindFolder" => folders::find(self, &owner, request),
            "m:CreateFolder" => folders::create(self, &owner, request),
            "m:CreateItem" => items::create(self, &owner, request, first),
            "m:DeleteItem" => items::delete(self, &owner, request),
            "m:FindItem" => find::find(self, &owner, request),
            "m:GetItem" => shown::get(self, &owner, request),
            "m:GetAttachment" => shown::attachment(self, &owner, request),
            _ => return Reply::fault("ErrorInvalidRequest", None),
        };
        Reply::messages(&request.name, &replies)
    }

    /// Whose mailbox a request is for: whom the account acts as, whose folder it names, or whose id. An id
    /// begins with the address here.
    fn owner(&self, envelope: &Node, request: &Node) -> Result<String, Code> {
        let header = envelope.child("soap:Header");
        let acted = header.and_then(|header| header.find("t:PrimarySmtpAddress"));
        let named = request.find("t:EmailAddress");
        let id = ["t:FolderId", "t:ItemId", "t:AttachmentId"]
            .iter()
            .find_map(|name| request.find(name)?.attribute("Id"));
        let address = match (acted.or(named), id) {
            (Some(address), _) => address.text.as_str(),
            (None, Some(id)) => id.split('/').next().unwrap_or_default(),
            (None, None) => "",
        };
        let mailbox = self.mailboxes.get(address);
        let mailbox = mailbox.ok_or("ErrorNonExistentMailbox")?;
        if mailbox.is_denied {
            return Err(if acted.is_some() {
                "ErrorImpersonateUserDenied"
            } else {
                "ErrorAccessDenied"
            });
        }
        Ok(address.to_owned())
    }

    /// A mailbox that is there.
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub(super) fn mailbox(&mut self, address: &str) -> &mut Mailbox {
        let mailbox = self.mailboxes.get_mut(address);
        mailbox.expect("there is such a mailbox")
    }
}
