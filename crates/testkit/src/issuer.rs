use std::process::Command;

use tempfile::TempDir;

use crate::{
    azurite::Azurite,
    lab::{LabError, Server, free_port, loopback},
};

/// Stands in for Entra ID: gives tokens that [`Azurite`] takes to whoever knows the secret, and refuses
/// everybody else as Entra ID does.
#[derive(Debug)]
pub struct TokenIssuer {
    _server: Server,
    _folder: TempDir,
    port: u16,
}

impl TokenIssuer {
    /// The tenant it gives tokens for.
    pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    /// The secret of its only application, and the token of its only service account.
    pub const SECRET: &str = "an application's secret";

    /// Starts an issuer with the certificate of a server that takes its tokens.
    pub fn start(azurite: &Azurite) -> Result<Self, LabError> {
        let folder = TempDir::new().map_err(LabError::Setup)?;
        let port = free_port()?;
        let mut node = Command::new("node");
        node.args(["-e", SCRIPT, "--"]).arg(port.to_string());
        node.arg(azurite.certificates());
        node.args([Self::TENANT, Self::SECRET]);
        let log = folder.path().join("issuer.log");
        Ok(Self {
            _server: Server::start("token issuer", &mut node, port, &log)?,
            _folder: folder,
            port,
        })
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("https://{}", loopback(self.port))
    }
}

const SCRIPT: &str = r"
const [port, folder, tenant, secret] = process.argv.slice(1);
const { readFileSync } = require('fs');
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { aud: 'https://storage.azure.com', iss: `https://sts.windows.net/${tenant}/`,
    iat: now, nbf: now - 60, exp: now + 3600 };
  return [part({ alg: 'RS256', typ: 'JWT' }), part(claims), 'signature'].join('.');
};
const answer = (form, url) => {
  const known = [form.get('client_secret'), form.get('client_assertion')].includes(secret);
  if (known && url === `/${tenant}/oauth2/v2.0/token`)
    return [200, { token_type: 'Bearer', expires_in: 3600, access_token: token() }];
  return [401, { error: 'invalid_client', error_codes: [7000215],
    error_description: 'AADSTS7000215: Invalid client secret provided.' }];
};
const files = { cert: readFileSync(`${folder}/cert.pem`), key: readFileSync(`${folder}/key.pem`) };
require('https').createServer(files, (request, response) => {
  let body = '';
  request.on('data', (data) => body += data).on('end', () => {
    const [status, json] = answer(new URLSearchParams(body), request.url);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
}).listen(Number(port), '127.0.0.1');
";
