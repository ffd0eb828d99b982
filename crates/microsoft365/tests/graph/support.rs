use std::{path::Path, time::Duration};

use chatkeep_microsoft365::{Graph, GraphError, Request, Response, Timeouts, connect};
use chatkeep_model::connector::{Credential, Proof, SecretRef};
use chatkeep_testkit::graph::{Options, Person, Tenant};
use serde_json::{Value, json};

pub(crate) const ANN: &str = "ann@contoso.com";

pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(20),
};

/// A tenant with one user, and what asks it.
pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) graph: Graph,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let tenant = Tenant::start(options).await;
        tenant.add(Person::new(ANN));
        let proof = secret(&tenant.secret_file());
        let graph = ask(&tenant, proof);
        Self { tenant, graph }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, GraphError> {
        self.graph.send(Request::get(path)).await?.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, GraphError> {
        self.graph.send(Request::post(path, body)?).await?.json()
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Response, GraphError> {
        self.graph.send(Request::delete(path)).await
    }

    /// Makes a folder in the inbox and returns its id.
    pub(crate) async fn folder(&self, name: &str) -> String {
        let path = format!("users/{ANN}/mailFolders/inbox/childFolders");
        let made = self.post(&path, &json!({ "displayName": name })).await;
        made.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Makes a message in the inbox.
    pub(crate) async fn create(&self, message: &Value) -> Result<Value, GraphError> {
        self.post(&format!("users/{ANN}/mailFolders/inbox/messages"), message)
            .await
    }
}

pub(crate) fn ask(tenant: &Tenant, proof: Proof) -> Graph {
    connect(&credential(tenant, proof), &tenant.endpoint(), TIMEOUTS).unwrap()
}

pub(crate) fn credential(tenant: &Tenant, proof: Proof) -> Credential {
    Credential {
        tenant: Tenant::ID.to_owned(),
        client: Tenant::CLIENT.to_owned(),
        proof,
        authority: tenant.authority(),
    }
}

pub(crate) fn secret(file: &Path) -> Proof {
    Proof::Secret(SecretRef::File(file.to_owned()))
}

/// A message that is no draft.
pub(crate) fn message(id: &str) -> Value {
    json!({
        "subject": "Conversation between Ann and Bob",
        "internetMessageId": id,
        "body": { "contentType": "html", "content": "<p>hello</p>" },
        "from": { "emailAddress": { "name": "Bob", "address": "bob@contoso.com" } },
        "toRecipients": [{ "emailAddress": { "name": "Ann", "address": ANN } }],
        "isRead": true,
        "singleValueExtendedProperties": [
            { "id": "Integer 0x0E07", "value": "1" },
            { "id": "SystemTime 0x0E06", "value": "2019-03-04T10:00:00Z" },
            { "id": "SystemTime 0x0039", "value": "2019-03-04T09:59:00Z" },
        ],
    })
}
