use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

/// A user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user principal name.
    pub principal_name: String,
    /// The primary SMTP address, where there is one.
    pub mail: Option<String>,
    /// Proxy addresses with their schemes: `SMTP:` the primary one, `smtp:`, `SIP:`.
    pub proxies: Vec<String>,
    /// SIP addresses, without a scheme.
    pub im: Vec<String>,
    /// Invited from elsewhere.
    pub is_guest: bool,
    /// May sign in.
    pub is_enabled: bool,
    /// Has a mailbox in Exchange Online.
    pub has_mailbox: bool,
}

impl Person {
    /// Somebody with a mailbox who has one address for everything.
    pub fn new(address: &str) -> Self {
        Self {
            principal_name: address.to_owned(),
            mail: Some(address.to_owned()),
            proxies: vec![format!("SMTP:{address}")],
            im: vec![address.to_owned()],
            is_guest: false,
            is_enabled: true,
            has_mailbox: true,
        }
    }

    /// Somebody who was invited: the address elsewhere, and the tenant that invited.
    pub fn guest(address: &str, tenant: &str) -> Self {
        let name = address.replace('@', "_");
        Self {
            principal_name: format!("{name}#EXT#@{tenant}"),
            im: Vec::new(),
            is_guest: true,
            has_mailbox: false,
            ..Self::new(address)
        }
    }

    /// Somebody without a mailbox.
    pub fn without_mailbox(name: &str) -> Self {
        Self {
            mail: None,
            proxies: Vec::new(),
            im: Vec::new(),
            has_mailbox: false,
            ..Self::new(name)
        }
    }

    /// Gives a new name, as Exchange does: the old primary address stays as an alias.
    pub fn rename(&mut self, address: &str) {
        for proxy in &mut self.proxies {
            if let Some(old) = proxy.strip_prefix("SMTP:") {
                *proxy = format!("smtp:{old}");
            }
        }
        self.proxies.push(format!("SMTP:{address}"));
        self.mail = Some(address.to_owned());
        address.clone_into(&mut self.principal_name);
        self.im = vec![address.to_owned()];
    }

    /// All properties but the id.
    pub(super) fn properties(&self) -> Map<String, Value> {
        let user_type = if self.is_guest { "Guest" } else { "Member" };
        let name = self.principal_name.split('@').next();
        let json = json!({
            "userPrincipalName": self.principal_name,
            "displayName": name,
            "mail": self.mail,
            "proxyAddresses": self.proxies,
            "imAddresses": self.im,
            "otherMails": [],
            "accountEnabled": self.is_enabled,
            "userType": user_type,
        });
        match json {
            Value::Object(properties) => properties,
            _ => Map::new(),
        }
    }
}

/// All users, and what changed when.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) users: BTreeMap<String, User>,
    names: HashMap<String, String>,
    /// Those who left: id, version, and whether for good.
    pub(super) gone: Vec<(String, u64, bool)>,
    /// Counts changes.
    pub(super) version: u64,
    /// What was handed out before is not known any more.
    pub(super) oldest: u64,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) person: Person,
    /// The version that each property changed last with.
    pub(super) changed: BTreeMap<String, u64>,
    /// The latest of them.
    pub(super) since: u64,
}

impl People {
    pub(super) fn add(&mut self, person: Person) -> String {
        self.version += 1;
        // As random as ids of a real tenant: their order is not the one in which users came.
        let mixed = self.version.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (high, low) = (mixed >> 32, self.version & 0xffff_ffff_ffff);
        let id = format!("{high:08x}-0000-4000-8000-{low:012x}");
        let name = person.principal_name.to_lowercase();
        self.names.insert(name, id.clone());
        let properties = person.properties();
        let changed = properties.keys().map(|key| (key.clone(), self.version));
        let user = User {
            changed: changed.collect(),
            since: self.version,
            person,
        };
        self.users.insert(id.clone(), user);
        id
    }

    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut Person)) -> bool {
        let Some(id) = self.find(name).map(str::to_owned) else {
            return false;
        };
        let Some(user) = self.users.get_mut(&id) else {
            return false;
        };
        self.version += 1;
        let before = user.person.properties();
        self.names
            .remove(&user.person.principal_name.to_lowercase());
        change(&mut user.person);
        self.names
            .insert(user.person.principal_name.to_lowercase(), id);
        for (key, value) in user.person.properties() {
            if before.get(&key) != Some(&value) {
                user.changed.insert(key, self.version);
            }
        }
        user.since = self.version;
        true
    }

    /// `for_good` leaves nothing to restore.
    pub(super) fn remove(&mut self, name: &str, for_good: bool) -> bool {
        let Some(id) = self.find(name).map(str::to_owned) else {
            return false;
        };
        self.version += 1;
        if let Some(user) = self.users.remove(&id) {
            self.names
                .remove(&user.person.principal_name.to_lowercase());
        }
        self.gone.push((id, self.version, for_good));
        true
    }

    /// The id of a user named by id or principal name ("Get a user").
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        if let Some((id, _)) = self.users.get_key_value(name) {
            return Some(id);
        }
        self.names.get(&name.to_lowercase()).map(String::as_str)
    }
}
