//! What the Persistent Chat Server keeps of rooms, `mgc`, after its published schema: who came and went,
//! back channels and downloads are not in it.

use std::collections::HashMap;

use crate::{
    compliance::{TICKS_AT_EPOCH, user_name},
    people::Person,
    room::{Room, RoomEvent},
    sql::{self, Table, text},
};

/// `nodeID` of the first room.
const FIRST_ROOM: usize = 300;

/// The rows of the database.
pub(crate) struct Mgc {
    nodes: Table,
    principals: Table,
    principal_ids: HashMap<String, String>,
    chats: Table,
    /// The URI of each room, with the number of its last chat message.
    rooms: Vec<(String, u64)>,
}

impl Mgc {
    pub(crate) fn new() -> Self {
        let mut nodes = Table::new("tblNode", "nodeID, nodeGuid, parentID, nodeType, nodeName");
        let root = "'5a0f3c1e-0000-4000-8000-000000000001'";
        nodes.add(&["1", root, "1", "1", "N'Root'"]);
        Self {
            nodes,
            principals: Table::new(
                "tblPrincipal",
                "prinID, prinUri, prinDisplayName, prinEmail",
            ),
            principal_ids: HashMap::new(),
            chats: Table::new(
                "tblChat",
                "channelId, chatId, chatDate, userId, isAlert, content",
            ),
            rooms: Vec::new(),
        }
    }

    /// Adds what happened in a room, as far as the database knows of it.
    pub(crate) fn add(&mut self, room: &Room, events: &[RoomEvent]) {
        let at = self.room(room);
        for event in events {
            let content = match event.what {
                "CHAT" => event.content.clone(),
                "FILEUPLOAD" => link(room, event),
                _ => continue,
            };
            let user = self.principal(&event.person);
            let (_, last) = &mut self.rooms[at];
            *last += 1;
            self.chats.add(&[
                &(FIRST_ROOM + at).to_string(),
                &last.to_string(),
                &(event.ticks + TICKS_AT_EPOCH).to_string(),
                &user,
                "0",
                &text(&content),
            ]);
        }
    }

    /// The script that fills the database of this name.
    pub(crate) fn script(&self, database: &str) -> String {
        let mut last = Table::new("tblLastChatId", "nodeID, lastChatID");
        for (at, (_, number)) in self.rooms.iter().enumerate() {
            last.add(&[&(FIRST_ROOM + at).to_string(), &number.to_string()]);
        }
        let tables = [&self.nodes, &self.principals, &self.chats, &last];
        sql::script(database, include_str!("../schema/mgc.sql"), &tables)
    }

    /// The position of a room, which is added when it is new.
    fn room(&mut self, room: &Room) -> usize {
        let known = self.rooms.iter().position(|(uri, _)| *uri == room.uri);
        known.unwrap_or_else(|| {
            let at = self.rooms.len();
            let guid = format!("'{}'", guid(room));
            let number = (FIRST_ROOM + at).to_string();
            self.nodes
                .add(&[&number, &guid, "1", "0", &text(&room.name)]);
            self.rooms.push((room.uri.clone(), 0));
            at
        })
    }

    fn principal(&mut self, person: &Person) -> String {
        if let Some(id) = self.principal_ids.get(&person.address) {
            return id.clone();
        }
        let id = (self.principal_ids.len() + 1).to_string();
        let email = match person.email.as_str() {
            "" => "NULL".to_owned(),
            email => text(email),
        };
        let uri = text(&format!("sip:{}", person.address));
        self.principals
            .add(&[&id, &uri, &text(user_name(person)), &email]);
        self.principal_ids
            .insert(person.address.clone(), id.clone());
        id
    }
}

/// A room's GUID, the last part of its URI.
fn guid(room: &Room) -> &str {
    room.uri.rsplit('/').next().unwrap_or_default()
}

/// The message that a file is posted with. How such links look is documented only by how they begin.
fn link(room: &Room, upload: &RoomEvent) -> String {
    let stored = &upload.content;
    let name = upload.file.as_ref().map_or("", |file| &file.name);
    let room = guid(room);
    format!("<a href=\"ma-filelink://contoso.com/{room}/{stored}\">{name}</a>")
}
