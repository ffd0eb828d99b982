use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::process::Signal;
use sha2::Sha256;
use tempfile::TempDir;

use crate::{
    certificates::make_certificates,
    lab::{LabError, Server, free_port, loopback},
};

/// The version of the service that signatures are made for: later ones sign more fields.
const VERSION: &str = "2020-10-02";

/// Where the test script installed Azurite.
pub fn azurite_root() -> Result<PathBuf, LabError> {
    let missing = |why: &str| {
        let how = "run tests/install/azurite.sh DIR and set CHATKEEP_AZURITE_ROOT=DIR";
        LabError::Missing("Azurite", format!("{why}; {how}"))
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the test script says where it installed Azurite"
    )]
    let root = std::env::var("CHATKEEP_AZURITE_ROOT");
    let root = PathBuf::from(root.map_err(|_| missing("CHATKEEP_AZURITE_ROOT is not set"))?);
    if root.join(PROGRAM).exists() {
        return Ok(root);
    }
    Err(missing("there is no Azurite"))
}

const PROGRAM: &str = "node_modules/azurite/dist/src/blob/main.js";

/// The folder with the bytes of blobs and blocks.
const STORAGE: &str = "__blobstorage__";

/// An Azurite of its own: Microsoft's emulator of Azure Blob Storage, with one account.
#[derive(Debug)]
pub struct Azurite {
    server: Option<Server>,
    folder: TempDir,
    port: u16,
    /// Takes tokens, over TLS only.
    takes_tokens: bool,
}

impl Azurite {
    /// The account's name.
    pub const ACCOUNT: &str = "chatkeep";
    /// The account's key.
    const KEY: &[u8] = b"a key for tests";

