use std::{path::PathBuf, time::Duration};

use chatkeep_model::connector::SecretRef;
use serde::Deserialize;

/// Where blobs are staged: the section `staging` of a program's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Settings {
    /// In a folder of the local disk.
    Folder(FolderSettings),
    /// In a container of Azure Blob Storage.
    Azure(Box<AzureSettings>),
}

/// Staging in a folder of the local disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSettings {
    /// The folder; made where it is missing.
    pub path: PathBuf,
}

/// Staging in a container of Azure Blob Storage.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSettings {
    /// The container's address, e.g. `https://contoso.blob.core.windows.net/chatkeep`. Without a shared
    /// access signature: that is a secret.
    pub url: String,
    /// How to sign in.
    #[serde(default)]
    pub credential: Credential,
    /// Where tokens come from, e.g. `https://login.microsoftonline.us`; by default what
    /// `AZURE_AUTHORITY_HOST` names, or the public cloud.
    #[serde(default)]
    pub authority: Option<String>,
    /// PEM file of certificate authorities to trust beside the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Makes the container where it is missing and the credential allows it.
    #[serde(default = "yes")]
    pub create: bool,
    /// Folder for blobs on their way into the container; by default the system's for temporary files.
    #[serde(default)]
    pub spool: Option<PathBuf>,
    /// How long one request may take, attempts and pauses included.
    #[serde(default = "one_minute", with = "humantime_serde")]
    pub timeout: Duration,
}

/// How to sign in to Azure.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Credential {
    /// As the Kubernetes service account, federated with Entra ID. What is not given here comes from the
    /// environment that Azure's webhook sets.
    WorkloadIdentity {
        /// Client id of the identity.
        #[serde(default)]
        client: Option<String>,
        /// Tenant of the identity.
        #[serde(default)]
        tenant: Option<String>,
        /// File with the service account's token.
        #[serde(default)]
        token_file: Option<PathBuf>,
    },
    /// As the identity of the virtual machine.
    ManagedIdentity {
        /// Client id of the identity; by default the machine's own.
        #[serde(default)]
        client: Option<String>,
    },
    /// As an application with a secret.
    ClientSecret {
        /// Tenant of the application.
        tenant: String,
        /// Client id of the application.
        client: String,
        /// Its secret.
        secret: SecretRef,
    },
    /// With a shared access signature of the account or the container.
    Sas {
        /// The signature, as a token or as a whole URL.
        token: SecretRef,
    },
}

impl Default for Credential {
    fn default() -> Self {
        Self::WorkloadIdentity {
            client: None,
            tenant: None,
            token_file: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn one_minute() -> Duration {
    Duration::from_mins(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_needs_no_more_than_its_address() {
        let settings: Settings = toml::from_str(
            "kind = 'azure'\nurl = 'https://contoso.blob.core.windows.net/chatkeep'",
        )
        .unwrap();

        let Settings::Azure(azure) = settings else {
            panic!("not Azure");
        };
        assert_eq!(azure.credential, Credential::default());
        assert!(azure.create);
        assert_eq!(azure.timeout, Duration::from_mins(1));
    }

    #[test]
    fn secrets_in_the_settings_and_unknown_keys_are_refused() {
        let parse = |text: &str| toml::from_str::<Settings>(text);
        let url = "kind = 'azure'\nurl = 'https://contoso.blob.core.windows.net/chatkeep'";

        parse(&format!(
            "{url}\n[credential]\ntype = 'sas'\ntoken = 'file:/run/sas'"
        ))
        .unwrap();
        parse(&format!(
            "{url}\n[credential]\ntype = 'sas'\ntoken = 'sv=1&sig=x'"
        ))
        .unwrap_err();
        parse(&format!("{url}\nfoo = 1")).unwrap_err();
        parse("kind = 'folder'\npath = 'staging'\nurl = 'https://contoso'").unwrap_err();
    }
}
