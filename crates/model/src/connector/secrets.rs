//! Every secret that a connector file names.

use super::{
    Connector, Credential, DatabaseAuth, Directory, Proof, SecretRef, Source, StoredSecret, Target,
};

impl Connector {
    /// Names of the secrets that control keeps for it, each once.
    pub fn stored_secrets(&self) -> Vec<String> {
        let mut connector = self.clone();
        let mut names: Vec<_> = connector.stored().map(|it| it.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Fills in a secret that control keeps, wherever it is named.
    pub fn fill_in(&mut self, name: &str, secret: &str) {
        for stored in self.stored().filter(|stored| stored.name == name) {
            stored.value = Some(secret.to_owned());
        }
    }

    fn stored(&mut self) -> impl Iterator<Item = &mut StoredSecret> {
        self.secrets()
            .into_iter()
            .filter_map(|secret| match secret {
                SecretRef::Stored(stored) => Some(stored),
                SecretRef::Env(_) | SecretRef::File(_) => None,
            })
    }

    /// Every secret, wherever it is named.
    pub(super) fn secrets(&mut self) -> Vec<&mut SecretRef> {
        let mut secrets = Vec::new();
        for source in &mut self.sources {
            match source {
                Source::ArchivingExport(_) | Source::PersistentChatXml(_) => {}
                Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) => {
                    let details = database.cdr.iter_mut();
                    secrets.extend(
                        details
                            .flat_map(|details| &mut details.auth)
                            .flat_map(of_login),
                    );
                    secrets.extend(of_login(&mut database.auth));
                }
            }
        }
        match &mut self.directory {
            Directory::Csv { .. } => {}
            Directory::Graph(graph) => secrets.extend(of_credential(&mut graph.auth)),
            Directory::Ldap(ldap) => secrets.extend([&mut ldap.user, &mut ldap.password]),
        }
        match &mut self.target {
            Target::Maildir(_) | Target::Discard { .. } => {}
            Target::Imap(target) => {
                secrets.extend(target.user.iter_mut().chain(&mut target.password));
                secrets.extend(target.entra.iter_mut().filter_map(of_credential));
            }
            Target::Graph(target) => secrets.extend(of_credential(&mut target.auth)),
            Target::Ews(target) => secrets.extend([&mut target.user, &mut target.password]),
        }
        secrets
    }
}

fn of_login(auth: &mut DatabaseAuth) -> Vec<&mut SecretRef> {
    match auth {
        DatabaseAuth::Sql { user, password } => vec![user, password],
        DatabaseAuth::Windows | DatabaseAuth::Entra => Vec::new(),
    }
}

fn of_credential(credential: &mut Credential) -> Option<&mut SecretRef> {
    match &mut credential.proof {
        Proof::Certificate(secret) | Proof::Secret(secret) => Some(secret),
        Proof::WorkloadIdentity => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn connector() -> Connector {
        let file = r#"
            name = "Contoso"
            domain = "contoso.com"

            [[sources]]
            type = "archiving-database"
            server = "sql01"
            auth = { type = "sql", user = "env:SQL_USER", password = "secret:sql" }

            [sources.cdr]
            auth = { type = "sql", user = "file:user", password = "secret:cdr" }

            [directory]
            type = "ldap"
            url = "ldaps://dc01:636"
            base = "DC=contoso,DC=com"
            user = "secret:ldap.user"
            password = "secret:ldap.password"

            [target]
            type = "graph"
            auth = { tenant = "contoso.com", client = "app", secret = "secret:graph" }
        "#;
        Connector::parse(file, Path::new("/etc/chatkeep")).unwrap()
    }

    #[test]
    fn every_stored_secret_is_found_wherever_it_is_named() {
        let names = ["cdr", "graph", "ldap.password", "ldap.user", "sql"];

        assert_eq!(connector().stored_secrets(), names);
    }

    #[test]
    fn what_is_filled_in_is_written_and_shown_nowhere() {
        let before = connector();
        let mut after = before.clone();

        after.fill_in("graph", "s3cret");

        let Target::Graph(target) = &after.target else {
            unreachable!()
        };
        let Proof::Secret(SecretRef::Stored(stored)) = &target.auth.proof else {
            unreachable!()
        };
        assert_eq!(stored.value(), Some("s3cret"));
        assert!(!format!("{after:?}").contains("s3cret"));
        assert_eq!(after.to_toml().unwrap(), before.to_toml().unwrap());
    }

    #[test]
    fn a_file_beside_call_detail_records_is_below_the_connector_files_folder() {
        assert!(
            connector()
                .to_toml()
                .unwrap()
                .contains("file:/etc/chatkeep/user")
        );
    }
}