    /// Starts a server without containers.
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(false)
    }

    /// Starts a server that takes the tokens of a [`TokenIssuer`](crate::TokenIssuer), over TLS.
    pub fn start_for_tokens() -> Result<Self, LabError> {
        Self::start_with(true)
    }

    fn start_with(takes_tokens: bool) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        if takes_tokens {
            make_certificates(folder.path())?;
        }
        let mut azurite = Self {
            server: None,
            folder,
            port: free_port()?,
            takes_tokens,
        };
        azurite.resume()?;
        Ok(azurite)
    }

    /// The certificate authority that vouches for it, a PEM file.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The folder with its certificate and key.
    pub(crate) fn certificates(&self) -> &Path {
        self.folder.path()
    }

    /// Kills the server. It loses what it was told in the last seconds: see
    /// [`wait_until_saved`](Self::wait_until_saved).
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            drop(server.signal(Signal::KILL));
        }
    }

    /// Starts the server again, with what it had saved.
    pub fn resume(&mut self) -> Result<(), LabError> {
        let mut node = Command::new("node");
        node.arg(azurite_root()?.join(PROGRAM));
        node.args(["--blobHost", "127.0.0.1", "--blobPort"]);
        node.arg(self.port.to_string()).arg("--location");
        node.arg(self.folder.path());
        // The SDK speaks a later version of the service than the emulator knows.
        node.args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"]);
        if self.takes_tokens {
            node.args(["--oauth", "basic"]);
            node.arg("--cert").arg(self.folder.path().join("cert.pem"));
            node.arg("--key").arg(self.folder.path().join("key.pem"));
        }
        let key = STANDARD.encode(Self::KEY);
        node.env("AZURITE_ACCOUNTS", format!("{}:{key}", Self::ACCOUNT));
        let log = self.folder.path().join("azurite.log");
        self.server = Some(Server::start("azurite", &mut node, self.port, &log)?);
        Ok(())
    }

    /// Stops the server's clock: it takes connections and does not answer.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(server) = &self.server {
            drop(server.signal(signal));
        }
    }

    /// The server's process, for measuring.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// The address of a container.
    pub fn container(&self, name: &str) -> String {
        let scheme = if self.takes_tokens { "https" } else { "http" };
        format!("{scheme}://{}/{}/{name}", self.address(), Self::ACCOUNT)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        loopback(self.port)
    }

    /// A shared access signature for everything in the account.
    pub fn sas() -> String {
        Self::sas_for("rwdlac")
    }

    /// A shared access signature for some operations: `r`ead, `w`rite, `d`elete, `l`ist, `a`dd, `c`reate,
    /// in this order.
    pub fn sas_for(permissions: &str) -> String {
        signed(permissions, Self::KEY)
    }

    /// A shared access signature made with another key.
    pub fn forged_sas() -> String {
        signed("rwdlac", b"another key")
    }

    /// Writes a blob past every rule.
    pub fn overwrite(&self, container: &str, key: &str, bytes: &[u8]) -> Result<(), LabError> {
        self.send("PUT", container, key, bytes)
    }

    /// Deletes a blob past every rule.
    pub fn erase(&self, container: &str, key: &str) -> Result<(), LabError> {
        self.send("DELETE", container, key, &[])
    }

    /// Deletes a container with everything in it.
    pub fn erase_container(&self, container: &str) -> Result<(), LabError> {
        let path = format!("{container}?restype=container&{}", Self::sas());
        self.exchange("DELETE", &path, &[]).map(drop)
    }

    /// The keys of a container's blobs, as far as one answer goes: 5,000.
    pub fn blobs(&self, container: &str) -> Result<Vec<String>, LabError> {
        let path = format!("{container}?restype=container&comp=list&{}", Self::sas());
        let answer = self.exchange("GET", &path, &[])?;
        let answer = String::from_utf8_lossy(&answer);
        let names = answer.split("<Name>").skip(1);
        let names = names.filter_map(|rest| rest.split_once("</Name>"));
        Ok(names.map(|(name, _)| name.to_owned()).collect())
    }

    /// The bytes of a blob.
    pub fn read(&self, container: &str, key: &str) -> Result<Vec<u8>, LabError> {
        let path = format!("{container}/{key}?{}", Self::sas());
        self.exchange("GET", &path, &[])
    }

    /// Bytes of blobs and blocks that it has got.
    pub fn stored_bytes(&self) -> u64 {
        let files = fs::read_dir(self.folder.path().join(STORAGE));
        let sizes = files.into_iter().flatten().flatten();
        let sizes = sizes.filter_map(|file| file.metadata().ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    /// Waits until a container or blob with this in its name would outlast a kill: the server saves what
    /// it knows every few seconds.
    pub fn wait_until_saved(&self, name: &str) -> Result<(), LabError> {
        self.wait_until_these_are_saved(&[name.to_owned()])
    }

    /// Waits until everything in a container would outlast a kill. Nobody may write meanwhile.
    pub fn wait_until_all_saved(&self, container: &str) -> Result<(), LabError> {
        self.wait_until_these_are_saved(&self.blobs(container)?)
    }

    fn wait_until_these_are_saved(&self, names: &[String]) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline {
            if self.are_saved(names).map_err(LabError::Setup)? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(LabError::Silent {
            server: "azurite",
            log: format!("{} names were not saved", names.len()),
        })
    }

    /// Names and bytes are saved in files of their own, each at its time.
    fn are_saved(&self, names: &[String]) -> io::Result<bool> {
        let saved = |file: &str| fs::read_to_string(self.folder.path().join(file));
        let known = saved("__azurite_db_blob__.json").unwrap_or_default();
        let bytes = saved("__azurite_db_blob_extent__.json").unwrap_or_default();
        for file in fs::read_dir(self.folder.path().join(STORAGE))? {
            if !bytes.contains(&*file?.file_name().to_string_lossy()) {
                return Ok(false);
            }
        }
        Ok(names.iter().all(|name| known.contains(name)))
    }

    fn send(&self, method: &str, container: &str, key: &str, bytes: &[u8]) -> Result<(), LabError> {
        let path = format!("{container}/{key}?{}", Self::sas());
        self.exchange(method, &path, bytes).map(drop)
    }

    /// Returns the body of the answer.
    fn exchange(&self, method: &str, path: &str, bytes: &[u8]) -> Result<Vec<u8>, LabError> {
        let head = format!(
            "{method} /{}/{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             x-ms-version: {VERSION}\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: {}\r\n\r\n",
            Self::ACCOUNT,
            bytes.len()
        );
        let answer = (|| -> io::Result<Vec<u8>> {
            let mut stream = TcpStream::connect(self.address())?;
            stream.write_all(head.as_bytes())?;
            stream.write_all(bytes)?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(answer)
        })();
        let answer = answer.map_err(LabError::Setup)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        match end {
            Some(end) if answer.starts_with(b"HTTP/1.1 20") => Ok(answer[end + 4..].to_vec()),
            _ => Err(LabError::Helper {
                program: format!("{method} {path}"),
                output: String::from_utf8_lossy(&answer).into_owned(),
            }),
        }
    }
}

/// A signature as the service's documentation describes it ("Create an account SAS").
fn signed(permissions: &str, key: &[u8]) -> String {
    const EXPIRY: &str = "2099-01-01T00:00:00Z";
    let account = Azurite::ACCOUNT;
    let fields = format!("{account}\n{permissions}\nb\nco\n\n{EXPIRY}\n\nhttps,http\n{VERSION}\n");
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(fields).finalize());
    let signature = mac.map(|mac| STANDARD.encode(mac.into_bytes()));
    // Base64 has three characters that mean something else in an address.
    let signature = signature.unwrap_or_default();
    let signature = signature
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    format!(
        "sv={VERSION}&ss=b&srt=co&sp={permissions}&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp&sig={signature}"
    )
}
