//! What administrators see of rooms before they are archived is what archiving does.

use chatkeep_model::Conversation;
use chatkeep_proto::v1::IngestionPreviewRequest;

use super::{Rooms, morning};
use crate::{embedded::connector, looking::ask};

#[test]
fn a_preview_shows_the_last_day_of_each_room_as_it_is_archived() {
    let rooms = Rooms::anywhere();
    let other = rooms.mgc.room("Room 2");
    rooms.mgc.say(rooms.room, rooms.ann, morning(3), "earlier");
    rooms.mgc.say(rooms.room, rooms.ann, morning(2), "hello");
    rooms.mgc.say(rooms.room, rooms.bob, morning(2) + 1, "hi");
    rooms.mgc.say(other, rooms.ann, morning(1), "alone");
    rooms.fill();
    let request = IngestionPreviewRequest {
        connector_file: connector(&rooms.sandbox).to_toml().unwrap(),
        source: 1,
        limit: 5,
        count: true,
    };

    let preview = ask(async |mut ingestion| ingestion.preview(request).await);

    let preview = preview.unwrap().into_inner();
    let extent = preview.extent.unwrap();
    assert_eq!((extent.rows, extent.is_complete), (Some(4), true));
    // The last days, of all.
    assert_eq!(extent.share, Some(0.75));
    let shown = preview.conversations;
    let kinds: Vec<_> = shown.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["room", "room"]);
    assert!(shown.iter().all(|one| one.file == "tblChat"));
    let outcome = rooms.archive();
    assert_eq!(outcome.count("records.read"), 4, "{outcome:?}");
    let archived = rooms.sandbox.mails("ann@contoso.com");
    for one in shown {
        let conversation: Conversation = rmp_serde::from_slice(&one.conversation).unwrap();
        let id = conversation.id.message_id(1, "contoso.com");
        let mut archived = archived.iter();
        assert!(
            archived.any(|mail| mail.header("Message-ID") == Some(id.clone())),
            "{id}"
        );
    }
}
