//! Who calls the command, for the audit trail.

use std::fs;

use chatkeep_proto::{ACTOR, v1::Actor};
use tonic::metadata::MetadataMap;

/// Where the system keeps its users: name, password, number, and more, separated by colons.
const USERS: &str = "/etc/passwd";

/// What every call of the command carries: the system's user, as the kernel knows them.
pub(crate) fn metadata() -> MetadataMap {
    let user = rustix::process::getuid().as_raw();
    let users = fs::read_to_string(USERS).unwrap_or_default();
    let actor = Actor {
        subject: format!("cli:{}", name(&users, user)),
        ..Actor::default()
    };
    let mut metadata = MetadataMap::new();
    metadata.insert_bin(ACTOR, actor.to_metadata());
    metadata
}

/// The name of the user with this number; the number where they have none here.
fn name(users: &str, user: u32) -> String {
    let user = user.to_string();
    let mut entries = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|entry| entry.get(2) == Some(&&*user));
    let name = entry.and_then(|entry| entry.first().copied());
    name.unwrap_or(&user).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_called_by_name_and_by_number_where_there_is_none() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nann:x:1000:1000::/home/ann:/bin/sh\n";

        assert_eq!(name(users, 1000), "ann");
        assert_eq!(name(users, 0), "root");
        assert_eq!(name(users, 100), "100");
    }
}
