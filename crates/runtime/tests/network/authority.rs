//! A certificate authority of the test's own.

use std::{fs, path::Path};

use chatkeep_runtime::GrpcSettings;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// Signs certificates for `127.0.0.1`.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// The files of a program whose certificate is good.
    pub(crate) fn identity(&self) -> Identity {
        let identity = Identity(tempfile::tempdir().unwrap());
        self.renew(&identity);
        identity
    }

    /// The files of a program whose certificate is good no longer.
    pub(crate) fn expired(&self) -> Identity {
        let identity = Identity(tempfile::tempdir().unwrap());
        self.write(identity.0.path(), |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 12, 31);
        });
        identity
    }

    /// Replaces the files of a program.
    pub(crate) fn renew(&self, identity: &Identity) {
        self.write(identity.0.path(), |_| {});
    }

    fn write(&self, folder: &Path, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        fs::write(folder.join("ca.crt"), self.0.pem()).unwrap();
    }
}

/// Certificate, key and authority of one program.
pub(crate) struct Identity(TempDir);

impl Identity {
    pub(crate) fn settings(&self) -> GrpcSettings {
        let file = |name| Some(self.0.path().join(name));
        GrpcSettings {
            certificate: file("tls.crt"),
            key: file("tls.key"),
            ca: file("ca.crt"),
            ..GrpcSettings::default()
        }
    }

    /// Trusts other authorities than those that signed its certificate.
    pub(crate) fn trusting(self, other: &Authority) -> Self {
        fs::write(self.0.path().join("ca.crt"), other.0.pem()).unwrap();
        self
    }

    pub(crate) fn damage(&self) {
        fs::write(self.0.path().join("tls.crt"), "no certificate").unwrap();
    }
}
