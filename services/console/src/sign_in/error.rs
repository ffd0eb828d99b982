use chatkeep_runtime::secret::SecretError;

/// Nobody could sign in with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Everybody who reaches the address could open the printed link's page.
    #[error(
        "console.address is not a loopback address, and nobody is there to say who users are: set \
         console.issuer and console.client_id, or let the console listen on 127.0.0.1"
    )]
    NotLoopback,
    /// A setting that is missing or cannot be.
    #[error("console.{key}: {problem}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// The secret cannot be had.
    #[error("read console.client_secret")]
    Secret {
        /// The reason.
        source: SecretError,
    },
    /// TLS cannot be set up.
    #[error("prepare to ask the issuer")]
    Client {
        /// The reason.
        source: reqwest::Error,
    },
    /// The system has no random bytes.
    #[error("get random bytes")]
    Random,
}
