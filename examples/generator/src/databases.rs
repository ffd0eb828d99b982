//! The same conversations as the servers' databases hold them, and a connector that reads these.

use crate::{
    GenerateError, Options,
    lcslog::LcsLog,
    mgc::Mgc,
    output::Output,
    room::{Room, RoomEvent},
    session::Session,
};

/// One archiving database for each pool, one of persistent chat.
pub(crate) struct Databases {
    pools: Vec<LcsLog>,
    mgc: Mgc,
}

impl Databases {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            pools: (0..options.pools).map(|_| LcsLog::new()).collect(),
            mgc: Mgc::new(),
        }
    }

    /// Adds a session to the databases of the pools that archived it.
    pub(crate) fn session(&mut self, session: &Session) {
        let copy = session.copy.as_ref().map(|copy| (copy.pool, copy.ahead));
        for (pool, ahead) in [(session.pool, 0)].into_iter().chain(copy) {
            if let Some(pool) = self.pools.get_mut(pool as usize) {
                pool.add(session, ahead);
            }
        }
    }

    /// Adds a day of a room.
    pub(crate) fn room_day(&mut self, room: &Room, events: &[RoomEvent]) {
        self.mgc.add(room, events);
    }

    /// Writes a script for each database, and the connector file.
    pub(crate) fn write(&self, output: &mut Output) -> Result<(), GenerateError> {
        let pools = (1..).zip(&self.pools).map(|(number, pool): (u32, _)| {
            let name = format!("LcsLog{number:02}");
            let script = pool.script(&name);
            (name, script)
        });
        let mut scripts: Vec<_> = pools.collect();
        scripts.push(("mgc".to_owned(), self.mgc.script("mgc")));
        for (name, script) in &scripts {
            output.write(&format!("databases/{name}.sql"), script.as_bytes())?;
        }
        let names = scripts.iter().map(|(name, _)| name.as_str());
        let connector = connector(names);
        output.write("databases/connector.toml", connector.as_bytes())
    }
}

fn connector<'a>(databases: impl Iterator<Item = &'a str>) -> String {
    let mut text = "# The sample's conversations, read from databases. Fill them with the scripts beside this file, and give\n\
         # a login the right to read them: SQL_USER and SQL_PASSWORD.\n\n\
         name   = \"Contoso databases\"\n\
         domain = \"contoso.com\"\n"
        .to_owned();
    for database in databases {
        let kind = if database == "mgc" {
            "persistent-chat-database"
        } else {
            "archiving-database"
        };
        text.push_str(&format!(
            "\n[[sources]]\n\
             type     = \"{kind}\"\n\
             server   = \"localhost\"\n\
             database = \"{database}\"\n\
             auth     = {{ type = \"sql\", user = \"env:SQL_USER\", password = \"env:SQL_PASSWORD\" }}\n\
             tls      = \"trust\"\n"
        ));
    }
    text.push_str(
        "\n[[exclude]]\n\
         name    = \"bots\"\n\
         address = \"*@apps.contoso.com\"\n\n\
         [directory]\n\
         type = \"csv\"\n\
         path = \"../directory.csv\"\n\n\
         [mapping]\n\
         domains  = [\"contoso.com\"]\n\
         custom   = \"../mapping.csv\"\n\
         unmapped = \"hold\"\n\n\
         [target]\n\
         type = \"maildir\"\n\
         path = \"mailboxes\"\n",
    );
    text
}
