//! Retention tags of their own for what is imported.

use chatkeep_testkit::graph::property_id;

use crate::{
    ews::Site,
    support::{ANN, Lab, messages, store},
    tenant::Office,
};

const TAG: &str = "tag = { id = \"00112233-4455-6677-8899-aabbccddeeff\", days = 3650 }";
/// The GUID as Exchange stores it, in Base64.
const STORED: &str = "MyIRAFVEd2aImaq7zN3u/w==";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_has_the_retention_tag_that_the_target_names() {
    let (office, site) = (Office::open(), Site::open());
    let of_tenant = Lab::of(&format!("{}\n{TAG}", office.target()));
    let of_server = site.lab_with(TAG);

    for lab in [of_tenant, of_server] {
        store(&mut *lab.open(ANN).await, &messages(2)).await;
    }

    for message in office.stored(ANN) {
        let (tag, days) = (property_id("Binary 0x3019"), property_id("Integer 0x301A"));
        assert_eq!(message.properties[&tag], STORED);
        assert_eq!(message.properties[&days], "3650");
    }
    for item in site.stored(ANN) {
        assert_eq!(item.properties["0x3019"], STORED);
        assert_eq!(item.properties["0x301a"], "3650");
    }
    assert_eq!((office.stored(ANN).len(), site.stored(ANN).len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_has_the_tag_of_its_folder_where_none_is_named() {
    let (office, site) = (Office::open(), Site::open());

    for lab in [office.lab(), site.lab()] {
        store(&mut *lab.open(ANN).await, &messages(1)).await;
    }

    let tag = property_id("Binary 0x3019");
    assert!(!office.stored(ANN)[0].properties.contains_key(&tag));
    assert!(!site.stored(ANN)[0].properties.contains_key("0x3019"));
}
