//! Directory, custom mapping, connector file and the sample's README.

use crate::{
    Options,
    eml::stamp,
    people::{Cast, Place},
    session::Session,
};

/// The directory, one row for everybody who is in it.
pub(crate) fn directory(cast: &Cast) -> String {
    let mut text = "userPrincipalName,displayName,mail,proxyAddresses,sipAddress\n".to_owned();
    for row in cast.users.iter().filter_map(|person| person.row.as_ref()) {
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

/// The custom mapping.
pub(crate) fn mapping(cast: &Cast) -> String {
    let mut text = "source_user,mailbox\n".to_owned();
    for person in cast.custom() {
        if let Place::Mailbox(mailbox) = &person.place {
            text.extend([&*person.address, ",", mailbox, "\n"]);
        }
    }
    text
}

/// The connector file.
pub(crate) fn connector(options: &Options) -> String {
    let rooms = "[[sources]]\ntype = \"persistent-chat-xml\"\npath = \"compliance\"\n\n";
    let rooms = if options.rooms() > 0 { rooms } else { "" };
    format!(
        "name   = \"Contoso Skype for Business\"\n\
         domain = \"contoso.com\"\n\n\
         [[sources]]\n\
         type = \"archiving-export\"\n\
         path = \"exports\"\n\n\
         {rooms}\
         [[exclude]]\n\
         name    = \"bots\"\n\
         address = \"*@apps.contoso.com\"\n\n\
         [directory]\n\
         type = \"csv\"\n\
         path = \"directory.csv\"\n\n\
         [mapping]\n\
         domains  = [\"contoso.com\"]\n\
         custom   = \"mapping.csv\"\n\
         unmapped = \"hold\"\n\n\
         [target]\n\
         type = \"maildir\"\n\
         path = \"mailboxes\"\n"
    )
}

/// What the sample is, with one of its conversations.
pub(crate) fn readme(options: &Options, session: Option<&Session>) -> String {
    let mut talk = String::new();
    let lines = session
        .into_iter()
        .flat_map(|session| session.lines.iter().map(move |line| (session, line)));
    for (session, line) in lines {
        let name = &session.people[line.speaker].name;
        talk.extend([&*stamp(line), "  ", name, ": ", &line.text, "\n"]);
    }
    let Options {
        users, days, seed, ..
    } = options;
    let (mut databases, mut with_databases) = ("", "");
    if options.databases {
        databases = "| `databases/` | the same conversations once more: scripts that fill look-alikes of the servers' \
             databases, and a connector file that reads these |\n";
        with_databases = " --databases";
    }
    format!(
        "# Contoso\n\n\
         A sample to archive: modelled after the published format, invented people. No file here was \
         exported by a real server.\n\n\
         | file | what |\n\
         |---|---|\n\
         | `connector.toml` | the archive job: both sources, an exclusion rule, the directory, a \
         Maildir target |\n\
         | `exports/` | sessions and conferences of {pools} pools, as `Export-CsArchivingData` writes \
         them; some sessions were archived by more than one pool |\n\
         | `compliance/` | persistent chat rooms over {days} days, as the compliance `XmlAdapter` \
         writes them |\n\
         {databases}\
         | `directory.csv` | who has which addresses; somebody is renamed, somebody has left |\n\
         | `mapping.csv` | function accounts, shared mailboxes and a partner |\n\n\
         Archive it:\n\n\
         ```sh\n\
         cargo run -p chatkeep -- archive examples/contoso/connector.toml\n\
         ```\n\n\
         One of its conversations:\n\n\
         ```text\n{talk}```\n\n\
         Written by\n\n\
         ```sh\n\
         rm -r examples/contoso\n\
         cargo run -p chatkeep-generator -- --out examples/contoso --users {users} --days {days} \
         --seed {seed}{with_databases}\n\
         ```\n",
        pools = options.pools,
    )
}
