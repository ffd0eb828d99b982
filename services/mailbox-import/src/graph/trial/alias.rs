//! Whether a mailbox is found by an address that is nobody's principal name.

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    graph::{GraphTarget, client::Client, trouble::Trouble},
    trial::Point,
};

const TEXT: &str = "10: a mailbox is found by an address that is nobody's principal name";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    user_principal_name: String,
    #[serde(default)]
    proxy_addresses: Vec<String>,
}

impl Owner {
    /// An address of theirs that no path of Graph takes.
    fn other_address(&self) -> Option<&str> {
        let addresses = self.proxy_addresses.iter().filter_map(|proxy| {
            let (scheme, address) = proxy.split_once(':')?;
            scheme.eq_ignore_ascii_case("smtp").then_some(address)
        });
        let mut others =
            addresses.filter(|address| !address.eq_ignore_ascii_case(&self.user_principal_name));
        others.next()
    }
}

/// Tries the first such address of the mailbox's owner.
pub(super) async fn try_one(target: &GraphTarget, client: &Client) -> Point {
    let path = format!("{}?$select=userPrincipalName,proxyAddresses", client.root());
    let owner: Owner = match client.get(&path).await {
        Ok(owner) => owner,
        Err(Trouble::Refused { status: 403, .. }) => {
            let reason =
                "the application may not read users (User.Read.All), so no such mailbox is found";
            return Point::not_tried(format!("{TEXT}: {reason}"));
        }
        Err(trouble) => return Point::judged(TEXT, Err(trouble.said())),
    };
    let Some(address) = owner.other_address() else {
        let reason = "this one's owner has no such address; name another mailbox";
        return Point::not_tried(format!("{TEXT}: {reason}"));
    };
    Point::judged(TEXT, found(&target.client(address)).await)
}

/// Whether an import would find it: at once, or through its owner.
async fn found(client: &Client) -> Result<(), String> {
    let inbox = client.path("mailFolders/inbox?$select=id");
    let Err(trouble) = client.get::<IgnoredAny>(&inbox).await else {
        return Ok(());
    };
    if !trouble.is_unknown_name() {
        return Err(format!(
            "{}, which is not taken for an unknown name",
            trouble.said()
        ));
    }
    match client.by_owner().await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("nobody is found by it".to_owned()),
        Err(trouble) => Err(trouble.said()),
    }
}
