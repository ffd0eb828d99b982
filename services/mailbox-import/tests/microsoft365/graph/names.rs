//! Whom a message is from, and whose mailbox it goes to.

use chatkeep_proto::v1::DeliveryState;
use chatkeep_testkit::graph::Person;

use super::Office;
use crate::{bench::assert_holds, company::import_all, support::ANN};

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_has_the_subject_and_sender_of_the_item() {
    let office = Office::open();
    let bench = office.bench();
    bench.items(1, &[ANN]).await;

    import_all(&bench).await;

    let arrived = office.messages(ANN).remove(0);
    assert_eq!(arrived.subject, "Grüße");
    assert_eq!(arrived.from.unwrap().address, ANN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_found_by_an_address_that_is_not_its_owners_name() {
    const MAIL: &str = "dora.miller@contoso.com";
    let office = Office::open();
    office.tenant.add(Person {
        mail: Some(MAIL.to_owned()),
        proxies: vec![format!("SMTP:{MAIL}")],
        ..Person::new("dora@contoso.com")
    });
    let bench = office.bench();
    let messages = bench.items(3, &[MAIL]).await;

    import_all(&bench).await;

    assert_eq!(bench.ledger.count(DeliveryState::Imported), 3);
    assert_eq!(office.messages("dora@contoso.com").len(), 3);
    assert_holds(&office.lab(), MAIL, &messages).await;
}
