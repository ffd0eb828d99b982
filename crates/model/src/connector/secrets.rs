//! Every secret that a connector file names.

use std::collections::BTreeSet;

use super::{
    Connector, Credential, DatabaseAuth, Directory, Proof, SecretRef, Source, StoredSecret, Target,
};

impl Connector {
    /// Names of the secrets that control keeps for it, each once.
    pub fn stored_secrets(&self) -> Vec<String> {
        let mut connector = self.clone();
        let names: BTreeSet<_> = stored(connector.secrets())
            .map(|it| it.name.clone())
            .collect();
        names.into_iter().collect()
    }

    /// Fills in a secret that control keeps, wherever it is named.
    pub fn fill_in(&mut self, name: &str, secret: &str) {
        for stored in stored(self.secrets()).filter(|stored| stored.name == name) {
            stored.value = Some(secret.to_owned());
        }
    }

    /// Every secret, wherever it is named.
    pub(super) fn secrets(&mut self) -> Vec<&mut SecretRef> {
        let mut secrets = of_sources(&mut self.sources);
        secrets.extend(of_directory(&mut self.directory));
        secrets.extend(of_target(&mut self.target));
        secrets
    }
}

fn stored(secrets: Vec<&mut SecretRef>) -> impl Iterator<Item = &mut StoredSecret> {
    secrets.into_iter().filter_map(|secret| match secret {
        SecretRef::Stored(stored) => Some(stored),
        SecretRef::Env(_) | SecretRef::File(_) => None,
    })
}

fn of_sources(sources: &mut [Source]) -> Vec<&mut SecretRef> {
    let mut secrets = Vec::new();
    for source in sources {
        match source {
            Source::ArchivingExport(_) | Source::PersistentChatXml(_) => {}
            Source::ArchivingDatabase(database) | Source::PersistentChatDatabase(database) => {
                let details = database.cdr.iter_mut();
                let details = details.flat_map(|details| &mut details.auth);
                secrets.extend(details.flat_map(of_login));
                secrets.extend(of_login(&mut database.auth));
            }
        }
    }
    secrets
}

fn of_directory(directory: &mut Directory) -> Vec<&mut SecretRef> {
    match directory {
        Directory::Csv { .. } => Vec::new(),
        Directory::Graph(graph) => of_credential(&mut graph.auth).into_iter().collect(),
        Directory::Ldap(ldap) => vec![&mut ldap.user, &mut ldap.password],
    }
}

fn of_target(target: &mut Target) -> Vec<&mut SecretRef> {
    match target {
        Target::Maildir(_) | Target::Discard { .. } => Vec::new(),
        Target::Imap(target) => {
            let secrets = target.user.iter_mut().chain(&mut target.password);
            let credential = target.entra.iter_mut().filter_map(of_credential);
            secrets.chain(credential).collect()
        }
        Target::Graph(target) => of_credential(&mut target.auth).into_iter().collect(),
        Target::Ews(target) => vec![&mut target.user, &mut target.password],
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
