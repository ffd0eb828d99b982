use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    credential::is_web_address,
    policy_tag::PolicyTag,
    secret::SecretRef,
    target::{Size, default_folder},
};

/// Mailboxes of an Exchange Server, through Exchange Web Services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EwsTarget {
    /// The address of the service: `https://mail.contoso.com/EWS/Exchange.asmx`.
    pub url: String,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// How to sign in.
    #[serde(default)]
    pub auth: EwsAuth,
    /// The account that writes: `user@domain` or `DOMAIN\user`.
    pub user: SecretRef,
    /// Its password.
    pub password: SecretRef,
    /// The account acts as the owner of each mailbox (the role `ApplicationImpersonation`); else it opens
    /// them as itself, and needs full access to each.
    #[serde(default = "yes")]
    pub impersonate: bool,
    /// Folder in the mailbox; `Inbox/` stands for the mailbox's own inbox, whatever its language.
    #[serde(default = "default_folder")]
    pub folder: String,
    /// Largest size of one item part.
    #[serde(default)]
    pub max_item: Size,
    /// The retention tag of what is imported; none: that of the folder, or the mailbox's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<PolicyTag>,
}

/// How to sign in to Exchange Web Services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EwsAuth {
    /// Basic authentication (RFC 7617), over TLS.
    #[default]
    Basic,
    /// Refused, with a reason.
    Ntlm,
}

/// Domains of Exchange Online, in all clouds.
const ONLINE: [&str; 7] = [
    "office365.com",
    "office365.us",
    "office.com",
    "outlook.com",
    "outlook.cn",
    "office.de",
    "onmicrosoft.com",
];

fn yes() -> bool {
    true
}

impl EwsTarget {
    /// The key that cannot work, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let has_level = self.folder.split('/').any(|level| !level.is_empty());
        [
            (
                !is_web_address(&self.url) || self.url.contains(['?', '#']),
                (
                    "target.url",
                    "must be an https address, e.g. https://mail.contoso.com/EWS/Exchange.asmx",
                ),
            ),
            (
                self.is_online(),
                (
                    "target.url",
                    "is Exchange Online, where Exchange Web Services are being shut off; the target for it is \
                     graph",
                ),
            ),
            (
                self.auth == EwsAuth::Ntlm,
                (
                    "target.auth",
                    "must be basic, ntlm is not built in; let it in over TLS with \
                     Set-WebServicesVirtualDirectory -BasicAuthentication $true",
                ),
            ),
            (
                !has_level,
                ("target.folder", "is empty; name a folder"),
            ),
            (
                self.max_item.0 > 150_000_000,
                (
                    "target.max_item",
                    "is more than an Outlook item can hold (150MB)",
                ),
            ),
        ]
        .into_iter()
        .find_map(|(is_wrong, problem)| is_wrong.then_some(problem))
    }

    fn is_online(&self) -> bool {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_below = |domain: &&str| {
            let name = host.strip_suffix(*domain);
            name.is_some_and(|name| name.is_empty() || name.ends_with('.'))
        };
        ONLINE.iter().any(is_below)
    }

    /// Makes relative paths those below `folder`.
    pub(super) fn resolve(&mut self, folder: &Path) {
        self.ca = self.ca.as_ref().map(|ca| folder.join(ca));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(keys: &str) -> Option<(&'static str, &'static str)> {
        let text = format!("user = \"env:U\"\npassword = \"env:P\"\n{keys}");
        toml::from_str::<EwsTarget>(&text).unwrap().problem()
    }

    fn at(url: &str) -> Option<(&'static str, &'static str)> {
        problem(&format!("url = \"{url}\""))
    }

    #[test]
    fn exchange_online_is_refused_with_the_target_that_is_for_it() {
        for host in [
            "outlook.office365.com",
            "OUTLOOK.OFFICE.COM",
            "eas.outlook.com.",
            "outlook.office365.us:443",
            "partner.outlook.cn",
        ] {
            let (key, problem) = at(&format!("https://{host}/EWS/Exchange.asmx")).unwrap();
            assert_eq!(key, "target.url", "{host}");
            assert!(problem.contains("graph"), "{host}: {problem}");
        }
        assert_eq!(at("https://mail.contoso.com/EWS/Exchange.asmx"), None);
        assert_eq!(at("https://mail.myoffice.com/EWS/Exchange.asmx"), None);
    }

    #[test]
    fn a_password_never_goes_out_in_the_clear() {
        let (key, _) = at("http://mail.contoso.com/EWS/Exchange.asmx").unwrap();
        assert_eq!(key, "target.url");
        assert_eq!(at("http://127.0.0.1:8080/EWS/Exchange.asmx"), None);
    }

    #[test]
    fn ntlm_is_refused_with_what_to_do_instead() {
        let url = "url = \"https://mail.contoso.com/EWS/Exchange.asmx\"\n";

        let (key, problem) = problem(&format!("{url}auth = \"ntlm\"")).unwrap();

        assert_eq!(key, "target.auth");
        assert!(problem.contains("BasicAuthentication"), "{problem}");
    }
}
