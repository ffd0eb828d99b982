use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::lab::{LabError, run};

/// Makes a certificate authority (`ca.pem`), a certificate of it for the loopback interface (`cert.pem`,
/// `key.pem`), and another authority (`other.pem`).
pub fn make_certificates(folder: &Path) -> Result<(), LabError> {
    let script = r#"set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -days 30 -subj "/CN=Lab CA" -keyout ca.key -out ca.pem
openssl req -x509 $key -days 30 -subj "/CN=Other CA" -keyout other.key -out other.pem
openssl req $key -subj /CN=localhost -keyout key.pem -out request.pem
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -set_serial 1 -days 30 -extfile names -out cert.pem"#;
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).current_dir(folder);
    run(shell.stdin(Stdio::null())).map(drop)
}
